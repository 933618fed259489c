/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "target/live_internal.h"

#define CAPABILITY_TO_TRACE 19 /* CAP_SYS_PTRACE, capabilities(7) */
#define SECCOMP_FILTER 2       /* proc(5) */
#define YAMA "/proc/sys/kernel/yama/ptrace_scope"

/* The value behind "Name:\t" in the text of /proc/PID/status; NULL: no such line. */
static const char *field(const char *status, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = status; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == ':')
            return line + length + 1 + strspn(line + length + 1, " \t");
    }
    return NULL;
}

static long number(const char *status, const char *name)
{
    const char *value = field(status, name);
    return value ? strtol(value, NULL, 10) : 0;
}

static struct ad_error *refuse(pid_t pid, const char *why)
{
    return ad_error_create(AD_ERROR_UNUSABLE, "process %d %s", (int)pid, why);
}

struct ad_error *ad_live_narrow(pid_t pid)
{
    return refuse(pid, "is a 32-bit program; only 64-bit ones are understood");
}

/* "7 (gdb)" tells more than "7"; a tracer outside our PID namespace has no number here, and no TracerPid either. */
static struct ad_error *refuse_traced(pid_t pid, long tracer, const struct ad_limits *limits)
{
    char path[64];
    ad_auto_free char *name = NULL;
    size_t size = 0;
    snprintf(path, sizeof(path), "/proc/%ld/comm", tracer);
    struct ad_error *error = ad_read_file(AT_FDCWD, path, limits->text, &name, &size);
    ad_error_destroy(error);
    return ad_error_create(AD_ERROR_UNUSABLE,
                           "process %d is already traced by process %ld%s%.*s%s: end that one, or ask there", (int)pid,
                           tracer, error ? "" : " (", error ? 0 : (int)strcspn(name, "\n"), error ? "" : name,
                           error ? "" : ")");
}

