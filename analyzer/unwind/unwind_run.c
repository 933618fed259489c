/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "unwind/unwind_internal.h"

enum { WORD = 8 };

/* A walk while nothing unusual happens. Of the registers only those are followed that lead on. */
struct run {
    const struct ad_row_table *table;
    const uint8_t *bytes; /* the window's */
    uint64_t start;       /* its address */
    uint64_t size;
    uint64_t pc;
    uint64_t sp;
    uint64_t rbp;
    uint64_t inner_cfa; /* which the next one must be above */
    bool rbp_known;
    bool interrupted;
    bool ended;
};

static inline uint64_t load_word(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return word;
}

/* One frame; false: it is left as it was, for somebody who looks closer. */
static inline bool pass(struct run *run, struct ad_unwound_frame *frame)
{
    const struct ad_row *row = ad_row_find(run->table, run->pc - !run->interrupted);
    const struct ad_cfi_row *rules = &row->rules;
    bool by_rbp = row->flags & AD_ROW_RBP;
    uint64_t cfa = (by_rbp ? run->rbp : run->sp) + (uint64_t)(int64_t)rules->cfa_offset;
    uint64_t offset = cfa - run->start, pc = 0;
    if (!(row->flags & (AD_ROW_PLAIN | AD_ROW_LAST)) || by_rbp > run->rbp_known || cfa <= run->inner_cfa)
        return false;
    if (row->flags & AD_ROW_PLAIN) {
        if (offset > run->size || offset < (uint64_t)rules->depth * WORD)
            return false;
        pc = load_word(run->bytes + offset - (size_t)rules->words[AD_ROW_PC] * WORD);
        if (!pc)
            return false;
        if (rules->saved >> AD_ROW_RBP_SLOT & 1)
            run->rbp = load_word(run->bytes + offset - (size_t)rules->words[AD_ROW_RBP_SLOT] * WORD);
        run->rbp_known |= rules->saved >> AD_ROW_RBP_SLOT & 1;
    }
    *frame = (struct ad_unwound_frame){run->pc, cfa, row->number, run->interrupted};
    run->pc = pc;
    run->sp = cfa;
    run->inner_cfa = cfa;
    run->interrupted = false;
    run->ended = !pc;
    return true;
}

/* The other registers of the frame that follows `count` passed ones. */
static void catch_up(struct ad_unwinder *unwinder, const struct ad_unwound_frame *frames, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct ad_row *row = ad_row_find(&unwinder->rows, frames[i].pc - !frames[i].interrupted);
        ad_step_load(unwinder, &row->rules, frames[i].cfa);
        unwinder->registers.value[AD_REG_SP] = frames[i].cfa;
    }
}

void ad_unwinder_run(struct ad_unwinder *unwinder, struct ad_step *step)
{
    struct ad_vector *vector = &unwinder->frames;
    struct ad_unwound_frame *frames = AD_ITEMS(struct ad_unwound_frame, vector) + vector->count;
    const uint64_t *value = unwinder->registers.value;
    size_t most = vector->capacity < unwinder->limits->frames ? vector->capacity : unwinder->limits->frames;
    size_t room = most > vector->count ? most - vector->count : 0, count = 0;
    struct run run = {
        .table = &unwinder->rows,
        .bytes = unwinder->window.bytes,
        .start = unwinder->window.range.start,
        .size = ad_range_size(unwinder->window.range),
        .pc = step->frame.pc,
        .sp = value[AD_REG_SP],
        .rbp = value[AD_REG_RBP],
        .inner_cfa = step->has_inner_cfa ? step->inner_cfa : value[AD_REG_SP],
        .rbp_known = unwinder->registers.valid >> AD_REG_RBP & 1,
        .interrupted = step->frame.interrupted,
    };
    while (count < room && !run.ended && pass(&run, frames + count))
        count++;
    if (!count)
        return;
    vector->count += count;
    unwinder->by_row += count;
    step->has_inner_cfa = true;
    step->inner_cfa = run.sp;
    step->frame = (struct ad_unwound_frame){.pc = run.pc, .interrupted = run.interrupted};
    if (run.ended)
        ad_step_end(step, AD_STACK_ENTRY, frames[count - 1].pc);
    else
        catch_up(unwinder, frames, count);
}
