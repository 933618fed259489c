/* SPDX-License-Identifier: MIT */
#include <sys/syscall.h>

#include "findings/rules.h"

static bool timer_overdue(const struct ad_work *work, const struct ad_worker *worker)
{
    return ad_lasts(work, worker->next_timer, AD_SOON_NS);
}

static bool runs_a_task(const struct ad_work *work, const struct ad_worker *worker)
{
    const struct ad_task *current = ad_work_task(work, worker->current);
    return worker->state == ASYNC_DEBUG_WORKER_STATE_TASK && current &&
           current->state == ASYNC_DEBUG_STATE_RUNNING;
}

bool ad_worker_blocked(const struct ad_work *work, const struct ad_worker *worker)
{
    return runs_a_task(work, worker) && ad_lasts(work, worker->last_tick, AD_SOON_NS) &&
           (ad_ready_on(worker) || timer_overdue(work, worker));
}

/* ---- Cores without a clock ------------------------------------------------------------------------- */

/* System calls in which a thread may stay (of x86-64, as all targets are). */
static bool may_block(uint64_t system_call)
{
    static const uint16_t calls[] = {
        SYS_read,    SYS_pread64,  SYS_readv,       SYS_write,      SYS_writev,          SYS_recvfrom,
        SYS_recvmsg, SYS_sendto,   SYS_sendmsg,     SYS_connect,    SYS_accept4,         SYS_wait4,
        SYS_waitid,  SYS_flock,    SYS_fcntl,       SYS_futex,      SYS_nanosleep,       SYS_clock_nanosleep,
        SYS_ppoll,   SYS_pselect6, SYS_epoll_pwait, SYS_fsync,      SYS_restart_syscall,
#ifdef __x86_64__
        SYS_accept,  SYS_poll,     SYS_select,      SYS_epoll_wait, SYS_pause,
#endif
    };
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        if (calls[i] == system_call)
            return true;
    return false;
}

static bool any_idles(const struct ad_work *work)
{
    const struct ad_worker *worker;
    for (uint32_t i = 0; (worker = ad_work_worker(work, i)); i++)
        if (worker->state == ASYNC_DEBUG_WORKER_STATE_POLLING)
            return true;
    return false;
}

static bool in_blocking_call(const struct ad_work *work, const struct ad_worker *worker)
{
    const struct ad_thread_state *threads = work->snapshot->threads.items;
    return worker->thread < work->snapshot->threads.count &&
           may_block(threads[worker->thread].thread.system_call);
}

/* Where all workers are busy nothing tells how late it was, but the time of a core's file, which may have
   been copied; and of a process at a debugger's prompt not even that. */
static bool seems_blocked(const struct ad_work *work, const struct ad_worker *worker)
{
    const struct ad_snapshot *snapshot = work->snapshot;
    if (snapshot->kind == AD_TARGET_LIVE || !runs_a_task(work, worker) || !worker->last_tick_real)
        return false;
    if (!snapshot->realtime)
        return in_blocking_call(work, worker);
    return snapshot->realtime > worker->last_tick_real &&
           snapshot->realtime - worker->last_tick_real > AD_LONG_NS;
}

/* In a call that may block it is there for good, or by a rare chance. Elsewhere it may just be at work. */
static void doubt(const struct ad_work *work, const struct ad_worker *worker, struct ad_finding *finding)
{
    bool blocks = in_blocking_call(work, worker);
    finding->severity = blocks ? AD_SEVERITY_WARNING : AD_SEVERITY_NOTE;
    finding->confidence = blocks ? AD_CONFIDENCE_LIKELY : AD_CONFIDENCE_POSSIBLE;
    finding->since = 0;
}

struct ad_error *ad_find_workers(struct ad_work *work)
{
    const struct ad_worker *worker;
    bool clock = any_idles(work);
    for (uint32_t i = 0; (worker = ad_work_worker(work, i)); i++) {
        bool blocked = ad_worker_blocked(work, worker);
        if (!blocked && (clock || !seems_blocked(work, worker)))
            continue;
        struct ad_finding *added;
        struct ad_finding finding =
            ad_finding_of(AD_FINDING_WORKER_BLOCKED, AD_SEVERITY_WARNING, AD_CONFIDENCE_CERTAIN);
        finding.task_count = 1;
        finding.worker = i;
        finding.direct = finding.total = ad_ready_on(worker);
        finding.since = worker->last_tick;
        if (!blocked)
            doubt(work, worker, &finding);
        AD_TRY(ad_find_add(work, finding, &added));
        added->tasks[0] = worker->current;
    }
    return NULL;
}
