/* SPDX-License-Identifier: MIT */
#include "contract_reader.h"

#include <elf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MANY 1000000 /* a list as long as this is taken for a cycle */

bool reader_problem(struct reader *reader, const char *format, ...)
{
    if (reader->problem[0])
        return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reader->problem, sizeof(reader->problem), format, arguments);
    va_end(arguments);
    return false;
}

static bool load(struct reader *reader, uint64_t address, void *buffer, size_t size)
{
    if (reader->read(reader->context, address, buffer, size))
        return true;
    memset(buffer, 0, size);
    return reader_problem(reader, "%zu bytes at %#llx cannot be read", size, (unsigned long long)address);
}

/* ---- The descriptor ------------------------------------------------------------------------------- */

static bool check_record(struct reader *reader, unsigned kind)
{
    const struct async_debug_record *record = &reader->descriptor.records[kind];
    if (record->field_count > ASYNC_DEBUG_FIELDS)
        return reader_problem(reader, "record %u has %u fields", kind, record->field_count);
    for (unsigned i = 0; i < ASYNC_DEBUG_FIELDS; i++) {
        const struct async_debug_field *field = &record->field[i];
        if (!field->encoding)
            continue;
        if (i >= record->field_count || field->encoding > ASYNC_DEBUG_EMBEDDED ||
            (uint64_t)field->offset + field->size > record->size)
            return reader_problem(reader, "record %u: field %u is out of place", kind, i);
        bool integer = field->encoding == ASYNC_DEBUG_UNSIGNED || field->encoding == ASYNC_DEBUG_SIGNED;
        bool pointer = field->encoding == ASYNC_DEBUG_POINTER || field->encoding == ASYNC_DEBUG_TEXT_POINTER;
        bool fits = field->size == 1 || field->size == 2 || field->size == 4 || field->size == 8;
        if ((integer && !fits) || (pointer && field->size != 8))
            return reader_problem(reader, "record %u: field %u has %u bytes", kind, i, field->size);
    }
    return true;
}

bool reader_load(struct reader *reader, uint64_t descriptor)
{
    struct async_debug_descriptor *copy = &reader->descriptor;
    reader->problem[0] = '\0';
    if (!load(reader, descriptor, copy, sizeof(*copy)))
        return false;
    if (memcmp(copy->magic, ASYNC_DEBUG_MAGIC, sizeof(copy->magic)) != 0)
        return reader_problem(reader, "no magic");
    if (copy->self != descriptor || copy->abi >> 16 != ASYNC_DEBUG_ABI >> 16 || copy->size != sizeof(*copy))
        return reader_problem(reader, "not a descriptor of this version");
    for (unsigned kind = 0; kind < ASYNC_DEBUG_RECORDS; kind++) {
        if (!check_record(reader, kind))
            return false;
    }
    return true;
}

/* ---- Fields ----------------------------------------------------------------------------------------- */

uint64_t reader_get(struct reader *reader, enum async_debug_record_kind kind, uint64_t record, unsigned index)
{
    const struct async_debug_field *field = &reader->descriptor.records[kind].field[index];
    uint64_t address = record + field->offset, value = 0;
    if (!record || !field->encoding)
        return 0;
    if (field->encoding == ASYNC_DEBUG_EMBEDDED)
        return address;
    load(reader, address, &value, field->size);
    if (field->encoding == ASYNC_DEBUG_SIGNED && field->size == 4)
        return (uint64_t)(int64_t)(int32_t)value;
    return value;
}

void reader_text(struct reader *reader, enum async_debug_record_kind kind, uint64_t record, unsigned index,
                 char *text_ret, size_t size)
{
    const struct async_debug_field *field = &reader->descriptor.records[kind].field[index];
    uint64_t address = record + field->offset;
    if (field->encoding == ASYNC_DEBUG_TEXT_POINTER)
        address = reader_get(reader, kind, record, index);
    else if (field->size < size)
        size = field->size + 1u;
    size_t i = 0;
    for (; address && i + 1 < size; i++) {
        if (!load(reader, address + i, &text_ret[i], 1) || !text_ret[i])
            break;
    }
    text_ret[i] = '\0';
}

static bool is_live(struct reader *reader, enum async_debug_record_kind kind, uint64_t record, unsigned field)
{
    uint64_t magic = reader->descriptor.records[kind].magic;
    return record && (!magic || reader_get(reader, kind, record, field) == magic);
}

