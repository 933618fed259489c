/* SPDX-License-Identifier: MIT */
#include "report/words.h"

#include <inttypes.h>
#include <string.h>

#include "report/escape.h"

enum { NAME_MAX_BYTES = 1024 };

static const uint64_t us = 1000, ms = UINT64_C(1000) * 1000, second = UINT64_C(1000) * 1000 * 1000;

void ad_print_duration(FILE *out, uint64_t ns)
{
    uint64_t seconds = ns / second, minutes = seconds / 60, hours = minutes / 60;
    if (hours >= 48)
        fprintf(out, "%" PRIu64 "d%02" PRIu64 "h", hours / 24, hours % 24);
    else if (hours)
        fprintf(out, "%" PRIu64 "h%02" PRIu64 "m", hours, minutes % 60);
    else if (minutes)
        fprintf(out, "%" PRIu64 "m%02" PRIu64 "s", minutes, seconds % 60);
    else if (seconds)
        fprintf(out, "%" PRIu64 "s", seconds);
    else if (ns >= ms || !ns)
        fprintf(out, "%" PRIu64 "ms", ns / ms);
    else
        fprintf(out, "%" PRIu64 "us", ns / us);
}

uint64_t ad_age(const struct ad_snapshot *snapshot, uint64_t since)
{
    if (!since || !snapshot->now)
        return UINT64_MAX;
    return snapshot->now > since ? snapshot->now - since : 0;
}

static uint64_t in_state_since(const struct ad_task *task)
{
    switch (task->state) {
    case ASYNC_DEBUG_STATE_READY:
        return task->ready_since;
    case ASYNC_DEBUG_STATE_RUNNING:
        return task->resumed_at;
    case ASYNC_DEBUG_STATE_CREATED:
        return task->spawned_at;
    default:
        return task->suspended_at;
    }
}

uint64_t ad_task_age(const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    return ad_age(snapshot, in_state_since(task));
}

const char *ad_task_state_word(const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    static const char *const words[] = {
        [ASYNC_DEBUG_STATE_NONE] = "unknown",    [ASYNC_DEBUG_STATE_CREATED] = "created",
        [ASYNC_DEBUG_STATE_READY] = "ready",     [ASYNC_DEBUG_STATE_RUNNING] = "running",
        [ASYNC_DEBUG_STATE_WAITING] = "waiting", [ASYNC_DEBUG_STATE_RETURNED] = "returned",
        [ASYNC_DEBUG_STATE_FAILED] = "failed",   [ASYNC_DEBUG_STATE_CANCELLED] = "cancelled",
    };
    const struct ad_future *futures = snapshot->futures.items;
    if (task->state == ASYNC_DEBUG_STATE_WAITING && task->future < snapshot->futures.count &&
        futures[task->future].kind == ASYNC_DEBUG_KIND_TIMER)
        return "sleeping";
    return task->state < sizeof(words) / sizeof(words[0]) ? words[task->state] : "unknown";
}

void ad_print_task(FILE *out, const struct ad_task *task, size_t width)
{
    char name[NAME_MAX_BYTES];
    size_t size = width && width < sizeof(name) ? width + 1 : sizeof(name);
    fprintf(out, "#%" PRIu32, task->id);
    if (task->name && *task->name)
        fprintf(out, " \"%s\"", ad_escape(name, size, task->name));
}

const char *ad_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

void ad_print_place(FILE *out, const struct ad_place *place)
{
    if (!place->file)
        return;
    fputs(" at ", out);
    ad_escape_print(out, place->file);
    fprintf(out, ":%" PRIu32, place->line);
    if (place->function) {
        fputs(" in ", out);
        ad_escape_print(out, place->function);
    }
}

void ad_print_error_code(FILE *out, int64_t error)
{
    const char *name = error < 0 && error >= -INT32_MAX ? strerrorname_np((int)-error) : NULL;
    if (name)
        fputs(name, out);
    else
        fprintf(out, "%" PRId64, error);
}

const char *ad_task_flag_word(unsigned number)
{
    static const char *const words[] = {"detached", "system", "retrieved", "shielded"};
    return number < sizeof(words) / sizeof(words[0]) ? words[number] : NULL;
}

void ad_print_count(FILE *out, uint64_t count, const char *singular)
{
    fprintf(out, "%" PRIu64 " %s%s", count, singular, count == 1 ? "" : "s");
}
