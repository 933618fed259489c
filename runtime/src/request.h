/* SPDX-License-Identifier: MIT */
/**
 * @file request.h - a libuv request with memory of its own. A task that waits for it may be interrupted and go:
 * the request then ends by itself.
 */
#ifndef ASYNC_REQUEST_H
#define ASYNC_REQUEST_H

#include <stdbool.h>
#include <uv.h>

#include "future.h"

/** Comes from async_request_create; whatever belongs to it lies behind it. */
struct async_request {
    union {
        uv_req_t any; /**< its data points back here */
        uv_getaddrinfo_t addresses;
        uv_getnameinfo_t name;
        uv_udp_send_t send;
    } uv;
    struct async_future future;
    bool done;
    bool left; /**< nobody waits any more */
    int64_t result;
    /** Called before it is freed, to release what libuv has allocated; or NULL. */
    void (*release)(struct async_request *request);
};

/** `extra` zeroed bytes behind it. NULL: out of memory. */
struct async_request *async_request_create(enum async_future_kind kind, size_t extra,
                                           const struct async_site *site);
void async_request_destroy(struct async_request *request);

/**
 * Waits for a request that libuv has accepted. True: it is done, `result` says how, and the caller destroys it.
 * False: the wait was interrupted with the code in `code_ret`, and the request is not the caller's any more.
 */
bool async_request_await(struct async_request *request, int *code_ret);

/** Called by libuv's callback. */
void async_request_complete(struct async_request *request, int64_t result);

#endif
