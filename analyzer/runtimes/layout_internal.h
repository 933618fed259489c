/* SPDX-License-Identifier: MIT */
/**
 * @file layout_internal.h - what the files of the contract reader share.
 *
 *     layout.c             the order of things: ids, references, clocks
 *     layout_descriptor.c  is it a descriptor, and what of it can be trusted
 *     layout_record.c      one record in one read, and the values of its fields
 *     layout_workers.c     process, workers, and where their tasks begin
 *     layout_task.c        one task's record
 *     layout_extra.c       what only some tasks have: sites, labels, recorded stacks
 *     layout_tasks.c       both roads to every task
 *     layout_follow.c      of a live process: only what has moved
 *     layout_ready.c       run queues and inboxes
 *     layout_contexts.c    registers and stacks of suspended tasks
 *     layout_futures.c     what they wait for, and who waits with them
 *     layout_parts.c       several holders of a future, and the futures that one is made of
 *     layout_history.c     finished tasks, open handles, counters by function
 *     layout_walk.c        every list
 *     layout_scan.c        finding a descriptor by its magic
 */
#ifndef AD_RUNTIMES_LAYOUT_INTERNAL_H
#define AD_RUNTIMES_LAYOUT_INTERNAL_H

#include "base/map.h"
#include "base/range.h"
#include "runtimes/layout.h"

/** Losses that can come by the thousand: counted, and told in one sentence each (layout.c). */
enum ad_tally_kind {
    AD_TALLY_FIELDS,
    AD_TALLY_WORKERS,
    AD_TALLY_SLABS,
    AD_TALLY_SLOTS,
    AD_TALLY_TASK_LIMIT,
    AD_TALLY_STATES,
    AD_TALLY_CONTEXTS,
    AD_TALLY_FUTURES,
    AD_TALLY_FUTURE_LIMIT,
    AD_TALLY_WAITERS,
    AD_TALLY_HOLDERS,
    AD_TALLY_CHILDREN,
    AD_TALLY_READY,
    AD_TALLY_READY_COUNTS,
    AD_TALLY_LABELS,
    AD_TALLY_TRACES,
    AD_TALLY_HISTORY,
    AD_TALLY_HANDLES,
    AD_TALLY_FUNCTIONS,
    AD_TALLY_TEXTS,
    AD_TALLY_COUNT
};

struct ad_loss_count {
    uint64_t count;
    uint64_t address; /**< of the first */
};

/** One table of names of the descriptor, copied into the snapshot's pool. */
struct ad_name_table {
    const char *text[ASYNC_DEBUG_KINDS]; /**< NULL: the number is not used */
    uint16_t meaning[ASYNC_DEBUG_KINDS];
    uint64_t count;
};

/** Where tasks can be reached from: the process and each worker have one. */
struct ad_road {
    uint64_t first; /**< task; 0: an empty list */
    uint64_t head;  /**< what ends a ring, as a task's address; 0: none */
    uint64_t slabs; /**< address of an array of pointers */
    uint64_t slab_count;
    uint32_t worker; /**< whose it is; AD_NONE: the process's */
};

/** Where a worker's ready tasks begin. */
struct ad_ready_list {
    uint32_t worker;
    bool inbox;
    bool counted;      /**< the runtime counts them ... */
    uint64_t declared; /**< ... and this is how many */
    uint64_t first;
    uint64_t head;
};

/** Where the records of the process's own lists begin. */
struct ad_books {
    uint64_t history; /**< address of a ring of records */
    uint64_t history_capacity;
    uint64_t history_count; /**< ever written */
    uint64_t handles;
    uint64_t functions;
};

/** Addresses of a task record that are resolved when all tasks are known. */
struct ad_links {
    uint64_t next;
    uint64_t ready_next;
    uint64_t awaits;
    uint64_t waiter;
    uint64_t join;
    uint64_t parent;
    uint64_t worker;
    uint64_t group;
    uint32_t found_on; /**< worker whose list or slab led to it; AD_NONE: the process's did */
};

/** Records that lie together, read in one go. */
struct ad_block {
    uint64_t start;
    size_t size;
    uint8_t *bytes; /**< room for AD_BLOCK_BYTES; NULL: none yet */
};

#define AD_BLOCK_BYTES ((size_t)65536)

