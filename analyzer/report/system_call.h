/* SPDX-License-Identifier: MIT */
/** @file system_call.h - names of Linux's system calls. */
#ifndef AD_REPORT_SYSTEM_CALL_H
#define AD_REPORT_SYSTEM_CALL_H

#include <stdint.h>

/** "epoll_wait"; NULL: not known. */
const char *ad_system_call_name(uint64_t number);

#endif
