/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "dump/serve_internal.h"
#include "report/describe.h"
#include "report/escape.h"
#include "report/stack.h"
#include "report/words.h"
#include "target/registers.h"

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

/* Adds a member; a NULL value stands for no memory and makes the whole object NULL. */
static void put(json_t **object, const char *name, json_t *value)
{
    if (*object && json_object_set_new(*object, name, value) == 0)
        return;
    json_decref(*object);
    *object = NULL;
}

static json_t *brief(const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    json_t *object = json_object();
    put(&object, "id", number(task->id));
    put(&object, "name", ad_serve_text(task->name));
    put(&object, "state", ad_serve_text(ad_task_state_word(snapshot, task)));
    return object;
}

struct ad_error *ad_serve_tasks(struct ad_session *session, const json_t *request, json_t **answer_ret)
{
    (void)request;
    const struct ad_snapshot *snapshot = session->dump->snapshot;
    json_t *list = json_array(), *answer = json_object();
    bool whole = list && answer;
    for (uint32_t i = 0; whole && i < snapshot->tasks.count; i++)
        whole = json_array_append_new(list, brief(snapshot, ad_snapshot_task(snapshot, i))) == 0;
    put(&answer, "tasks", list);
    if (!whole)
        json_decref(ad_take(answer));
    *answer_ret = answer;
    return answer ? NULL : &ad_error_nomem;
}

/* ---- One task -------------------------------------------------------------------------------------------- */

/* The debugger knows names as they were sent to it: escaped. */
static bool is_called(const struct ad_task *task, const char *name)
{
    char escaped[AD_ESCAPE_MAX];
    return strcmp(task->name, name) == 0 || strcmp(ad_escape(escaped, sizeof(escaped), task->name), name) == 0;
}

static struct ad_error *find_named(const struct ad_snapshot *snapshot, const char *name, uint32_t *index_ret)
{
    *index_ret = AD_NONE;
    for (uint32_t i = 0; i < snapshot->tasks.count; i++) {
        if (!is_called(ad_snapshot_task(snapshot, i), name))
            continue;
        if (*index_ret != AD_NONE)
            return ad_error_create(AD_ERROR_USAGE, "several tasks are called \"%s\", such as #%u and #%u: use an id",
                                   name, ad_snapshot_task(snapshot, *index_ret)->id,
                                   ad_snapshot_task(snapshot, i)->id);
        *index_ret = i;
    }
    return *index_ret != AD_NONE ? NULL : ad_error_create(AD_ERROR_USAGE, "no task \"%s\"", name);
}

static struct ad_error *find_task(const struct ad_snapshot *snapshot, const json_t *request, uint32_t *index_ret)
{
    const json_t *id = json_object_get(request, "id");
    const char *name = json_string_value(json_object_get(request, "name"));
    json_int_t value = json_integer_value(id);
    *index_ret = AD_NONE;
    if (name)
        return find_named(snapshot, name, index_ret);
    if (!json_is_integer(id))
        return ad_error_create(AD_ERROR_USAGE, "neither \"id\" nor \"name\" says which task");
    if (value > 0 && value < AD_NONE)
        *index_ret = ad_snapshot_find_id(snapshot, (uint32_t)value);
    if (*index_ret != AD_NONE)
        return NULL;
    return ad_error_create(AD_ERROR_USAGE, "no task %" JSON_INTEGER_FORMAT, value);
}

/* The thread that a running task is on. */
static json_t *running_thread(const struct ad_snapshot *snapshot, uint32_t index)
{
    const struct ad_task *task = ad_snapshot_task(snapshot, index);
    for (uint32_t i = 0; task->state == ASYNC_DEBUG_STATE_RUNNING && i < snapshot->workers.count; i++) {
        const struct ad_worker *worker = ad_snapshot_worker(snapshot, i);
        if (worker->current == index && worker->thread != AD_NONE)
            return number((uint64_t)worker->thread_id);
    }
    return json_null();
}

static json_t *registers(const struct ad_registers *values)
{
    json_t *object = json_object();
    for (unsigned i = 0; i < AD_REG_COUNT; i++)
        if (values->valid & 1u << i)
            put(&object, ad_register_names[i], number(values->value[i]));
    return object;
}

static json_t *stack_line(const struct ad_stack_line *line)
{
    json_t *object = json_object();
    put(&object, "function", ad_serve_text(line->line ? line->line->function : NULL));
    put(&object, "file", ad_serve_text(line->line ? line->line->file : NULL));
    put(&object, "line", number(line->line ? line->line->line : 0));
    put(&object, "pc", number(line->location->pc));
    put(&object, "hidden", json_boolean(line->hidden));
    put(&object, "inlined", json_boolean(line->line && line->line->inlined));
    put(&object, "exact", json_boolean(line->location->interrupted));
    return object;
}

static json_t *stack(const struct ad_snapshot *snapshot, uint32_t index)
{
    struct ad_stack_walk walk;
    struct ad_stack_line line;
    json_t *list = json_array();
    ad_stack_walk_init(&walk, snapshot, index);
    while (list && ad_stack_walk_next(&walk, &line)) {
        if (json_array_append_new(list, stack_line(&line)) == 0)
            continue;
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *summary(const struct ad_snapshot *snapshot, uint32_t index)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    ad_describe_wait(out, snapshot, index);
    json_t *json = fclose(out) == 0 ? json_stringn(text, size) : NULL;
    free(text);
    return json;
}

static json_t *stack_end(const struct ad_snapshot *snapshot, uint32_t index)
{
    bool is = index < snapshot->stacks.count;
    return ad_serve_text(is ? AD_ITEMS(struct ad_stack, &snapshot->stacks)[index].end_text : "no stack was read");
}

struct ad_error *ad_serve_task(struct ad_session *session, const json_t *request, json_t **answer_ret)
{
    const struct ad_snapshot *snapshot = session->dump->snapshot;
    uint32_t index = AD_NONE;
    AD_TRY(find_task(snapshot, request, &index));
    const struct ad_task *task = ad_snapshot_task(snapshot, index);
    const struct ad_runtime *runtime = &AD_ITEMS(struct ad_runtime, &snapshot->runtimes)[task->runtime];
    json_t *answer = brief(snapshot, task);
    put(&answer, "address", number(task->address));
    put(&answer, "running_thread", running_thread(snapshot, index));
    put(&answer, "bridge", number(runtime->bridge));
    const struct ad_registers *saved = ad_snapshot_registers(snapshot, index);
    put(&answer, "context", number(saved->valid ? task->context : 0)); /* else it is stale */
    put(&answer, "registers", registers(saved));
    put(&answer, "entry_low", number(runtime->entry_low));
    put(&answer, "entry_high", number(runtime->entry_high));
    put(&answer, "summary", summary(snapshot, index));
    put(&answer, "stack", stack(snapshot, task->stack));
    put(&answer, "stack_end", stack_end(snapshot, task->stack));
    put(&answer, "unbegun", json_boolean(ad_task_unbegun(snapshot, task)));
    *answer_ret = answer;
    return answer ? NULL : &ad_error_nomem;
}
