/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "base/cleanup.h"
#include "findings/rules.h"

static int compare(const void *left, const void *right)
{
    const struct ad_finding *a = left, *b = right;
    if (a->severity != b->severity)
        return a->severity > b->severity ? -1 : 1;
    if (a->code != b->code)
        return a->code < b->code ? -1 : 1;
    if (a->total != b->total)
        return a->total > b->total ? -1 : 1;
    if (a->task_count && b->task_count && a->tasks[0] != b->tasks[0] && a->code != AD_FINDING_BLOCKER)
        return a->tasks[0] < b->tasks[0] ? -1 : 1;
    return a->future != b->future ? (a->future < b->future ? -1 : 1) : (a->worker < b->worker ? -1 : 1);
}

/* Deadlocks come first; blockers refer to them by their place. */
static struct ad_error *sort_findings(struct ad_findings *findings)
{
    struct ad_finding *items = findings->findings.items;
    size_t count = findings->findings.count;
    if (!count)
        return NULL;
    qsort(items, count, sizeof(*items), compare);
    ad_auto_free uint32_t *place = calloc(findings->deadlocks + 1, sizeof(*place));
    if (!place)
        return &ad_error_nomem;
    for (uint32_t i = 0; i < findings->deadlocks; i++)
        place[items[i].deadlock] = i;
    for (size_t i = 0; i < count; i++)
        if (items[i].deadlock != AD_NONE)
            items[i].deadlock = place[items[i].deadlock];
    return NULL;
}

static enum ad_verdict verdict_of(const struct ad_findings *findings)
{
    const struct ad_tally *tally = &findings->tally;
    const struct ad_finding *worst = findings->findings.count ? findings->findings.items : NULL;
    if (worst && worst->severity == AD_SEVERITY_ERROR)
        return AD_VERDICT_HUNG;
    if (worst && worst->severity >= AD_SEVERITY_WARNING)
        return AD_VERDICT_SUSPECT;
    if (tally->running || tally->ready)
        return AD_VERDICT_BUSY;
    if (tally->outside || tally->sleeping || tally->timed)
        return AD_VERDICT_IDLE;
    return tally->inside ? AD_VERDICT_SUSPECT : AD_VERDICT_EMPTY;
}

static struct ad_error *find_all(struct ad_work *work)
{
    AD_TRY(ad_find_deadlocks(work)); /* first: their numbers are their places */
    AD_TRY(ad_find_orphans(work));
    AD_TRY(ad_find_blockers(work));
    AD_TRY(ad_find_workers(work));
    AD_TRY(ad_find_lost_wakeups(work));
    AD_TRY(ad_find_lives(work));
    AD_TRY(ad_find_limits(work));
    AD_TRY(ad_find_growth(work));
    AD_TRY(ad_gather_end(work));
    AD_TRY(sort_findings(work->findings));
    AD_TRY(ad_count_tasks(work->snapshot, &work->findings->tally));
    work->findings->verdict = verdict_of(work->findings);
    return NULL;
}

struct ad_error *ad_findings_compute(const struct ad_snapshot *snapshot, struct ad_findings *findings_ret)
{
    *findings_ret = (struct ad_findings){.findings = AD_VECTOR(struct ad_finding)};
    struct ad_graph graph;
    struct ad_work work;
    AD_TRY(ad_graph_init(snapshot, &graph));
    ad_work_init(&work, snapshot, &graph, findings_ret);
    struct ad_error *error = find_all(&work);
    ad_work_deinit(&work);
    ad_graph_deinit(&graph);
    if (error)
        ad_findings_deinit(findings_ret);
    return error;
}
