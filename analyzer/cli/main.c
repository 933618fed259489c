/* SPDX-License-Identifier: MIT */
/** @file main.c - the asyncdump command: options in, one target read, one view out. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/input.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/verify.h"
#include "dump/dump.h"
#include "dump/serve.h"
#include "findings/findings.h"
#include "report/escape.h"

enum { DIFFERENT_STATUS = 1, FINDING_STATUS = 10, UNUSABLE_STATUS = 4 };

/* A core_pattern handler is started without them: what is opened must not take their place. */
static bool reserve_standard(void)
{
    bool told = fcntl(STDERR_FILENO, F_GETFD) >= 0;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
            break;
    return told;
}

/* Where nobody hears complaints, the file takes them too. */
static struct ad_error *open_output(const char *path, bool told)
{
    ad_auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || (!told && dup2(fd, STDERR_FILENO) < 0))
        return ad_error_system(errno, "the output cannot be written to %s", path);
    return NULL;
}

/* A reader that has seen enough (head, a closed pager) is not an error. */
static struct ad_error *finish_output(void)
{
    errno = 0;
    if (!fflush(stdout) && !ferror(stdout))
        return NULL;
    return errno == EPIPE || !errno ? NULL : ad_error_system(errno, "the output cannot be written");
}

/* What is read by programs and kept in files does not depend on the terminal. */
static unsigned terminal_width(void)
{
    struct winsize size;
    return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static struct ad_error *print(const struct options *options, const struct ad_dump *dump, int *status_ret)
{
    struct ad_view_options view = options->view;
    view.report.width = terminal_width();
    AD_TRY(ad_view_print(stdout, &view, dump->snapshot, &dump->findings));
    AD_TRY(finish_output());
    *status_ret = ad_snapshot_exit_status(dump->snapshot);
    if (options->fail_on_finding && ad_findings_failed(&dump->findings))
        *status_ret += FINDING_STATUS;
    return NULL;
}

static struct ad_error *verify(const struct options *options, struct ad_dump *dump, int *status_ret)
{
    bool agrees;
    AD_TRY(verify_print(options, dump, &agrees));
    AD_TRY(finish_output());
    *status_ret = agrees ? ad_snapshot_exit_status(dump->snapshot) : DIFFERENT_STATUS;
    return NULL;
}

static void show_fetch(void *context, const char *name, uint64_t taken, uint64_t whole)
{
    char text[AD_ESCAPE_MAX], what[64];
    snprintf(what, sizeof(what), "debuginfod, %.40s:", ad_escape(text, sizeof(text), name));
    progress_show(context, what, taken, whole);
}

/* The environment's word, and the terminal's. */
static struct ad_dump_options with_servers(const struct options *options, struct progress *progress)
{
    struct ad_dump_options dump = options->dump;
    const char *servers = getenv("DEBUGINFOD_URLS");
    progress_init(progress);
    dump.modules.debuginfod = servers && servers[0];
    dump.modules.progress = isatty(STDERR_FILENO) ? show_fetch : NULL;
    dump.modules.progress_context = progress;
    return dump;
}

static struct ad_error *show(const struct options *options, int *status_ret)
{
    struct ad_target *target;
    struct ad_dump *dump;
    struct progress progress;
    AD_TRY(input_open(options, &target));
    const struct ad_dump_options dump_options = with_servers(options, &progress);
    struct ad_error *error = ad_dump_create(target, &dump_options, &dump); /* takes the target over */
    progress_clear(&progress);
    AD_TRY(error);
    error = options->verify ? verify(options, dump, status_ret) : print(options, dump, status_ret);
    ad_dump_destroy(dump);
    return error;
}

static void print_limit(const char *name, uint64_t value, const char *meaning, void *context)
{
    fprintf(context, "%-16s %12llu  %s\n", name, (unsigned long long)value, meaning);
}

static struct ad_error *run(const struct options *options, int *status_ret)
{
    switch (options->action) {
    case ACTION_HELP:
        options_help(stdout);
        return finish_output();
    case ACTION_VERSION:
        puts("asyncdump " ASYNCDUMP_VERSION);
        return finish_output();
    case ACTION_LIMITS:
        ad_limits_visit(&options->dump.limits, print_limit, stdout);
        return finish_output();
    case ACTION_EXPLAIN:
        AD_TRY(ad_view_print(stdout, &options->view, NULL, NULL));
        return finish_output();
    case ACTION_SERVE:
        *status_ret = ad_serve(STDIN_FILENO, STDOUT_FILENO);
        return NULL;
    default:
        return show(options, status_ret);
    }
}

/* One line, whatever the message quotes. */
static int complain(struct ad_error *error)
{
    char text[AD_ESCAPE_MAX];
    int status = ad_error_exit_status(error);
    fprintf(stderr, "asyncdump: %s\n", ad_escape(text, sizeof(text), error->message));
    ad_error_destroy(error);
    return status;
}

int main(int argc, char **argv)
{
    struct options options;
    int status = 0;
    signal(SIGPIPE, SIG_IGN); /* a reader that leaves must not end us by a signal: see finish_output */
    signal(SIGXFSZ, SIG_IGN); /* a limit on the size of files is an error like a full disk */
    bool told = reserve_standard();
    struct ad_error *error = options_parse(&options, argc, argv);
    if (!error && options.output)
        error = open_output(options.output, told);
    if (!error)
        error = run(&options, &status);
    return error ? complain(error) : status;
}
