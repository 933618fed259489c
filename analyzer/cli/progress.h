/* SPDX-License-Identifier: MIT */
/** @file progress.h - how far something is that takes long: one line of standard error, which goes again. */
#ifndef ASYNCDUMP_CLI_PROGRESS_H
#define ASYNCDUMP_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    int64_t next; /**< when it is told again, ms */
    bool shown;
};

void progress_init(struct progress *progress);
/** "asyncdump: WHAT 12 MiB of 34"; nothing while it has not taken long. `whole` 0: not known. */
void progress_show(struct progress *progress, const char *what, uint64_t taken, uint64_t whole);
/** The line is empty again. */
void progress_clear(struct progress *progress);

#endif
