/* SPDX-License-Identifier: MIT */
#include <uv.h>

#include "async.h"

const char *async_strerror(int code)
{
    switch (code) {
#define ERROR_CASE(name, text)                                                                               \
    case UV_##name:                                                                                          \
        return text " (" #name ")";
        UV_ERRNO_MAP(ERROR_CASE)
#undef ERROR_CASE
    default:
        return code < 0 ? "unknown error" : "success";
    }
}
