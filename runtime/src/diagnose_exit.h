/* SPDX-License-Identifier: MIT */
/**
 * @file diagnose_exit.h - a program that ends through exit() while tasks live: in debug mode they are listed.
 */
#ifndef ASYNC_DIAGNOSE_EXIT_H
#define ASYNC_DIAGNOSE_EXIT_H

#include <stdbool.h>

/** From now on. Once is enough. */
void async_exit_watch(void);

/** Between the two the workers' records stay: async_run waits before they go. */
void async_exit_set_readable(bool readable);

#endif