#define GET(kind, record, field) reader_get(reader, ASYNC_DEBUG_##kind, record, ASYNC_DEBUG_##kind##_##field)
#define LIVE(kind, record) is_live(reader, ASYNC_DEBUG_##kind, record, ASYNC_DEBUG_##kind##_MAGIC)

/* ---- Tasks -------------------------------------------------------------------------------------------- */

static void each_of_list(struct reader *reader, uint64_t task,
                         void (*callback)(struct reader *, uint64_t, void *), void *data)
{
    for (unsigned steps = 0; task; steps++, task = GET(TASK, task, NEXT)) {
        if (steps == MANY) {
            reader_problem(reader, "the task list does not end");
            return;
        }
        callback(reader, task, data);
    }
}

void reader_each_task(struct reader *reader, void (*callback)(struct reader *, uint64_t, void *), void *data)
{
    uint64_t process = reader->descriptor.process;
    uint64_t workers = GET(PROCESS, process, WORKERS), count = GET(PROCESS, process, WORKER_COUNT);
    each_of_list(reader, GET(PROCESS, process, TASKS), callback, data);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t worker = 0;
        load(reader, workers + 8 * i, &worker, 8);
        each_of_list(reader, GET(WORKER, worker, TASKS), callback, data);
    }
}

/* Each holder's record is whole and says what it holds; a task that has it is still on record. */
static void check_holders(struct reader *reader, uint64_t future)
{
    unsigned steps = 0;
    for (uint64_t holder = GET(FUTURE, future, HOLDERS); holder; holder = GET(WAITER, holder, NEXT)) {
        if (!LIVE(WAITER, holder) || GET(WAITER, holder, FUTURE) != future || steps++ == MANY) {
            reader_problem(reader, "a future's list of holders is broken");
            return;
        }
        if (!LIVE(TASK, GET(WAITER, holder, TASK)))
            reader_problem(reader, "a holder is no task");
    }
}

/* The parts of what a task waits for are its own. */
static void check_children(struct reader *reader, uint64_t task, uint64_t future)
{
    unsigned steps = 0;
    for (uint64_t child = GET(FUTURE, future, CHILDREN); child; child = GET(WAITER, child, SIBLING)) {
        if (!LIVE(WAITER, child) || GET(WAITER, child, TASK) != task || steps++ == MANY) {
            reader_problem(reader, "a future's list of children is broken");
            return;
        }
        if (!LIVE(FUTURE, GET(WAITER, child, FUTURE)))
            reader_problem(reader, "a child is no future");
    }
}

/* What it waits for is there, even while a waker takes it out of the queue. */
static void check_parts(struct reader *reader, uint64_t task)
{
    uint64_t future = GET(TASK, task, AWAITS);
    if (!LIVE(FUTURE, future)) {
        reader_problem(reader, "a waiting task awaits nothing");
        return;
    }
    check_holders(reader, future);
    check_children(reader, task, future);
}

static void check_labels(struct reader *reader, uint64_t task)
{
    unsigned steps = 0;
    for (uint64_t label = GET(TASK, task, LABELS); label; label = GET(LABEL, label, NEXT)) {
        char key[64], value[256];
        reader_text(reader, ASYNC_DEBUG_LABEL, label, ASYNC_DEBUG_LABEL_KEY, key, sizeof(key));
        reader_text(reader, ASYNC_DEBUG_LABEL, label, ASYNC_DEBUG_LABEL_VALUE, value, sizeof(value));
        if (!key[0] || steps++ == MANY) {
            reader_problem(reader, "a task's labels are broken");
            return;
        }
    }
}

/* The task is in the queue of what it awaits. */
static bool check_wait(struct reader *reader, uint64_t task)
{
    uint64_t future = GET(TASK, task, AWAITS), own = GET(TASK, task, WAITERS);
    if (!LIVE(FUTURE, future) || !LIVE(WAITER, own))
        return reader_problem(reader, "a waiting task awaits nothing");
    if (GET(WAITER, own, TASK) != task || GET(WAITER, own, FUTURE) != future)
        return reader_problem(reader, "a waiter belongs to another task or future");
    unsigned steps = 0;
    uint64_t waiter = GET(FUTURE, future, WAITERS);
    while (waiter && waiter != own && steps++ < MANY)
        waiter = GET(WAITER, waiter, NEXT);
    return waiter == own || reader_problem(reader, "a waiting task is not in its future's queue");
}

