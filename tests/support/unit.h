/* SPDX-License-Identifier: MIT */
/** @file unit.h - what the unit tests of the engine share: errors, temporary folders, child programs. */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Fails with the error's message. */
#define assert_ok(expression)                                        \
    do {                                                             \
        struct ad_error *unit_error = (expression);                  \
        if (unit_error)                                              \
            fail_msg("%s: %s", #expression, unit_error->message);    \
    } while (0)

/* Takes an error of this kind whose message contains `part`, and destroys it. */
static inline void assert_error(struct ad_error *error, enum ad_error_kind kind, const char *part)
{
    assert_non_null(error);
    if (error->kind != kind || !strstr(error->message, part))
        fail_msg("expected kind %d with '%s', got kind %d: %s", (int)kind, part, (int)error->kind, error->message);
    ad_error_destroy(error);
}

/* A text made by format, in a ring of eight. */
__attribute__((format(printf, 1, 2))) static inline const char *text(const char *format, ...)
{
    static char ring[8][4096];
    static unsigned next;
    char *to = ring[next++ % 8];
    va_list args;
    va_start(args, format);
    vsnprintf(to, sizeof(ring[0]), format, args);
    va_end(args);
    return to;
}

static char unit_folder[] = "/tmp/asyncdump-unit-XXXXXX";

/* A folder of its own for the test program; the group's setup. */
static inline int make_folder(void **state)
{
    (void)state;
    return mkdtemp(unit_folder) ? 0 : -1;
}

static inline int remove_folder(void **state)
{
    (void)state;
    return system(text("rm -rf %s", unit_folder)) ? -1 : 0;
}

static inline const char *in_folder(const char *name)
{
    return text("%s/%s", unit_folder, name);
}

/* A new file each time: ext4 waits for the disk where a file is truncated and written again. */
static inline void write_file(const char *path, const void *bytes, size_t size)
{
    unlink(path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static inline char *read_whole(const char *path, size_t *size_ret)
{
    struct stat status;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &status), 0);
    char *bytes = malloc((size_t)status.st_size + 1);
    *size_ret = fread(bytes, 1, (size_t)status.st_size, file);
    bytes[*size_ret] = '\0';
    fclose(file);
    return bytes;
}

/* The output of a shell command, NUL-terminated, the caller's to free; fails when the command does. */
static inline char *output_of(const char *command)
{
    size_t size = 0, used = 0;
    char *bytes = NULL;
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    do {
        bytes = realloc(bytes, (size += 4096) + 1);
        used += fread(bytes + used, 1, size - used, pipe);
    } while (used == size);
    bytes[used] = '\0';
    if (pclose(pipe))
        fail_msg("failed: %s", command);
    return bytes;
}

static inline void run_command(const char *command)
{
    free(output_of(command));
}

static inline bool have_tool(const char *name)
{
    bool have = system(text("command -v %s >/dev/null 2>&1", name)) == 0;
    if (!have)
        print_message("skipped: there is no %s here\n", name);
    return have;
}

/* A generator of its own, so that a failure can be had again. */
static inline uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

#endif
