/* SPDX-License-Identifier: MIT */
#include <netdb.h>
#include <stddef.h>
#include <string.h>

#include "address.h"
#include "diagnose.h"
#include "request.h"
#include "worker.h"

/* A query with a copy of what is asked for, for whoever looks. */
static struct async_request *create(const char *question, const struct async_site *site)
{
    size_t length = strlen(question) + 1;
    struct async_request *request = async_request_create(ASYNC_FUTURE_DNS, length, site);
    if (request)
        request->future.name = memcpy(request + 1, question, length);
    return request;
}

/* ---- By name ----------------------------------------------------------------------------------- */

static void free_addresses(struct async_request *request)
{
    uv_freeaddrinfo(request->uv.addresses.addrinfo);
}

static void on_addresses(uv_getaddrinfo_t *uv, int status, struct addrinfo *list)
{
    (void)list; /* it is in the request, too */
    async_request_complete(uv->data, status);
}

static int copy_addresses(const struct addrinfo *list, struct async_address *addresses, size_t room)
{
    int count = 0;
    for (const struct addrinfo *item = list; item; item = item->ai_next, count++) {
        if ((size_t)count < room)
            async_address_copy(&addresses[count], item->ai_addr, item->ai_addrlen);
    }
    return count;
}

int async_resolve_at(const char *host, const char *service, struct async_address *addresses, size_t room,
                     const struct async_site *site)
{
    struct async_task *task = async_self();
    if (!task || (!host && !service) || (!addresses && room))
        return async_refused(UV_EINVAL);
    struct async_request *request = create(host ? host : service, site);
    if (!request)
        return UV_ENOMEM;
    request->release = free_addresses;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM}; /* or each comes once for each type */
    int result =
        uv_getaddrinfo(&task->worker->loop, &request->uv.addresses, on_addresses, host, service, &hints);
    if (!result && !async_request_await(request, &result))
        return result;
    if (request->done)
        result = request->result ? (int)request->result
                                 : copy_addresses(request->uv.addresses.addrinfo, addresses, room);
    async_request_destroy(request);
    return result;
}

/* ---- By address -------------------------------------------------------------------------------- */

static void on_name(uv_getnameinfo_t *uv, int status, const char *host, const char *service)
{
    (void)host, (void)service; /* they are in the request, too */
    async_request_complete(uv->data, status);
}

static int copy_name(const char *name, char *host, size_t size)
{
    size_t length = strlen(name) + 1;
    if (length > size)
        return UV_ENOSPC;
    memcpy(host, name, length);
    return 0;
}

int async_resolve_name_at(const struct async_address *address, char *host, size_t size,
                          const struct async_site *site)
{
    struct async_task *task = async_self();
    char question[ASYNC_ADDRESS_SIZE];
    if (!task || !address || !host)
        return async_refused(UV_EINVAL);
    async_address_format(address, question);
    struct async_request *request = create(question, site);
    if (!request)
        return UV_ENOMEM;
    int result = uv_getnameinfo(&task->worker->loop, &request->uv.name, on_name,
                                async_address_socket(address), NI_NAMEREQD);
    if (!result && !async_request_await(request, &result))
        return result;
    if (request->done)
        result = request->result ? (int)request->result : copy_name(request->uv.name.host, host, size);
    async_request_destroy(request);
    return result;
}
