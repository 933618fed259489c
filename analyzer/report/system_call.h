/* SPDX-License-Identifier: MIT */
/** @file system_call.h - Linux's system calls: their names, and what they were given that matters. */
#ifndef AD_REPORT_SYSTEM_CALL_H
#define AD_REPORT_SYSTEM_CALL_H

#include <stdio.h>

#include "model/snapshot.h"

/** "epoll_wait"; NULL: not known. */
const char *ad_system_call_name(uint64_t number);

#define AD_SYSTEM_CALL_ARGUMENTS 6

/** Argument `index`, from 0 on, of the call that the thread is in; false when it is in none, or it is not known. */
bool ad_system_call_argument(const struct ad_thread *thread, unsigned index, uint64_t *value_ret);
/** The file descriptor it works on; -1: none. */
int ad_system_call_fd(const struct ad_thread *thread);
/** "read(fd 7, 1 byte)", "epoll_wait(fd 3, timeout 1s)", "nanosleep"; false, and nothing: it is in none. */
bool ad_print_system_call(FILE *out, const struct ad_thread *thread);

#endif
