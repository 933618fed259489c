/* SPDX-License-Identifier: MIT */
/** @file hang.h - a small program with threads and known contents, and real cores of it, for unit tests. */
#ifndef HANG_H
#define HANG_H

#include "unit.h"

#include <sys/prctl.h>
#include <sys/resource.h>

/* Its threads wait in pause(). It prints "PID TID ADDRESS VALUE" lines and then waits, or aborts. */
static const char hang_source[] =
    "#include <pthread.h>\n"
    "#include <stdio.h>\n"
    "#include <stdlib.h>\n"
    "#include <string.h>\n"
    "#include <sys/syscall.h>\n"
    "#include <unistd.h>\n"
    "char marker[] = \"the marker of a hanging program\";\n"
    "const char constant[] = \"a constant of a hanging program\";\n"
    "void hang_here(void) { for (;;) pause(); }\n"
    "static void *run(void *p) { *(long *)p = syscall(SYS_gettid); hang_here(); return p; }\n"
    "int main(int count, char **words)\n"
    "{\n"
    "    pthread_t thread;\n"
    "    volatile long ids[2] = {0, 0};\n"
    "    for (int i = 0; i < 2; i++) pthread_create(&thread, 0, run, (void *)&ids[i]);\n"
    "    while (!ids[0] || !ids[1]) usleep(1000);\n"
    "    usleep(20000);\n"
    "    printf(\"%d %ld %ld %p %p %p\\n\", getpid(), ids[0], ids[1], marker, constant, hang_here);\n"
    "    fflush(stdout);\n"
    "    if (count > 1 && !strcmp(words[1], \"abort\")) abort();\n"
    "    hang_here();\n"
    "}\n";

struct hang {
    pid_t pid;
    long threads[2];
    uint64_t marker, constant, function; /* run-time addresses */
};

/* Compiles it as `name` in the test's folder with more options. */
static inline void hang_compile(const char *name, const char *options)
{
    write_file(in_folder("hang.c"), hang_source, sizeof(hang_source) - 1);
    run_command(text("cc -g -pthread -Wl,--build-id %s -o %s/%s %s/hang.c", options, unit_folder, name,
                     unit_folder));
}

/* Whether a thread waits in pause(), system call 34 of x86-64. */
static inline bool hang_waits(pid_t pid, long tid)
{
    char line[64] = "";
    FILE *file = fopen(text("/proc/%d/task/%ld/syscall", (int)pid, tid), "r");
    if (!file)
        return false;
    bool waits = fgets(line, sizeof(line), file) && strncmp(line, "34 ", 3) == 0;
    fclose(file);
    return waits;
}

/* Starts it, with the folder as its own, and reads what it says of itself. */
static inline struct hang hang_start(const char *name, const char *word)
{
    int ends[2];
    struct hang hang = {0};
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    hang.pid = fork();
    if (hang.pid == 0) {
        struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
        setrlimit(RLIMIT_CORE, &none);
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* it never outlives a test that failed */
        dup2(ends[1], 1);
        close(ends[0]);
        close(ends[1]);
        if (chdir(unit_folder) == 0)
            execl(text("./%s", name), name, word, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    FILE *says = fdopen(ends[0], "r");
    int pid;
    assert_int_equal(fscanf(says, "%d %ld %ld %lx %lx %lx", &pid, &hang.threads[0], &hang.threads[1], &hang.marker,
                            &hang.constant, &hang.function), 6);
    fclose(says);
    assert_int_equal(pid, hang.pid);
    while (strcmp(word, "abort") != 0 && !hang_waits(pid, pid))
        usleep(500);
    return hang;
}

static inline void hang_stop(const struct hang *hang)
{
    kill(hang->pid, SIGKILL);
    waitpid(hang->pid, NULL, 0);
}

/* A core by the kernel as `core` in the folder; false (and said) where it goes elsewhere. */
static inline bool hang_kernel_core(const char *name, struct hang *hang, const char *core)
{
    char *pattern = output_of("cat /proc/sys/kernel/core_pattern");
    bool plain = pattern[0] != '|' && pattern[0] != '/' && !strchr(pattern, '%');
    pattern[strcspn(pattern, "\n")] = '\0';
    if (!plain) {
        print_message("skipped: cores of the kernel go to '%s' here\n", pattern);
        free(pattern);
        return false;
    }
    *hang = hang_start(name, "abort");
    waitpid(hang->pid, NULL, 0);
    run_command(text("cd %s && { mv %s %s || mv %s.%d %s; } 2>/dev/null", unit_folder, pattern, core, pattern,
                     (int)hang->pid, core));
    free(pattern);
    return true;
}

/* A core by gcore as `core` in the folder. */
static inline bool hang_gcore(const char *name, struct hang *hang, const char *core)
{
    if (!have_tool("gcore"))
        return false;
    *hang = hang_start(name, "wait");
    run_command(text("cd %s && gcore -o made %d >/dev/null 2>&1 && mv made.%d %s", unit_folder, (int)hang->pid,
                     (int)hang->pid, core));
    hang_stop(hang);
    return true;
}

#endif
