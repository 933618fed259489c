/* SPDX-License-Identifier: MIT */
/**
 * @file snapshot.h - what was learnt from a target, as plain data.
 *
 * Everything above (findings, report) sees only this, never a target: printing cannot fault. Things refer
 * to each other by index; AD_NONE is "none". Texts are raw bytes of the target, NUL-terminated and bounded
 * but NOT escaped: whoever prints escapes (report/escape.h). All memory belongs to the snapshot. The name
 * of a task or worker and every kind_name and state_name is never NULL; other texts may be.
 *
 *     task --future--> future --owner--> task           (waits for, is held by)
 *       |                 |`--holders--> task, task      (is held by several)
 *       |                 |`--children-> future, future  (is the first of, or all of them)
 *       |                  `--waiters--> task, task      (in queue order)
 *       `--stack--> stack --> locations --> lines        (stacks are stored once, however many share them)
 */
#ifndef AD_MODEL_SNAPSHOT_H
#define AD_MODEL_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "async_debug.h"
#include "base/error.h"
#include "base/pool.h"
#include "base/vector.h"
#include "target/target.h"

#define AD_NONE UINT32_MAX

/** A place in the source; file NULL: not known. */
struct ad_place {
    const char *file;
    uint32_t line;
    const char *function;
};

/** A task that holds a lock or permits together with others. */
struct ad_holder {
    uint32_t task;                   /**< AD_NONE: not known */
    uint64_t address;                /**< of the task, even when none is known there */
    uint64_t since;                  /**< 0: not known */
};

struct ad_future {
    uint64_t address;
    uint32_t runtime;
    enum async_debug_kind_class kind;
    const char *kind_name;           /**< the runtime's own word */
    enum async_debug_future_state_class state;
    const char *state_name;
    const char *name;                /**< NULL or empty: none */
    uint32_t owner;                  /**< task: holder, producer, joined task */
    uint64_t owner_address;          /**< even when no task is known there */
    uint64_t owner_id;               /**< native id, even when that task is gone; 0: not known */
    uint64_t owned_since;
    uint32_t first_holder;           /**< into snapshot.holders: several owners; holder_count of them */
    uint32_t holder_count;
    bool holders_whole;              /**< that is all of them */
    uint32_t first_child;            /**< into snapshot.children: what a select, all or group waits for */
    uint32_t child_count;
    bool children_whole;             /**< that is all of them */
    uint32_t first_waiter;           /**< into snapshot.waiters; waiter_count of them, in queue order */
    uint32_t waiter_count;           /**< as walked */
    uint64_t declared_waiters;       /**< as the runtime counts them; UINT64_MAX: it does not */
    uint64_t object;                 /**< address shared by the futures of one object; 0: none */
    uint64_t deadline;
    int64_t fd;                      /**< negative: none */
    const char *peer;
    uint64_t size;
    uint64_t capacity;
    uint64_t count;
    uint64_t senders;                /**< UINT64_MAX: not known; likewise receivers */
    uint64_t receivers;
    uint32_t worker;                 /**< that is to complete it; AD_NONE: not known */
    pid_t thread;                    /**< OS thread that is to complete it; 0: none */
    int64_t error;                   /**< negative errno-style code it ended with; 0: none */
    struct ad_place site;            /**< where it was made */
    uint64_t created_at;
};

/** key=value of a task. Neither is NULL. */
struct ad_label {
    const char *key;
    const char *value;
};

/** Return addresses that a runtime recorded, innermost first, and the stack they make. */
struct ad_trace {
    uint32_t first;                  /**< into snapshot.addresses */
    uint32_t count;
    uint32_t stack;                  /**< into snapshot.stacks, once symbols are looked up; AD_NONE: none */
};

/** What only some tasks have. */
struct ad_task_extra {
    uint32_t group;                  /**< future of the task group it belongs to */
    struct ad_place cancel_site;     /**< where its cancellation was requested */
    struct ad_place error_site;      /**< where its failure was raised */
    struct ad_trace spawn_trace;
    struct ad_trace error_trace;
    uint32_t first_label;            /**< into snapshot.labels; label_count of them */
    uint32_t label_count;
    uint64_t cpu_time;               /**< ns; 0: not counted, likewise below */
    uint64_t wall_time;
    uint64_t longest_step;
};

