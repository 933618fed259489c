/* SPDX-License-Identifier: MIT */
/**
 * @file describe.h - what a task waits for, in words: the one place for them, used by every view and by GDB.
 *
 *     mutex key alice, held by #6 for 14m03s          read fd 9 from 127.0.0.1:4711
 *     channel journal (receive; 0 senders)            join of #9 "worker"
 *     timer, 45m58s left                              promise config, to be resolved by #4
 *     rwlock cache (to write), held by #2, #3 and 4 more
 *     first of 2: channel jobs (receive; 1 sender); event stop
 *
 * Behind it what may end the wait from outside: ", timeout in 3s".
 */
#ifndef AD_REPORT_DESCRIBE_H
#define AD_REPORT_DESCRIBE_H

#include <stdio.h>

#include "model/snapshot.h"

/** What a task waits for; of one that does not wait, what it does ("running on worker 0"). */
void ad_describe_wait(FILE *out, const struct ad_snapshot *snapshot, uint32_t task);

enum ad_detail {
    AD_DETAIL_KIND,   /**< "mutex": for many that differ */
    AD_DETAIL_OBJECT, /**< "mutex key alice" */
    AD_DETAIL_OWNER,  /**< "mutex key alice, held by #6" */
    AD_DETAIL_FULL,   /**< "mutex key alice, held by #6 for 14m03s" */
};

void ad_describe_future(FILE *out, const struct ad_snapshot *snapshot, uint32_t future,
                        enum ad_detail detail);

#endif
