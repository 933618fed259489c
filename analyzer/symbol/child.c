/* SPDX-License-Identifier: MIT */
#include "symbol/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "symbol/symbol_confine.h"

#define READ_SIZE 65536

void (*ad_symbol_child_hook)(void);

/* ---- The child ---- */

/* A crash has to end the child, whatever handlers the program around the engine has. */
static void reset_signals(void)
{
    const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGXCPU, SIGTERM, SIGPIPE};
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        signal(signals[i], SIG_DFL);
}

static int by_number(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* Leaves it the pipe and these. */
static bool confine(int pipe_fd, const int *fds, size_t count, const struct ad_limits *limits)
{
    int *kept = calloc(count + 1, sizeof(*kept)); /* the child's memory goes with it */
    if (!kept)
        return false;
    kept[0] = pipe_fd;
    for (size_t i = 0; i < count; i++)
        kept[i + 1] = fds[i];
    qsort(kept, count + 1, sizeof(*kept), by_number);
    return ad_symbol_confine(kept, count + 1, limits);
}

static _Noreturn void child(int pipe_fd, const int *fds, size_t count, ad_child_body *body, void *context,
                            const struct ad_limits *limits)
{
    static char buffer[READ_SIZE];
    FILE *out = fdopen(pipe_fd, "w");
    reset_signals();
    if (!out || !confine(pipe_fd, fds, count, limits))
        _exit(AD_CHILD_UNSTARTED);
    setvbuf(out, buffer, _IOFBF, sizeof(buffer));
    if (ad_symbol_child_hook)
        ad_symbol_child_hook();
    _exit(body(context, out));
}

/* ---- The parent ---- */

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Reads to the end, the deadline or the limit; false when it was not the end. */
static bool collect(int fd, const struct ad_limits *limits, struct ad_child_end *answers)
{
    uint64_t deadline = now_ms() + limits->symbol_seconds * 1000;
    for (;;) {
        uint64_t now = now_ms();
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        int polled = now < deadline ? poll(&ready, 1, (int)(deadline - now)) : 0;
        if (polled < 0 && errno == EINTR)
            continue;
        if (polled <= 0 || answers->size > limits->frame_bytes)
            return false;
        char *bytes = realloc(answers->bytes, answers->size + READ_SIZE);
        if (!bytes)
            return false;
        answers->bytes = bytes;
        ssize_t got = read(fd, bytes + answers->size, READ_SIZE);
        if (got == 0)
            return true;
        if (got > 0)
            answers->size += (size_t)got;
        else if (errno != EINTR)
            return false;
    }
}

struct ad_error *ad_child_run(const int *fds, size_t count, ad_child_body *body, void *context,
                              const struct ad_limits *limits, struct ad_child_end *end_ret)
{
    *end_ret = (struct ad_child_end){0};
    int pipe_fds[2];
    if (pipe2(pipe_fds, O_CLOEXEC))
        return ad_error_system(errno, "pipe to the reader of debug information");
    pid_t pid = fork();
    if (pid == 0)
        child(pipe_fds[1], fds, count, body, context, limits);
    int fork_error = errno;
    close(pipe_fds[1]);
    ad_auto_close int in = pipe_fds[0];
    if (pid < 0)
        return ad_error_system(fork_error, "starting the reader of debug information");
    end_ret->finished = collect(in, limits, end_ret);
    kill(pid, SIGKILL); /* also one that only closed its end; of one that has ended the status stays */
    while (waitpid(pid, &end_ret->status, 0) < 0 && errno == EINTR)
        ;
    return NULL;
}
