/* SPDX-License-Identifier: MIT */
#include "request.h"

#include <stdlib.h>

#include "cancel.h"
#include "worker.h"

struct async_request *async_request_create(enum async_future_kind kind, size_t extra,
                                           const struct async_site *site)
{
    struct async_request *request = calloc(1, sizeof(*request) + extra);
    if (!request)
        return NULL;
    async_future_init(&request->future, kind, ASYNC_FUTURE_PENDING, NULL);
    request->future.worker = async_worker_self();
    request->future.site = site;
    request->uv.any.data = request;
    return request;
}

void async_request_destroy(struct async_request *request)
{
    if (request->release)
        request->release(request);
    async_future_deinit(&request->future);
    free(request);
}

bool async_request_await(struct async_request *request, int *code_ret)
{
    *code_ret = (int)async_future_await(&request->future, NULL);
    if (request->done) {
        /* It may have been done after the interruption, before the task ran again. */
        async_interrupt_put_back(async_self(), *code_ret);
        return true;
    }
    request->left = true;
    uv_cancel(&request->uv.any); /* fails when it has begun, or cannot be cancelled: no matter */
    return false;
}

void async_request_complete(struct async_request *request, int64_t result)
{
    request->done = true;
    request->result = result;
    if (request->left)
        async_request_destroy(request);
    else
        async_future_wake(&request->future, 0);
}
