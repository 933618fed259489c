/* SPDX-License-Identifier: MIT */
#include "report/fields.h"

#include <inttypes.h>
#include <string.h>

#include "report/describe.h"
#include "report/escape.h"
#include "report/stack.h"
#include "report/words.h"

#define LABEL "label."
#define UNKNOWN UINT64_MAX

static const char *const states[] = {"created", "ready",    "running", "waiting",   "sleeping",
                                     "returned", "failed", "cancelled", "unknown"};

/* ---- Numbers ---- */

const struct ad_future *ad_task_future(const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    bool waits = task->state == ASYNC_DEBUG_STATE_WAITING && task->future < snapshot->futures.count;
    return waits ? &AD_ITEMS(struct ad_future, &snapshot->futures)[task->future] : NULL;
}

static uint64_t nonzero(uint64_t number)
{
    return number ? number : UNKNOWN;
}

static uint64_t id(const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    (void)snapshot;
    return task->id;
}

static uint64_t parent(const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    return task->parent < snapshot->tasks.count ? AD_ITEMS(struct ad_task, &snapshot->tasks)[task->parent].id
                                                : UNKNOWN;
}

static uint64_t worker(const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    return task->worker < snapshot->workers.count
               ? AD_ITEMS(struct ad_worker, &snapshot->workers)[task->worker].id
               : UNKNOWN;
}

static uint64_t future(const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    const struct ad_future *awaited = ad_task_future(snapshot, task);
    return awaited ? awaited->address : UNKNOWN;
}

static uint64_t fd(const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    const struct ad_future *awaited = ad_task_future(snapshot, task);
    return awaited && awaited->fd >= 0 ? (uint64_t)awaited->fd : UNKNOWN;
}

static uint64_t timeout(const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    if (!task->deadline || !snapshot->now)
        return UNKNOWN;
    return task->deadline > snapshot->now ? task->deadline - snapshot->now : 0;
}

static uint64_t life(const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    return ad_age(snapshot, task->spawned_at);
}

static uint64_t resumes(const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    (void)snapshot;
    return task->resumes;
}

static uint64_t stack_size(const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    (void)snapshot;
    return nonzero(task->stack_size);
}

static uint64_t stack_used(const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    (void)snapshot;
    return nonzero(task->stack_used_max);
}

static uint64_t cpu(const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    return nonzero(ad_task_extra(snapshot, task)->cpu_time);
}

static uint64_t longest_step(const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    return nonzero(ad_task_extra(snapshot, task)->longest_step);
}

static uint64_t address(const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    (void)snapshot;
    return task->address;
}

static uint64_t is_system(const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    (void)snapshot;
    return (task->flags & ASYNC_DEBUG_TASK_SYSTEM) != 0;
}

static uint64_t is_detached(const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    (void)snapshot;
    return (task->flags & ASYNC_DEBUG_TASK_DETACHED) != 0;
}

static uint64_t is_shielded(const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    (void)snapshot;
    return (task->flags & ASYNC_DEBUG_TASK_SHIELDED) != 0;
}

static uint64_t is_torn(const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    (void)snapshot;
    return task->torn;
}

/* ---- Texts ---- */

static const struct ad_task *task_at(const struct ad_snapshot *snapshot, uint32_t index)
{
    return &AD_ITEMS(struct ad_task, &snapshot->tasks)[index];
}

static void print_name(FILE *out, const struct ad_snapshot *snapshot, uint32_t task)
{
    ad_escape_print(out, task_at(snapshot, task)->name);
}

static void print_state(FILE *out, const struct ad_snapshot *snapshot, uint32_t task)
{
    fputs(ad_task_state_word(snapshot, task_at(snapshot, task)), out);
}

static void print_kind(FILE *out, const struct ad_snapshot *snapshot, uint32_t task)
{
    const struct ad_future *awaited = ad_task_future(snapshot, task_at(snapshot, task));
    if (awaited)
        ad_escape_print(out, awaited->kind_name);
}

static void print_object(FILE *out, const struct ad_snapshot *snapshot, uint32_t task)
{
    const struct ad_future *awaited = ad_task_future(snapshot, task_at(snapshot, task));
    if (awaited && awaited->name)
        ad_escape_print(out, awaited->name);
}

static void print_peer(FILE *out, const struct ad_snapshot *snapshot, uint32_t task)
{
    const struct ad_future *awaited = ad_task_future(snapshot, task_at(snapshot, task));
    if (awaited && awaited->peer)
        ad_escape_print(out, awaited->peer);
}

static void print_spawn(FILE *out, const struct ad_snapshot *snapshot, uint32_t index)
{
    const struct ad_task *task = task_at(snapshot, index);
    struct ad_stack_line line;
    if (task->spawn_site.file) {
        ad_escape_print(out, task->spawn_site.file);
        fprintf(out, ":%" PRIu32, task->spawn_site.line);
    } else if (task->spawn_location < snapshot->locations.count) {
        ad_location_line(snapshot, &AD_ITEMS(struct ad_location, &snapshot->locations)[task->spawn_location], 0,
                         &line);
        ad_print_line_short(out, &line);
    }
}

