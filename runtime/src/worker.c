/* SPDX-License-Identifier: MIT */
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>

#include "change.h"
#include "clock.h"
#include "diagnose.h"
#include "diagnose_stack.h"
#include "local.h"
#include "overflow.h"
#include "sanitizer.h"
#include "schedule.h"
#include "switch.h"
#include "timeout.h"
#include "trace.h"

_Thread_local struct async_worker *async_worker_here;

void async_worker_set_self(struct async_worker *worker)
{
    async_worker_here = worker;
}

struct async_task *async_self(void)
{
    return async_task_here();
}

uint64_t async_worker_read_clock(struct async_worker *worker)
{
    uint64_t count = async_clock_count();
    if (count - worker->now_count >= ASYNC_CLOCK_FRESH) {
        worker->now_count = count;
        worker->now = async_clock_coarse();
    }
    return worker->now;
}

void async_worker_queue(struct async_worker *worker, struct async_task *task)
{
    task->ready_next = NULL;
    async_publish(worker->ready_last, task);
    worker->ready_last = &task->ready_next;
    worker->ready_count++;
    if (worker->state == ASYNC_WORKER_POLLING)
        worker->state = ASYNC_WORKER_LOOP; /* in a callback: libuv tells us no sooner that the poll is over */
}

uint64_t async_clock_here(void)
{
    struct async_worker *worker = async_worker_self();
    return worker ? async_worker_read_clock(worker) : async_clock_coarse();
}

/* `changes` is odd. */
static void make_ready(struct async_worker *worker, struct async_task *task, uint64_t now)
{
    task->ready_since = now;
    async_publish(&task->state, ASYNC_TASK_READY);
    async_publish(&task->awaits, NULL);
    async_publish(&task->waiters, NULL);
    async_worker_queue(worker, task);
}

/* ---- From other threads --------------------------------------------------------------------------- */

void async_worker_alarm(struct async_worker *worker)
{
    uv_async_send(&worker->alarm);
}

/* Either this sees that the worker is asleep, or the worker sees the word left: so the words, and `asleep`,
 * are written and then read in one order for all (SEQ_CST, here, where the word is left, and below). */
static void rouse(struct async_worker *worker)
{
    if (__atomic_load_n(&worker->asleep, __ATOMIC_SEQ_CST))
        async_worker_alarm(worker);
}

bool async_worker_fall_asleep(struct async_worker *worker)
{
    __atomic_store_n(&worker->asleep, true, __ATOMIC_SEQ_CST);
    return !__atomic_load_n(&worker->inbox, __ATOMIC_SEQ_CST) &&
           !__atomic_load_n(&worker->mail, __ATOMIC_SEQ_CST);
}