/* Any thread but the first, which has ended; the first when there is no other. */
static pid_t other_thread(pid_t pid, int proc_fd)
{
    int fd = openat(proc_fd, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;
    pid_t found = pid;
    while (directory && found == pid && (entry = readdir(directory))) {
        pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        found = tid > 0 ? tid : pid;
    }
    if (directory)
        closedir(directory);
    else if (fd >= 0)
        close(fd);
    return found;
}

struct ad_error *ad_live_check(pid_t pid, int proc_fd, bool stops, const struct ad_limits *limits, pid_t *thread_ret)
{
    ad_auto_free char *status = NULL;
    size_t size;
    AD_TRY(ad_error_wrap(ad_read_file(proc_fd, "status", limits->notes_bytes, &status, &size), "process %d",
                         (int)pid));
    const char *state = field(status, "State");
    bool zombie = state && (*state == 'Z' || *state == 'X');
    if (number(status, "Tgid") != pid)
        return ad_error_create(AD_ERROR_UNUSABLE, "%d is a thread of process %ld: give that number", (int)pid,
                               number(status, "Tgid"));
    if (zombie && number(status, "Threads") <= 1)
        return refuse(pid, "has ended already (a zombie): there is nothing to read");
    if (!zombie && !field(status, "VmSize"))
        return refuse(pid, "is a thread of the kernel: it has no memory of its own");
    if (stops && number(status, "TracerPid"))
        return refuse_traced(pid, number(status, "TracerPid"), limits);
    *thread_ret = zombie ? other_thread(pid, proc_fd) : pid;
    return NULL;
}

static long yama_scope(const struct ad_limits *limits)
{
    ad_auto_free char *text = NULL;
    size_t size;
    struct ad_error *error = ad_read_file(AT_FDCWD, YAMA, limits->text, &text, &size);
    ad_error_destroy(error);
    return error ? 0 : strtol(text, NULL, 10);
}

/* Of a status file; 0 when it has no such line. */
static uint64_t capabilities(const char *status, const char *name)
{
    const char *value = field(status, name);
    return value ? strtoull(value, NULL, 16) : 0;
}

/* Of a process that even our capability does not let us see, the kernel does not tell it. */
static bool other_namespace(int proc_fd, const char *name)
{
    char path[64];
    struct stat theirs, ours;
    snprintf(path, sizeof(path), "/proc/self/%s", name);
    if (fstatat(proc_fd, name, &theirs, 0) != 0)
        return errno == EACCES || errno == EPERM;
    return stat(path, &ours) == 0 && (theirs.st_ino != ours.st_ino || theirs.st_dev != ours.st_dev);
}

/* The kernel gives the files of a process that is not to be dumped to root. */
static bool is_hidden(int proc_fd, long owner)
{
    struct stat file;
    return fstatat(proc_fd, "stat", &file, 0) == 0 && owner > 0 && (long)file.st_uid != owner;
}

static void read_ours(struct ad_denial *denial, const struct ad_limits *limits, const char *their_status)
{
    ad_auto_free char *status = NULL;
    size_t size;
    struct ad_error *error = ad_read_file(AT_FDCWD, "/proc/self/status", limits->notes_bytes, &status, &size);
    denial->us = (long)geteuid();
    if (!error) {
        uint64_t ours = capabilities(status, "CapEff"), theirs = their_status ? capabilities(their_status, "CapPrm") : 0;
        denial->may_trace = ours >> CAPABILITY_TO_TRACE & 1;
        denial->has_more = theirs & ~capabilities(status, "CapPrm");
        denial->filtered = number(status, "Seccomp") == SECCOMP_FILTER;
    }
    ad_error_destroy(error);
}

struct ad_error *ad_live_denied(pid_t pid, int proc_fd, const struct ad_limits *limits)
{
    ad_auto_free char *status = NULL;
    size_t size;
    struct ad_error *error = ad_read_file(proc_fd, "status", limits->notes_bytes, &status, &size);
    struct ad_denial denial = {.owner = error ? -1 : number(status, "Uid"), .yama = yama_scope(limits)};
    read_ours(&denial, limits, error ? NULL : status);
    ad_error_destroy(error);
    denial.hidden = is_hidden(proc_fd, denial.owner);
    denial.other_users = other_namespace(proc_fd, "ns/user");
    return ad_live_explain_denial(pid, &denial);
}

/* The reason that is known best. */
static const char *reason_of(const struct ad_denial *denial)
{
    if (denial->may_trace && denial->filtered)
        return "a seccomp filter around this command forbids it; in a container, let that have ptrace "
               "(--security-opt seccomp=unconfined)";
    if (denial->yama >= 3)
        return "kernel.yama.ptrace_scope is 3: until the next boot nobody may, not even root";
    if (denial->us == 0 && !denial->may_trace)
        return "root has no CAP_SYS_PTRACE here; in a container, give it that (--cap-add=SYS_PTRACE)";
    if (denial->may_trace && denial->other_users)
        return "it is in another user namespace, in which this command's CAP_SYS_PTRACE does not count; run it outside";
    if (denial->yama == 2)
        return "kernel.yama.ptrace_scope is 2: only root may (CAP_SYS_PTRACE)";
    if (denial->hidden)
        return "it has changed its user or its rights, or has asked not to be dumped; run as root (CAP_SYS_PTRACE)";
    if (denial->has_more)
        return "it has capabilities that this command lacks; run as root (CAP_SYS_PTRACE)";
    if (denial->yama == 1)
        return "kernel.yama.ptrace_scope is 1; run as root (CAP_SYS_PTRACE), or set it to 0 with sysctl";
    return "it is in a sandbox, or a security module forbids it; run as root (CAP_SYS_PTRACE)";
}

struct ad_error *ad_live_explain_denial(pid_t pid, const struct ad_denial *denial)
{
    bool others = denial->owner >= 0 && denial->owner != denial->us && denial->us != 0;
    if (others && denial->yama < 3 && !denial->may_trace)
        return ad_error_create(AD_ERROR_PERMISSION,
                               "process %d may not be read: it belongs to user %ld; run as that user or as root "
                               "(CAP_SYS_PTRACE)",
                               (int)pid, denial->owner);
    return ad_error_create(AD_ERROR_PERMISSION, "process %d may not be read: %s", (int)pid, reason_of(denial));
}
