/* SPDX-License-Identifier: MIT */
#include "cli/input.h"

#include <string.h>
#include <unistd.h>

#include "cli/coredumpctl.h"
#include "cli/progress.h"
#include "target/core.h"
#include "target/live.h"

static void show_progress(void *context, uint64_t taken, uint64_t whole)
{
    progress_show(context, "read", taken, whole);
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
    struct progress progress;
    progress_init(&progress);
    struct ad_core_source source = {.context = &progress};
    if (options->pid)
        return ad_live_watch(options->pid, !options->dump.no_stop, &options->dump.limits, target_ret);
    if (isatty(STDERR_FILENO))
        source.progress = show_progress;
    struct ad_error *error = open_core(options, &source, target_ret);
    progress_clear(&progress);
    return error;
}