/** One runtime while it is read. */
struct ad_layout {
    struct ad_target *target;
    const struct ad_limits *limits;
    struct ad_snapshot *snapshot;
    uint64_t address;
    uint32_t runtime;
    struct async_debug_descriptor descriptor; /**< our copy; fields that cannot be are absent in it */
    struct ad_name_table task_states, future_states, worker_states, future_kinds;
    struct ad_vector roads;      /* struct ad_road */
    struct ad_vector ready;      /* struct ad_ready_list */
    struct ad_books books;
    bool has_list, has_index;
    struct ad_vector links;      /* struct ad_links, of the tasks from first_task on */
    uint32_t first_task;         /**< of this runtime, into snapshot.tasks */
    uint32_t first_future;
    struct ad_map task_at;       /**< address -> index into snapshot.tasks */
    struct ad_map worker_at;     /**< address -> index into snapshot.workers */
    struct ad_map place_at;      /**< SITE's address -> index into places */
    struct ad_vector places;     /* struct ad_place */
    struct ad_map labels_at;     /**< address of a chain's first LABEL -> a task's extra that has it */
    struct ad_vector visited;    /* uint64_t: addresses of the chain at hand */
    struct ad_block block;       /**< of a slab, while its slots are looked at */
    const struct ad_stack_visitor *visitor; /**< NULL: nobody */
    struct ad_vector noted;      /* uint8_t: WAITER records met on the stacks, one behind the other */
    struct ad_map noted_at;      /**< address -> number of the record in noted */
    uint64_t extra_steps;        /**< left for labels and recorded stacks of all tasks together */
    char list_text[96];          /**< why the first broken list broke; empty: none did */
    struct ad_loss_count tallies[AD_TALLY_COUNT];
};

void ad_layout_tally(struct ad_layout *layout, enum ad_tally_kind kind, uint64_t address);

/* ---- layout.c ---- */

/** Empty, but for what is to be read; `_deinit` also as a cleanup. */
void ad_layout_init(struct ad_layout *layout, struct ad_target *target, uint64_t address,
                    const struct ad_limits *limits, struct ad_snapshot *snapshot);
void ad_layout_deinit(struct ad_layout *layout);
/** Reads the descriptor and adds the runtime to the snapshot. */
struct ad_error *ad_layout_begin(struct ad_layout *layout, const char *found_by) ad_must_check;
/** Gives the tasks ids and puts them in order of those, where they are. */
struct ad_error *ad_layout_settle(struct ad_layout *layout) ad_must_check;

/* ---- layout_descriptor.c ---- */

/** Reads and checks; drops (and counts) fields that lie outside their record. */
struct ad_error *ad_layout_descriptor(struct ad_layout *layout) ad_must_check;
/** The table's text for a number, or "unknown". */
const char *ad_name_text(const struct ad_name_table *table, uint64_t number);
/** What the number means; 0 (NONE, OTHER) when it is not in the table. */
uint16_t ad_name_meaning(const struct ad_name_table *table, uint64_t number);

/* ---- layout_record.c ---- */

/** One record, copied. */
struct ad_record {
    const struct async_debug_record *shape;
    uint64_t address;
    uint8_t *bytes;
    size_t got; /**< bytes of it that could be read; fields beyond are absent */
};

/** Room for records of this kind; `_deinit` also as a cleanup. */
struct ad_error *ad_record_init(struct ad_record *record, const struct ad_layout *layout,
                                enum async_debug_record_kind kind) ad_must_check;
void ad_record_deinit(struct ad_record *record);
#define ad_auto_record ad_cleanup(ad_record_deinit)

/** Reads the record at `address` in one read; false when it is not there in full or its magic is wrong. */
bool ad_record_fetch(struct ad_record *record, const struct ad_layout *layout, uint64_t address);
/** As above, but the end may be missing and nothing is said of a magic. */
bool ad_record_fetch_some(struct ad_record *record, const struct ad_layout *layout, uint64_t address);

/** As ad_record_fetch, from bytes that were read before: all of the record's. */
bool ad_record_take(struct ad_record *record, const struct ad_layout *layout, uint64_t address,
                    const uint8_t *bytes);

bool ad_record_has(const struct ad_record *record, unsigned field);
/** A number or address; 0 when absent. Signed ones are sign-extended. */
uint64_t ad_record_value(const struct ad_record *record, unsigned field);
uint64_t ad_record_value_or(const struct ad_record *record, unsigned field, uint64_t fallback);
/** A link as the address of the record it leads to; `link` is the field that it may point at. */
uint64_t ad_record_link(const struct ad_record *record, unsigned field,
                        const struct async_debug_record *to, unsigned link);
/** The first record of a list: a pointer to it, or a link embedded in this record, which a ring of links
 *  leads back to. `head_ret`: what ends a ring, as a record's address. */
