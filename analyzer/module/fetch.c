/* SPDX-License-Identifier: MIT */
#include "module/fetch.h"

#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cleanup.h"

#define NOBODY 65534
#define GRACE 5 /* seconds for the child to notice its own deadline */

/* A child that fetches, seen from here. */
struct running {
    const struct ad_fetch *fetch;
    pid_t pid;
    int socket;
    char cache[4096]; /* root's: a folder for this file only; empty: the library's own */
};

/* ---- A cache for one file ----------------------------------------------------------------------------- */

static bool make_cache(struct running *running)
{
    const char *folder = getenv("TMPDIR");
    if (geteuid() != 0)
        return true;
    snprintf(running->cache, sizeof(running->cache), "%s/asyncdump-XXXXXX", folder && folder[0] ? folder : "/tmp");
    if (!mkdtemp(running->cache)) {
        running->cache[0] = '\0';
        return false;
    }
    return lchown(running->cache, NOBODY, NOBODY) == 0;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    remove(path);
    return 0;
}

static int wait_for(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

/* What nobody made is removed as nobody: its names may lead anywhere. */
static void remove_cache(const struct running *running)
{
    if (!running->cache[0])
        return;
    pid_t pid = fork();
    if (pid == 0) {
        if (ad_fetch_drop_rights())
            nftw(running->cache, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        _exit(0);
    }
    if (pid > 0)
        wait_for(pid);
    rmdir(running->cache);
}

/* ---- What the child says ------------------------------------------------------------------------------ */

/* One message; false at the end. A descriptor that comes with it is the caller's. */
static bool receive(const struct running *running, struct ad_fetch_message *message, int *fd_ret)
{
    struct iovec part = {.iov_base = message, .iov_len = sizeof(*message)};
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr packet = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    ssize_t got;
    do
        got = recvmsg(running->socket, &packet, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    const struct cmsghdr *header = got > 0 ? CMSG_FIRSTHDR(&packet) : NULL;
    if (header && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(fd_ret, CMSG_DATA(header), sizeof(int));
    message->text[sizeof(message->text) - 1] = '\0';
    return got == (ssize_t)sizeof(*message);
}

static int64_t seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static struct ad_error *too_slow(const struct ad_fetch *fetch)
{
    return ad_error_create(AD_ERROR_LIMIT, "debuginfod took too long for %s", fetch->name);
}

static struct ad_error *failure(const struct ad_fetch *fetch, const struct ad_fetch_message *message)
{
    switch (message->error) {
    case 0:
        return ad_error_create(AD_ERROR_UNUSABLE, "debuginfod: %s", message->text);
    case ENOENT:
        return ad_error_create(AD_ERROR_NOT_FOUND, "debuginfod does not have it");
    case ETIME:
    case ETIMEDOUT:
        return too_slow(fetch);
    default: /* as text: EACCES of a server is not the user's */
        return ad_error_create(AD_ERROR_UNUSABLE, "debuginfod: %s", strerror(message->error));
    }
}

/* Until the child has the file or gives up. */
static struct ad_error *listen_to(const struct running *running, struct ad_fetch_message *message, int *fd_ret)
{
    const struct ad_fetch *fetch = running->fetch;
    int64_t end = seconds_now() + (int64_t)fetch->limits->fetch_seconds + GRACE;
    for (int64_t left; (left = end - seconds_now()) > 0;) {
        struct pollfd ready = {.fd = running->socket, .events = POLLIN};
        int polled = poll(&ready, 1, (int)(left * 1000));
        if (polled <= 0)
            continue;
        if (!receive(running, message, fd_ret))
            return ad_error_create(AD_ERROR_UNUSABLE, "debuginfod: its reader ended without an answer");
        if (message->kind == AD_FETCH_FAILED)
            return failure(fetch, message);
        if (message->kind == AD_FETCH_DONE)
            return NULL;
        if (fetch->options->progress)
            fetch->options->progress(fetch->options->progress_context, fetch->name, message->taken, message->whole);
    }
    return too_slow(fetch);
}

static struct ad_error *take(const struct running *running, struct ad_elf_file **file_ret)
{
    struct ad_fetch_message message;
    ad_auto_close int fd = -1;
    AD_TRY(listen_to(running, &message, &fd));
    if (fd < 0)
        return ad_error_create(AD_ERROR_UNUSABLE, "debuginfod: its reader gave no file");
    int given = fd;
    fd = -1;
    return ad_elf_open_fd(given, message.text, running->fetch->limits, file_ret);
}

/* ---- All ---------------------------------------------------------------------------------------------- */

static struct ad_error *start(struct running *running)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
        return ad_error_system(errno, "a socket to the reader of debuginfod");
    running->pid = fork();
    if (running->pid == 0)
        ad_fetch_child(running->fetch, ends[1], running->cache[0] ? running->cache : NULL);
    int error = errno;
    close(ends[1]);
    running->socket = ends[0];
    if (running->pid >= 0)
        return NULL;
    close(running->socket);
    return ad_error_system(error, "starting the reader of debuginfod");
}

static void stop(const struct running *running)
{
    close(running->socket);
    kill(running->pid, SIGKILL);
    wait_for(running->pid);
}

struct ad_error *ad_fetch_file(const struct ad_fetch *fetch, struct ad_elf_file **file_ret)
{
    struct running running = {.fetch = fetch, .socket = -1};
    struct ad_error *error = make_cache(&running) ? start(&running)
                                                  : ad_error_system(errno, "a folder for what debuginfod fetches");
    if (!error) {
        error = take(&running, file_ret);
        stop(&running);
    }
    remove_cache(&running);
    return error;
}
