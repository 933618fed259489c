/* SPDX-License-Identifier: MIT */
#include "module/fetch.h"

#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NOBODY 65534
#define LIBRARY "libdebuginfod.so.1"

/* Of the library's interface, debuginfod_find_debuginfo(3). */
struct library {
    void *(*begin)(void);
    int (*find[2])(void *client, const unsigned char *id, int size, char **path); /* by enum ad_fetch_kind */
    void (*set_progress)(void *client, int (*progress)(void *client, long taken, long whole));
};

/* The library's callback has no context. */
static int socket_fd = -1;
static time_t deadline;

static void send_message(const struct ad_fetch_message *message, int fd)
{
    struct iovec part = {.iov_base = (void *)message, .iov_len = sizeof(*message)};
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd >= 0) {
        packet.msg_control = &control;
        packet.msg_controllen = sizeof(control);
        *CMSG_FIRSTHDR(&packet) =
            (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(fd))};
        memcpy(CMSG_DATA(CMSG_FIRSTHDR(&packet)), &fd, sizeof(fd));
    }
    if (sendmsg(socket_fd, &packet, MSG_NOSIGNAL) < 0)
        _exit(1); /* nobody waits for it any more */
}

static _Noreturn void fail(int error, const char *text)
{
    struct ad_fetch_message message = {.kind = AD_FETCH_FAILED, .error = error};
    snprintf(message.text, sizeof(message.text), "%s", text);
    send_message(&message, -1);
    _exit(0);
}

/* Not 0: the library gives up. */
static int progress(void *client, long taken, long whole)
{
    struct ad_fetch_message message = {.kind = AD_FETCH_PROGRESS};
    (void)client;
    if (whole > 0) { /* before, `taken` counts something else */
        message.taken = (uint64_t)taken;
        message.whole = (uint64_t)whole;
    }
    send_message(&message, -1);
    return time(NULL) > deadline;
}

bool ad_fetch_drop_rights(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
    bool root = geteuid() == 0;
    if (root && (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY)))
        return false;
    return syscall(SYS_capset, &header, none) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

/* Every descriptor but the standard ones and the socket. */
static void close_others(void)
{
    if (socket_fd > 3)
        close_range(3, (unsigned)socket_fd - 1, 0);
    close_range((unsigned)socket_fd + 1, ~0U, 0);
}

static void set_number(const char *variable, uint64_t value)
{
    char text[32];
    snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    setenv(variable, text, 0); /* the user's own stays */
}

static void set_limits(const struct ad_limits *limits, const char *cache)
{
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){limits->fetch_bytes, limits->fetch_bytes});
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    signal(SIGXFSZ, SIG_IGN); /* an error of the write instead */
    set_number("DEBUGINFOD_TIMEOUT", limits->fetch_stall_seconds);
    set_number("DEBUGINFOD_MAXTIME", limits->fetch_seconds);
    set_number("DEBUGINFOD_RETRY_LIMIT", 0); /* each would wait for so long again */
    deadline = time(NULL) + (time_t)limits->fetch_seconds;
    if (cache)
        setenv("DEBUGINFOD_CACHE_PATH", cache, 1);
}

static void *symbol(void *handle, const char *name)
{
    void *found = dlsym(handle, name);
    if (!found)
        fail(0, LIBRARY " is not one that is understood");
    return found;
}

static struct library load(void)
{
    void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    struct library library;
    if (!handle)
        fail(0, LIBRARY " cannot be loaded (on Debian: apt install libdebuginfod1)");
    library.begin = (void *(*)(void))symbol(handle, "debuginfod_begin");
    library.find[AD_FETCH_DEBUG] =
        (int (*)(void *, const unsigned char *, int, char **))symbol(handle, "debuginfod_find_debuginfo");
    library.find[AD_FETCH_PROGRAM] =
        (int (*)(void *, const unsigned char *, int, char **))symbol(handle, "debuginfod_find_executable");
    library.set_progress = (void (*)(void *, int (*)(void *, long, long)))symbol(handle, "debuginfod_set_progressfn");
    return library;
}

void ad_fetch_child(const struct ad_fetch *fetch, int socket, const char *cache)
{
    struct ad_fetch_message message = {.kind = AD_FETCH_DONE};
    char *path = NULL;
    socket_fd = socket;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close_others();
    set_limits(fetch->limits, cache);
    if (!ad_fetch_drop_rights())
        fail(errno, "");
    struct library library = load();
    void *client = library.begin();
    if (!client)
        fail(ENOMEM, "");
    library.set_progress(client, progress);
    int fd = library.find[fetch->kind](client, fetch->id->bytes, (int)fetch->id->size, &path);
    if (fd < 0)
        fail(time(NULL) > deadline ? ETIME : -fd, "");
    snprintf(message.text, sizeof(message.text), "%s", path ? path : "");
    send_message(&message, fd);
    _exit(0);
}