static void print_start(FILE *out, const struct ad_snapshot *snapshot, uint32_t index)
{
    const struct ad_task *task = task_at(snapshot, index);
    struct ad_stack_line line;
    if (task->start_location >= snapshot->locations.count)
        return;
    ad_location_line(snapshot, &AD_ITEMS(struct ad_location, &snapshot->locations)[task->start_location], 0,
                     &line);
    ad_print_line_short(out, &line);
}

static void print_error(FILE *out, const struct ad_snapshot *snapshot, uint32_t index)
{
    const struct ad_task *task = task_at(snapshot, index);
    if (task->error_text && *task->error_text)
        ad_escape_print(out, task->error_text);
    else if (task->error)
        ad_print_error_code(out, task->error);
}

static void print_cancel(FILE *out, const struct ad_snapshot *snapshot, uint32_t index)
{
    static const char *const words[] = {"", "requested", "delivered", "swallowed"};
    enum async_debug_cancel_state state = task_at(snapshot, index)->cancel_state;
    fputs(state < sizeof(words) / sizeof(*words) ? words[state] : "unknown", out);
}

static void print_runtime(FILE *out, const struct ad_snapshot *snapshot, uint32_t index)
{
    uint32_t runtime = task_at(snapshot, index)->runtime;
    if (runtime < snapshot->runtimes.count)
        ad_escape_print(out, AD_ITEMS(struct ad_runtime, &snapshot->runtimes)[runtime].name);
}

/* ---- The table ---- */

static uint64_t age(const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    return ad_task_age(snapshot, task);
}

static const struct ad_field fields[] = {
    {"id", AD_FIELD_NUMBER, id, NULL},
    {"name", AD_FIELD_TEXT, NULL, print_name},
    {"state", AD_FIELD_STATE, NULL, print_state},
    {"age", AD_FIELD_DURATION, age, NULL},
    {"wait", AD_FIELD_TEXT, NULL, ad_describe_wait},
    {"kind", AD_FIELD_TEXT, NULL, print_kind},
    {"object", AD_FIELD_TEXT, NULL, print_object},
    {"owner", AD_FIELD_OWNERS, NULL, NULL},
    {"fd", AD_FIELD_NUMBER, fd, NULL},
    {"peer", AD_FIELD_TEXT, NULL, print_peer},
    {"timeout", AD_FIELD_DURATION, timeout, NULL},
    {"frame", AD_FIELD_FRAMES, NULL, NULL},
    {"file", AD_FIELD_FILES, NULL, NULL},
    {"start", AD_FIELD_TEXT, NULL, print_start},
    {"spawn", AD_FIELD_TEXT, NULL, print_spawn},
    {"parent", AD_FIELD_NUMBER, parent, NULL},
    {"worker", AD_FIELD_NUMBER, worker, NULL},
    {"life", AD_FIELD_DURATION, life, NULL},
    {"resumes", AD_FIELD_NUMBER, resumes, NULL},
    {"cpu", AD_FIELD_DURATION, cpu, NULL},
    {"longest_step", AD_FIELD_DURATION, longest_step, NULL},
    {"stack_size", AD_FIELD_NUMBER, stack_size, NULL},
    {"stack_used", AD_FIELD_NUMBER, stack_used, NULL},
    {"cancel", AD_FIELD_TEXT, NULL, print_cancel},
    {"error", AD_FIELD_TEXT, NULL, print_error},
    {"runtime", AD_FIELD_TEXT, NULL, print_runtime},
    {"address", AD_FIELD_ADDRESS, address, NULL},
    {"future", AD_FIELD_ADDRESS, future, NULL},
    {"detached", AD_FIELD_FLAG, is_detached, NULL},
    {"shielded", AD_FIELD_FLAG, is_shielded, NULL},
    {"system", AD_FIELD_FLAG, is_system, NULL},
    {"torn", AD_FIELD_FLAG, is_torn, NULL},
};

static const struct ad_field label_field = {"label", AD_FIELD_TEXT, NULL, NULL};

const struct ad_field *ad_field_at(size_t number)
{
    return number < sizeof(fields) / sizeof(*fields) ? &fields[number] : NULL;
}

static bool find_label(const char *name, size_t length, struct ad_field_name *name_ret)
{
    size_t prefix = strlen(LABEL);
    if (length <= prefix || length - prefix >= AD_FIELD_KEY_MAX || memcmp(name, LABEL, prefix) != 0)
        return false;
    *name_ret = (struct ad_field_name){.field = &label_field};
    memcpy(name_ret->key, name + prefix, length - prefix);
    return true;
}

bool ad_field_find(const char *name, size_t length, struct ad_field_name *name_ret)
{
    const struct ad_field *field;
    for (size_t i = 0; (field = ad_field_at(i)); i++) {
        if (strlen(field->name) != length || memcmp(field->name, name, length) != 0)
            continue;
        *name_ret = (struct ad_field_name){.field = field};
        return true;
    }
    return find_label(name, length, name_ret);
}

