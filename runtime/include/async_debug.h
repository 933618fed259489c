/* SPDX-License-Identifier: MIT */
/**
 * @file async_debug.h - the contract between a coroutine runtime and a debugger.
 *
 * A runtime publishes ONE descriptor. The descriptor says where everything is: field offsets of the
 * runtime's own structs, names for its state and future-kind numbers, the rule for the registers of
 * a suspended task, and the address of the process record from which every task can be reached. A
 * reader goes through the descriptor and never includes a runtime's struct, so runtime and reader may
 * have different versions, and a runtime nobody here wrote can publish the same in about 40 lines.
 * LAYOUT.md, beside this folder, draws it.
 *
 *     ELF note --> descriptor --> process --> workers --> task --> task --> ... (road 1: list)
 *                      |             |           `-----> slab index -> slots    (road 2: index)
 *                      |             `-> clocks, counters, history
 *                      `-> records[]: offsets of every field of every record
 *
 * Rules for a publisher
 *  - The descriptor lies in WRITABLE memory and is written at start-up (one store is enough), so that
 *    its page is in every core, even when the binary is gone. Strings that a reader needs lie in it.
 *  - `self` holds the descriptor's own run-time address. It is what tells the descriptor from a copy.
 *  - Addresses are run-time addresses (after relocation). Integers have the target's byte order.
 *  - What a runtime does not have is ABSENT (all zero). Nothing is mandatory but the list or the index
 *    of tasks, and of a task its state; with `context` and the register table it has a stack as well.
 *  - A process stopped between any two instructions must be readable: link a record only when it is
 *    filled in; unlink with one store; make `changes` odd while counters and lists may disagree.
 *  - Times are nanoseconds of CLOCK_MONOTONIC unless a field says otherwise; 0 means "not known".
 *
 * Rules for a reader
 *  - Every byte is hostile: check magic, `self`, `abi`, `size`, and that each field lies inside its
 *    record. Accept an `abi` it does not know only if the major number (abi >> 16) is equal.
 *  - Field numbers only grow: read `min(field_count, own count)`; a field beyond that is absent.
 */
#ifndef ASYNC_DEBUG_H
#define ASYNC_DEBUG_H

#include <stddef.h>
#include <stdint.h>

/** 16 bytes with the final NUL. A reader must also check `self`: this header puts copies in readers. */
#define ASYNC_DEBUG_MAGIC "\177ASYNC-DEBUG\r\n\032"

/** major << 16 | minor. Minor grows with each field added, major when an old reader would be wrong. */
#define ASYNC_DEBUG_ABI 0x00010001u

/** The symbol of the descriptor: the second way to find it, for stripped notes. */
#define ASYNC_DEBUG_SYMBOL "async_debug_descriptor"

/* ---- 1. The note: how a reader finds the descriptor without symbols or sections --------------- */

/** Owner name and type of the ELF note; it lies in a PT_NOTE, normally on the first page of the file. */
#define ASYNC_DEBUG_NOTE_NAME "AsyncDebug"
#define ASYNC_DEBUG_NOTE_TYPE 1u

/** The note's descriptor bytes. descriptor = (run-time address of `offset`) + offset. */
struct async_debug_note {
    uint32_t abi;
    uint32_t reserved;
    int64_t offset;
};

/**
 * Emits the note for the descriptor `symbol` (defined in the same file, at file scope). The local alias
 * keeps the relocation section-relative, so that it links in a shared library too.
 */
#define ASYNC_DEBUG_NOTE(symbol)                                   \
    __asm__(".pushsection .note.async_debug,\"a\",@note\n"         \
            ".balign 4\n"                                          \
            ".long 11, 16, 1\n"                                    \
            ".asciz \"AsyncDebug\"\n"                              \
            ".balign 4\n"                                          \
            ".set .Lasync_debug_local, " #symbol "\n"              \
            ".long 0x00010001, 0\n"                                \
            ".quad .Lasync_debug_local - .\n"                      \
            ".popsection\n")

/* ---- 2. Fields: how one value of a record is read --------------------------------------------- */

