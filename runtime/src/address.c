/* SPDX-License-Identifier: MIT */
#include <netinet/in.h>
#include <stdio.h>

#include "tcp.h"

int async_address_parse(struct sockaddr_storage *address_ret, const char *host, uint16_t port)
{
    if (!host)
        return UV_EINVAL;
    *address_ret = (struct sockaddr_storage){0};
    if (uv_ip4_addr(host, port, (struct sockaddr_in *)address_ret) == 0)
        return 0;
    return uv_ip6_addr(host, port, (struct sockaddr_in6 *)address_ret);
}

void async_address_format(char text[ASYNC_ADDRESS_SIZE], const struct sockaddr *address)
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *ip6 = (const struct sockaddr_in6 *)address;
        uv_ip6_name(ip6, host, sizeof(host));
        snprintf(text, ASYNC_ADDRESS_SIZE, "[%s]:%u", host, ntohs(ip6->sin6_port));
    } else {
        const struct sockaddr_in *ip4 = (const struct sockaddr_in *)address;
        uv_ip4_name(ip4, host, sizeof(host));
        snprintf(text, ASYNC_ADDRESS_SIZE, "%s:%u", host, ntohs(ip4->sin_port));
    }
}
