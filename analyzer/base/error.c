/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <errno.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX 1024

struct ad_error ad_error_nomem = {.kind = AD_ERROR_NOMEM, .message = "out of memory"};

/* One block: the error with its message behind it. */
static struct ad_error *create(enum ad_error_kind kind, uint64_t address, const char *message)
{
    size_t length = strlen(message) + 1;
    struct ad_error *error = malloc(sizeof(*error) + length);
    if (!error)
        return &ad_error_nomem;
    *error = (struct ad_error){.kind = kind, .address = address, .message = (char *)(error + 1)};
    memcpy(error + 1, message, length);
    return error;
}

/* Returns the characters in `message`, which holds MESSAGE_MAX. */
static size_t print(char *message, const char *format, va_list args)
{
    int length = vsnprintf(message, MESSAGE_MAX, format, args);
    return length < 0 ? 0 : length < MESSAGE_MAX ? (size_t)length : MESSAGE_MAX - 1;
}

struct ad_error *ad_error_create(enum ad_error_kind kind, const char *format, ...)
{
    char message[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    return create(kind, 0, message);
}

struct ad_error *ad_error_fault(uint64_t address, const char *what)
{
    char message[MESSAGE_MAX];
    snprintf(message, sizeof(message), "%s at 0x%llx cannot be read", what, (unsigned long long)address);
    return create(AD_ERROR_FAULT, address, message);
}

struct ad_error *ad_error_system(int errno_value, const char *format, ...)
{
    char message[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    size_t used = print(message, format, args);
    va_end(args);
    snprintf(message + used, sizeof(message) - used, ": %s", strerror(errno_value));
    bool denied = errno_value == EPERM || errno_value == EACCES;
    return create(denied ? AD_ERROR_PERMISSION : AD_ERROR_SYSTEM, 0, message);
}

struct ad_error *ad_error_wrap(struct ad_error *error, const char *format, ...)
{
    if (!error || error == &ad_error_nomem)
        return error;
    char message[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    size_t used = print(message, format, args);
    va_end(args);
    snprintf(message + used, sizeof(message) - used, ": %s", error->message);
    struct ad_error *wrapped = create(error->kind, error->address, message);
    ad_error_destroy(error);
    return wrapped;
}

void ad_error_destroy(struct ad_error *error)
{
    if (error != &ad_error_nomem)
        free(error);
}

int ad_error_exit_status(const struct ad_error *error)
{
    switch (error->kind) {
    case AD_ERROR_USAGE:
        return 2;
    case AD_ERROR_PERMISSION:
        return 5;
    default:
        return 4;
    }
}
