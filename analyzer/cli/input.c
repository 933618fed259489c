/* SPDX-License-Identifier: MIT */
#include "cli/input.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/coredumpctl.h"
#include "target/core.h"
#include "target/live.h"

/* In milliseconds: what takes less is not worth a word, and more often is not read. */
enum { FIRST_WORD = 1000, NEXT_WORD = 200 };

struct progress {
    int64_t next; /* when it is told again */
    bool shown;
};

static int64_t milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void show_progress(void *context, uint64_t taken, uint64_t whole)
{
    struct progress *progress = context;
    int64_t now = milliseconds();
    if (now < progress->next)
        return;
    progress->next = now + NEXT_WORD;
    progress->shown = true;
    fprintf(stderr, "\rasyncdump: read %llu MiB", (unsigned long long)(taken >> 20));
    if (whole)
        fprintf(stderr, " of %llu", (unsigned long long)(whole >> 20));
}

static struct ad_error *open_core(const struct options *options, struct ad_core_source *source,
                                  struct ad_target **target_ret)
{
    if (options->coredumpctl)
        return coredumpctl_open(options->core, source, &options->dump.limits, target_ret);
    if (strcmp(options->core, "-") != 0) {
        source->path = options->core;
    } else {
        source->fd = STDIN_FILENO;
        source->name = "standard input";
        if (isatty(STDIN_FILENO))
            return ad_error_create(AD_ERROR_USAGE, "standard input is a terminal: send a core through a pipe");
    }
    return ad_core_open_source(source, &options->dump.limits, target_ret);
}

struct ad_error *input_open(const struct options *options, struct ad_target **target_ret)
{
    struct progress progress = {.next = milliseconds() + FIRST_WORD};
    struct ad_core_source source = {.context = &progress};
    if (options->pid)
        return ad_live_watch(options->pid, !options->dump.no_stop, &options->dump.limits, target_ret);
    if (isatty(STDERR_FILENO))
        source.progress = show_progress;
    struct ad_error *error = open_core(options, &source, target_ret);
    if (progress.shown)
        fputs("\r\033[K", stderr); /* the line is empty again */
    return error;
}
