/* SPDX-License-Identifier: MIT */
/** @file sample.h - the programs of tests/unit/samples, built in several ways and started. */
#ifndef SAMPLE_H
#define SAMPLE_H

#include "unit.h"

#include <sys/prctl.h>

/* Builds samples/NAME.c as `name` in the test's folder; `command` is a compiler with options. False (and
 * said): there is no such compiler. */
static inline bool compile_sample(const char *name, const char *command)
{
    char compiler[16] = "";
    sscanf(command, "%15s", compiler);
    if (!have_tool(compiler))
        return false;
    run_command(text("%s -Wl,--build-id -o %s/%s %s/%s.c 2>&1", command, unit_folder, name, UNIT_SAMPLES, name));
    return true;
}

/* Starts it and waits until it says that it is ready. It ends with the test. */
static inline pid_t start_sample(const char *name)
{
    int ends[2];
    char ready[8];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(ends[1], 1);
        execl(in_folder(name), name, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    assert_true(read(ends[0], ready, sizeof(ready)) > 0);
    close(ends[0]);
    return pid;
}

static inline void stop_sample(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

#endif
