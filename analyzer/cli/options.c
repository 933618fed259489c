/* SPDX-License-Identifier: MIT */
#include "cli/options.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#define HINT "see asyncdump --help"

enum { OWN = 2 };
enum {
    KEY_LIMITS = 0x2000,
    KEY_SYSROOT,
    KEY_DEBUG_DIR,
    KEY_SERVE,
    KEY_FAIL,
    KEY_VERSION,
    KEY_NO_STOP,
    KEY_SNAPSHOT,
    KEY_COREDUMPCTL,
    KEY_VERIFY,
};

static const char usage[] = "CORE [EXE]\n-p PID\n--coredumpctl [MATCH [EXE]]";

static const char description[] =
    "Says why nothing moves in a service of coroutine tasks, and who is to blame: from a core file, or "
    "from a live process, which is stopped for a few milliseconds. EXE is the program that made CORE, when "
    "it is no longer where it was. CORE may be compressed (gzip, lz4, xz, zstd), and - is standard input."
    "\v"
    "Examples:\n"
    "  asyncdump core.1234                  who waits for whom, and for how long\n"
    "  asyncdump -p $(pidof kvd) --tasks    each task of a live service, its stack\n"
    "  asyncdump core.1234 --where 'age > 30s && frame ~ \"db_\"' --sort=-age --limit 10 --tasks\n"
    "  asyncdump core.1234 --group label.tenant   how many tasks of whom, for how long\n"
    "  asyncdump core.1234 --folded | flamegraph.pl > parked.svg\n"
    "  asyncdump core.1234 --json | jq '.findings[] | .code, .tasks'\n"
    "  asyncdump --explain DEADLOCK         what that means, and how it is cured\n"
    "  asyncdump core.1234 ./kvd --fail-on-finding || notify\n"
    "  asyncdump --coredumpctl kvd          the newest core of kvd that systemd-coredump keeps\n"
    "  echo '|/usr/bin/asyncdump - -o /var/log/core.%p' > /proc/sys/kernel/core_pattern\n"
    "\n"
    "The same inside GDB, on a core or a live process (load asyncdump-gdb.py):\n"
    "  (gdb) info async-tasks               the same words\n"
    "  (gdb) async-task 17                  then bt, up, info locals, print\n"
    "\n"
    "DEBUGINFOD_URLS, when set, names servers that have the debug information and programs that are not here.\n"
    "\n"
    "Exit status: 0 all was read, 2 usage, 3 partly read (the output names what is lost), 4 unusable: no "
    "core, no such process, no known runtime in it, 5 not permitted. --fail-on-finding adds 10 when "
    "something is proven to be stuck. 1: --verify found stacks that differ.";

static const struct argp_option option_list[] = {
    {NULL, 0, NULL, 0, "What to read:", OWN},
    {"pid", 'p', "PID", 0, "a live process instead of a core file", OWN},
    {"no-stop", KEY_NO_STOP, NULL, 0, "with -p: never stop it; tasks that change meanwhile are marked as torn", OWN},
    {"coredumpctl", KEY_COREDUMPCTL, NULL, 0, "the newest core that systemd-coredump has of MATCH", OWN},
    {"snapshot", KEY_SNAPSHOT, "FILE", 0, "write what was read into FILE, a small core for this command, gdb and lldb", OWN},
    {"sysroot", KEY_SYSROOT, "DIR", 0, "put before every path that the target names", OWN},
    {"debug-dir", KEY_DEBUG_DIR, "DIR", 0, "separate debug files are also there; may be repeated", OWN},
    {NULL, 0, NULL, 0, "Other:", OWN + 1},
    {"fail-on-finding", KEY_FAIL, NULL, 0, "exit status + 10 on a finding of severity error", OWN + 1},
    {"verify", KEY_VERIFY, NULL, 0, "instead of a view: unwind every stack by our rows and by libunwind, and compare", OWN + 1},
    {"output", 'o', "FILE", 0, "write there; for a core_pattern handler, which has no standard output", OWN + 1},
    {"limits", KEY_LIMITS, NULL, 0, "print the bounds on what a target can make this command do", OWN + 1},
    {"serve", KEY_SERVE, NULL, 0, "serve a debugger over standard input and output", OWN + 1},
    {"help", 'h', NULL, 0, "print this", OWN + 2},
    {"version", KEY_VERSION, NULL, 0, "print the version", OWN + 2},
    {0},
};

