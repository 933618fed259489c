/* SPDX-License-Identifier: MIT */
#include "findings/rules.h"

static bool timer_overdue(const struct ad_work *work, const struct ad_worker *worker)
{
    return ad_lasts(work, worker->next_timer, AD_SOON_NS);
}

bool ad_worker_blocked(const struct ad_work *work, const struct ad_worker *worker)
{
    const struct ad_task *current = ad_work_task(work, worker->current);
    return worker->state == ASYNC_DEBUG_WORKER_STATE_TASK && current &&
           current->state == ASYNC_DEBUG_STATE_RUNNING && ad_lasts(work, worker->last_tick, AD_SOON_NS) &&
           (ad_ready_on(worker) || timer_overdue(work, worker));
}

struct ad_error *ad_find_workers(struct ad_work *work)
{
    const struct ad_worker *worker;
    for (uint32_t i = 0; (worker = ad_work_worker(work, i)); i++) {
        if (!ad_worker_blocked(work, worker))
            continue;
        struct ad_finding *added;
        struct ad_finding finding =
            ad_finding_of(AD_FINDING_WORKER_BLOCKED, AD_SEVERITY_WARNING, AD_CONFIDENCE_CERTAIN);
        finding.task_count = 1;
        finding.worker = i;
        finding.direct = finding.total = ad_ready_on(worker);
        finding.since = worker->last_tick;
        AD_TRY(ad_find_add(work, finding, &added));
        added->tasks[0] = worker->current;
    }
    return NULL;
}