enum async_debug_encoding {
    ASYNC_DEBUG_ABSENT = 0,       /**< the runtime does not have it */
    ASYNC_DEBUG_UNSIGNED = 1,     /**< 1, 2, 4 or 8 bytes */
    ASYNC_DEBUG_SIGNED = 2,       /**< 1, 2, 4 or 8 bytes, sign-extended */
    ASYNC_DEBUG_POINTER = 3,      /**< an address; 0 means none */
    ASYNC_DEBUG_TEXT = 4,         /**< characters inside the record, up to `size` or a NUL; memory may end there */
    ASYNC_DEBUG_TEXT_POINTER = 5, /**< an address of NUL-terminated characters; 0 means none */
    ASYNC_DEBUG_EMBEDDED = 6,     /**< the value is the field's own address (a struct inside the record, or
                                   *   what begins at its end: then `size` is 0) */
};

enum async_debug_field_flag {
    /** In a link or head: the address is that of the link field in the next record, not of the record. */
    ASYNC_DEBUG_LINK_TO_FIELD = 1,
};

/** One field of a record; all zero when absent. */
struct async_debug_field {
    uint32_t offset; /**< bytes from the start of the record */
    uint16_t size;   /**< bytes */
    uint8_t encoding;
    uint8_t flags;
};

