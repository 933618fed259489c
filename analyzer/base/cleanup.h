/* SPDX-License-Identifier: MIT */
/** @file cleanup.h - scope-bound release, instead of goto. */
#ifndef AD_BASE_CLEANUP_H
#define AD_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void ad_cleanup_free(void *pointer)
{
    free(*(void **)pointer);
}

static inline void ad_cleanup_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void ad_cleanup_fclose(FILE **file)
{
    if (*file)
        fclose(*file);
}

/** clang calls a variable that is only cleaned up unused. */
#define ad_cleanup(function) __attribute__((cleanup(function), unused))
#define ad_auto_free ad_cleanup(ad_cleanup_free)
#define ad_auto_close ad_cleanup(ad_cleanup_close)
#define ad_auto_fclose ad_cleanup(ad_cleanup_fclose)

/** Hands a pointer on out of a scope that would free it. */
#define ad_take(pointer)                             \
    (__extension__({                                 \
        __auto_type ad_taken = (pointer);            \
        (pointer) = NULL;                            \
        ad_taken;                                    \
    }))

#endif
