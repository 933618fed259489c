/* SPDX-License-Identifier: MIT */
/**
 * @file pprof.c - suspended tasks as a profile for `go tool pprof` and whatever else reads that format.
 *
 * The format is proto/profile.proto of github.com/google/pprof, gzipped: a message of numbered fields, here
 * only varints (wire type 0) and bytes (wire type 2). A sample is one distinct stack with the number of tasks
 * that have it and, as another value, how long they are in their states together.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/cleanup.h"
#include "report/escape.h"
#include "report/report.h"
#include "report/stack.h"
#include "report/table.h"
#include "report/words.h"

enum { SAMPLE_TYPE = 1, SAMPLE = 2, LOCATION = 4, FUNCTION = 5, STRING_TABLE = 6, TIME_NANOS = 9 };

/* ---- The wire ---- */

static void put_varint(FILE *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        fputc((int)(value & 0x7f) | 0x80, out);
    fputc((int)value, out);
}

static void put_number(FILE *out, unsigned field, uint64_t value)
{
    put_varint(out, field << 3);
    put_varint(out, value);
}

static void put_bytes(FILE *out, unsigned field, const char *bytes, size_t size)
{
    put_varint(out, field << 3 | 2);
    put_varint(out, size);
    fwrite(bytes, 1, size, out);
}

/* Closes the inner message and puts it into the outer one. */
static struct ad_error *put_message(FILE *out, unsigned field, struct ad_buffer *message)
{
    AD_TRY(ad_buffer_close(message));
    put_bytes(out, field, message->text, message->size);
    return NULL;
}

/* ---- The profile ---- */

/* Texts, functions and locations are numbered as they are met. Texts: 0 is "". A function is one line of the
 * snapshot, and has the texts 2 * number and 2 * number + 1 behind the first ones. */
struct profile {
    FILE *out;
    const struct ad_snapshot *snapshot;
    const struct ad_report_options *options;
    uint64_t *tasks; /* by stack */
    uint64_t *waits; /* by stack: ns */
    bool *used;      /* by location */
    void *memory;
};

static const char *const first_texts[] = {"", "tasks", "count", "wait", "nanoseconds"};
enum { TASKS = 1, COUNT, WAIT, NANOSECONDS, FIRST_TEXTS };

static void put_text(FILE *out, const char *text)
{
    char escaped[AD_ESCAPE_MAX];
    ad_escape(escaped, sizeof(escaped), text);
    put_bytes(out, STRING_TABLE, escaped, strlen(escaped));
}

static struct ad_error *put_sample_type(struct profile *profile, uint64_t type, uint64_t unit)
{
    ad_auto_buffer struct ad_buffer message = {0};
    AD_TRY(ad_buffer_open(&message));
    put_number(message.file, 1, type);
    put_number(message.file, 2, unit);
    return put_message(profile->out, SAMPLE_TYPE, &message);
}

/* Whether a view shows any line of it. */
static bool is_shown(const struct profile *profile, const struct ad_location *location)
{
    struct ad_stack_line line;
    for (uint32_t i = 0; ad_location_line(profile->snapshot, location, i, &line); i++)
        if (!line.hidden || profile->options->all_frames)
            return true;
    return false;
}

/* The ids of a stack's locations, innermost first. */
static struct ad_error *put_location_ids(struct profile *profile, FILE *sample, uint32_t index)
{
    const struct ad_snapshot *snapshot = profile->snapshot;
    const struct ad_stack *stack = &AD_ITEMS(struct ad_stack, &snapshot->stacks)[index];
    const struct ad_location *location;
    ad_auto_buffer struct ad_buffer ids = {0};
    AD_TRY(ad_buffer_open(&ids));
    for (uint32_t i = 0; (location = ad_stack_location(snapshot, stack, i)); i++) {
        size_t number = (size_t)(location - AD_ITEMS(struct ad_location, &snapshot->locations));
        if (!is_shown(profile, location))
            continue;
        profile->used[number] = true;
        put_varint(ids.file, number + 1);
    }
    return put_message(sample, 1, &ids);
}

static struct ad_error *put_sample(struct profile *profile, uint32_t stack)
{
    ad_auto_buffer struct ad_buffer message = {0};
    ad_auto_buffer struct ad_buffer values = {0};
    AD_TRY(ad_buffer_open(&message));
    AD_TRY(ad_buffer_open(&values));
    if (stack < profile->snapshot->stacks.count)
        AD_TRY(put_location_ids(profile, message.file, stack));
    put_varint(values.file, profile->waits[stack]); /* in the order of the sample types */
    put_varint(values.file, profile->tasks[stack]);
    AD_TRY(put_message(message.file, 2, &values));
    return put_message(profile->out, SAMPLE, &message);
}

/* A line of a location: its function's id and line. */
static struct ad_error *put_line(FILE *location, uint64_t function, uint32_t line)
{
    ad_auto_buffer struct ad_buffer message = {0};
    AD_TRY(ad_buffer_open(&message));
    put_number(message.file, 1, function);
    put_number(message.file, 2, line);
    return put_message(location, 4, &message);
}

