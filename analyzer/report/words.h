/* SPDX-License-Identifier: MIT */
/** @file words.h - small words that several views share: durations, states, names, places. */
#ifndef AD_REPORT_WORDS_H
#define AD_REPORT_WORDS_H

#include <stdio.h>

#include "model/snapshot.h"

/** "3d04h", "2h05m", "14m03s", "4s", "312ms", "40us": two units where the smaller one still tells something.
 */
void ad_print_duration(FILE *out, uint64_t ns);

/** now - since, or UINT64_MAX when it is not known. A time that lies a little ahead counts as 0. */
uint64_t ad_age(const struct ad_snapshot *snapshot, uint64_t since);

/** How long the task has been in its state, ns; UINT64_MAX: not known. */
uint64_t ad_task_age(const struct ad_snapshot *snapshot, const struct ad_task *task);

/** "waiting", "sleeping" (waiting for a timer), "ready", "running", "created", "returned", ... */
const char *ad_task_state_word(const struct ad_snapshot *snapshot, const struct ad_task *task);

/** `#17 "name"`, the name cut after `width` bytes (0: whole) and left out when empty. */
void ad_print_task(FILE *out, const struct ad_task *task, size_t width);

/** The last part of a path. */
const char *ad_base_name(const char *path);

/** " at server.c:88 in serve"; nothing when the file is not known. */
void ad_print_place(FILE *out, const struct ad_place *place);

/** "ENOENT", or the number of a code without a name. */
void ad_print_error_code(FILE *out, int64_t error);

/** The word for bit `number` of enum async_debug_task_flag; NULL beyond the last. */
const char *ad_task_flag_word(unsigned number);

/** "1 task", "2 tasks" */
void ad_print_count(FILE *out, uint64_t count, const char *singular);

#endif
