/* SPDX-License-Identifier: MIT */
/** @file live_support.h - processes to look at, and what the kernel says of them. */
#ifndef TEST_LIVE_SUPPORT_H
#define TEST_LIVE_SUPPORT_H

#include "../support/hang.h"

#include <dirent.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

#include "base/cleanup.h"
#include "target/live.h"

static inline struct ad_target *open_live(pid_t pid)
{
    struct ad_target *target;
    assert_ok(ad_live_open(pid, &ad_limits_default, &target));
    return target;
}

static inline struct ad_error *open_fails(pid_t pid)
{
    struct ad_target *target;
    return ad_live_open(pid, &ad_limits_default, &target);
}

/* The state letter of a thread (proc(5)); 0 when it is gone. */
static inline char state_of(pid_t pid, pid_t tid)
{
    char line[512] = "";
    FILE *file = fopen(text("/proc/%d/task/%d/stat", (int)pid, (int)tid), "r");
    if (!file)
        return 0;
    char *got = fgets(line, sizeof(line), file), *end = got ? strrchr(line, ')') : NULL;
    fclose(file);
    return end ? end[2] : 0;
}

/* How many threads are in the state; `count_ret` is how many there are. */
static inline size_t threads_in_state(pid_t pid, char state, size_t *count_ret)
{
    size_t in_state = 0;
    *count_ret = 0;
    DIR *directory = opendir(text("/proc/%d/task", (int)pid));
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory));) {
        pid_t tid = atoi(entry->d_name);
        char is = tid ? state_of(pid, tid) : 0;
        *count_ret += is != 0;
        in_state += is == state;
    }
    closedir(directory);
    return in_state;
}

/* Waits, without a deadline of its own, until the thread is in the state. */
static inline void await_state(pid_t pid, pid_t tid, char state)
{
    while (state_of(pid, tid) != state)
        usleep(500);
}

/* A child that waits forever in the function. */
static inline pid_t child(void (*run)(void))
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* it never outlives a test that failed */
        run();
        _exit(0);
    }
    return pid;
}

static inline void end_child(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static inline void sleep_forever(void)
{
    for (;;)
        pause();
}

#endif
