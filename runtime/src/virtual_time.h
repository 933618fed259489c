/* SPDX-License-Identifier: MIT */
/**
 * @file virtual_time.h - time that stands still while tasks run, and jumps to the next timer when they all
 * wait: for tests of what takes hours. The clocks of clock.h tell it then. On one worker only.
 *
 * What is waited for decides whether the clock may jump:
 *
 *     thread pool, files, DNS, closing, children        no: they end by themselves, in real time
 *     bytes, connections, datagrams, signals            when nothing comes for a while: whoever is to send
 *                                                       them may be asleep in this process
 *     timers, locks, channels and the like              yes
 */
#ifndef ASYNC_VIRTUAL_TIME_H
#define ASYNC_VIRTUAL_TIME_H

#include <stdbool.h>

#include "async.h"

struct async_worker;

/** Around async_run. */
void async_virtual_time_begin(const struct async_options *options);
void async_virtual_time_end(void);

/** Instead of a turn of the worker's loop. */
void async_virtual_time_turn(struct async_worker *worker);

#endif
