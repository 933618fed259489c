/* SPDX-License-Identifier: MIT */
#include "descriptor.h"

#include <elf.h>

#include "async.h"
#include "change.h"
#include "counters.h"
#include "diagnose.h"
#include "handle.h"
#include "label.h"
#include "history.h"
#include "machine.h"
#include "process.h"
#include "switch.h"
#include "worker.h"

ASYNC_DEBUG_NOTE(async_debug_descriptor);

#define FIELD ASYNC_DEBUG_FIELD
#define RECORD(type, kind, magic_)                                                                           \
    .size = sizeof(type), .field_count = ASYNC_DEBUG_##kind##_FIELD_COUNT, .magic = (magic_)
#define NAME(text_, meaning_)                                                                                \
    {                                                                                                        \
        .text = text_, .meaning = ASYNC_DEBUG_##meaning_                                                     \
    }

/* A site's text runs on behind the struct, for as long as readers may look. */
#define SITE_TEXT 256

/* clang-format off */
__attribute__((used, visibility("default"))) struct async_debug_descriptor async_debug_descriptor = {
    .magic = ASYNC_DEBUG_MAGIC,
    .abi = ASYNC_DEBUG_ABI,
    .size = sizeof(struct async_debug_descriptor),
    .machine = ASYNC_MACHINE,
    .word_size = sizeof(void *),
    .byte_order = ELFDATA2LSB,
    .runtime = "libasyncrt",
    .runtime_version = ASYNCRT_VERSION,
    .hidden_prefixes = "async_ uv_ uv__",

    .register_count = ASYNC_MACHINE_REGISTER_COUNT,
    .registers = ASYNC_MACHINE_REGISTERS,

    .task_states = {
        [ASYNC_TASK_FREE] = NAME("free", STATE_NONE),
        [ASYNC_TASK_READY] = NAME("ready", STATE_READY),
        [ASYNC_TASK_RUNNING] = NAME("running", STATE_RUNNING),
        [ASYNC_TASK_WAITING] = NAME("waiting", STATE_WAITING),
        [ASYNC_TASK_RETURNED] = NAME("returned", STATE_RETURNED),
        [ASYNC_TASK_FAILED] = NAME("failed", STATE_FAILED),
        [ASYNC_TASK_CANCELLED] = NAME("cancelled", STATE_CANCELLED),
    },
    .future_states = {
        [ASYNC_FUTURE_PENDING] = NAME("pending", FUTURE_STATE_PENDING),
        [ASYNC_FUTURE_RESOLVED] = NAME("resolved", FUTURE_STATE_RESOLVED),
        [ASYNC_FUTURE_FAILED] = NAME("failed", FUTURE_STATE_FAILED),
        [ASYNC_FUTURE_OPEN] = NAME("open", FUTURE_STATE_PENDING),
        [ASYNC_FUTURE_CLOSED] = NAME("closed", FUTURE_STATE_CLOSED),
        [ASYNC_FUTURE_FREE] = NAME("free", FUTURE_STATE_RESOLVED),
        [ASYNC_FUTURE_HELD] = NAME("held", FUTURE_STATE_PENDING),
        [ASYNC_FUTURE_CANCELLED] = NAME("cancelled", FUTURE_STATE_CANCELLED),
        [ASYNC_FUTURE_QUEUED] = NAME("queued", FUTURE_STATE_PENDING),
        [ASYNC_FUTURE_RUNNING] = NAME("running", FUTURE_STATE_PENDING),
    },
    .worker_states = {
        [ASYNC_WORKER_POLLING] = NAME("polling", WORKER_STATE_POLLING),
        [ASYNC_WORKER_LOOP] = NAME("loop", WORKER_STATE_LOOP),
        [ASYNC_WORKER_TASK] = NAME("task", WORKER_STATE_TASK),
    },
    .future_kinds = {
        [ASYNC_FUTURE_TIMER] = NAME("timer", KIND_TIMER),
        [ASYNC_FUTURE_READ] = NAME("read", KIND_READ),
        [ASYNC_FUTURE_WRITE] = NAME("write", KIND_WRITE),
        [ASYNC_FUTURE_ACCEPT] = NAME("accept", KIND_ACCEPT),
        [ASYNC_FUTURE_CONNECT] = NAME("connect", KIND_CONNECT),
        [ASYNC_FUTURE_CLOSE] = NAME("close", KIND_CLOSE),
        [ASYNC_FUTURE_MUTEX] = NAME("mutex", KIND_MUTEX),
        [ASYNC_FUTURE_CHANNEL_SEND] = NAME("channel send", KIND_CHANNEL_SEND),
        [ASYNC_FUTURE_CHANNEL_RECEIVE] = NAME("channel receive", KIND_CHANNEL_RECEIVE),
        [ASYNC_FUTURE_JOIN] = NAME("join", KIND_JOIN),
        [ASYNC_FUTURE_PROMISE] = NAME("promise", KIND_PROMISE),
        [ASYNC_FUTURE_GROUP] = NAME("group", KIND_GROUP),
        [ASYNC_FUTURE_ALL] = NAME("all", KIND_ALL),
        [ASYNC_FUTURE_SELECT] = NAME("select", KIND_SELECT),
        [ASYNC_FUTURE_RWLOCK_READ] = NAME("rwlock read", KIND_RWLOCK_READ),
        [ASYNC_FUTURE_RWLOCK_WRITE] = NAME("rwlock write", KIND_RWLOCK_WRITE),
        [ASYNC_FUTURE_SEMAPHORE] = NAME("semaphore", KIND_SEMAPHORE),
        [ASYNC_FUTURE_CONDITION] = NAME("condition", KIND_CONDITION),
        [ASYNC_FUTURE_EVENT] = NAME("event", KIND_EVENT),
        [ASYNC_FUTURE_WORK] = NAME("work", KIND_WORK),
        [ASYNC_FUTURE_DNS] = NAME("dns", KIND_DNS),
        [ASYNC_FUTURE_FILE] = NAME("file", KIND_FILE),
        [ASYNC_FUTURE_SIGNAL] = NAME("signal", KIND_SIGNAL),
        [ASYNC_FUTURE_PROCESS] = NAME("process", KIND_PROCESS),
        [ASYNC_FUTURE_RECEIVE] = NAME("receive", KIND_READ),
        [ASYNC_FUTURE_SEND] = NAME("send", KIND_WRITE),
    },

    .records = {
        [ASYNC_DEBUG_PROCESS] = {
            RECORD(struct async_process, PROCESS, ASYNC_PROCESS_MAGIC),
            .field = {
                [ASYNC_DEBUG_PROCESS_WORKERS] = FIELD(struct async_process, workers, POINTER),
                [ASYNC_DEBUG_PROCESS_WORKER_COUNT] = FIELD(struct async_process, worker_count, UNSIGNED),
                [ASYNC_DEBUG_PROCESS_TASKS_ALIVE] = FIELD(struct async_process, tasks_alive, UNSIGNED),
                [ASYNC_DEBUG_PROCESS_TASKS_SPAWNED] = FIELD(struct async_process, tasks_spawned, UNSIGNED),
                [ASYNC_DEBUG_PROCESS_TASKS_FINISHED] = FIELD(struct async_process, tasks_finished, UNSIGNED),
                [ASYNC_DEBUG_PROCESS_CHANGES] = FIELD(struct async_process, changes.count, UNSIGNED),
                [ASYNC_DEBUG_PROCESS_DEBUG_FLAGS] = FIELD(struct async_process, debug_flags, UNSIGNED),
                [ASYNC_DEBUG_PROCESS_TICK_INTERVAL] = FIELD(struct async_process, tick_interval, UNSIGNED),
                [ASYNC_DEBUG_PROCESS_HANDLES] = FIELD(struct async_process, handles, POINTER),
                [ASYNC_DEBUG_PROCESS_HISTORY] = FIELD(struct async_process, history, POINTER),
                [ASYNC_DEBUG_PROCESS_HISTORY_CAPACITY] = FIELD(struct async_process, history_capacity, UNSIGNED),
                [ASYNC_DEBUG_PROCESS_HISTORY_COUNT] = FIELD(struct async_process, history_count, UNSIGNED),
                [ASYNC_DEBUG_PROCESS_SLOW_STEP] = FIELD(struct async_process, slow_step, UNSIGNED),
                [ASYNC_DEBUG_PROCESS_FUNCTIONS] = FIELD(struct async_process, functions, POINTER),
                [ASYNC_DEBUG_PROCESS_STARTED_AT] = FIELD(struct async_process, started_at, UNSIGNED),
                [ASYNC_DEBUG_PROCESS_PID] = FIELD(struct async_process, pid, SIGNED),
                [ASYNC_DEBUG_PROCESS_MAGIC] = FIELD(struct async_process, magic, UNSIGNED),
            },
        },
        [ASYNC_DEBUG_WORKER] = {
            RECORD(struct async_worker, WORKER, ASYNC_WORKER_MAGIC),
            .field = {
                [ASYNC_DEBUG_WORKER_ID] = FIELD(struct async_worker, id, UNSIGNED),
                [ASYNC_DEBUG_WORKER_NAME] = FIELD(struct async_worker, name, TEXT),
                [ASYNC_DEBUG_WORKER_THREAD] = FIELD(struct async_worker, thread, SIGNED),
                [ASYNC_DEBUG_WORKER_STATE] = FIELD(struct async_worker, state, UNSIGNED),
                [ASYNC_DEBUG_WORKER_CURRENT] = FIELD(struct async_worker, current, POINTER),
                [ASYNC_DEBUG_WORKER_TASKS] = FIELD(struct async_worker, registry.tasks, POINTER),
                [ASYNC_DEBUG_WORKER_SLABS] = FIELD(struct async_worker, registry.slabs.items, POINTER),
                [ASYNC_DEBUG_WORKER_SLAB_COUNT] = FIELD(struct async_worker, registry.slabs.count, UNSIGNED),
                [ASYNC_DEBUG_WORKER_TASKS_ALIVE] = FIELD(struct async_worker, registry.tasks_alive, UNSIGNED),
                [ASYNC_DEBUG_WORKER_CHANGES] = FIELD(struct async_worker, changes.count, UNSIGNED),
                [ASYNC_DEBUG_WORKER_READY] = FIELD(struct async_worker, ready, POINTER),
                [ASYNC_DEBUG_WORKER_READY_COUNT] = FIELD(struct async_worker, ready_count, UNSIGNED),
                [ASYNC_DEBUG_WORKER_TIMER_COUNT] = FIELD(struct async_worker, timers.count, UNSIGNED),
                [ASYNC_DEBUG_WORKER_NEXT_TIMER] = FIELD(struct async_worker, timers.next, UNSIGNED),
                [ASYNC_DEBUG_WORKER_LAST_TICK] = FIELD(struct async_worker, last_tick, UNSIGNED),
                [ASYNC_DEBUG_WORKER_LAST_TICK_REAL] = FIELD(struct async_worker, last_tick_real, UNSIGNED),
                [ASYNC_DEBUG_WORKER_TICKS] = FIELD(struct async_worker, ticks, UNSIGNED),
                [ASYNC_DEBUG_WORKER_CONTEXT] = FIELD(struct async_worker, context, POINTER),
                [ASYNC_DEBUG_WORKER_LOOP] = {offsetof(struct async_worker, loop), 0, ASYNC_DEBUG_EMBEDDED, 0},
                [ASYNC_DEBUG_WORKER_SWITCHES] = FIELD(struct async_worker, switches, UNSIGNED),
                [ASYNC_DEBUG_WORKER_INBOX] = FIELD(struct async_worker, inbox, POINTER),
                [ASYNC_DEBUG_WORKER_MAGIC] = FIELD(struct async_worker, magic, UNSIGNED),
            },
        },
        [ASYNC_DEBUG_TASK] = {
            RECORD(struct async_task, TASK, ASYNC_TASK_MAGIC),
            .field = {
                [ASYNC_DEBUG_TASK_ID] = FIELD(struct async_task, id, UNSIGNED),
                [ASYNC_DEBUG_TASK_NAME] = FIELD(struct async_task, name, TEXT),
                [ASYNC_DEBUG_TASK_STATE] = FIELD(struct async_task, state, UNSIGNED),
                [ASYNC_DEBUG_TASK_NEXT] = FIELD(struct async_task, next, POINTER),
                [ASYNC_DEBUG_TASK_PARENT] = FIELD(struct async_task, parent, POINTER),
                [ASYNC_DEBUG_TASK_PARENT_ID] = FIELD(struct async_task, parent_id, UNSIGNED),
                [ASYNC_DEBUG_TASK_WORKER] = FIELD(struct async_task, worker, POINTER),
                [ASYNC_DEBUG_TASK_AWAITS] = FIELD(struct async_task, awaits, POINTER),
                [ASYNC_DEBUG_TASK_WAITERS] = FIELD(struct async_task, waiters, POINTER),
                [ASYNC_DEBUG_TASK_JOIN] = {offsetof(struct async_task, join), 0, ASYNC_DEBUG_EMBEDDED, 0},
                [ASYNC_DEBUG_TASK_CONTEXT] = FIELD(struct async_task, context, POINTER),
                [ASYNC_DEBUG_TASK_STACK_LOW] = FIELD(struct async_task, stack_low, POINTER),
                [ASYNC_DEBUG_TASK_STACK_SIZE] = FIELD(struct async_task, stack_size, UNSIGNED),
                [ASYNC_DEBUG_TASK_STACK_USED_MAX] = FIELD(struct async_task, stack_used_max, UNSIGNED),
                [ASYNC_DEBUG_TASK_SPAWN_SITE] = FIELD(struct async_task, spawn_site, POINTER),
                [ASYNC_DEBUG_TASK_SPAWN_PC] = FIELD(struct async_task, spawn_pc, POINTER),
                [ASYNC_DEBUG_TASK_SPAWN_STACK] = FIELD(struct async_task, spawn_stack, POINTER),
                [ASYNC_DEBUG_TASK_SPAWN_DEPTH] = FIELD(struct async_task, spawn_depth, UNSIGNED),
                [ASYNC_DEBUG_TASK_CPU_TIME] = FIELD(struct async_task, cpu_time, UNSIGNED),
                [ASYNC_DEBUG_TASK_WALL_TIME] = FIELD(struct async_task, wall_time, UNSIGNED),
                [ASYNC_DEBUG_TASK_LONGEST_STEP] = FIELD(struct async_task, longest_step, UNSIGNED),
                [ASYNC_DEBUG_TASK_LABELS] = FIELD(struct async_task, labels, POINTER),
                [ASYNC_DEBUG_TASK_LOCALS] = FIELD(struct async_task, locals, POINTER),
                [ASYNC_DEBUG_TASK_ERROR_TEXT] = FIELD(struct async_task, error_text, TEXT_POINTER),
                [ASYNC_DEBUG_TASK_ERROR_SITE] = FIELD(struct async_task, error_site, POINTER),
                [ASYNC_DEBUG_TASK_ERROR_STACK] = FIELD(struct async_task, error_stack, POINTER),
                [ASYNC_DEBUG_TASK_ERROR_DEPTH] = FIELD(struct async_task, error_depth, UNSIGNED),
                [ASYNC_DEBUG_TASK_START] = FIELD(struct async_task, start, POINTER),
                [ASYNC_DEBUG_TASK_ARGUMENT] = FIELD(struct async_task, argument, POINTER),
                [ASYNC_DEBUG_TASK_RESUMES] = FIELD(struct async_task, resumes, UNSIGNED),
                [ASYNC_DEBUG_TASK_SPAWNED_AT] = FIELD(struct async_task, spawned_at, UNSIGNED),
                [ASYNC_DEBUG_TASK_RESUMED_AT] = FIELD(struct async_task, resumed_at, UNSIGNED),
                [ASYNC_DEBUG_TASK_SUSPENDED_AT] = FIELD(struct async_task, suspended_at, UNSIGNED),
                [ASYNC_DEBUG_TASK_READY_SINCE] = FIELD(struct async_task, ready_since, UNSIGNED),
                [ASYNC_DEBUG_TASK_READY_NEXT] = FIELD(struct async_task, ready_next, POINTER),
                [ASYNC_DEBUG_TASK_DEADLINE] = FIELD(struct async_task, deadline, UNSIGNED),
                [ASYNC_DEBUG_TASK_GROUP] = FIELD(struct async_task, group, POINTER), /* its future is first */
                [ASYNC_DEBUG_TASK_CANCEL_STATE] = FIELD(struct async_task, cancel_state, UNSIGNED),
                [ASYNC_DEBUG_TASK_CANCEL_BY] = FIELD(struct async_task, cancel_by, UNSIGNED),
                [ASYNC_DEBUG_TASK_CANCEL_AT] = FIELD(struct async_task, cancel_at, UNSIGNED),
                [ASYNC_DEBUG_TASK_CANCEL_SITE] = FIELD(struct async_task, cancel_site, POINTER),
                [ASYNC_DEBUG_TASK_ERROR] = FIELD(struct async_task, error, SIGNED),
                [ASYNC_DEBUG_TASK_FLAGS] = FIELD(struct async_task, flags, UNSIGNED),
                [ASYNC_DEBUG_TASK_MAGIC] = FIELD(struct async_task, magic, UNSIGNED),
            },
        },
        [ASYNC_DEBUG_FUTURE] = {
            RECORD(struct async_future, FUTURE, ASYNC_FUTURE_MAGIC),
            .field = {
                [ASYNC_DEBUG_FUTURE_KIND] = FIELD(struct async_future, kind, UNSIGNED),
                [ASYNC_DEBUG_FUTURE_STATE] = FIELD(struct async_future, state, UNSIGNED),
                [ASYNC_DEBUG_FUTURE_NAME] = FIELD(struct async_future, name, TEXT_POINTER),
                [ASYNC_DEBUG_FUTURE_OWNER] = FIELD(struct async_future, owner, POINTER),
                [ASYNC_DEBUG_FUTURE_OWNED_SINCE] = FIELD(struct async_future, owned_since, UNSIGNED),
                [ASYNC_DEBUG_FUTURE_WAITERS] = FIELD(struct async_future, waiters, POINTER),
                [ASYNC_DEBUG_FUTURE_WAITER_COUNT] = FIELD(struct async_future, waiter_count, UNSIGNED),
                [ASYNC_DEBUG_FUTURE_OBJECT] = FIELD(struct async_future, object, POINTER),
                [ASYNC_DEBUG_FUTURE_DEADLINE] = FIELD(struct async_future, deadline, UNSIGNED),
                [ASYNC_DEBUG_FUTURE_FD] = FIELD(struct async_future, fd, SIGNED),
                [ASYNC_DEBUG_FUTURE_PEER] = FIELD(struct async_future, peer, TEXT_POINTER),
                [ASYNC_DEBUG_FUTURE_SIZE] = FIELD(struct async_future, size, UNSIGNED),
                [ASYNC_DEBUG_FUTURE_CAPACITY] = FIELD(struct async_future, capacity, UNSIGNED),
                [ASYNC_DEBUG_FUTURE_COUNT] = FIELD(struct async_future, count, UNSIGNED),
                [ASYNC_DEBUG_FUTURE_OWNER_ID] = FIELD(struct async_future, owner_id, UNSIGNED),
                [ASYNC_DEBUG_FUTURE_HOLDERS] = FIELD(struct async_future, holders, POINTER),
                [ASYNC_DEBUG_FUTURE_CHILDREN] = FIELD(struct async_future, children, POINTER),
                [ASYNC_DEBUG_FUTURE_SENDERS] = FIELD(struct async_future, senders, SIGNED),
                [ASYNC_DEBUG_FUTURE_RECEIVERS] = FIELD(struct async_future, receivers, SIGNED),
                [ASYNC_DEBUG_FUTURE_WORKER] = FIELD(struct async_future, worker, POINTER),
                [ASYNC_DEBUG_FUTURE_THREAD] = FIELD(struct async_future, thread, SIGNED),
                [ASYNC_DEBUG_FUTURE_SITE] = FIELD(struct async_future, site, POINTER),
                [ASYNC_DEBUG_FUTURE_CREATED_AT] = FIELD(struct async_future, created_at, UNSIGNED),
                [ASYNC_DEBUG_FUTURE_ERROR] = FIELD(struct async_future, error, SIGNED),
                [ASYNC_DEBUG_FUTURE_MAGIC] = FIELD(struct async_future, magic, UNSIGNED),
            },
        },
        [ASYNC_DEBUG_WAITER] = {
            RECORD(struct async_waiter, WAITER, ASYNC_WAITER_MAGIC),
            .field = {
                [ASYNC_DEBUG_WAITER_TASK] = FIELD(struct async_waiter, task, POINTER),
                [ASYNC_DEBUG_WAITER_FUTURE] = FIELD(struct async_waiter, future, POINTER),
                [ASYNC_DEBUG_WAITER_NEXT] = FIELD(struct async_waiter, next, POINTER),
                [ASYNC_DEBUG_WAITER_SIBLING] = FIELD(struct async_waiter, sibling, POINTER),
                [ASYNC_DEBUG_WAITER_SINCE] = FIELD(struct async_waiter, since, UNSIGNED),
                [ASYNC_DEBUG_WAITER_MAGIC] = FIELD(struct async_waiter, magic, UNSIGNED),
            },
        },
        [ASYNC_DEBUG_SLAB] = {
            RECORD(struct async_slab, SLAB, ASYNC_SLAB_MAGIC),
            .field = {
                [ASYNC_DEBUG_SLAB_SLOTS] = {offsetof(struct async_slab, slots), 0, ASYNC_DEBUG_EMBEDDED, 0},
                [ASYNC_DEBUG_SLAB_SLOT_COUNT] = FIELD(struct async_slab, slot_count, UNSIGNED),
                [ASYNC_DEBUG_SLAB_SLOT_SIZE] = FIELD(struct async_slab, slot_size, UNSIGNED),
                [ASYNC_DEBUG_SLAB_MAGIC] = FIELD(struct async_slab, magic, UNSIGNED),
            },
        },
        [ASYNC_DEBUG_SITE] = {
            .size = sizeof(struct async_site) + SITE_TEXT,
            .field_count = ASYNC_DEBUG_SITE_FIELD_COUNT,
            .field = {
                [ASYNC_DEBUG_SITE_FILE] = {offsetof(struct async_site, file), SITE_TEXT, ASYNC_DEBUG_TEXT, 0},
                [ASYNC_DEBUG_SITE_LINE] = FIELD(struct async_site, line, UNSIGNED),
            },
        },
        [ASYNC_DEBUG_FINISHED] = {
            RECORD(struct async_finished, FINISHED, 0),
            .field = {
                [ASYNC_DEBUG_FINISHED_ID] = FIELD(struct async_finished, id, UNSIGNED),
                [ASYNC_DEBUG_FINISHED_NAME] = FIELD(struct async_finished, name, TEXT),
                [ASYNC_DEBUG_FINISHED_STATE] = FIELD(struct async_finished, state, UNSIGNED),
                [ASYNC_DEBUG_FINISHED_START] = FIELD(struct async_finished, start, POINTER),
                [ASYNC_DEBUG_FINISHED_PARENT_ID] = FIELD(struct async_finished, parent_id, UNSIGNED),
                [ASYNC_DEBUG_FINISHED_SPAWN_SITE] = FIELD(struct async_finished, spawn_site, POINTER),
                [ASYNC_DEBUG_FINISHED_SPAWNED_AT] = FIELD(struct async_finished, spawned_at, UNSIGNED),
                [ASYNC_DEBUG_FINISHED_FINISHED_AT] = FIELD(struct async_finished, finished_at, UNSIGNED),
                [ASYNC_DEBUG_FINISHED_ERROR] = FIELD(struct async_finished, error, SIGNED),
                [ASYNC_DEBUG_FINISHED_ERROR_TEXT] = FIELD(struct async_finished, error_text, TEXT),
                [ASYNC_DEBUG_FINISHED_RESUMES] = FIELD(struct async_finished, resumes, UNSIGNED),
                [ASYNC_DEBUG_FINISHED_CPU_TIME] = FIELD(struct async_finished, cpu_time, UNSIGNED),
                [ASYNC_DEBUG_FINISHED_FLAGS] = FIELD(struct async_finished, flags, UNSIGNED),
            },
        },
        [ASYNC_DEBUG_FUNCTION] = {
            RECORD(struct async_function_record, FUNCTION, ASYNC_FUNCTION_MAGIC),
            .field = {
                [ASYNC_DEBUG_FUNCTION_NEXT] = FIELD(struct async_function_record, next, POINTER),
                [ASYNC_DEBUG_FUNCTION_START] = FIELD(struct async_function_record, start, POINTER),
                [ASYNC_DEBUG_FUNCTION_SPAWNED] = FIELD(struct async_function_record, spawned, UNSIGNED),
                [ASYNC_DEBUG_FUNCTION_FINISHED] = FIELD(struct async_function_record, finished, UNSIGNED),
                [ASYNC_DEBUG_FUNCTION_FAILED] = FIELD(struct async_function_record, failed, UNSIGNED),
                [ASYNC_DEBUG_FUNCTION_RESUMES] = FIELD(struct async_function_record, resumes, UNSIGNED),
                [ASYNC_DEBUG_FUNCTION_CPU_TIME] = FIELD(struct async_function_record, cpu_time, UNSIGNED),
                [ASYNC_DEBUG_FUNCTION_WALL_TIME] = FIELD(struct async_function_record, wall_time, UNSIGNED),
                [ASYNC_DEBUG_FUNCTION_LONGEST_STEP] =
                    FIELD(struct async_function_record, longest_step, UNSIGNED),
                [ASYNC_DEBUG_FUNCTION_LONGEST_TASK] =
                    FIELD(struct async_function_record, longest_task, UNSIGNED),
                [ASYNC_DEBUG_FUNCTION_MAGIC] = FIELD(struct async_function_record, magic, UNSIGNED),
            },
        },
        [ASYNC_DEBUG_LABEL] = {
            RECORD(struct async_label, LABEL, 0),
            .field = {
                [ASYNC_DEBUG_LABEL_KEY] = FIELD(struct async_label, key, TEXT_POINTER),
                [ASYNC_DEBUG_LABEL_VALUE] = FIELD(struct async_label, value, TEXT_POINTER),
                [ASYNC_DEBUG_LABEL_NEXT] = FIELD(struct async_label, next, POINTER),
            },
        },
        [ASYNC_DEBUG_HANDLE] = {
            RECORD(struct async_handle, HANDLE, 0),
            .field = {
                [ASYNC_DEBUG_HANDLE_NEXT] = FIELD(struct async_handle, next, POINTER),
                [ASYNC_DEBUG_HANDLE_KIND] = FIELD(struct async_handle, kind, TEXT_POINTER),
                [ASYNC_DEBUG_HANDLE_NAME] = FIELD(struct async_handle, name, TEXT_POINTER),
                [ASYNC_DEBUG_HANDLE_FD] = FIELD(struct async_handle, fd, SIGNED),
                [ASYNC_DEBUG_HANDLE_TASK] = FIELD(struct async_handle, task, UNSIGNED),
                [ASYNC_DEBUG_HANDLE_SITE] = FIELD(struct async_handle, site, POINTER),
                [ASYNC_DEBUG_HANDLE_OPENED_AT] = FIELD(struct async_handle, opened_at, UNSIGNED),
            },
        },
    },
};
/* clang-format on */

/* Where the linker puts the section that all code of this library is in. */
extern const char __start_async_text[] __attribute__((weak, visibility("hidden")));
extern const char __stop_async_text[] __attribute__((weak, visibility("hidden")));

void async_descriptor_publish(void)
{
    struct async_debug_descriptor *descriptor = &async_debug_descriptor;
    descriptor->bridge = (uintptr_t)async_bridge + 1; /* debuggers look a caller up one byte before */
    descriptor->code_low = (uintptr_t)__start_async_text;
    descriptor->code_high = (uintptr_t)__stop_async_text;
    descriptor->entry_low = (uintptr_t)async_entry;
    descriptor->entry_high = (uintptr_t)async_entry_end;
    descriptor->switch_low = (uintptr_t)async_switch;
    descriptor->switch_high = (uintptr_t)async_switch_end;
    descriptor->event_hook = (uintptr_t)async_event;
    descriptor->process = (uintptr_t)&async_process;
    async_publish(&descriptor->self, (uint64_t)(uintptr_t)descriptor);
}
