/* SPDX-License-Identifier: MIT */
#include "dump/verify.h"

#include "base/cleanup.h"

enum { NAMED = 20 };

static void destroy_unwinder(struct ad_unwinder **unwinder)
{
    ad_unwinder_destroy(*unwinder);
}

static struct ad_error *verify(struct ad_unwinder *unwinder, const struct ad_registers *registers,
                               struct ad_stack_difference stack, struct ad_verification *verification)
{
    const uint32_t needed = 1u << AD_REG_PC | 1u << AD_REG_SP;
    if ((registers->valid & needed) != needed)
        return NULL;
    AD_TRY(ad_unwinder_compare(unwinder, registers, stack.task == AD_NONE, &stack.comparison));
    verification->stacks++;
    verification->frames += stack.comparison.frames;
    verification->by_row += stack.comparison.by_row;
    if (!stack.comparison.differs)
        return NULL;
    verification->differing++;
    return verification->differing > NAMED ? NULL : ad_vector_push(&verification->differences, &stack);
}

static struct ad_error *verify_all(const struct ad_snapshot *snapshot, struct ad_unwinder *unwinder,
                                   struct ad_verification *verification)
{
    for (uint32_t i = 0; i < snapshot->tasks.count; i++) {
        const struct ad_task *task = ad_snapshot_task(snapshot, i);
        struct ad_stack_difference stack = {.task = task->id};
        AD_TRY(verify(unwinder, ad_snapshot_registers(snapshot, i), stack, verification));
    }
    const struct ad_thread_state *threads = snapshot->threads.items;
    for (size_t i = 0; i < snapshot->threads.count; i++) {
        struct ad_stack_difference stack = {.task = AD_NONE, .tid = threads[i].thread.tid};
        AD_TRY(verify(unwinder, &threads[i].thread.registers, stack, verification));
    }
    return NULL;
}

struct ad_error *ad_dump_verify(struct ad_dump *dump, const struct ad_limits *limits,
                                struct ad_verification *verification_ret)
{
    ad_cleanup(destroy_unwinder) struct ad_unwinder *unwinder = NULL;
    *verification_ret = (struct ad_verification){.differences = AD_VECTOR(struct ad_stack_difference)};
    AD_TRY(ad_unwinder_create(dump->modules, limits, &unwinder));
    struct ad_error *error = verify_all(dump->snapshot, unwinder, verification_ret);
    if (error)
        ad_verification_deinit(verification_ret);
    return error;
}

void ad_verification_deinit(struct ad_verification *verification)
{
    ad_vector_deinit(&verification->differences);
}