void async_worker_wake(struct async_task *task, uint64_t now)
{
    struct async_worker *worker = task->worker;
    if (worker == async_worker_self()) {
        make_ready(worker, task, now);
        return;
    }
    struct async_task *head = __atomic_load_n(&worker->inbox, __ATOMIC_RELAXED);
    do
        __atomic_store_n(&task->ready_next, head, __ATOMIC_RELAXED);
    while (
        !__atomic_compare_exchange_n(&worker->inbox, &head, task, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    rouse(worker);
}

void async_worker_post(struct async_worker *worker, struct async_mail *mail)
{
    struct async_mail *head = __atomic_load_n(&worker->mail, __ATOMIC_RELAXED);
    do
        mail->next = head;
    while (
        !__atomic_compare_exchange_n(&worker->mail, &head, mail, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    rouse(worker);
}

/* The inbox is newest first, the run queue is not. `changes` must be odd while they are in neither. */
static void receive_tasks(struct async_worker *worker)
{
    uint64_t now = async_worker_read_clock(worker);
    async_change_begin(&worker->changes);
    struct async_task *oldest = NULL, *task = __atomic_exchange_n(&worker->inbox, NULL, __ATOMIC_ACQUIRE);
    for (struct async_task *next; task; task = next) {
        next = task->ready_next;
        task->ready_next = oldest;
        oldest = task;
    }
    for (struct async_task *next; oldest; oldest = next) {
        next = oldest->ready_next;
        make_ready(worker, oldest, now);
    }
    async_change_end(&worker->changes);
}

static void receive_mail(struct async_worker *worker)
{
    struct async_mail *oldest = NULL, *mail = __atomic_exchange_n(&worker->mail, NULL, __ATOMIC_ACQUIRE);
    for (struct async_mail *next; mail; mail = next) {
        next = mail->next;
        mail->next = oldest;
        oldest = mail;
    }
    for (struct async_mail *next; oldest; oldest = next) {
        next = oldest->next;
        oldest->deliver(oldest);
    }
}

void async_worker_receive(struct async_worker *worker)
{
    __atomic_store_n(&worker->asleep, false, __ATOMIC_RELAXED);
    if (__atomic_load_n(&worker->inbox, __ATOMIC_RELAXED))
        receive_tasks(worker);
    if (__atomic_load_n(&worker->mail, __ATOMIC_RELAXED))
        receive_mail(worker);
}

/* ---- Run a task ------------------------------------------------------------------------------------ */

static struct async_task *take_first(struct async_worker *worker)
{
    struct async_task *task = worker->ready;
    async_change_begin(&worker->changes);
    async_publish(&worker->ready, task->ready_next);
    if (!task->ready_next)
        worker->ready_last = &worker->ready;
    worker->ready_count--;
    async_change_end(&worker->changes);
    return task;
}

static inline void check_stack(struct async_task *task, const char *sp)
{
    uint64_t used = (uint64_t)(task->stack_low + task->stack_size - sp);
    if (used > task->stack_used_max)
        task->stack_used_max = used;
    if (used >= task->stack_size || (!task->stack_guarded && !async_stack_canary_intact(task->stack_low)))
        async_overflow_die(task);
}

/* Its first step. The context, without which it has not begun for readers, comes last. */
__attribute__((noinline)) static void give_stack(struct async_worker *worker, struct async_task *task)
{
    async_lock(&worker->registry.lock);
    struct async_stack *stack = async_stack_take(&worker->registry.stacks);
    async_unlock(&worker->registry.lock);
    task->stack = stack;
    task->stack_low = stack->low;
    task->stack_size = stack->size;
    task->stack_guarded = stack->guarded;
    async_publish(&task->context,
                  async_context_create(stack->low, stack->size, async_task_main, task, &task->modes));
    if (async_debugging())
        async_stack_clean(task);
}

__attribute__((always_inline)) static inline struct async_task *begin_step(struct async_worker *worker)
{
    if (async_modes() & ASYNC_MODE_SEEDED)
        async_schedule_choose(worker);
    struct async_task *task = take_first(worker);
    if (__builtin_expect(!task->context, 0))
        give_stack(worker, task);
    worker->switches++;
    worker->steps_left--;
    task->resumes++;
    task->resumed_at = worker->now;
    ASYNC_PROBE3(resume, task->id, task->name, worker->id);
    if (async_modes())
        async_diagnose_resume(worker, task);
    return task;
}

struct async_task *async_worker_resume(struct async_worker *worker)
{
    void *fake = NULL;
    struct async_task *task = begin_step(worker);
    async_publish(&worker->current, task);
    async_fiber_leave(&fake, &task->stack->fiber);
    async_switch(&worker->context, task->context, &worker->state, ASYNC_WORKER_TASK, &task->state,
                 ASYNC_TASK_RUNNING);
    async_fiber_arrive(fake);
    task = worker->current;
    async_publish(&worker->current, NULL);
    return task;
}

/* Straight to the next that is ready, or back to the loop. One call, and none of it inlined from elsewhere:
   what a debugger sees as the innermost frames of every suspended task begins here. */
void async_suspend(enum async_task_state state)
{
    struct async_worker *worker = async_worker_self();
    struct async_task *task = worker->current, *next = NULL;
    void *fake = NULL;
    task->suspended_at = worker->now;
    check_stack(task, __builtin_frame_address(0));
    ASYNC_PROBE3(suspend, task->id, task->name, worker->awaits);
    if (async_modes())
        async_diagnose_suspend(worker, task, ASYNC_TRACE_SUSPEND, worker->awaits);
    if (worker->ready && worker->steps_left) {
        next = begin_step(worker);
        if (next == task)
            return; /* it had only itself to yield to */
        async_publish(&worker->current, next);
    }
    async_fiber_leave(&fake, next ? &next->stack->fiber : &worker->fiber);
    async_switch(&task->context, next ? next->context : worker->context, &task->state, state,
                 next ? &next->state : &worker->state,
                 next ? (uint32_t)ASYNC_TASK_RUNNING : (uint32_t)ASYNC_WORKER_LOOP);
    async_fiber_arrive(fake);
}

/* ---- Yield ----------------------------------------------------------------------------------------- */

/* A yield's times are the turn's, read again every few steps: looking at the counter each time would take a
 * quarter of the switch. Waits and wakes read their own. */
#define STEPS_OF_ONE_TIME 8

/* What async_worker_queue, async_suspend and begin_step would do, at once. With others ready the queue stays
 * as long as it was, and its first is not its last. */
__attribute__((noinline)) static void rotate(struct async_worker *worker, struct async_task *task)
{
    void *fake = NULL;
    struct async_task *next = worker->ready;
    if (__builtin_expect(!next->context, 0))
        give_stack(worker, next);
    task->ready_since = task->suspended_at = next->resumed_at = worker->now;
    check_stack(task, __builtin_frame_address(0));
    ASYNC_PROBE3(suspend, task->id, task->name, 0);
    task->ready_next = NULL;
    async_change_begin(&worker->changes);
    async_publish(worker->ready_last, task);
    worker->ready_last = &task->ready_next;
    async_publish(&worker->ready, next->ready_next);
    async_change_end(&worker->changes);
    worker->switches++;
    worker->steps_left--;
    next->resumes++;
    ASYNC_PROBE3(resume, next->id, next->name, worker->id);
    async_publish(&worker->current, next);
    async_fiber_leave(&fake, &next->stack->fiber);
    async_switch(&task->context, next->context, &task->state, ASYNC_TASK_READY, &next->state,
                 ASYNC_TASK_RUNNING);
    async_fiber_arrive(fake);
}

int async_yield(void)
{
    struct async_worker *worker = async_worker_self();
    struct async_task *task = worker ? worker->current : NULL;
    if (!task)
        return async_refused(UV_EINVAL);
    worker->awaits = 0;
    if (worker->steps_left % STEPS_OF_ONE_TIME == 0)
        async_worker_read_clock(worker);
    if (worker->ready && worker->steps_left && !async_modes()) {
        rotate(worker, task);
        return 0;
    }
    async_change_begin(&worker->changes);
    task->ready_since = worker->now;
    async_worker_queue(worker, task);
    async_change_end(&worker->changes);
    async_suspend(ASYNC_TASK_READY);
    return 0;
}

/* ---- The first and the last of a task ---------------------------------------------------------------- */

/* A task that was told to end, and says so, has not failed. */
static enum async_task_state end_state(const struct async_task *task)
{
    if (task->result >= 0)
        return ASYNC_TASK_RETURNED;
    return task->result == UV_ECANCELED && task->cancel_state ? ASYNC_TASK_CANCELLED : ASYNC_TASK_FAILED;
}

void async_task_main(void *argument)
{
    struct async_task *task = argument;
    struct async_worker *worker = task->worker;
    async_fiber_arrive(NULL);
    task->result = task->start(task->argument);
    async_locals_drop(task);
    async_timeouts_drop(task);
    ASYNC_PROBE3(done, task->id, task->name, task->result);
    if (async_modes())
        async_diagnose_suspend(worker, task, ASYNC_TRACE_DONE, 0);
    async_change_begin(&worker->changes); /* async_task_end makes it even again */
    task->suspended_at = async_worker_read_clock(worker);
    check_stack(task, __builtin_frame_address(0));
    async_fiber_leave(NULL, &worker->fiber);
    async_switch(&task->context, worker->context, &task->state, end_state(task), &worker->state,
                 ASYNC_WORKER_LOOP);
    abort();
}