bool reader_register(struct reader *reader, uint64_t context, unsigned number, uint64_t *value_ret)
{
    const struct async_debug_descriptor *descriptor = &reader->descriptor;
    for (unsigned i = 0; i < descriptor->register_count && i < ASYNC_DEBUG_REGISTERS; i++) {
        const struct async_debug_register *own = &descriptor->registers[i];
        uint64_t address = context + (uint64_t)own->offset;
        if (own->number != number || own->rule == ASYNC_DEBUG_REGISTER_NONE)
            continue;
        *value_ret = address;
        return own->rule == ASYNC_DEBUG_REGISTER_IS || load(reader, address, value_ret, sizeof(*value_ret));
    }
    return false;
}

static unsigned state_of(struct reader *reader, uint64_t task)
{
    uint64_t state = GET(TASK, task, STATE);
    return state < ASYNC_DEBUG_STATES ? reader->descriptor.task_states[state].meaning
                                      : ASYNC_DEBUG_STATE_NONE;
}

/* A suspended task's context lies on its stack, and its return address in the runtime's code. One that has
 * not begun may have neither. */
static bool check_context(struct reader *reader, uint64_t task)
{
    uint64_t context = GET(TASK, task, CONTEXT), low = GET(TASK, task, STACK_LOW);
    uint64_t size = GET(TASK, task, STACK_SIZE), pc = 0;
    const struct async_debug_descriptor *descriptor = &reader->descriptor;
    if (!context && !GET(TASK, task, RESUMES) && state_of(reader, task) == ASYNC_DEBUG_STATE_READY)
        return true;
    if (context < low || context - low >= size)
        return reader_problem(reader, "context %#llx outside the stack", (unsigned long long)context);
    reader_register(reader, context, descriptor->machine == EM_X86_64 ? 16 : 32, &pc);
    uint64_t distance =
        pc > descriptor->switch_low ? pc - descriptor->switch_low : descriptor->switch_low - pc;
    return distance < 1 << 20 || reader_problem(reader, "task resumes at %#llx", (unsigned long long)pc);
}

/* Return addresses of the spawning stack: the innermost is the spawning call's. */
static void check_spawn_stack(struct reader *reader, uint64_t task)
{
    uint64_t stack = GET(TASK, task, SPAWN_STACK), depth = GET(TASK, task, SPAWN_DEPTH), pc = 0;
    if (!stack)
        return;
    load(reader, stack, &pc, 8);
    if (!depth || depth > 1000 || (GET(TASK, task, SPAWN_PC) && pc != GET(TASK, task, SPAWN_PC)))
        reader_problem(reader, "a spawn stack of %llu frames does not begin with the call",
                       (unsigned long long)depth);
}

/* What must hold of a task at any instruction. */
static void count_task(struct reader *reader, uint64_t task, void *data)
{
    struct census *census = data;
    unsigned state = state_of(reader, task);
    if (!LIVE(TASK, task)) {
        reader_problem(reader, "a task on the list is not live");
        return;
    }
    census->listed++;
    census->by_state[state]++;
    check_labels(reader, task);
    check_spawn_stack(reader, task);
    bool on_stack = reader->sp - GET(TASK, task, STACK_LOW) <= GET(TASK, task, STACK_SIZE);
    census->on_stack += on_stack;
    census->running_elsewhere |= state == ASYNC_DEBUG_STATE_RUNNING && !on_stack;
    if (state == ASYNC_DEBUG_STATE_WAITING || state == ASYNC_DEBUG_STATE_READY)
        check_context(reader, task);
    if (state == ASYNC_DEBUG_STATE_WAITING)
        check_parts(reader, task);
    if (state == ASYNC_DEBUG_STATE_WAITING && !census->changing)
        check_wait(reader, task);
}

/* ---- Workers ------------------------------------------------------------------------------------------ */

