/* SPDX-License-Identifier: MIT */
#include "cancel.h"

#include <stdlib.h>
#include <uv.h>

#include "async.h"
#include "async_debug.h"
#include "clock.h"
#include "diagnose.h"
#include "timeout.h"

/* ---- What the interrupted task sees -------------------------------------------------------------- */

static int deliver_cancel(struct async_task *task)
{
    task->interrupts &= ~(uint32_t)ASYNC_INTERRUPT_CANCEL;
    task->cancel_state = ASYNC_DEBUG_CANCEL_DELIVERED;
    if (async_debugging())
        async_diagnose_cancelled(task);
    return UV_ECANCELED;
}

static bool cancel_pending(const struct async_task *task)
{
    return (task->interrupts & ASYNC_INTERRUPT_CANCEL) && !task->shields;
}

bool async_interrupt_pending(const struct async_task *task)
{
    return task->interrupts && (cancel_pending(task) || async_timeouts_expired(task));
}

int async_interrupt_take_slow(struct async_task *task)
{
    if (cancel_pending(task))
        return deliver_cancel(task);
    return async_timeouts_expired(task) ? UV_ETIMEDOUT : 0;
}

/* An expired timeout ends every wait anyway. */
void async_interrupt_put_back(struct async_task *task, int code)
{
    if (code != UV_ECANCELED)
        return;
    task->interrupts |= ASYNC_INTERRUPT_CANCEL;
    task->cancel_state = ASYNC_DEBUG_CANCEL_REQUESTED;
}

/* ---- Shields ------------------------------------------------------------------------------------- */

void async_shield_enter(struct async_task *task)
{
    if (task->shields++ == 0)
        async_task_set_flag(task, ASYNC_DEBUG_TASK_SHIELDED);
    async_timeouts_note_deadline(task);
}

void async_shield_leave(struct async_task *task)
{
    if (--task->shields == 0)
        async_task_clear_flag(task, ASYNC_DEBUG_TASK_SHIELDED);
    async_timeouts_note_deadline(task);
}

int async_shield_begin(void)
{
    struct async_task *task = async_self();
    if (!task)
        return async_refused(UV_EINVAL);
    async_shield_enter(task);
    return 0;
}

int async_shield_end(void)
{
    struct async_task *task = async_self();
    if (!task || !task->shields)
        return async_refused_because(UV_EINVAL, "no async_shield_begin came before");
    async_shield_leave(task);
    return 0;
}

/* ---- Requests ------------------------------------------------------------------------------------ */

/* A request that is made on another worker. */
struct async_cancel {
    struct async_mail mail;
    struct async_task *task;
    uint64_t by;
    uint64_t at;
    const struct async_site *site;
};

/* On the task's own worker. */
static int request(struct async_task *task, uint64_t by, uint64_t at, const struct async_site *site)
{
    if (async_task_ended(task))
        return UV_ESRCH;
    if (task->interrupts & ASYNC_INTERRUPT_CANCEL)
        return UV_EALREADY;
    task->cancel_by = by;
    task->cancel_at = at;
    task->cancel_site = site;
    task->cancel_state = ASYNC_DEBUG_CANCEL_REQUESTED;
    task->interrupts |= ASYNC_INTERRUPT_CANCEL;
    if (async_debugging())
        async_diagnose_cancel(task);
    if (cancel_pending(task) && async_wait_interrupt(task, UV_ECANCELED))
        deliver_cancel(task);
    return 0;
}

static void on_request(struct async_mail *mail)
{
    struct async_cancel *cancel = (struct async_cancel *)mail;
    struct async_task *task = cancel->task;
    __atomic_store_n(&task->cancel, NULL, __ATOMIC_RELEASE);
    request(task, cancel->by, cancel->at, cancel->site);
    free(cancel);
    async_task_unpin(task);
}

/* The task may end before the mail arrives: the pin keeps its record until then. */
static int send_request(struct async_task *task, uint64_t by, const struct async_site *site)
{
    struct async_cancel *cancel = malloc(sizeof(*cancel)), *none = NULL;
    if (!cancel)
        return UV_ENOMEM;
    *cancel = (struct async_cancel){
        .mail = {.deliver = on_request}, .task = task, .by = by, .at = async_clock_coarse(), .site = site};
    if (!__atomic_compare_exchange_n(&task->cancel, &none, cancel, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED)) {
        free(cancel);
        return UV_EALREADY;
    }
    async_task_pin(task);
    async_worker_post(task->worker, &cancel->mail);
    return 0;
}

int async_cancel_request(struct async_task *task, uint64_t by, const struct async_site *site)
{
    if (task->worker == async_worker_self())
        return request(task, by, async_clock_coarse(), site);
    return send_request(task, by, site);
}

int async_cancel_at(struct async_task *task, const struct async_site *site)
{
    struct async_task *self = async_self();
    if (!self || !async_is_task(task))
        return async_refused_because(UV_EINVAL, "no task, or one that was released");
    return async_cancel_request(task, self->id, site);
}

bool async_cancel_requested(void)
{
    struct async_task *task = async_self();
    return task && task->cancel_state == ASYNC_DEBUG_CANCEL_REQUESTED;
}