struct ad_task {
    uint32_t id;                     /**< unique in the snapshot; the runtime's own id where that is unique */
    uint64_t native_id;              /**< the runtime's own */
    uint64_t address;
    uint32_t runtime;
    const char *name;
    enum async_debug_state_class state;
    const char *state_name;
    uint32_t parent;                 /**< task, when it is still there */
    uint64_t parent_id;              /**< native id; 0: spawned from outside any task */
    uint32_t worker;
    uint32_t future;                 /**< what it awaits */
    uint64_t context;                /**< address of its saved context; 0: none */
    uint64_t stack_low;
    uint64_t stack_size;
    uint64_t stack_used_max;
    struct ad_place spawn_site;
    uint64_t spawn_pc;
    uint64_t start_function;
    uint64_t resumes;
    uint64_t spawned_at;             /**< times: target's CLOCK_MONOTONIC, ns; 0: not known */
    uint64_t resumed_at;
    uint64_t suspended_at;
    uint64_t ready_since;
    uint64_t deadline;               /**< of the innermost timeout around it; 0: none */
    uint32_t ready_on;               /**< worker in whose run queue or inbox it is; AD_NONE: in none */
    uint32_t ready_position;         /**< tasks before it in the run queue; AD_NONE: it is in the inbox */
    enum async_debug_cancel_state cancel_state;
    uint64_t cancel_by;              /**< native id; 0: from outside any task */
    uint64_t cancel_at;
    int64_t error;
    const char *error_text;
    uint64_t flags;                  /**< enum async_debug_task_flag */
    uint64_t argument;               /**< of its start function */
    uint64_t locals;                 /**< address of the runtime's task-local values, opaque */
    uint32_t start_location;         /**< of the start function, into snapshot.locations; AD_NONE: not known */
    uint32_t spawn_location;         /**< of spawn_pc, where there is no spawn_site; likewise */
    uint32_t extra;                  /**< into snapshot.extras; AD_NONE: it has none. See ad_task_extra. */
    uint32_t stack;                  /**< AD_NONE: none was read */
    bool torn;                       /**< it changed while it was read, so that parts of it may not fit together */
    bool by_list;                    /**< the road(s) that led to it */
    bool by_index;
};

struct ad_worker {
    uint32_t id;
    uint64_t address;
    uint32_t runtime;
    const char *name;
    pid_t thread_id;
    uint32_t thread;                 /**< into snapshot.threads; AD_NONE: that thread is not in the target */
    enum async_debug_worker_state_class state;
    const char *state_name;
    uint32_t current;                /**< task */
    uint64_t current_address;        /**< even when no task is known there; 0: it runs none */
    uint64_t ready_count;            /**< as the runtime counts, or as walked where it does not */
    uint64_t inbox_count;            /**< made ready by other threads and not yet seen; as walked */
    uint64_t timer_count;
    uint64_t next_timer;
    uint64_t last_tick;
    uint64_t last_tick_real;
    uint64_t ticks;
    uint64_t switches;               /**< tasks resumed, ever */
    uint64_t tasks_alive;            /**< UINT64_MAX: not known */
    uint64_t loop;                   /**< address of the event loop; 0: not known */
    uint64_t context;                /**< address of its own saved context while a task runs; 0: none */
};

/** What a runtime keeps of a task that has ended. */
struct ad_finished {
    uint32_t runtime;
    uint64_t native_id;
    const char *name;                /**< never NULL */
    enum async_debug_state_class state;
    const char *state_name;
    uint64_t start_function;
    uint32_t start_location;         /**< as of a task */
    uint64_t parent_id;
    struct ad_place spawn_site;
    uint64_t spawned_at;
    uint64_t finished_at;
    int64_t error;
    const char *error_text;
    uint64_t resumes;
    uint64_t cpu_time;
    uint64_t flags;
};

/** An open socket, file or timer. */
struct ad_handle {
    uint32_t runtime;
    uint64_t address;
    const char *kind;                /**< "tcp"; NULL: not known, likewise the name */
    const char *name;
    int64_t fd;                      /**< negative: none */
    struct ad_place site;            /**< where it was opened */
    uint64_t task_id;                /**< native id of the task that opened it; 0: from outside any task */
    uint64_t opened_at;
};

/** What all tasks of one start function did together. Numbers the runtime does not count are 0. */
struct ad_function {
    uint32_t runtime;
    uint64_t start;                  /**< its address */
    uint32_t start_location;         /**< as of a task */
    uint64_t spawned;
    uint64_t finished;
    uint64_t failed;
    uint64_t resumes;
    uint64_t cpu_time;
    uint64_t wall_time;
    uint64_t longest_step;
    uint64_t longest_task;           /**< native id */
};

