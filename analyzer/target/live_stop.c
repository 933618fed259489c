/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "target/live_internal.h"

#define NANOSECONDS UINT64_C(1000000000)
#define YIELDS 100       /* a thread normally stops within microseconds */
#define NAP_NS 200000L   /* then it is in the kernel for longer */
#define QUIET_LOOKS 2    /* at the list of threads, without a new one on it */

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * NANOSECONDS + (uint64_t)time.tv_nsec;
}

static int by_tid(const void *a, const void *b)
{
    const struct ad_tracee *left = a, *right = b;
    return (left->tid > right->tid) - (left->tid < right->tid);
}

/* Whether a thread that refused is only the remains of one: its state in /proc is Z or X. */
static bool has_ended(int proc_fd, pid_t tid, const struct ad_limits *limits)
{
    char path[64];
    ad_auto_free char *text = NULL;
    size_t size;
    snprintf(path, sizeof(path), "task/%d/stat", (int)tid);
    struct ad_error *error = ad_read_file(proc_fd, path, limits->notes_bytes, &text, &size);
    ad_error_destroy(error);
    const char *name_end = error ? NULL : strrchr(text, ')'); /* "TID (NAME) STATE ..." */
    return !name_end || strlen(name_end) < 3 || strchr("ZXx", name_end[2]);
}

/* Seizing alone does not stop it, and leaves no trace when we die: PTRACE_ATTACH would. */
static struct ad_error *seize(struct ad_stop *stop, pid_t tid, int proc_fd, const struct ad_limits *limits)
{
    struct ad_tracee *tracee;
    AD_TRY(ad_vector_add(&stop->tracees, (void **)&tracee));
    tracee->tid = tid;
    if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) == 0 && ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) == 0)
        return NULL;
    int error = errno;
    tracee->state = AD_TRACEE_GONE;
    if (error == ESRCH || has_ended(proc_fd, tid, limits))
        return NULL;
    return ad_error_system(error, "cannot stop thread %d of process %d", (int)tid, (int)stop->pid);
}

/* Asks every thread that is not known yet to stop. */
static struct ad_error *seize_new(struct ad_stop *stop, int proc_fd, const struct ad_limits *limits)
{
    size_t known = stop->tracees.count;
    int fd = openat(proc_fd, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    if (!directory) {
        if (fd >= 0)
            close(fd);
        return ad_error_create(AD_ERROR_UNUSABLE, "process %d has ended", (int)stop->pid);
    }
    struct ad_error *error = NULL;
    struct dirent *entry;
    while (!error && (entry = readdir(directory))) {
        struct ad_tracee key = {.tid = (pid_t)strtol(entry->d_name, NULL, 10)};
        bool seen = known && bsearch(&key, stop->tracees.items, known, sizeof(key), by_tid);
        if (key.tid <= 0 || seen)
            continue;
        if (stop->tracees.count >= limits->threads)
            error = ad_error_create(AD_ERROR_LIMIT, "process %d has more than %llu threads", (int)stop->pid,
                                    (unsigned long long)limits->threads);
        else
            error = seize(stop, key.tid, proc_fd, limits);
    }
    closedir(directory);
    return error;
}

static void note_status(struct ad_tracee *tracee, int status)
{
    if (!WIFSTOPPED(status)) {
        tracee->state = AD_TRACEE_GONE;
        return;
    }
    tracee->state = AD_TRACEE_STOPPED;
    if (status >> 16 == 0)
        tracee->signal = WSTOPSIG(status); /* taken from its queue: ours to hand on */
    else
        tracee->was_stopped = WSTOPSIG(status) != SIGTRAP;
}

static void poll_tracee(struct ad_tracee *tracee)
{
    int status;
    pid_t got = waitpid(tracee->tid, &status, __WALL | WNOHANG);
    if (got == tracee->tid)
        note_status(tracee, status);
    else if (got < 0 && errno != EINTR)
        tracee->state = AD_TRACEE_GONE;
}

/* A thread in an uninterruptible wait (vfork, a dead file server) is given up at the deadline. */
static void wait_all(struct ad_stop *stop, uint64_t deadline)
{
    struct ad_tracee *tracees = stop->tracees.items;
    unsigned tries = 0;
    for (size_t i = 0; i < stop->tracees.count;) {
        if (tracees[i].state == AD_TRACEE_RUNNING)
            poll_tracee(&tracees[i]);
        if (tracees[i].state != AD_TRACEE_RUNNING) {
            i++;
        } else if (++tries < YIELDS) {
            sched_yield();
        } else if (now() >= deadline) {
            i++;
        } else {
            nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
        }
    }
}

static bool any_stopped(const struct ad_stop *stop)
{
    for (size_t i = 0; i < stop->tracees.count; i++)
        if (AD_ITEMS(struct ad_tracee, &stop->tracees)[i].state == AD_TRACEE_STOPPED)
            return true;
    return false;
}

struct ad_error *ad_stop_begin(struct ad_stop *stop, int proc_fd, const struct ad_limits *limits)
{
    stop->started = now();
    uint64_t deadline = stop->started + limits->stop_milliseconds * (NANOSECONDS / 1000);
    /* A thread may start others before it stops; and one that ends meanwhile may hide another from who lists them. */
    for (unsigned quiet = 0; quiet < QUIET_LOOKS && now() < deadline;) {
        size_t before = stop->tracees.count;
        AD_TRY(seize_new(stop, proc_fd, limits));
        wait_all(stop, deadline);
        qsort(stop->tracees.items, stop->tracees.count, sizeof(struct ad_tracee), by_tid);
        quiet = stop->tracees.count > before ? 0 : quiet + 1;
    }
    if (any_stopped(stop))
        return NULL;
    return ad_error_create(AD_ERROR_UNUSABLE,
                           "process %d cannot be stopped: its threads have ended or wait in the kernel", (int)stop->pid);
}

/* Where it cannot be let go it was killed: its parent hears of that once we have taken note of it. */
static void let_go(struct ad_tracee *tracee)
{
    if (ptrace(PTRACE_DETACH, tracee->tid, NULL, (void *)(intptr_t)tracee->signal) == 0) {
        tracee->state = AD_TRACEE_GONE;
        return;
    }
    tracee->state = AD_TRACEE_RUNNING;
    for (int tries = 0; tries < YIELDS && tracee->state == AD_TRACEE_RUNNING; tries++) {
        sched_yield();
        poll_tracee(tracee);
    }
}

void ad_stop_end(struct ad_stop *stop)
{
    struct ad_tracee *tracees = stop->tracees.items;
    size_t kept = 0;
    for (size_t i = 0; i < stop->tracees.count; i++) {
        if (tracees[i].state == AD_TRACEE_RUNNING)
            poll_tracee(&tracees[i]);
        if (tracees[i].state == AD_TRACEE_STOPPED)
            let_go(&tracees[i]);
        if (tracees[i].state != AD_TRACEE_GONE)
            tracees[kept++] = tracees[i];
    }
    stop->tracees.count = kept;
}

void ad_stop_deinit(struct ad_stop *stop)
{
    ad_stop_end(stop);
    ad_vector_deinit(&stop->tracees);
}