static struct ad_error *put_function(struct profile *profile, const struct ad_stack_line *line, uint64_t id,
                                     uint64_t texts)
{
    char address[32];
    ad_auto_buffer struct ad_buffer message = {0};
    AD_TRY(ad_buffer_open(&message));
    put_number(message.file, 1, id);
    put_number(message.file, 2, texts);
    put_number(message.file, 3, texts);
    put_number(message.file, 4, texts + 1);
    AD_TRY(put_message(profile->out, FUNCTION, &message));
    snprintf(address, sizeof(address), "0x%" PRIx64, line->location->pc);
    put_text(profile->out, line->line && line->line->function ? line->line->function : address);
    put_text(profile->out, line->line ? line->line->file : NULL);
    return NULL;
}

/* With the functions of its lines, `next` being the number of the next. */
static struct ad_error *put_location(struct profile *profile, size_t number, uint64_t *next)
{
    const struct ad_location *location = &AD_ITEMS(struct ad_location, &profile->snapshot->locations)[number];
    struct ad_stack_line line;
    ad_auto_buffer struct ad_buffer message = {0};
    AD_TRY(ad_buffer_open(&message));
    put_number(message.file, 1, number + 1);
    put_number(message.file, 3, location->pc);
    for (uint32_t i = 0; ad_location_line(profile->snapshot, location, i, &line); i++) {
        if (line.hidden && !profile->options->all_frames)
            continue;
        AD_TRY(put_function(profile, &line, *next + 1, FIRST_TEXTS + 2 * *next));
        AD_TRY(put_line(message.file, ++*next, line.line ? line.line->line : 0));
    }
    return put_message(profile->out, LOCATION, &message);
}

static struct ad_error *put_profile(struct profile *profile)
{
    const struct ad_snapshot *snapshot = profile->snapshot;
    uint64_t functions = 0;
    AD_TRY(put_sample_type(profile, WAIT, NANOSECONDS));
    AD_TRY(put_sample_type(profile, TASKS, COUNT)); /* the last is what pprof shows first */
    for (size_t i = 0; i < FIRST_TEXTS; i++)
        put_text(profile->out, first_texts[i]);
    for (uint32_t i = 0; i <= snapshot->stacks.count; i++)
        if (profile->tasks[i])
            AD_TRY(put_sample(profile, i));
    for (size_t i = 0; i < snapshot->locations.count; i++)
        if (profile->used[i])
            AD_TRY(put_location(profile, i, &functions));
    if (snapshot->realtime)
        put_number(profile->out, TIME_NANOS, snapshot->realtime);
    return NULL;
}

static struct ad_error *count_tasks(struct profile *profile)
{
    const struct ad_snapshot *snapshot = profile->snapshot;
    const struct ad_selection *selection = profile->options->selection;
    size_t stacks = snapshot->stacks.count + 1, locations = snapshot->locations.count + 1;
    profile->memory = calloc(1, stacks * 2 * sizeof(uint64_t) + locations * sizeof(bool));
    if (!profile->memory)
        return &ad_error_nomem;
    profile->tasks = profile->memory;
    profile->waits = profile->tasks + stacks;
    profile->used = (bool *)(profile->waits + stacks);
    for (size_t i = 0; i < selection->count; i++) {
        const struct ad_task *task = &AD_ITEMS(struct ad_task, &snapshot->tasks)[selection->tasks[i]];
        size_t stack = task->stack < snapshot->stacks.count ? task->stack : stacks - 1;
        uint64_t age = ad_task_age(snapshot, task);
        profile->tasks[stack]++;
        profile->waits[stack] += age == UINT64_MAX ? 0 : age;
    }
    return NULL;
}

/* ---- The file ---- */

static struct ad_error *write_file(const char *path, const struct ad_buffer *bytes)
{
    gzFile file = gzopen(path, "wbe");
    errno = file ? 0 : errno;
    bool written = file && gzfwrite(bytes->text, 1, bytes->size, file) == bytes->size;
    int error = errno;
    if (file && gzclose(file) != Z_OK)
        written = false;
    return written ? NULL : ad_error_system(error ? error : EIO, "the profile cannot be written to %s", path);
}

struct ad_error *ad_report_pprof(FILE *out, const struct ad_snapshot *snapshot,
                                 const struct ad_findings *findings, const struct ad_report_options *options)
{
    ad_auto_buffer struct ad_buffer bytes = {0};
    AD_TRY(ad_buffer_open(&bytes));
    struct profile profile = {.out = bytes.file, .snapshot = snapshot, .options = options};
    (void)findings;
    struct ad_error *error = count_tasks(&profile);
    if (!error)
        error = put_profile(&profile);
    free(profile.memory);
    AD_TRY(error);
    AD_TRY(ad_buffer_close(&bytes));
    AD_TRY(write_file(options->file, &bytes));
    ad_print_count(out, options->selection->count, "task");
    fputs(" written; go tool pprof -http=: FILE shows them\n", out);
    return NULL;
}
