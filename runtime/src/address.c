/* SPDX-License-Identifier: MIT */
#include "address.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <uv.h>

#define PATH_OFFSET offsetof(struct sockaddr_un, sun_path)
#define PATH_SIZE sizeof(((struct sockaddr_un *)0)->sun_path)

_Static_assert(PATH_SIZE < ASYNC_ADDRESS_SIZE, "room for a path and its NUL");

int async_address_parse(struct async_address *address_ret, const char *host, uint16_t port)
{
    if (!address_ret || !host)
        return UV_EINVAL;
    *address_ret = (struct async_address){.size = sizeof(struct sockaddr_in)};
    if (uv_ip4_addr(host, port, (struct sockaddr_in *)&address_ret->socket) == 0)
        return 0;
    *address_ret = (struct async_address){.size = sizeof(struct sockaddr_in6)};
    return uv_ip6_addr(host, port, (struct sockaddr_in6 *)&address_ret->socket);
}

/* An abstract name begins with a NUL instead of '@' and ends with the address, not with a NUL. */
int async_address_parse_unix(struct async_address *address_ret, const char *path)
{
    if (!address_ret || !path || !*path)
        return UV_EINVAL;
    size_t length = strlen(path);
    if (length >= PATH_SIZE)
        return UV_ENAMETOOLONG;
    struct sockaddr_un socket = {.sun_family = AF_UNIX};
    memcpy(socket.sun_path, path, length);
    bool abstract = *path == '@';
    if (abstract)
        socket.sun_path[0] = 0;
    async_address_copy(address_ret, (struct sockaddr *)&socket,
                       (socklen_t)(PATH_OFFSET + length + (abstract ? 0 : 1)));
    return 0;
}

void async_address_copy(struct async_address *address_ret, const struct sockaddr *socket, socklen_t size)
{
    *address_ret = (struct async_address){0};
    if (!socket)
        return;
    if (!size)
        size = socket->sa_family == AF_INET    ? sizeof(struct sockaddr_in)
               : socket->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
               : socket->sa_family == AF_UNIX  ? sizeof(struct sockaddr_un)
                                               : 0;
    if (size > sizeof(address_ret->socket))
        return;
    memcpy(&address_ret->socket, socket, size);
    address_ret->size = size;
}

void async_address_of_socket(struct async_address *address_ret, int fd)
{
    *address_ret = (struct async_address){.size = sizeof(address_ret->socket)};
    if (getsockname(fd, (struct sockaddr *)&address_ret->socket, &address_ret->size) != 0)
        address_ret->size = 0;
}

uint16_t async_address_port(const struct async_address *address)
{
    /* The port stands at the same place in both families. */
    bool has_port = address->socket.ss_family == AF_INET || address->socket.ss_family == AF_INET6;
    return has_port ? ntohs(((const struct sockaddr_in *)&address->socket)->sin_port) : 0;
}

static void format_unix(const struct async_address *address, char *text)
{
    const char *path = ((const struct sockaddr_un *)&address->socket)->sun_path;
    size_t length = address->size > PATH_OFFSET ? address->size - PATH_OFFSET : 0;
    if (length > PATH_SIZE)
        length = PATH_SIZE;
    if (length && path[0]) {
        snprintf(text, ASYNC_ADDRESS_SIZE, "%.*s", (int)length, path);
    } else if (length) {
        snprintf(text, ASYNC_ADDRESS_SIZE, "@%.*s", (int)length - 1, path + 1);
    }
}

void async_address_format(const struct async_address *address, char text[ASYNC_ADDRESS_SIZE])
{
    char host[INET6_ADDRSTRLEN] = "?";
    text[0] = 0;
    if (!address || !address->size)
        return;
    if (address->socket.ss_family == AF_INET) {
        uv_ip4_name((const struct sockaddr_in *)&address->socket, host, sizeof(host));
        snprintf(text, ASYNC_ADDRESS_SIZE, "%s:%u", host, async_address_port(address));
    } else if (address->socket.ss_family == AF_INET6) {
        uv_ip6_name((const struct sockaddr_in6 *)&address->socket, host, sizeof(host));
        snprintf(text, ASYNC_ADDRESS_SIZE, "[%s]:%u", host, async_address_port(address));
    } else if (address->socket.ss_family == AF_UNIX) {
        format_unix(address, text);
    }
}

int async_address_open_socket(const struct async_address *address, int type)
{
    int fd = socket(address->socket.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return fd < 0 ? uv_translate_sys_error(errno) : fd;
}