/** ASYNC_DEBUG_FIELD(struct my_task, id, UNSIGNED) */
#define ASYNC_DEBUG_FIELD(type, member, encoding_) \
    { (uint32_t)offsetof(type, member), (uint16_t)sizeof(((type *)0)->member), ASYNC_DEBUG_##encoding_, 0 }

#define ASYNC_DEBUG_FIELDS 64 /**< room in each record's table; part of the layout */

/** The shape of one kind of record. */
struct async_debug_record {
    uint32_t size;        /**< bytes of one record; every field ends inside it */
    uint32_t field_count; /**< fields the publisher knew of (its ..._FIELD_COUNT) */
    uint64_t magic;       /**< value of the MAGIC field in a live record; 0: not checked */
    struct async_debug_field field[ASYNC_DEBUG_FIELDS];
};

enum async_debug_record_kind {
    ASYNC_DEBUG_PROCESS,
    ASYNC_DEBUG_WORKER,
    ASYNC_DEBUG_TASK,
    ASYNC_DEBUG_FUTURE,
    ASYNC_DEBUG_WAITER,
    ASYNC_DEBUG_SLAB,
    ASYNC_DEBUG_SITE,
    ASYNC_DEBUG_LABEL,
    ASYNC_DEBUG_FINISHED,
    ASYNC_DEBUG_HANDLE,
    ASYNC_DEBUG_FUNCTION,     /**< since 1.1 */
    ASYNC_DEBUG_RECORD_COUNT, /**< kinds only grow too: an unknown one is ignored, a missing one is all zero */
    ASYNC_DEBUG_RECORDS = 16  /**< room in the descriptor; part of the layout */
};

/** The process: one for each descriptor. */
enum async_debug_process_field {
    ASYNC_DEBUG_PROCESS_WORKERS,          /**< pointer to an array of pointers to workers */
    ASYNC_DEBUG_PROCESS_WORKER_COUNT,     /**< entries in it; a null entry is skipped */
    ASYNC_DEBUG_PROCESS_TASKS,            /**< head of a process-wide task list; absent if workers have it */
    ASYNC_DEBUG_PROCESS_SLABS,            /**< pointer to an array of pointers to slabs; likewise */
    ASYNC_DEBUG_PROCESS_SLAB_COUNT,
    ASYNC_DEBUG_PROCESS_TASKS_ALIVE,      /**< to reconcile what was walked */
    ASYNC_DEBUG_PROCESS_TASKS_SPAWNED,    /**< ever */
    ASYNC_DEBUG_PROCESS_TASKS_FINISHED,   /**< ever */
    ASYNC_DEBUG_PROCESS_CHANGES,          /**< odd while list, index and counters may disagree */
    ASYNC_DEBUG_PROCESS_DEBUG_FLAGS,      /**< enum async_debug_mode; a debugger may set it */
    ASYNC_DEBUG_PROCESS_TICK_INTERVAL,    /**< how often an idle worker refreshes its clocks, ns; 0 never */
    ASYNC_DEBUG_PROCESS_HISTORY,          /**< pointer to a ring of FINISHED records */
    ASYNC_DEBUG_PROCESS_HISTORY_CAPACITY, /**< records in the ring */
    ASYNC_DEBUG_PROCESS_HISTORY_COUNT,    /**< records ever written: the next slot is count % capacity */
    ASYNC_DEBUG_PROCESS_HANDLES,          /**< list of open HANDLE records */
    ASYNC_DEBUG_PROCESS_STARTED_AT,
    ASYNC_DEBUG_PROCESS_PID,
    ASYNC_DEBUG_PROCESS_MAGIC,
    ASYNC_DEBUG_PROCESS_SLOW_STEP,        /**< a step this long is logged in debug mode, ns; writable as well */
    ASYNC_DEBUG_PROCESS_FUNCTIONS,        /**< first FUNCTION record */
    ASYNC_DEBUG_PROCESS_FIELD_COUNT
};

/** Switches, in PROCESS_DEBUG_FLAGS; bits above 15 are the runtime's own. */
enum async_debug_mode {
    ASYNC_DEBUG_MODE_ON = 1,    /**< debug mode: checks, messages, backtraces, the event hook */
    ASYNC_DEBUG_MODE_TIMES = 2, /**< CPU and wall time of each step are counted */
};

/** What the descriptor's event_hook is called with, in debug mode, where it happens. */
enum async_debug_event {
    ASYNC_DEBUG_EVENT_SPAWN = 1, /**< the task is complete, but in no queue yet */
    ASYNC_DEBUG_EVENT_FAILURE,   /**< the running task says that it fails; or, if it did not say, it has ended so */
    ASYNC_DEBUG_EVENT_CANCEL,    /**< the task is asked to end */
    ASYNC_DEBUG_EVENT_SLOW_STEP, /**< the running task has not waited for long, and now does */
    ASYNC_DEBUG_EVENT_LOOP_END,  /**< every task has ended; task: null */
};

/** A worker: an OS thread that runs an event loop. */
enum async_debug_worker_field {
    ASYNC_DEBUG_WORKER_ID,            /**< small number */
    ASYNC_DEBUG_WORKER_NAME,
    ASYNC_DEBUG_WORKER_THREAD,        /**< kernel thread id (gettid) */
    ASYNC_DEBUG_WORKER_STATE,         /**< of worker_states[] */
    ASYNC_DEBUG_WORKER_CURRENT,       /**< the task it runs right now, or null: plain memory, no TLS. In the
                                       *   midst of a switch from task to task one that was or will be RUNNING */
    ASYNC_DEBUG_WORKER_TASKS,         /**< head of this worker's task list */
    ASYNC_DEBUG_WORKER_SLABS,         /**< pointer to an array of pointers to slabs */
    ASYNC_DEBUG_WORKER_SLAB_COUNT,
    ASYNC_DEBUG_WORKER_TASKS_ALIVE,
    ASYNC_DEBUG_WORKER_CHANGES,       /**< odd while this worker's thread changes lists or counters, which may
                                       *   be another's too: all agree only when no worker's is odd */
    ASYNC_DEBUG_WORKER_READY,         /**< head of the run queue, linked by TASK_READY_NEXT */
    ASYNC_DEBUG_WORKER_READY_COUNT,
    ASYNC_DEBUG_WORKER_TIMER_COUNT,
    ASYNC_DEBUG_WORKER_NEXT_TIMER,    /**< when the earliest timer is due */
    ASYNC_DEBUG_WORKER_LAST_TICK,     /**< monotonic time when the loop last turned */
    ASYNC_DEBUG_WORKER_LAST_TICK_REAL,/**< CLOCK_REALTIME at the same moment, ns since 1970 */
    ASYNC_DEBUG_WORKER_TICKS,         /**< turns of the loop */
    ASYNC_DEBUG_WORKER_CONTEXT,       /**< saved context of the worker's own stack while a task runs */
    ASYNC_DEBUG_WORKER_LOOP,          /**< address of the event loop (uv_loop_t for libuv) */
    ASYNC_DEBUG_WORKER_SWITCHES,      /**< tasks resumed, ever */
    ASYNC_DEBUG_WORKER_MAGIC,
    ASYNC_DEBUG_WORKER_INBOX,         /**< tasks that other threads have made ready and this one has not seen
                                       *   yet: head, linked by TASK_READY_NEXT, newest first */
    ASYNC_DEBUG_WORKER_FIELD_COUNT
};

/** A task. */
enum async_debug_task_field {
    ASYNC_DEBUG_TASK_ID,             /**< unique in the process, never reused */
    ASYNC_DEBUG_TASK_NAME,
    ASYNC_DEBUG_TASK_STATE,          /**< of task_states[] */
    ASYNC_DEBUG_TASK_NEXT,           /**< road 1: the next task of the list; ends with null or the head */
    ASYNC_DEBUG_TASK_PARENT,         /**< the spawning task's address; it may be gone: check PARENT_ID */
    ASYNC_DEBUG_TASK_PARENT_ID,      /**< its id; 0: spawned from outside any task */
    ASYNC_DEBUG_TASK_WORKER,
    ASYNC_DEBUG_TASK_AWAITS,         /**< the future it waits for, or null */
    ASYNC_DEBUG_TASK_WAITERS,        /**< first WAITER record of this task, chained by WAITER_SIBLING */
    ASYNC_DEBUG_TASK_JOIN,           /**< the future that completes when this task ends */
    ASYNC_DEBUG_TASK_CONTEXT,        /**< base of the register table; POINTER (a saved sp) or EMBEDDED */
    ASYNC_DEBUG_TASK_STACK_LOW,      /**< lowest usable address, guard excluded */
    ASYNC_DEBUG_TASK_STACK_SIZE,     /**< bytes from there */
    ASYNC_DEBUG_TASK_STACK_USED_MAX, /**< high-water mark, bytes */
    ASYNC_DEBUG_TASK_SPAWN_SITE,     /**< SITE record */
    ASYNC_DEBUG_TASK_SPAWN_PC,       /**< return address of the spawning call */
    ASYNC_DEBUG_TASK_SPAWN_STACK,    /**< pointer to an array of return addresses, innermost first */
    ASYNC_DEBUG_TASK_SPAWN_DEPTH,    /**< entries in it */
    ASYNC_DEBUG_TASK_START,          /**< address of its start function */
    ASYNC_DEBUG_TASK_ARGUMENT,
    ASYNC_DEBUG_TASK_RESUMES,        /**< grows at every switch into it: tells progress, and torn reads */
    ASYNC_DEBUG_TASK_SPAWNED_AT,
    ASYNC_DEBUG_TASK_RESUMED_AT,
    ASYNC_DEBUG_TASK_SUSPENDED_AT,
    ASYNC_DEBUG_TASK_READY_SINCE,
    ASYNC_DEBUG_TASK_READY_NEXT,     /**< link of the run queue */
    ASYNC_DEBUG_TASK_CPU_TIME,       /**< ns on the CPU, where counted */
    ASYNC_DEBUG_TASK_WALL_TIME,      /**< ns between resume and suspend, where counted */
    ASYNC_DEBUG_TASK_LONGEST_STEP,   /**< ns */
    ASYNC_DEBUG_TASK_DEADLINE,       /**< of the innermost timeout around it */
    ASYNC_DEBUG_TASK_GROUP,          /**< future of the task group it belongs to */
    ASYNC_DEBUG_TASK_CANCEL_STATE,   /**< enum async_debug_cancel_state */
    ASYNC_DEBUG_TASK_CANCEL_BY,      /**< id of the requesting task, 0: from outside any task */
    ASYNC_DEBUG_TASK_CANCEL_AT,
    ASYNC_DEBUG_TASK_CANCEL_SITE,
    ASYNC_DEBUG_TASK_ERROR,          /**< negative errno-style code of a failed task */
    ASYNC_DEBUG_TASK_ERROR_TEXT,
    ASYNC_DEBUG_TASK_ERROR_SITE,
    ASYNC_DEBUG_TASK_LABELS,         /**< first LABEL record */
    ASYNC_DEBUG_TASK_LOCALS,         /**< runtime's task-local values, opaque */
    ASYNC_DEBUG_TASK_FLAGS,          /**< enum async_debug_task_flag */
    ASYNC_DEBUG_TASK_MAGIC,
    ASYNC_DEBUG_TASK_ERROR_STACK,    /**< as SPAWN_STACK: where the failure was raised */
    ASYNC_DEBUG_TASK_ERROR_DEPTH,
    ASYNC_DEBUG_TASK_FIELD_COUNT
};

/** TASK_CANCEL_STATE. */
enum async_debug_cancel_state {
    ASYNC_DEBUG_CANCEL_NONE,
    ASYNC_DEBUG_CANCEL_REQUESTED,
    ASYNC_DEBUG_CANCEL_DELIVERED, /**< a wait of the task has ended with it */
    ASYNC_DEBUG_CANCEL_SWALLOWED, /**< and the task has ended otherwise */
};

enum async_debug_task_flag {
    ASYNC_DEBUG_TASK_DETACHED = 1,  /**< nobody is expected to join it */
    ASYNC_DEBUG_TASK_SYSTEM = 2,    /**< the runtime's own; hidden by default */
    ASYNC_DEBUG_TASK_RETRIEVED = 4, /**< its result or failure was taken */
    ASYNC_DEBUG_TASK_SHIELDED = 8,  /**< inside a part that cancellation does not reach */
};

/** A future: whatever a task can wait for. Locks and channel ends are futures too. */
enum async_debug_future_field {
    ASYNC_DEBUG_FUTURE_KIND,         /**< of future_kinds[] */
    ASYNC_DEBUG_FUTURE_STATE,        /**< of future_states[] */
    ASYNC_DEBUG_FUTURE_NAME,
    ASYNC_DEBUG_FUTURE_OWNER,        /**< task: lock holder, promise's producer, the task a join waits for */
    ASYNC_DEBUG_FUTURE_OWNED_SINCE,  /**< when the holder got it */
    ASYNC_DEBUG_FUTURE_WAITERS,      /**< first WAITER record; absent: see WAITING_TASKS */
    ASYNC_DEBUG_FUTURE_WAITER_COUNT,
    ASYNC_DEBUG_FUTURE_OBJECT,       /**< the object several futures belong to: a channel's two ends */
    ASYNC_DEBUG_FUTURE_DEADLINE,     /**< when a timer is due */
    ASYNC_DEBUG_FUTURE_FD,           /**< SIGNED; negative: none */
    ASYNC_DEBUG_FUTURE_PEER,         /**< text: address of the other side */
    ASYNC_DEBUG_FUTURE_SIZE,         /**< bytes asked for or to be written */
    ASYNC_DEBUG_FUTURE_CAPACITY,     /**< channel slots, semaphore permits */
    ASYNC_DEBUG_FUTURE_COUNT,        /**< items in the channel, permits left, children still running */
    ASYNC_DEBUG_FUTURE_SENDERS,      /**< open sending ends of a channel */
    ASYNC_DEBUG_FUTURE_RECEIVERS,    /**< open receiving ends */
    ASYNC_DEBUG_FUTURE_WORKER,
    ASYNC_DEBUG_FUTURE_THREAD,       /**< kernel thread id, when an OS thread is to complete it */
    ASYNC_DEBUG_FUTURE_CHILDREN,     /**< SELECT, ALL, GROUP: first WAITER record, chained by SIBLING */
    ASYNC_DEBUG_FUTURE_SITE,         /**< creation site */
    ASYNC_DEBUG_FUTURE_CREATED_AT,
    ASYNC_DEBUG_FUTURE_ERROR,
    ASYNC_DEBUG_FUTURE_WAITING_TASKS,/**< first waiting task itself, chained by TASK_READY_NEXT */
    ASYNC_DEBUG_FUTURE_MAGIC,
    ASYNC_DEBUG_FUTURE_OWNER_ID,     /**< id of the owner, which may be gone: then OWNER is not followed */
    ASYNC_DEBUG_FUTURE_HOLDERS,      /**< several owners (readers of a lock, users of permits): first WAITER
                                      *   record of those who hold it, chained by WAITER_NEXT */
    ASYNC_DEBUG_FUTURE_FIELD_COUNT
};

/** One task's place in one future's queue; a select has several. */
enum async_debug_waiter_field {
    ASYNC_DEBUG_WAITER_TASK,
    ASYNC_DEBUG_WAITER_FUTURE,
    ASYNC_DEBUG_WAITER_NEXT,    /**< next waiter of the same future, in queue order */
    ASYNC_DEBUG_WAITER_SIBLING, /**< next waiter of the same task */
    ASYNC_DEBUG_WAITER_SINCE,
    ASYNC_DEBUG_WAITER_MAGIC,
    ASYNC_DEBUG_WAITER_FIELD_COUNT
};

/** Road 2: a run of task slots. A slot is live when its MAGIC field equals the task record's magic. */
enum async_debug_slab_field {
    ASYNC_DEBUG_SLAB_SLOTS,      /**< POINTER to, or EMBEDDED, first slot */
    ASYNC_DEBUG_SLAB_SLOT_COUNT,
    ASYNC_DEBUG_SLAB_SLOT_SIZE,  /**< bytes between slots; absent: the task record's size */
    ASYNC_DEBUG_SLAB_MAGIC,
    ASYNC_DEBUG_SLAB_FIELD_COUNT
};

/** A place in the source. Best in writable memory with the characters inside, so that cores have it. */
enum async_debug_site_field {
    ASYNC_DEBUG_SITE_FILE,
    ASYNC_DEBUG_SITE_LINE,
    ASYNC_DEBUG_SITE_FUNCTION,
    ASYNC_DEBUG_SITE_FIELD_COUNT
};

/** key=value of a task, such as a request id. */
enum async_debug_label_field {
    ASYNC_DEBUG_LABEL_KEY,
    ASYNC_DEBUG_LABEL_VALUE,
    ASYNC_DEBUG_LABEL_NEXT,
    ASYNC_DEBUG_LABEL_FIELD_COUNT
};

/** What is kept of a task that has ended. */
enum async_debug_finished_field {
    ASYNC_DEBUG_FINISHED_ID,
    ASYNC_DEBUG_FINISHED_NAME,
    ASYNC_DEBUG_FINISHED_STATE,
    ASYNC_DEBUG_FINISHED_START,
    ASYNC_DEBUG_FINISHED_PARENT_ID,
    ASYNC_DEBUG_FINISHED_SPAWN_SITE,
    ASYNC_DEBUG_FINISHED_SPAWNED_AT,
    ASYNC_DEBUG_FINISHED_FINISHED_AT,
    ASYNC_DEBUG_FINISHED_ERROR,
    ASYNC_DEBUG_FINISHED_ERROR_TEXT,
    ASYNC_DEBUG_FINISHED_RESUMES,
    ASYNC_DEBUG_FINISHED_CPU_TIME,
    ASYNC_DEBUG_FINISHED_FLAGS,
    ASYNC_DEBUG_FINISHED_FIELD_COUNT
};

/** An open socket, file or timer, for "left open" reports. */
enum async_debug_handle_field {
    ASYNC_DEBUG_HANDLE_NEXT,
    ASYNC_DEBUG_HANDLE_KIND, /**< text: "tcp", "timer", ... */
    ASYNC_DEBUG_HANDLE_NAME,
    ASYNC_DEBUG_HANDLE_FD,
    ASYNC_DEBUG_HANDLE_SITE,
    ASYNC_DEBUG_HANDLE_TASK, /**< id of the task that opened it */
    ASYNC_DEBUG_HANDLE_OPENED_AT,
    ASYNC_DEBUG_HANDLE_FIELD_COUNT
};

/** What all tasks of one start function did together. */
enum async_debug_function_field {
    ASYNC_DEBUG_FUNCTION_NEXT,
    ASYNC_DEBUG_FUNCTION_START,        /**< its address */
    ASYNC_DEBUG_FUNCTION_SPAWNED,      /**< tasks, ever */
    ASYNC_DEBUG_FUNCTION_FINISHED,     /**< of them, ended */
    ASYNC_DEBUG_FUNCTION_FAILED,       /**< of those, with an error other than cancellation */
    ASYNC_DEBUG_FUNCTION_RESUMES,      /**< of those that have ended */
    ASYNC_DEBUG_FUNCTION_CPU_TIME,     /**< ns, where counted */
    ASYNC_DEBUG_FUNCTION_WALL_TIME,    /**< ns, where counted */
    ASYNC_DEBUG_FUNCTION_LONGEST_STEP, /**< ns, where counted */
    ASYNC_DEBUG_FUNCTION_LONGEST_TASK, /**< id of the task that took it */
    ASYNC_DEBUG_FUNCTION_MAGIC,
    ASYNC_DEBUG_FUNCTION_FIELD_COUNT
};

/* ---- 3. Names: what a runtime's own numbers mean ---------------------------------------------- */

/** What a task state means to a reader, whatever the runtime calls it. */
enum async_debug_state_class {
    ASYNC_DEBUG_STATE_NONE,      /**< a free slot: not a task */
    ASYNC_DEBUG_STATE_CREATED,   /**< spawned, never run, not queued */
    ASYNC_DEBUG_STATE_READY,     /**< in a run queue */
    ASYNC_DEBUG_STATE_RUNNING,   /**< its saved context is stale: it is on its worker's CPU */
    ASYNC_DEBUG_STATE_WAITING,   /**< suspended; AWAITS says for what */
    ASYNC_DEBUG_STATE_RETURNED,  /**< ended, not yet released */
    ASYNC_DEBUG_STATE_FAILED,    /**< ended with an error */
    ASYNC_DEBUG_STATE_CANCELLED, /**< ended by cancellation */
};

enum async_debug_future_state_class {
    ASYNC_DEBUG_FUTURE_STATE_NONE,
    ASYNC_DEBUG_FUTURE_STATE_PENDING,
    ASYNC_DEBUG_FUTURE_STATE_RESOLVED,
    ASYNC_DEBUG_FUTURE_STATE_FAILED,
    ASYNC_DEBUG_FUTURE_STATE_CANCELLED,
    ASYNC_DEBUG_FUTURE_STATE_CLOSED, /**< a closed channel or stream */
};

enum async_debug_worker_state_class {
    ASYNC_DEBUG_WORKER_STATE_NONE,
    ASYNC_DEBUG_WORKER_STATE_POLLING, /**< waiting in the kernel for events or timers */
    ASYNC_DEBUG_WORKER_STATE_LOOP,    /**< in the loop's own code */
    ASYNC_DEBUG_WORKER_STATE_TASK,    /**< running a task */
    ASYNC_DEBUG_WORKER_STATE_ENDED,
};

enum async_debug_kind_class {
    ASYNC_DEBUG_KIND_OTHER,
    ASYNC_DEBUG_KIND_TIMER,
    ASYNC_DEBUG_KIND_YIELD,
    ASYNC_DEBUG_KIND_READ,
    ASYNC_DEBUG_KIND_WRITE,
    ASYNC_DEBUG_KIND_ACCEPT,
    ASYNC_DEBUG_KIND_CONNECT,
    ASYNC_DEBUG_KIND_POLL, /**< fd readiness of any sort */
    ASYNC_DEBUG_KIND_CLOSE,
    ASYNC_DEBUG_KIND_MUTEX,
    ASYNC_DEBUG_KIND_RWLOCK_READ,
    ASYNC_DEBUG_KIND_RWLOCK_WRITE,
    ASYNC_DEBUG_KIND_SEMAPHORE,
    ASYNC_DEBUG_KIND_CONDITION,
    ASYNC_DEBUG_KIND_EVENT,
    ASYNC_DEBUG_KIND_CHANNEL_SEND,
    ASYNC_DEBUG_KIND_CHANNEL_RECEIVE,
    ASYNC_DEBUG_KIND_JOIN,
    ASYNC_DEBUG_KIND_GROUP,
    ASYNC_DEBUG_KIND_PROMISE,
    ASYNC_DEBUG_KIND_SELECT, /**< the first of several */
    ASYNC_DEBUG_KIND_ALL,    /**< all of several */
    ASYNC_DEBUG_KIND_BARRIER,
    ASYNC_DEBUG_KIND_WORK, /**< a call on the thread pool */
    ASYNC_DEBUG_KIND_DNS,
    ASYNC_DEBUG_KIND_FILE,
    ASYNC_DEBUG_KIND_SIGNAL,
    ASYNC_DEBUG_KIND_PROCESS, /**< a child process's end */
};

/** The name of number i stands at index i. An empty text: the number is not used. */
struct async_debug_name {
    char text[20];
    uint16_t meaning; /**< one of the ..._class numbers above */
    uint16_t reserved;
};

/* ---- 4. Suspended contexts: from a task to its registers --------------------------------------- */

enum async_debug_register_rule {
    ASYNC_DEBUG_REGISTER_NONE = 0,
    ASYNC_DEBUG_REGISTER_AT = 1, /**< value = the 8 bytes at context + offset */
    ASYNC_DEBUG_REGISTER_IS = 2, /**< value = context + offset */
};

/** One register of a suspended context. `number` is DWARF's; x86-64: 3 rbx, 6 rbp, 7 rsp, 16 rip; aarch64: 19 x19,
 *  29 x29, 31 sp, 32 pc, 72 d8. */
struct async_debug_register {
    uint16_t number;
    uint8_t rule;
    uint8_t reserved;
    int32_t offset;
};

#define ASYNC_DEBUG_REGISTERS 40 /**< room for them; part of the layout */
#define ASYNC_DEBUG_STATES 16
#define ASYNC_DEBUG_KINDS 48

/* ---- 5. The descriptor -------------------------------------------------------------------------- */

struct async_debug_descriptor {
    char magic[16];     /**< ASYNC_DEBUG_MAGIC */
    uint32_t abi;       /**< ASYNC_DEBUG_ABI of the publisher */
    uint32_t size;      /**< sizeof(struct async_debug_descriptor) of the publisher */
    uint64_t self;      /**< run-time address of this descriptor, stored at start-up */
    uint16_t machine;   /**< ELF e_machine: 62 x86-64, 183 aarch64 */
    uint8_t word_size;  /**< bytes of a pointer: 8 */
    uint8_t byte_order; /**< 1 little endian, 2 big endian (as EI_DATA) */
    uint32_t flags;     /**< none yet */

    char runtime[32];         /**< "libasyncrt" */
    char runtime_version[32]; /**< "0.1.0" */
    /** Prefixes of function names that belong to the runtime, space-separated: hidden by default. */
    char hidden_prefixes[64];

    uint64_t process; /**< address of the PROCESS record; 0 until the runtime has started */

    /* Code addresses; 0 where the runtime has none. */
    uint64_t bridge;     /**< never executed; CFI over a saved context, marked as a signal frame */
    uint64_t entry_low;  /**< the trampoline that calls a task's start function: the outermost frame */
    uint64_t entry_high; /**< one past its last byte */
    uint64_t switch_low; /**< the context switch itself */
    uint64_t switch_high;
    uint64_t event_hook; /**< void hook(uint32_t event, task *): called in debug mode; break here */
    uint64_t code_low;   /**< since 1.1: the runtime's own code, hidden by default like the prefixes */
    uint64_t code_high;
    uint64_t reserved[6];

    uint32_t register_count;
    uint32_t reserved2;
    struct async_debug_register registers[ASYNC_DEBUG_REGISTERS];

    struct async_debug_name task_states[ASYNC_DEBUG_STATES];
    struct async_debug_name future_states[ASYNC_DEBUG_STATES];
    struct async_debug_name worker_states[ASYNC_DEBUG_STATES];
    struct async_debug_name future_kinds[ASYNC_DEBUG_KINDS];

    struct async_debug_record records[ASYNC_DEBUG_RECORDS]; /**< by enum async_debug_record_kind */
};

#endif
