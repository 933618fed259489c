/* SPDX-License-Identifier: MIT */
#include "findings/rules.h"

/* It is closed by the member that waited last. */
static uint64_t later(uint64_t left, uint64_t right)
{
    return left > right ? left : right;
}

static struct ad_error *add_deadlock(struct ad_work *work, uint32_t number)
{
    const struct ad_graph *graph = work->graph;
    const struct ad_cycle *cycle = &AD_ITEMS(struct ad_cycle, &graph->cycles)[number];
    uint32_t member = cycle->first;
    struct ad_finding finding = ad_finding_of(AD_FINDING_DEADLOCK, AD_SEVERITY_ERROR, AD_CONFIDENCE_CERTAIN);
    finding.deadlock = number;
    do {
        finding.ring++;
        finding.total += graph->behind[member];
        finding.since = later(finding.since, ad_work_task(work, member)->suspended_at);
        member = graph->next[member];
    } while (member != cycle->first);
    finding.task_count = finding.ring + cycle->knot_count;

    struct ad_finding *added;
    AD_TRY(ad_find_add(work, finding, &added));
    for (size_t i = 0; i < added->ring; i++, member = graph->next[member])
        added->tasks[i] = member;
    for (size_t i = 0; i < cycle->knot_count; i++)
        added->tasks[added->ring + i] = AD_ITEMS(uint32_t, &graph->knots)[cycle->knot + i];
    work->findings->deadlocks++;
    work->findings->stuck += finding.total;
    return NULL;
}

/* Those who wait directly for a member, whatever of the member's they wait for. */
static void count_direct(struct ad_work *work)
{
    const struct ad_graph *graph = work->graph;
    struct ad_finding *deadlocks = work->findings->findings.items;
    for (size_t i = 0; i < graph->task_count; i++) {
        uint32_t next = graph->next[i];
        if (next != AD_NONE && graph->cycle[i] == AD_NONE && graph->cycle[next] != AD_NONE)
            deadlocks[graph->cycle[next]].direct++;
    }
}

struct ad_error *ad_find_deadlocks(struct ad_work *work)
{
    for (uint32_t i = 0; i < work->graph->cycles.count; i++)
        AD_TRY(add_deadlock(work, i));
    count_direct(work);
    return NULL;
}
