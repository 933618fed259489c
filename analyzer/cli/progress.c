/* SPDX-License-Identifier: MIT */
#include "cli/progress.h"

#include <stdio.h>
#include <time.h>

/* In milliseconds: what takes less is not worth a word, and more often is not read. */
enum { FIRST_WORD = 1000, NEXT_WORD = 200 };

static int64_t milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void progress_init(struct progress *progress)
{
    *progress = (struct progress){.next = milliseconds() + FIRST_WORD};
}

void progress_show(struct progress *progress, const char *what, uint64_t taken, uint64_t whole)
{
    int64_t now = milliseconds();
    if (now < progress->next)
        return;
    progress->next = now + NEXT_WORD;
    progress->shown = true;
    fprintf(stderr, "\r\033[Kasyncdump: %s %llu MiB", what, (unsigned long long)(taken >> 20));
    if (whole)
        fprintf(stderr, " of %llu", (unsigned long long)(whole >> 20));
}

void progress_clear(struct progress *progress)
{
    if (progress->shown)
        fputs("\r\033[K", stderr);
    progress->shown = false;
}
