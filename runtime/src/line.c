/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "async.h"
#include "diagnose.h"

#define ROOM_LEAST 4096 /* short lines are read many at a time */

/*
 * bytes: | taken already | line LF line LF li | free |
 *                        ^start              ^end     ^size, and one more for a NUL
 */
struct async_lines {
    struct async_stream *stream;
    size_t longest;
    size_t size;
    size_t start;
    size_t end;
    size_t searched; /* from `start`: so far there is no LF */
    bool skipping;   /* the rest of a line that was too long */
    bool filling;    /* a task reads into it: nothing may be moved */
    char bytes[];
};

int async_lines_create(struct async_lines **lines_ret, struct async_stream *stream, size_t longest)
{
    size_t size, total;
    if (!lines_ret || !stream)
        return async_refused(UV_EINVAL);
    if (__builtin_add_overflow(longest, (size_t)2, &size)) /* CR LF */
        return UV_ENOMEM;
    if (size < ROOM_LEAST)
        size = ROOM_LEAST;
    if (__builtin_add_overflow(size, sizeof(struct async_lines) + 1, &total))
        return UV_ENOMEM;
    struct async_lines *lines = malloc(total);
    if (!lines)
        return UV_ENOMEM;
    *lines = (struct async_lines){.stream = stream, .longest = longest, .size = size};
    *lines_ret = lines;
    return 0;
}

void async_lines_destroy(struct async_lines *lines)
{
    free(lines);
}

/* Reads more behind what is there, as async_read. */
static ssize_t fill(struct async_lines *lines)
{
    memmove(lines->bytes, lines->bytes + lines->start, lines->end - lines->start);
    lines->end -= lines->start;
    lines->start = 0;
    lines->filling = true;
    ssize_t count = async_read(lines->stream, lines->bytes + lines->end, lines->size - lines->end);
    lines->filling = false;
    if (count > 0)
        lines->end += (size_t)count;
    return count;
}

/* Takes `length` bytes of text and `more` of line end. */
static ssize_t take(struct async_lines *lines, size_t length, size_t more, char **line_ret)
{
    char *line = lines->bytes + lines->start;
    if (more && length && line[length - 1] == '\r')
        length--, more++;
    lines->start += length + more;
    lines->searched = 0;
    if (length > lines->longest)
        return UV_E2BIG;
    line[length] = 0;
    *line_ret = line;
    return (ssize_t)length;
}

/* The line that lies there as a whole; 0 and no line: there is none. */
static ssize_t find(struct async_lines *lines, char **line_ret)
{
    char *from = lines->bytes + lines->start + lines->searched;
    char *lf = memchr(from, '\n', lines->end - lines->start - lines->searched);
    *line_ret = NULL;
    if (lf)
        return take(lines, (size_t)(lf - lines->bytes) - lines->start, 1, line_ret);
    lines->searched = lines->end - lines->start;
    return 0;
}

/* It can only be the beginning of such a line; its last byte may be the CR of the end. */
static bool is_too_long(const struct async_lines *lines)
{
    return lines->end - lines->start > lines->longest + 1;
}

static void drop_all(struct async_lines *lines)
{
    lines->start = lines->end = lines->searched = 0;
}

/* Reads on until the line that was too long is over. */
static ssize_t skip(struct async_lines *lines)
{
    while (lines->skipping) {
        char *lf = memchr(lines->bytes + lines->start, '\n', lines->end - lines->start);
        if (lf) {
            lines->start = (size_t)(lf - lines->bytes) + 1;
            lines->skipping = false;
            break;
        }
        drop_all(lines);
        ssize_t count = fill(lines);
        if (count <= 0)
            return count;
    }
    return 0;
}

ssize_t async_lines_next(struct async_lines *lines, char **line_ret)
{
    if (!lines || !line_ret)
        return async_refused(UV_EINVAL);
    if (lines->filling)
        return async_refused_because(UV_EBUSY, "another task is in this call");
    ssize_t result = skip(lines);
    if (result < 0)
        return result;
    for (;;) {
        result = find(lines, line_ret);
        if (result || *line_ret)
            return result;
        if (is_too_long(lines)) {
            lines->skipping = true;
            drop_all(lines);
            return UV_E2BIG;
        }
        result = fill(lines);
        if (result == UV_EOF && lines->end > lines->start)
            return take(lines, lines->end - lines->start, 0, line_ret);
        if (result <= 0)
            return result;
    }
}

ssize_t async_lines_read(struct async_lines *lines, void *buffer, size_t size)
{
    if (!lines || (!buffer && size))
        return async_refused(UV_EINVAL);
    if (lines->filling)
        return async_refused_because(UV_EBUSY, "another task is in this call");
    ssize_t result = skip(lines);
    size_t there = lines->end - lines->start;
    if (result < 0)
        return result;
    if (!there)
        return async_read(lines->stream, buffer, size);
    if (size > there)
        size = there;
    memcpy(buffer, lines->bytes + lines->start, size);
    lines->start += size;
    lines->searched = 0;
    return (ssize_t)size;
}

int async_lines_read_exactly(struct async_lines *lines, void *buffer, size_t size, size_t *count_ret)
{
    size_t done = 0;
    ssize_t count = 0;
    while (done < size && (count = async_lines_read(lines, (char *)buffer + done, size - done)) > 0)
        done += (size_t)count;
    if (count_ret)
        *count_ret = done;
    return done == size ? 0 : (int)count;
}
