/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "report/json_internal.h"
#include "report/system_call.h"
#include "report/words.h"

/* Of a thread that the target has; null: it is in none, or nobody knows. */
static json_t *system_call_of(const struct ad_snapshot *snapshot, uint32_t thread)
{
    if (thread >= snapshot->threads.count)
        return json_null();
    uint64_t number = AD_ITEMS(struct ad_thread_state, &snapshot->threads)[thread].thread.system_call;
    const char *name = ad_system_call_name(number);
    return name ? json_string(name) : ad_json_number(number);
}

/* Null: it is in none. */
static json_t *arguments_of(const struct ad_thread *thread)
{
    uint64_t value;
    json_t *list = thread && thread->system_call != UINT64_MAX ? json_array() : json_null();
    for (unsigned i = 0; json_is_array(list) && ad_system_call_argument(thread, i, &value); i++)
        list = ad_json_append(list, ad_json_address(value));
    return list;
}

/* What a worker and a thread say of the call that they are in; joined with `basics`. */
static json_t *join_system_call(json_t *basics, const struct ad_snapshot *snapshot, uint32_t thread)
{
    const struct ad_thread_state *states = snapshot->threads.items;
    const struct ad_thread *at = thread < snapshot->threads.count ? &states[thread].thread : NULL;
    int fd = at ? ad_system_call_fd(at) : -1;
    json_t *call = json_pack("{so so so}", "system_call", system_call_of(snapshot, thread), "system_call_fd",
                             fd < 0 ? json_null() : json_integer(fd), "system_call_arguments", arguments_of(at));
    return ad_json_join(basics, call);
}

json_t *ad_json_worker_object(const struct ad_snapshot *snapshot, const struct ad_worker *worker)
{
    static const char *const words[] = {"unknown", "polling", "loop", "task", "ended"};
    json_t *basics = json_pack("{sI so so ss si so so so so so}", "id", (json_int_t)worker->id, "name",
                     ad_json_text(worker->name), "state", ad_json_text(worker->state_name), "state_class",
                     words[worker->state <= ASYNC_DEBUG_WORKER_STATE_ENDED ? worker->state : 0], "thread",
                     (int)worker->thread_id, "current", ad_json_task(snapshot, worker->current), "ready",
                     ad_json_number(worker->ready_count), "timers", ad_json_number(worker->timer_count),
                     "last_tick_ns", ad_json_age(snapshot, worker->last_tick), "ticks",
                     ad_json_number(worker->ticks));
    json_t *more = json_pack("{so so so so so}", "inbox", ad_json_number(worker->inbox_count), "switches",
                             ad_json_number(worker->switches), "next_timer_ns",
                             ad_json_time_left(snapshot, worker->next_timer), "tasks",
                             ad_json_number(worker->tasks_alive), "loop", ad_json_pointer(worker->loop));
    return join_system_call(ad_json_join(basics, more), snapshot, worker->thread);
}

json_t *ad_json_thread(const struct ad_snapshot *snapshot, const struct ad_thread_state *state)
{
    char name[sizeof(state->thread.name) + 1] = "";
    memcpy(name, state->thread.name, sizeof(state->thread.name));
    uint32_t index = (uint32_t)(state - AD_ITEMS(struct ad_thread_state, &snapshot->threads));
    pid_t own_tid = state->thread.own_tid ? state->thread.own_tid : state->thread.tid;
    json_t *basics = json_pack("{si si so so sb}", "tid", (int)state->thread.tid, "own_tid", (int)own_tid, "name",
                               ad_json_text(name), "worker", ad_json_worker(snapshot, state->worker), "crashed",
                               state->thread.crashed);
    return join_system_call(basics, snapshot, index);
}

json_t *ad_json_loss(const struct ad_loss *loss)
{
    return json_pack("{so so sb}", "what", ad_json_text(loss->what), "count", ad_json_number(loss->count),
                     "partial", loss->partial);
}

static json_t *runtime_object(const struct ad_snapshot *snapshot, const struct ad_runtime *runtime)
{
    json_t *basics = json_pack("{so so so so so sb}", "name", ad_json_text(runtime->name), "version",
                     ad_json_text(runtime->version), "found_by", ad_json_text(runtime->found_by),
                     "tasks_declared", ad_json_number(runtime->tasks_declared), "tasks_read",
                     ad_json_number(runtime->tasks_read), "changing", runtime->changing);
    json_t *more = json_pack("{so so sI so so so so}", "tasks_spawned", ad_json_number(runtime->tasks_spawned),
                             "tasks_finished", ad_json_number(runtime->tasks_finished), "debug_flags",
                             (json_int_t)(runtime->debug_flags & INT64_MAX), "slow_step_ns",
                             ad_json_nonzero(runtime->slow_step), "started_ns",
                             ad_json_age(snapshot, runtime->started_at), "pid",
                             ad_json_nonzero((uint64_t)runtime->pid), "history_count",
                             ad_json_nonzero(runtime->history_count));
    return ad_json_join(basics, more);
}