void ad_field_print_names(FILE *out)
{
    const struct ad_field *field;
    for (size_t i = 0; (field = ad_field_at(i)); i++)
        fprintf(out, "%s%s", i ? ", " : "", field->name);
    fputs(" and " LABEL "K for a label K", out);
}

bool ad_field_is_state(const char *word)
{
    for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++)
        if (strcmp(states[i], word) == 0)
            return true;
    return false;
}

void ad_field_print_states(FILE *out)
{
    for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++)
        fprintf(out, "%s%s", i ? ", " : "", states[i]);
}

bool ad_field_is_text(const struct ad_field *field)
{
    return field->type >= AD_FIELD_STATE && field->type != AD_FIELD_OWNERS;
}

bool ad_field_is_several(const struct ad_field *field)
{
    return field->type >= AD_FIELD_FRAMES;
}

/* ---- Values ---- */

uint64_t ad_field_number(const struct ad_field_name *name, const struct ad_snapshot *snapshot, uint32_t task)
{
    return name->field->number(snapshot, task_at(snapshot, task));
}

static void print_label(FILE *out, const struct ad_snapshot *snapshot, uint32_t task, const char *key)
{
    const struct ad_task_extra *extra = ad_task_extra(snapshot, task_at(snapshot, task));
    const struct ad_label *labels = snapshot->labels.items;
    uint64_t end = (uint64_t)extra->first_label + extra->label_count;
    for (uint64_t i = extra->first_label; i < end && i < snapshot->labels.count; i++) {
        if (strcmp(labels[i].key, key) != 0)
            continue;
        ad_escape_print(out, labels[i].value);
        return;
    }
}

const char *ad_field_text(const struct ad_field_name *name, const struct ad_snapshot *snapshot, uint32_t task,
                          char *buffer)
{
    FILE *out = fmemopen(buffer, AD_FIELD_TEXT_MAX, "w");
    buffer[0] = '\0';
    if (!out)
        return buffer;
    if (name->field == &label_field)
        print_label(out, snapshot, task, name->key);
    else
        name->field->print(out, snapshot, task);
    fclose(out);
    buffer[AD_FIELD_TEXT_MAX - 1] = '\0';
    return buffer;
}

bool ad_task_owner(const struct ad_snapshot *snapshot, const struct ad_task *task, uint32_t number,
                   uint32_t *owner_ret)
{
    const struct ad_future *awaited = ad_task_future(snapshot, task);
    *owner_ret = awaited ? awaited->owner : AD_NONE;
    if (!awaited || !awaited->holder_count)
        return awaited && !number;
    uint64_t index = (uint64_t)awaited->first_holder + number;
    if (number >= awaited->holder_count || index >= snapshot->holders.count)
        return false;
    *owner_ret = AD_ITEMS(struct ad_holder, &snapshot->holders)[index].task;
    return true;
}

const char *ad_field_line(const struct ad_field *field, const struct ad_line *line, char *buffer)
{
    if (field->type == AD_FIELD_FRAMES)
        return ad_escape(buffer, AD_FIELD_TEXT_MAX, line ? line->function : NULL);
    ad_escape(buffer, AD_FIELD_TEXT_MAX - 16, line ? line->file : NULL);
    if (*buffer)
        sprintf(buffer + strlen(buffer), ":%" PRIu32, line->line);
    return buffer;
}

static void print_owners(FILE *out, const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    const char *separator = "";
    uint32_t owner;
    for (uint32_t i = 0; ad_task_owner(snapshot, task, i, &owner); i++) {
        if (owner >= snapshot->tasks.count)
            continue;
        fprintf(out, "%s%" PRIu32, separator, task_at(snapshot, owner)->id);
        separator = " ";
    }
}

static void print_lines(FILE *out, const struct ad_field *field, const struct ad_snapshot *snapshot,
                        const struct ad_task *task)
{
    const char *separator = "";
    char buffer[AD_FIELD_TEXT_MAX];
    struct ad_stack_walk walk;
    struct ad_stack_line line;
    ad_stack_walk_init(&walk, snapshot, task->stack);
    while (ad_stack_walk_next(&walk, &line)) {
        if (line.hidden)
            continue;
        fprintf(out, "%s%s", separator, ad_field_line(field, line.line, buffer));
        separator = " ";
    }
}

void ad_field_print(FILE *out, const struct ad_field_name *name, const struct ad_snapshot *snapshot,
                    uint32_t task)
{
    char buffer[AD_FIELD_TEXT_MAX];
    if (name->field->type == AD_FIELD_OWNERS) {
        print_owners(out, snapshot, task_at(snapshot, task));
        return;
    }
    if (ad_field_is_several(name->field)) {
        print_lines(out, name->field, snapshot, task_at(snapshot, task));
        return;
    }
    if (ad_field_is_text(name->field)) {
        fputs(ad_field_text(name, snapshot, task, buffer), out);
        return;
    }
    uint64_t number = ad_field_number(name, snapshot, task);
    if (number != UNKNOWN)
        fprintf(out, name->field->type == AD_FIELD_ADDRESS ? "0x%" PRIx64 : "%" PRIu64, number);
}