static error_t parse_pid(const char *argument, pid_t *pid_ret)
{
    char *end;
    errno = 0;
    long pid = strtol(argument, &end, 10);
    if (errno || *end || end == argument || pid <= 0 || pid > INT_MAX)
        return EINVAL;
    *pid_ret = (pid_t)pid;
    return 0;
}

static error_t take_argument(struct options *options, const char *argument)
{
    const char **place = !options->core ? &options->core : &options->dump.modules.executable;
    if (*place)
        return EINVAL;
    *place = argument;
    return 0;
}

static error_t add_debug_dir(struct options *options, const char *directory)
{
    size_t *count = &options->dump.modules.debug_dir_count;
    if (*count == OPTIONS_DEBUG_DIRS || !directory[0])
        return EINVAL;
    options->debug_dirs[(*count)++] = directory;
    options->dump.modules.debug_dirs = options->debug_dirs;
    return 0;
}

/* long: switch over the options */
static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->view;
        return 0;
    case 'p':
        return parse_pid(argument, &options->pid);
    case KEY_NO_STOP:
        options->dump.no_stop = true;
        return 0;
    case KEY_SNAPSHOT:
        options->dump.snapshot = argument;
        return 0;
    case KEY_SYSROOT:
        options->dump.modules.sysroot = argument;
        return 0;
    case KEY_DEBUG_DIR:
        return add_debug_dir(options, argument);
    case KEY_COREDUMPCTL:
        options->coredumpctl = true;
        return 0;
    case KEY_VERIFY:
        options->verify = true;
        return 0;
    case 'o':
        options->output = argument;
        return 0;
    case KEY_FAIL:
        options->fail_on_finding = true;
        return 0;
    case KEY_LIMITS:
        options->action = ACTION_LIMITS;
        return 0;
    case KEY_SERVE:
        options->action = ACTION_SERVE;
        return 0;
    case 'h':
        options->action = ACTION_HELP;
        return 0;
    case KEY_VERSION:
        options->action = ACTION_VERSION;
        return 0;
    case ARGP_KEY_ARG:
        return take_argument(options, argument);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&ad_view_argp, 0, NULL, 0}, {0}};
static const struct argp argp = {option_list, parse, usage, description, children, NULL, NULL};

struct ad_error *options_parse(struct options *options, int argc, char **argv)
{
    *options = (struct options){.dump.limits = ad_limits_default};
    AD_TRY(ad_argp_run(&argp, argc, argv, 0, options, HINT));
    AD_TRY(ad_view_check(&options->view));
    options->dump.locals = options->view.report.locals;
    options->dump.registers = options->verify;
    if (options->action == ACTION_SHOW && options->view.view == AD_VIEW_EXPLAIN)
        options->action = ACTION_EXPLAIN;
    if (options->action != ACTION_SHOW)
        return NULL;
    if (options->verify && options->view.view != AD_VIEW_SCREEN)
        return ad_error_create(AD_ERROR_USAGE, "--verify prints its own lines, and no view beside them; " HINT);
    bool core = options->core || options->coredumpctl;
    if (!core && !options->pid)
        return ad_error_create(AD_ERROR_USAGE, "nothing to read: name a core file or use -p PID; " HINT);
    if (options->dump.no_stop && !options->pid)
        return ad_error_create(AD_ERROR_USAGE, "--no-stop is for a live process: use it with -p PID; " HINT);
    if (core && options->pid)
        return ad_error_create(AD_ERROR_USAGE, "a core file and -p PID: give one of them; " HINT);
    return NULL;
}

void options_help(FILE *out)
{
    argp_help(&argp, out, ARGP_HELP_STD_HELP & ~(ARGP_HELP_EXIT_OK | ARGP_HELP_EXIT_ERR),
              (char *)"asyncdump");
}