void ad_record_head(const struct ad_record *record, unsigned field, const struct async_debug_record *to,
                    unsigned link, uint64_t *first_ret, uint64_t *head_ret);
/** A text in the pool; NULL when absent or empty. What can be read of it is kept. */
struct ad_error *ad_record_text(const struct ad_record *record, struct ad_layout *layout, unsigned field,
                                const char **text_ret) ad_must_check;
/** The place that a field points to; all zero when absent or unreadable. */
struct ad_error *ad_record_place(const struct ad_record *record, struct ad_layout *layout, unsigned field,
                                 struct ad_place *place_ret) ad_must_check;

/* ---- layout_workers.c ---- */

/** Reads the process and its workers, fills the roads and what the runtime declares. */
struct ad_error *ad_layout_workers(struct ad_layout *layout) ad_must_check;

/* ---- layout_task.c ---- */

/** Fills a task and its links; both are all zero. */
struct ad_error *ad_layout_task(struct ad_layout *layout, const struct ad_record *record, struct ad_task *task,
                                struct ad_links *links) ad_must_check;
/** Whether the record is a slot without a task. */
bool ad_layout_task_is_free(const struct ad_layout *layout, const struct ad_record *record);

/* ---- layout_extra.c ---- */

/** Fills `task->extra` when the record has any of it. */
struct ad_error *ad_layout_extra(struct ad_layout *layout, const struct ad_record *record,
                                 struct ad_task *task) ad_must_check;

/* ---- layout_tasks.c ---- */

/** A run of slots, as one slab describes it. */
struct ad_slots {
    uint64_t first;
    uint64_t count;
    uint64_t size;
    uint32_t worker;
};

/** Collects the tasks by both roads, as they are found. */
struct ad_error *ad_layout_tasks(struct ad_layout *layout) ad_must_check;
/** The slots (struct ad_slots) of all slabs that are not in `known`, where their addresses are added. */
struct ad_error *ad_layout_find_slots(struct ad_layout *layout, struct ad_map *known,
                                      struct ad_vector *slots) ad_must_check;
/** Adds the tasks in slots `from` to `to`; `budget`: slots that may be looked at. */
struct ad_error *ad_layout_take_slots(struct ad_layout *layout, const struct ad_slots *slots, uint64_t from,
                                      uint64_t to, struct ad_record *record, uint64_t *budget) ad_must_check;
/** Adds the record's task; AD_NONE when it is none or there are too many. */
struct ad_error *ad_layout_add_task(struct ad_layout *layout, const struct ad_record *record, uint32_t worker,
                                    uint32_t *index_ret) ad_must_check;

/* ---- layout_ready.c ---- */

/** Walks run queues and inboxes, and tells their tasks. A waiting task that is in one is ready. */
void ad_layout_ready(struct ad_layout *layout);

/* ---- layout_contexts.c ---- */

/** The registers of every suspended task of this runtime. */
struct ad_error *ad_layout_contexts(struct ad_layout *layout) ad_must_check;
/** What is in use of a suspended task's stack, from the lower of context and stack pointer up. False: nothing. */
bool ad_layout_used_stack(const struct ad_target *target, const struct ad_task *task,
                          const struct ad_registers *registers, const struct ad_limits *limits, struct ad_range *range);

/* ---- layout_futures.c ---- */

/** What the tasks of this runtime wait for, and the groups they belong to. */
struct ad_error *ad_layout_futures(struct ad_layout *layout) ad_must_check;

/* ---- layout_parts.c ---- */

/** What is needed while holders and children are walked. */
struct ad_parts {
    struct ad_layout *layout;
    struct ad_record waiter;
    struct ad_vector children; /* uint64_t: addresses, for each of snapshot.children from first_child on */
    size_t first_child;
    uint64_t budget; /**< steps left for all futures together */
};

struct ad_error *ad_parts_init(struct ad_parts *parts, struct ad_layout *layout) ad_must_check;
void ad_parts_deinit(struct ad_parts *parts);
/** Fills the holders and children of a future from its record; the children's indices are AD_NONE yet. */
struct ad_error *ad_parts_read(struct ad_parts *parts, const struct ad_record *record,
                               struct ad_future *future) ad_must_check;

/* ---- layout_history.c ---- */

/** What the runtime keeps beside its tasks. */
struct ad_error *ad_layout_history(struct ad_layout *layout) ad_must_check;

/** The task of this runtime at an address, or AD_NONE. */
static inline uint32_t ad_layout_task_at(const struct ad_layout *layout, uint64_t address)
{
    return ad_map_get(&layout->task_at, address, AD_NONE);
}

#endif
