/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "target/live_internal.h"

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
        return ad_error_create(AD_ERROR_UNUSABLE,
                               "process %d is already traced by process %ld (a debugger or strace?): end that one, or "
                               "ask there",
                               (int)pid, number(status, "TracerPid"));
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

struct ad_error *ad_live_denied(pid_t pid, int proc_fd, const struct ad_limits *limits)
{
    ad_auto_free char *status = NULL;
    size_t size;
    struct ad_error *error = ad_read_file(proc_fd, "status", limits->notes_bytes, &status, &size);
    ad_error_destroy(error);
    long owner = error ? -1 : number(status, "Uid"), scope = yama_scope(limits);
    if (owner >= 0 && owner != (long)getuid())
        return ad_error_create(AD_ERROR_PERMISSION,
                               "process %d may not be read: it belongs to user %ld; run as that user or as root "
                               "(CAP_SYS_PTRACE)",
                               (int)pid, owner);
    if (scope > 0)
        return ad_error_create(AD_ERROR_PERMISSION,
                               "process %d may not be read: kernel.yama.ptrace_scope is %ld; run as root%s", (int)pid,
                               scope, scope < 2 ? ", or set it to 0 with sysctl" : "");
    return ad_error_create(AD_ERROR_PERMISSION,
                           "process %d may not be read: it changed its rights, or a sandbox forbids it; run as root "
                           "(CAP_SYS_PTRACE)",
                           (int)pid);
}
