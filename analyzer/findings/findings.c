/* SPDX-License-Identifier: MIT */
#include "findings/findings.h"

const char *ad_finding_code_name(enum ad_finding_code code)
{
    static const char *const names[AD_FINDING_CODES] = {
        [AD_FINDING_DEADLOCK] = "DEADLOCK",
        [AD_FINDING_LOST_WAKEUP] = "LOST_WAKEUP",
        [AD_FINDING_ORPHAN] = "ORPHAN",
        [AD_FINDING_STACK_OVERFLOW] = "STACK_OVERFLOW",
        [AD_FINDING_WORKER_BLOCKED] = "WORKER_BLOCKED",
        [AD_FINDING_BLOCKER] = "BLOCKER",
        [AD_FINDING_POOL_BUSY] = "POOL_BUSY",
        [AD_FINDING_CHANNEL_FULL] = "CHANNEL_FULL",
        [AD_FINDING_STARVED] = "STARVED",
        [AD_FINDING_CANCEL_IGNORED] = "CANCEL_IGNORED",
        [AD_FINDING_UNSEEN_FAILURE] = "UNSEEN_FAILURE",
        [AD_FINDING_NEVER_STARTED] = "NEVER_STARTED",
        [AD_FINDING_STACK_NEAR_END] = "STACK_NEAR_END",
        [AD_FINDING_GROWTH] = "GROWTH",
    };
    return names[code];
}

const char *ad_finding_reason_name(enum ad_finding_reason reason)
{
    static const char *const names[AD_REASONS] = {
        [AD_REASON_COMPLETED] = "completed",     [AD_REASON_UNLISTED] = "unlisted",
        [AD_REASON_AVAILABLE] = "available",     [AD_REASON_NOT_RUN] = "not_run",
        [AD_REASON_OVERDUE] = "overdue",         [AD_REASON_HELD_BY_ENDED] = "held_by_ended",
        [AD_REASON_NO_PRODUCER] = "no_producer", [AD_REASON_NO_CONSUMER] = "no_consumer",
    };
    return names[reason];
}

void ad_findings_deinit(struct ad_findings *findings)
{
    ad_vector_deinit(&findings->findings);
    ad_pool_deinit(&findings->pool);
}

bool ad_findings_failed(const struct ad_findings *findings)
{
    const struct ad_finding *worst = findings->findings.items; /* sorted: the first is the worst */
    return findings->findings.count && worst->severity == AD_SEVERITY_ERROR;
}
