/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "report/describe.h"
#include "report/finding_words.h"
#include "report/report.h"
#include "report/stack.h"
#include "report/words.h"

enum { TASKS_LISTED = 64, NAME_WIDTH = 36 };

/* What a task of a finding does, for how long, and where. */
static void print_evidence(FILE *out, const struct ad_snapshot *snapshot, uint32_t index)
{
    const struct ad_task *task = &AD_ITEMS(struct ad_task, &snapshot->tasks)[index];
    uint64_t age = ad_task_age(snapshot, task);
    fputs("    ", out);
    ad_print_task(out, task, NAME_WIDTH);
    fprintf(out, "  %s", ad_task_state_word(snapshot, task));
    if (age != UINT64_MAX) {
        fputs(" for ", out);
        ad_print_duration(out, age);
    }
    fputs(task->state == ASYNC_DEBUG_STATE_WAITING ? ", on " : ", ", out);
    ad_describe_wait(out, snapshot, index);
    fputs("   ", out);
    ad_print_innermost(out, snapshot, task->stack);
    fputc('\n', out);
}

static struct ad_error *print_finding(FILE *out, const struct ad_snapshot *snapshot,
                                      const struct ad_finding *finding)
{
    const char *reason = ad_finding_reason_name(finding->reason);
    uint64_t signature;
    AD_TRY(ad_finding_signature(snapshot, finding, &signature));
    fprintf(out, "%s%s%s  %s, %s  signature %016" PRIx64 "\n  ", ad_finding_code_name(finding->code),
            reason ? " " : "", reason ? reason : "", ad_severity_word(finding->severity),
            ad_confidence_word(finding->confidence), signature);
    ad_finding_sentence(out, snapshot, finding);
    fputc('\n', out);
    for (size_t i = 0; i < finding->task_count && i < TASKS_LISTED; i++)
        print_evidence(out, snapshot, finding->tasks[i]);
    if (finding->task_count > TASKS_LISTED)
        fprintf(out, "    and %zu more\n", finding->task_count - TASKS_LISTED);
    fprintf(out, "  see --explain %s\n\n", ad_finding_code_name(finding->code));
    return NULL;
}

struct ad_error *ad_report_findings(FILE *out, const struct ad_snapshot *snapshot,
                                    const struct ad_findings *findings)
{
    const struct ad_finding *items = findings->findings.items;
    if (!findings->findings.count)
        fputs("nothing was found\n", out);
    for (size_t i = 0; i < findings->findings.count && !ferror(out); i++)
        AD_TRY(print_finding(out, snapshot, &items[i]));
    return NULL;
}