/** An OS thread of the target. */
struct ad_thread_state {
    struct ad_thread thread;
    uint32_t worker;                 /**< AD_NONE: runs no event loop */
    uint32_t stack;
};

/** One line of a displayed stack: a real or inlined function, or what a runtime told. */
struct ad_line {
    const char *function;            /**< NULL: not known, print the address */
    const char *file;
    uint32_t line;
    bool inlined;
    bool hidden;                     /**< the runtime's own: left out unless asked for */
};

/** An argument or local of the function of a line. */
struct ad_variable {
    const char *name;
    const char *type;                /**< "const struct node *"; NULL: not known */
    bool argument;
    uint32_t depth;                  /**< 0: of the function itself; more: of blocks inside it */
};

enum ad_value_state {
    AD_VALUE_KNOWN, /**< at least in part */
    AD_VALUE_OPTIMIZED_OUT,
    AD_VALUE_UNREADABLE,
    AD_VALUE_UNAVAILABLE,
};

/** What a variable is in one frame, in words (values/format.h). In quotes its bytes are escaped as in C. */
struct ad_value {
    const char *text;                /**< NULL: left out, because there are more than limits.values */
    enum ad_value_state state;
};

/** The variables of a line: into snapshot.variables; arguments first, then those of the innermost block. */
struct ad_line_variables {
    uint32_t first;
    uint32_t count;
};

/** What is known of one return address: one line or, with inlining, several, innermost first. */
struct ad_location {
    uint64_t pc;
    bool interrupted;                /**< see struct ad_unwound_frame */
    uint32_t first_line;             /**< into snapshot.lines */
    uint32_t line_count;
    const char *module;              /**< name of the ELF file; NULL: none */
    uint64_t offset;                 /**< from the function's start, or the module's where there is none */
    bool entry;                      /**< lies in the runtime's entry trampoline */
};

/** A distinct stack, innermost frame first. */
struct ad_stack {
    uint32_t first;                  /**< into snapshot.frames: location indices */
    uint32_t count;
    uint32_t end;                    /**< enum ad_stack_end of unwind/unwind.h */
    const char *end_text;            /**< NULL: complete; else why it stops here, for the user */
};

/** A coroutine runtime found in the target. */
struct ad_runtime {
    const char *name;
    const char *version;
    uint64_t descriptor;
    const char *found_by;            /**< "note", "symbol" or "scan" */
    uint64_t bridge;
    uint64_t entry_low, entry_high;
    const char *hidden_prefixes;
    uint64_t code_low; /**< its own code, hidden as well; equal: not known */
    uint64_t code_high;
    uint64_t tasks_declared;         /**< alive, as the runtime counts; UINT64_MAX: it does not */
    uint64_t tasks_read;
    uint64_t tasks_spawned;          /**< ever; UINT64_MAX: not counted, likewise tasks_finished */
    uint64_t tasks_finished;
    bool changing;                   /**< stopped while some thread changed them: lists and counts may differ */
    uint64_t debug_flags;            /**< enum async_debug_mode */
    uint64_t slow_step;              /**< ns from which on a step is logged in debug mode; 0: not known */
    uint64_t tick_interval;
    uint64_t started_at;
    pid_t pid;                       /**< 0: not known */
    uint64_t history_count;          /**< tasks ever written to the history, which keeps the last ones */
    uint64_t first_worker, worker_count;
    uint32_t first_task;             /**< tasks_read of them, in order of their ids */
};

/** Something that could not be read: counted and named. */
struct ad_loss {
    const char *what;                /**< "2 tasks unreadable: list broken at 0x7f..", a whole clause */
    uint64_t count;
    bool partial;                    /**< makes the exit status 3 (a mere note does not) */
};

struct ad_snapshot {
    /* the target */
    enum ad_target_kind kind;
    const char *description;         /**< "core.1234", "pid 1234" */
    pid_t pid;
    const char *command;
    const char *executable;
    const char *build_id_state;      /**< "build-id ok", "binary missing", ... */
    int signal;
    uint64_t realtime;               /**< of the dump, ns since 1970 */
    uint64_t now;                    /**< of the dump, on the target's monotonic clock: ages are now - t */
    const char *stop_note;

