/* SPDX-License-Identifier: MIT */
/**
 * @file error.h - errors as pointers: NULL is success, anything else must be handled or destroyed.
 *
 * The message is for the user: what happened, where, and what can be done. The kind decides the exit
 * status. Static errors (ad_error_nomem) may be passed to every function here as well.
 */
#ifndef AD_BASE_ERROR_H
#define AD_BASE_ERROR_H

#include <stdint.h>

enum ad_error_kind {
    AD_ERROR_USAGE,      /**< exit 2: the command line */
    AD_ERROR_UNUSABLE,   /**< exit 4: not a core, no runtime in it, no such process */
    AD_ERROR_PERMISSION, /**< exit 5 */
    AD_ERROR_FAULT,      /**< an address of the target that cannot be read; `address` says which */
    AD_ERROR_FORMAT,     /**< bytes of the target or of a file that make no sense */
    AD_ERROR_LIMIT,      /**< a limit of struct ad_limits was reached */
    AD_ERROR_NOT_FOUND,
    AD_ERROR_SYSTEM,     /**< a system call; the message has strerror's text */
    AD_ERROR_NOMEM,
};

struct ad_error {
    enum ad_error_kind kind;
    uint64_t address; /**< with AD_ERROR_FAULT */
    const char *message;
};

#define ad_must_check __attribute__((warn_unused_result))

/** Never freed, never NULL. */
extern struct ad_error ad_error_nomem;

/** Formats a new error; returns &ad_error_nomem when there is no memory for it. */
struct ad_error *ad_error_create(enum ad_error_kind kind, const char *format, ...)
    __attribute__((format(printf, 2, 3))) ad_must_check;

struct ad_error *ad_error_fault(uint64_t address, const char *what) ad_must_check;

/** As ad_error_create with ": " and strerror(errno_value) behind; EPERM and EACCES become PERMISSION. */
struct ad_error *ad_error_system(int errno_value, const char *format, ...)
    __attribute__((format(printf, 2, 3))) ad_must_check;

/** Puts "context: " before the message of `error`, which is consumed. NULL stays NULL. */
struct ad_error *ad_error_wrap(struct ad_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3))) ad_must_check;

/** Takes NULL and static errors too. */
void ad_error_destroy(struct ad_error *error);

/** The exit status of DESIGN's table for an error that ends the command: 2, 4 or 5. */
int ad_error_exit_status(const struct ad_error *error);

/** Returns from the calling function when `expression` is an error. */
#define AD_TRY(expression)                          \
    do {                                            \
        struct ad_error *ad_try_error = (expression); \
        if (ad_try_error)                           \
            return ad_try_error;                    \
    } while (0)

#endif
