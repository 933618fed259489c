/* SPDX-License-Identifier: MIT */
#include "cli/verify.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "dump/verify.h"

static void print_difference(const struct ad_stack_difference *stack)
{
    const struct ad_unwind_comparison *found = &stack->comparison;
    if (stack->task != AD_NONE)
        printf("  task #%" PRIu32, stack->task);
    else
        printf("  thread %d", (int)stack->tid);
    printf(" frame %zu: %s is 0x%" PRIx64 " by rows, 0x%" PRIx64 " by libunwind\n", found->frame, found->differs,
           found->rows, found->libunwind);
}

struct ad_error *verify_print(const struct options *options, struct ad_dump *dump, bool *agrees_ret)
{
    ad_cleanup(ad_verification_deinit) struct ad_verification found = {0};
    AD_TRY(ad_dump_verify(dump, &options->dump.limits, &found));
    printf("unwound %" PRIu64 " stacks by rows and by libunwind: %" PRIu64 " frames, rows for %" PRIu64
           " of them, %" PRIu64 " stacks differ\n",
           found.stacks, found.frames, found.by_row, found.differing);
    for (size_t i = 0; i < found.differences.count; i++)
        print_difference(AD_ITEMS(struct ad_stack_difference, &found.differences) + i);
    if (found.differences.count < found.differing)
        printf("  and %" PRIu64 " more\n", found.differing - (uint64_t)found.differences.count);
    *agrees_ret = !found.differing;
    return NULL;
}