    struct ad_vector runtimes;       /* struct ad_runtime */
    struct ad_vector tasks;          /* struct ad_task; of each runtime by id */
    struct ad_vector futures;        /* struct ad_future */
    struct ad_vector waiters;        /* uint32_t task index, or AD_NONE for one that is not known */
    struct ad_vector holders;        /* struct ad_holder */
    struct ad_vector children;       /* uint32_t future index, or AD_NONE for one that is not known */
    struct ad_vector extras;         /* struct ad_task_extra */
    struct ad_vector labels;         /* struct ad_label */
    struct ad_vector addresses;      /* uint64_t, of traces */
    struct ad_vector finished;       /* struct ad_finished; of each runtime the newest first */
    struct ad_vector handles;        /* struct ad_handle */
    struct ad_vector functions;      /* struct ad_function */
    struct ad_vector workers;        /* struct ad_worker */
    struct ad_vector threads;        /* struct ad_thread_state */
    struct ad_vector registers;      /* struct ad_registers by task; see ad_snapshot_registers */
    struct ad_vector stacks;         /* struct ad_stack */
    struct ad_vector frames;         /* uint32_t location index */
    struct ad_vector locations;      /* struct ad_location */
    struct ad_vector lines;          /* struct ad_line */
    struct ad_vector losses;         /* struct ad_loss */

    /* Arguments and locals; all empty unless they were asked for. A stack's values are those of its lines, one
     * after the other, and of each line those of its variables. */
    struct ad_vector variables;      /* struct ad_variable */
    struct ad_vector line_variables; /* struct ad_line_variables, by line */
    struct ad_vector values;         /* struct ad_value */
    struct ad_vector task_values;    /* uint32_t by task: its first value; AD_NONE: none were read */
    struct ad_vector thread_values;  /* likewise by thread */
    struct ad_pool pool;
};

struct ad_error *ad_snapshot_create(struct ad_snapshot **snapshot_ret) ad_must_check;
void ad_snapshot_destroy(struct ad_snapshot *snapshot);

/** Takes over what a target tells of itself: pid, signal, times, names, OS threads. Once. */
struct ad_error *ad_snapshot_describe(struct ad_snapshot *snapshot,
                                      const struct ad_target *target) ad_must_check;

/** Copies a text into the pool; NULL stays NULL. */
struct ad_error *ad_snapshot_text(struct ad_snapshot *snapshot, const char *text,
                                  const char **text_ret) ad_must_check;

/** Adds a loss; the text is formatted into the pool. */
struct ad_error *ad_snapshot_lose(struct ad_snapshot *snapshot, bool partial, uint64_t count,
                                  const char *format, ...) __attribute__((format(printf, 4, 5))) ad_must_check;

/* Checked element access; the index must be below the count. */
struct ad_task *ad_snapshot_task(const struct ad_snapshot *snapshot, uint32_t index);
struct ad_future *ad_snapshot_future(const struct ad_snapshot *snapshot, uint32_t index);
struct ad_worker *ad_snapshot_worker(const struct ad_snapshot *snapshot, uint32_t index);

/** Of a suspended task, from its saved context; none is valid when they are not known or were not kept, which
 *  is done for those who need them after its stack was unwound. */
const struct ad_registers *ad_snapshot_registers(const struct ad_snapshot *snapshot, uint32_t task);
struct ad_error *ad_snapshot_keep_registers(struct ad_snapshot *snapshot, uint32_t task,
                                            const struct ad_registers *registers) ad_must_check;

/** What only some tasks have; of one that has nothing of it, all zero and none. Valid until more is read. */
const struct ad_task_extra *ad_task_extra(const struct ad_snapshot *snapshot, const struct ad_task *task);

/** The variables of line `index` of snapshot.lines; none unless they were asked for. */
struct ad_line_variables ad_snapshot_line_variables(const struct ad_snapshot *snapshot, size_t index);

/** Index of the task that a runtime itself calls `id`, or AD_NONE. */
uint32_t ad_snapshot_find_native(const struct ad_snapshot *snapshot, uint32_t runtime, uint64_t id);

/** Index of the task with this id or name (an ambiguous name: AD_NONE), or AD_NONE. */
uint32_t ad_snapshot_find_id(const struct ad_snapshot *snapshot, uint32_t id);
uint32_t ad_snapshot_find_name(const struct ad_snapshot *snapshot, const char *name);

/** Exit status 0, or 3 when a loss is partial. */
int ad_snapshot_exit_status(const struct ad_snapshot *snapshot);

#endif