static json_t *runtimes_of(const struct ad_snapshot *snapshot)
{
    json_t *runtimes = json_array();
    for (size_t i = 0; runtimes && i < snapshot->runtimes.count; i++)
        runtimes = ad_json_append(
            runtimes, runtime_object(snapshot, &AD_ITEMS(struct ad_runtime, &snapshot->runtimes)[i]));
    return runtimes;
}

json_t *ad_json_target(const struct ad_snapshot *snapshot)
{
    static const char *const kinds[] = {"core", "live", "debugger", "fake"};
    const char *signal = snapshot->signal ? sigabbrev_np(snapshot->signal) : NULL;
    char signal_name[32] = "";
    if (signal)
        snprintf(signal_name, sizeof(signal_name), "SIG%s", signal);
    return json_pack(
        "{so ss so so so so so so so so so sI so}", "description", ad_json_text(snapshot->description), "kind",
        kinds[snapshot->kind], "pid", ad_json_nonzero((uint64_t)snapshot->pid), "command",
        ad_json_text(snapshot->command), "executable", ad_json_text(snapshot->executable), "build_id",
        ad_json_text(snapshot->build_id_state), "signal", ad_json_nonzero((uint64_t)snapshot->signal),
        "signal_name", ad_json_text(signal_name), "time_ns", ad_json_nonzero(snapshot->realtime), "now_ns",
        ad_json_nonzero(snapshot->now), "stop_note", ad_json_text(snapshot->stop_note), "tasks_read",
        (json_int_t)snapshot->tasks.count, "runtimes", runtimes_of(snapshot));
}

json_t *ad_json_tally(const struct ad_tally *tally)
{
    return json_pack("{sI sI sI sI sI sI sI sI}", "outside", (json_int_t)tally->outside, "inside",
                     (json_int_t)tally->inside, "sleeping", (json_int_t)tally->sleeping, "ready",
                     (json_int_t)tally->ready, "running", (json_int_t)tally->running, "ended",
                     (json_int_t)tally->ended, "timed", (json_int_t)tally->timed, "system",
                     (json_int_t)tally->system);
}

/* ---- What a runtime keeps beside its tasks ---- */

/* Both times must be known. */
static json_t *life_of(const struct ad_finished *finished)
{
    bool known = finished->spawned_at && finished->finished_at >= finished->spawned_at;
    return known ? ad_json_number(finished->finished_at - finished->spawned_at) : json_null();
}

json_t *ad_json_finished(const struct ad_snapshot *snapshot, const struct ad_finished *finished)
{
    const struct ad_task task = {.state = finished->state, .future = AD_NONE};
    json_t *basics = json_pack("{so so so ss so so}", "id", ad_json_number(finished->native_id), "name",
                               ad_json_text(finished->name), "state", ad_json_text(finished->state_name),
                               "state_class", ad_task_state_word(snapshot, &task), "start",
                               ad_json_location(snapshot, finished->start_location), "parent",
                               ad_json_nonzero(finished->parent_id));
    json_t *more = json_pack(
        "{so so so so so so so}", "spawn_site", ad_json_place(&finished->spawn_site), "age_ns",
        ad_json_age(snapshot, finished->finished_at), "life_ns", life_of(finished), "error",
        ad_json_error(finished->error, finished->error_text, NULL), "resumes", ad_json_number(finished->resumes),
        "cpu_ns", ad_json_number(finished->cpu_time), "flags", ad_json_flags(finished->flags));
    return ad_json_join(basics, more);
}

json_t *ad_json_handle(const struct ad_snapshot *snapshot, const struct ad_handle *handle)
{
    return json_pack("{so so so so so so so}", "kind", ad_json_text(handle->kind), "name",
                     ad_json_text(handle->name), "fd", handle->fd >= 0 ? json_integer(handle->fd) : json_null(),
                     "site", ad_json_place(&handle->site), "task", ad_json_nonzero(handle->task_id), "age_ns",
                     ad_json_age(snapshot, handle->opened_at), "address", ad_json_address(handle->address));
}

json_t *ad_json_function(const struct ad_snapshot *snapshot, const struct ad_function *function)
{
    return json_pack("{so so so so so so so so so}", "start",
                     ad_json_location(snapshot, function->start_location), "spawned",
                     ad_json_number(function->spawned), "finished", ad_json_number(function->finished),
                     "failed", ad_json_number(function->failed), "resumes", ad_json_number(function->resumes),
                     "cpu_ns", ad_json_number(function->cpu_time), "wall_ns",
                     ad_json_number(function->wall_time), "longest_step_ns",
                     ad_json_number(function->longest_step), "longest_task",
                     ad_json_nonzero(function->longest_task));
}
