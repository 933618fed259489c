/* SPDX-License-Identifier: MIT */
/**
 * @file live_read.h - the two ways of reading a live process, which begin and end alike:
 *
 *     live_read.c       copy all while it runs     ... and in the end read the model from the copies
 *     live_stopped.c      stop it for what has moved, and prove that all else has not
 *     live_running.c      never stop it: copy each task until nothing of it changed meanwhile
 */
#ifndef AD_DUMP_LIVE_READ_H
#define AD_DUMP_LIVE_READ_H

#include "dump/dump_internal.h"
#include "runtimes/layout.h"

/** What is needed while a live process is read. */
struct ad_live_reading {
    struct ad_dump *dump;
    const struct ad_dump_options *options;
    struct ad_discovery discovery;
    struct ad_vector maps; /* struct ad_layout_map *, of each runtime */
    struct ad_vector torn; /* uint64_t: addresses of tasks that changed whenever they were copied */
    uint64_t doubtful;     /**< pieces of memory, no records of tasks, that changed around the stop */
};

/** Adds ranges of all runtimes, as ad_layout_map_roots and its like do. */
struct ad_error *ad_live_reading_ranges(const struct ad_live_reading *reading,
                                        struct ad_error *(*find)(const struct ad_layout_map *map,
                                                                 struct ad_vector *ranges),
                                        struct ad_vector *ranges) ad_must_check;
/** The records that touch these ranges, of all runtimes; of all tasks: `ranges` NULL. */
struct ad_error *ad_live_reading_records(const struct ad_live_reading *reading, const struct ad_range *ranges,
                                         size_t count, struct ad_vector *records) ad_must_check;
/** Copies what the tasks in these ranges, new tasks and threads lead to. */
struct ad_error *ad_live_reading_follow(const struct ad_live_reading *reading, const struct ad_range *ranges,
                                        size_t count) ad_must_check;

struct ad_error *ad_live_read_stopped(struct ad_live_reading *reading) ad_must_check;
struct ad_error *ad_live_read_running(struct ad_live_reading *reading) ad_must_check;

#endif