static void count_slots(struct reader *reader, uint64_t worker, struct census *census)
{
    uint64_t slabs = GET(WORKER, worker, SLABS), count = GET(WORKER, worker, SLAB_COUNT);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t slab = 0;
        load(reader, slabs + 8 * i, &slab, 8);
        if (!LIVE(SLAB, slab)) {
            reader_problem(reader, "a slab of the index is not live");
            return;
        }
        uint64_t slot = GET(SLAB, slab, SLOTS), size = GET(SLAB, slab, SLOT_SIZE);
        for (uint64_t left = GET(SLAB, slab, SLOT_COUNT); left > 0; left--, slot += size)
            census->indexed += LIVE(TASK, slot);
    }
}

static void check_worker(struct reader *reader, uint64_t worker, struct census *census)
{
    if (!LIVE(WORKER, worker)) {
        reader_problem(reader, "a worker of the table is not live");
        return;
    }
    census->changing |= GET(WORKER, worker, CHANGES) % 2;
    unsigned queued = 0;
    for (uint64_t task = GET(WORKER, worker, READY); task && queued < MANY;
         task = GET(TASK, task, READY_NEXT)) {
        if (!LIVE(TASK, task))
            reader_problem(reader, "a task of the run queue is not live");
        queued++;
    }
    if (!census->changing && queued != GET(WORKER, worker, READY_COUNT))
        reader_problem(reader, "the run queue's count is wrong");
    census->queued += queued;
    count_slots(reader, worker, census);
}

/* ---- The past ----------------------------------------------------------------------------------------- */

static void check_finished(struct reader *reader, uint64_t finished)
{
    uint64_t state = GET(FINISHED, finished, STATE);
    unsigned class = state < ASYNC_DEBUG_STATES ? reader->descriptor.task_states[state].meaning : 0;
    if (class < ASYNC_DEBUG_STATE_RETURNED || !GET(FINISHED, finished, START))
        reader_problem(reader, "the history has a task that has not ended");
    if (GET(FINISHED, finished, FINISHED_AT) < GET(FINISHED, finished, SPAWNED_AT))
        reader_problem(reader, "the history has a task that ended before it began");
}

/* One at most is being written, and has no id then. */
static void check_history(struct reader *reader, uint64_t process, const struct census *census)
{
    uint64_t size = reader->descriptor.records[ASYNC_DEBUG_FINISHED].size;
    uint64_t first = GET(PROCESS, process, HISTORY), left = GET(PROCESS, process, HISTORY_COUNT);
    uint64_t capacity = GET(PROCESS, process, HISTORY_CAPACITY);
    unsigned empty = 0;
    for (left = left < capacity ? left : capacity; left > 0; left--) {
        uint64_t finished = first + (left - 1) * size;
        if (GET(FINISHED, finished, ID))
            check_finished(reader, finished);
        else
            empty++;
    }
    if (empty > census->changing)
        reader_problem(reader, "%u empty records in the history", empty);
}

static void check_functions(struct reader *reader, uint64_t process, const struct census *census)
{
    uint64_t record = GET(PROCESS, process, FUNCTIONS);
    for (unsigned count = 0; record; record = GET(FUNCTION, record, NEXT)) {
        if (!LIVE(FUNCTION, record) || count++ == MANY) {
            reader_problem(reader, "the list of functions is broken");
            return;
        }
        if (!census->changing && GET(FUNCTION, record, FINISHED) > GET(FUNCTION, record, SPAWNED))
            reader_problem(reader, "more tasks of a function have ended than begun");
    }
}

bool reader_census(struct reader *reader, struct census *census_ret)
{
    uint64_t process = reader->descriptor.process;
    struct census census = {.changing = GET(PROCESS, process, CHANGES) % 2,
                            .alive = GET(PROCESS, process, TASKS_ALIVE)};
    if (!LIVE(PROCESS, process))
        return reader_problem(reader, "no process record");
    uint64_t workers = GET(PROCESS, process, WORKERS), count = GET(PROCESS, process, WORKER_COUNT);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t worker = 0;
        load(reader, workers + 8 * i, &worker, 8);
        check_worker(reader, worker, &census);
    }
    reader_each_task(reader, count_task, &census);
    if (!census.changing && (census.listed != census.indexed || census.listed != census.alive))
        reader_problem(reader, "%u tasks on the list, %u in the index, %llu alive", census.listed,
                       census.indexed, (unsigned long long)census.alive);
    check_history(reader, process, &census);
    check_functions(reader, process, &census);
    *census_ret = census;
    return !reader->problem[0];
}
