/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "dump/serve_internal.h"
#include "target/core.h"
#include "target/registers.h"

/* The text of an optional member; null and absent are NULL. */
static struct ad_error *get_text(const json_t *object, const char *name, const char **text_ret)
{
    const json_t *member = json_object_get(object, name);
    *text_ret = json_string_value(member);
    if (!member || json_is_null(member) || *text_ret)
        return NULL;
    return ad_error_create(AD_ERROR_USAGE, "\"%s\" is not a text", name);
}

static struct ad_error *get_id(const json_t *object, const char *name, pid_t *id_ret)
{
    const json_t *member = json_object_get(object, name);
    json_int_t value = json_integer_value(member);
    *id_ret = (pid_t)value;
    if (json_is_integer(member) && value > 0 && value <= INT_MAX)
        return NULL;
    return ad_error_create(AD_ERROR_USAGE, "\"%s\" is not the number of a process or thread", name);
}

static void read_registers(const json_t *object, struct ad_registers *registers)
{
    for (unsigned i = 0; i < AD_REG_COUNT; i++) {
        const json_t *value = json_object_get(object, ad_register_names[i]);
        if (json_is_integer(value))
            ad_registers_set(registers, i, (uint64_t)json_integer_value(value));
    }
}

static struct ad_error *read_thread(const json_t *object, struct ad_thread *thread)
{
    const char *name;
    *thread = (struct ad_thread){.system_call = UINT64_MAX};
    AD_TRY(get_id(object, "tid", &thread->tid));
    AD_TRY(get_text(object, "name", &name));
    if (name)
        memcpy(thread->name, name, strnlen(name, sizeof(thread->name) - 1));
    read_registers(json_object_get(object, "registers"), &thread->registers);
    const json_t *call = json_object_get(object, "system_call");
    if (json_is_integer(call) && json_integer_value(call) >= 0)
        thread->system_call = (uint64_t)json_integer_value(call);
    return NULL;
}

static struct ad_error *read_threads(const json_t *list, const struct ad_limits *limits,
                                     struct ad_vector *threads)
{
    size_t count = json_array_size(list);
    if (count > limits->threads)
        return ad_error_create(AD_ERROR_LIMIT, "%zu threads are more than the limit", count);
    for (size_t i = 0; i < count; i++) {
        struct ad_thread thread;
        AD_TRY(read_thread(json_array_get(list, i), &thread));
        AD_TRY(ad_vector_push(threads, &thread));
    }
    return NULL;
}

static struct ad_error *open_process(struct ad_session *session, const json_t *object,
                                     const struct ad_limits *limits, struct ad_target **target_ret)
{
    ad_cleanup(ad_vector_deinit) struct ad_vector threads = AD_VECTOR(struct ad_thread);
    struct ad_pipe_process process = {0};
    AD_TRY(get_id(object, "pid", &process.pid));
    AD_TRY(get_text(object, "command", &process.command));
    AD_TRY(get_text(object, "executable", &process.executable));
    AD_TRY(get_text(object, "maps", &process.maps));
    AD_TRY(read_threads(json_object_get(object, "threads"), limits, &threads));
    process.threads = threads.items;
    process.thread_count = threads.count;
    return ad_pipe_open(&session->pipe, &process, limits, target_ret);
}

/* The request's texts are good until it is answered. */
static struct ad_error *open_target(struct ad_session *session, const json_t *request,
                                    struct ad_dump_options *options, struct ad_target **target_ret)
{
    const json_t *process = json_object_get(request, "process");
    const char *core;
    AD_TRY(get_text(request, "core", &core));
    AD_TRY(get_text(core ? request : process, "executable", &options->modules.executable));
    if (core)
        return ad_core_open(core, &options->limits, target_ret);
    if (json_is_object(process))
        return open_process(session, process, &options->limits, target_ret);
    return ad_error_create(AD_ERROR_USAGE, "neither \"core\" nor \"process\" says what to open");
}

struct ad_error *ad_serve_open(struct ad_session *session, const json_t *request, json_t **answer_ret)
{
    struct ad_target *target;
    ad_dump_destroy(ad_take(session->dump));
    session->options = (struct ad_dump_options){.limits = ad_limits_default, .registers = true};
    AD_TRY(open_target(session, request, &session->options, &target));
    AD_TRY(ad_dump_create(target, &session->options, &session->dump));
    *answer_ret =
        json_pack("{s:b, s:i}", "ok", 1, "status", ad_snapshot_exit_status(session->dump->snapshot));
    return *answer_ret ? NULL : &ad_error_nomem;
}
