/* SPDX-License-Identifier: MIT */
#include "cli/coredumpctl.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"

#define SAID ((size_t)64 << 10) /* kept of what it says: its first lines are what is asked for */

extern char **environ;

struct child {
    pid_t pid;
    int out; /* what it prints */
};

/* ---- running it ----------------------------------------------------------------------------------- */

static struct ad_error *spawn_failed(int error)
{
    if (error == ENOENT)
        return ad_error_create(AD_ERROR_UNUSABLE, "there is no coredumpctl here (on Debian: apt install "
                                                  "systemd-coredump); give the core file itself");
    return ad_error_system(error, "coredumpctl cannot be started");
}

/* Its messages come with what it prints, or go nowhere. SIGPIPE is its own again: see main. */
static int spawn(struct child *child, char **argv, int to, bool messages)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, to, STDOUT_FILENO);
    if (messages)
        posix_spawn_file_actions_adddup2(&actions, to, STDERR_FILENO);
    else
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    int error = posix_spawnp(&child->pid, argv[0], &actions, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return error;
}

static struct ad_error *start(struct child *child, const char *verb, const char *match, bool messages)
{
    char *argv[] = {(char *)"coredumpctl", (char *)"-1", (char *)"--no-pager", (char *)verb, (char *)"--",
                    (char *)match, NULL};
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return ad_error_system(errno, "coredumpctl cannot be started");
    int error = spawn(child, argv, ends[1], messages);
    close(ends[1]);
    child->out = ends[0];
    if (!error)
        return NULL;
    close(ends[0]);
    return spawn_failed(error);
}

/* Its exit status, 128 and more for a signal. */
static int finish(struct child *child)
{
    int status;
    close(child->out);
    while (waitpid(child->pid, &status, 0) < 0)
        if (errno != EINTR)
            return 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* All that it prints is taken, so that it can end; the first SAID bytes are kept. */
static void read_words(int fd, char *said)
{
    char rest[4096];
    size_t used = 0;
    for (;;) {
        bool full = used == SAID - 1;
        ssize_t count = read(fd, full ? rest : said + used, full ? sizeof(rest) : SAID - 1 - used);
        if (count == 0 || (count < 0 && errno != EINTR))
            break;
        used += count > 0 && !full ? (size_t)count : 0;
    }
    said[used] = '\0';
}

/* ---- what it says --------------------------------------------------------------------------------- */

/* The value of the first "   NAME: value" line, NULL when there is none; `said` stays as it is. */
static char *value_of(const char *said, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = said; line; line = strchr(line, '\n')) {
        line += strspn(line, " \n");
        if (strncmp(line, name, length) || line[length] != ':')
            continue;
        line += length + 1 + strspn(line + length + 1, " ");
        return strndup(line, strcspn(line, "\n"));
    }
    return NULL;
}

/* "value (state)" cut in two; the state is empty when there is none. */
static const char *cut_state(char *value)
{
    size_t length = strlen(value);
    char *open = strrchr(value, '(');
    if (!open || open < value + 2 || open[-1] != ' ' || value[length - 1] != ')')
        return "";
    value[length - 1] = open[-1] = '\0';
    return open + 1;
}

static struct ad_error *not_found(const char *said, const char *match)
{
    size_t length = strcspn(said, "\n");
    return ad_error_create(AD_ERROR_UNUSABLE, "coredumpctl has no core %s%s: %.*s", match ? "for " : "at all",
                           match ? match : "", length ? (int)length : 22, length ? said : "it does not say why not");
}

static struct ad_error *no_core(const char *note, const char *storage, const char *state)
{
    if (strcmp(state, "inaccessible") == 0)
        return ad_error_create(AD_ERROR_PERMISSION, "%s: %s may not be read by this user", note, storage);
    if (strcmp(state, "missing") == 0)
        return ad_error_create(AD_ERROR_UNUSABLE, "%s: its core was removed (%s); see tmpfiles.d(5) for how long "
                               "cores are kept", note, storage);
    return ad_error_create(AD_ERROR_UNUSABLE, "%s: no core was kept of it; see ProcessSizeMax and "
                           "ExternalSizeMax in coredump.conf(5)", note);
}

/* ---- opening -------------------------------------------------------------------------------------- */

/* It lies in the journal, which is coredumpctl's to read. */
static struct ad_error *open_dump(const char *match, struct ad_core_source *source, const struct ad_limits *limits,
                                  struct ad_target **target_ret)
{
    struct child child;
    AD_TRY(start(&child, "dump", match, false));
    source->fd = child.out;
    source->name = "the core of coredumpctl";
    struct ad_error *error = ad_core_open_source(source, limits, target_ret);
    int status = finish(&child);
    if (error && status)
        return ad_error_wrap(error, "coredumpctl dump ended with status %d", status);
    return error;
}

static struct ad_error *open_storage(const char *match, char *storage, struct ad_core_source *source,
                                     const struct ad_limits *limits, struct ad_target **target_ret)
{
    const char *state = cut_state(storage);
    if (strcmp(storage, "journal") == 0)
        return open_dump(match, source, limits, target_ret);
    if (storage[0] != '/' || !strcmp(state, "missing") || !strcmp(state, "inaccessible"))
        return no_core(source->note, storage, state);
    source->path = storage;
    return ad_core_open_source(source, limits, target_ret);
}

static struct ad_error *ask(const char *match, char *said)
{
    struct child child;
    AD_TRY(start(&child, "info", match, true));
    read_words(child.out, said);
    return finish(&child) ? not_found(said, match) : NULL;
}

struct ad_error *coredumpctl_open(const char *match, const struct ad_core_source *progress,
                                  const struct ad_limits *limits, struct ad_target **target_ret)
{
    struct ad_core_source source = *progress;
    ad_auto_free char *said = malloc(SAID);
    if (!said)
        return &ad_error_nomem;
    AD_TRY(ask(match, said));
    ad_auto_free char *pid = value_of(said, "PID"), *time = value_of(said, "Timestamp");
    ad_auto_free char *storage = value_of(said, "Storage");
    char note[512];
    if (!pid || !storage)
        return not_found(said, match);
    if (time)
        cut_state(time);
    snprintf(note, sizeof(note), "is coredumpctl's newest%s%s: PID %s%s%s", match ? " of " : "", match ? match : "", pid,
             time ? ", " : "", time ? time : "");
    source.note = note;
    return open_storage(match, storage, &source, limits, target_ret);
}
