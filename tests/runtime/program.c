/* SPDX-License-Identifier: MIT */
#include "program.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "async_test.h"
#include "cancel.h"
#include "clock.h"
#include "contract_reader.h"
#include "holder.h"
#include "process.h"
#include "select.h"
#include "task.h"
#include "test.h"
#include "worker.h"

#define WARM 100        /* runs in which libuv and the runtime make what they keep */
#define LONG_MS 1000000 /* virtual: whoever still waits then waits for ever */

uint64_t program_seed;

static unsigned program_faults;

void program_fail(const char *file, int line, const char *condition)
{
    faults_end();
    fprintf(stderr, "%s:%d: seed %llu, one fault in %u: not true: %s\n", file, line,
            (unsigned long long)program_seed, program_faults, condition);
    async_tasks_print(stderr);
    abort();
}

/* ---- What a wait may return ---------------------------------------------------------------------- */

static bool timed_out(const struct actor *actor)
{
    for (unsigned i = 0; i < actor->scopes; i++) {
        if (actor->scope[i].shields == actor->shields && actor->scope[i].deadline <= async_now())
            return true;
    }
    return false;
}

int program_check_wait(struct actor *actor, int code)
{
    switch (code) {
    case 0:
        break;
    case UV_ECANCELED:
        actor->told++;
        HOLDS(!actor->shields);
        HOLDS(actor->told <= actor->asked || actor->in_group || actor->world->stopping);
        break;
    case UV_ETIMEDOUT:
        HOLDS(timed_out(actor));
        break;
    default:
        fprintf(stderr, "a wait has returned %s\n", async_strerror(code));
        HOLDS(!"an error that waits do not have");
    }
    return code;
}

int program_check_memory(struct actor *actor, int code)
{
    if (code != UV_ENOMEM)
        return program_check_wait(actor, code);
    HOLDS(faults_made());
    return code;
}

/* ---- Nobody waits for what is there -------------------------------------------------------------- */

/* As semaphore.c has it. */
struct arrival {
    struct async_waiter waiter;
    struct async_holder *holder;
};

static bool waits(const struct async_waiter *waiter)
{
    return waiter->task->wait == ASYNC_WAIT_ARMED;
}

/* A receiver and a sender, of two tasks, in one channel. */
static void check_meeting(const struct async_future *receive)
{
    const struct async_future *send = async_channel_queue(receive->object, true);
    for (const struct async_waiter *one = receive->waiters; one; one = one->next) {
        for (const struct async_waiter *other = send->waiters; other; other = other->next)
            HOLDS(one->task == other->task || !waits(one) || !waits(other));
    }
}

static void check_wait_for(const struct async_future *future, const struct async_waiter *waiter);

static void check_children(const struct async_future *select)
{
    for (const struct async_waiter *child = select->children; child; child = child->sibling) {
        if (child->link)
            check_wait_for(child->future, child);
    }
}

static void check_wait_for(const struct async_future *future, const struct async_waiter *waiter)
{
    switch (future->kind) {
    case ASYNC_FUTURE_MUTEX:
        HOLDS(future->state == ASYNC_FUTURE_HELD && future->owner && !async_task_ended(future->owner));
        break;
    case ASYNC_FUTURE_RWLOCK_READ:
        HOLDS(future->owner || program_count_waiting(ASYNC_FUTURE_RWLOCK_WRITE));
        break;
    case ASYNC_FUTURE_RWLOCK_WRITE:
        HOLDS(future->state == ASYNC_FUTURE_HELD);
        break;
    case ASYNC_FUTURE_SEMAPHORE:
        HOLDS(future->waiters != waiter || ((const struct arrival *)waiter)->holder->permits > future->count);
        break;
    case ASYNC_FUTURE_CHANNEL_RECEIVE:
        HOLDS(future->state == ASYNC_FUTURE_OPEN && future->count == 0);
        check_meeting(future);
        break;
    case ASYNC_FUTURE_CHANNEL_SEND:
        HOLDS(future->state == ASYNC_FUTURE_OPEN && future->count == future->capacity);
        break;
    case ASYNC_FUTURE_JOIN:
    case ASYNC_FUTURE_PROMISE:
    case ASYNC_FUTURE_EVENT:
        HOLDS(future->state == ASYNC_FUTURE_PENDING);
        break;
    case ASYNC_FUTURE_GROUP:
    case ASYNC_FUTURE_ALL:
        HOLDS(future->count > 0);
        break;
    case ASYNC_FUTURE_TIMER:
        HOLDS(future->deadline >= async_now());
        break;
    case ASYNC_FUTURE_SELECT:
        check_children(future);
        break;
    default:
        break;
    }
}

unsigned program_count_waiting(enum async_future_kind kind)
{
    unsigned count = 0;
    for (const struct async_task *task = async_worker_self()->registry.tasks; task; task = task->next)
        count += task->awaits && task->awaits->kind == kind;
    return count;
}

static void check_waiting(const struct async_task *task)
{
    const struct async_future *future = task->awaits;
    HOLDS(future && task->wait == ASYNC_WAIT_ARMED && task->waiters);
    HOLDS(task->waiters->task == task && task->waiters->future == future && task->waiters->link);
    HOLDS(!async_interrupt_pending(task));
    HOLDS(!task->deadline || task->deadline >= async_now());
    check_wait_for(future, task->waiters);
}

void program_check_waits(void)
{
    struct async_worker *worker = async_worker_self();
    unsigned ready = 0, listed = 0;
    for (const struct async_task *task = worker->registry.tasks; task; task = task->next, listed++) {
        ready += task->state == ASYNC_TASK_READY;
        if (task->state == ASYNC_TASK_WAITING)
            check_waiting(task);
    }
    HOLDS(ready == worker->ready_count);
    HOLDS(listed == worker->registry.tasks_alive && listed == async_process.tasks_alive);
}

static void check_contract(void)
{
    struct reader reader = reader_load_self();
    struct census census;
    if (!reader_census(&reader, &census)) {
        fprintf(stderr, "%s\n", reader.problem);
        HOLDS(!"the contract's readers see all of this");
    }
}

/* ---- Actors -------------------------------------------------------------------------------------- */

struct actor *program_add_actor(struct world *world, unsigned depth)
{
    if (world->actors == ACTORS)
        return NULL;
    struct actor *actor = &world->actor[world->actors++];
    *actor = (struct actor){.world = world, .random = random_next(&world->random), .depth = depth};
    static const int results[] = {0, 1, 4711, UV_EIO, UV_EPIPE, UV_ECANCELED};
    actor->result = results[draw(actor, 6)];
    return actor;
}

int program_act(void *argument)
{
    struct actor *actor = argument;
    HOLDS(!actor->started);
    actor->started = true;
    int code = program_steps(actor);
    program_join_children(actor);
    HOLDS(!actor->shields && !actor->scopes);
    actor->ended = true;
    return actor->result = code ? code : actor->result;
}

/* ---- The program --------------------------------------------------------------------------------- */

/* What cannot be made for want of memory stays NULL: then the steps with it do nothing. */
static void create(struct world *world)
{
    faults_held = false;
    async_mutex_create(&world->mutexes[0], "first");
    async_mutex_create(&world->mutexes[1], "second");
    async_condition_create(&world->condition, "condition");
    async_rwlock_create(&world->rwlock, "rwlock");
    async_semaphore_create(&world->semaphore, "semaphore", world->permits);
    for (unsigned i = 0; i < CHANNELS; i++)
        async_channel_create(&world->channels[i], "channel", sizeof(unsigned),
                             random_below(&world->random, 3));
    for (unsigned i = 0; i < PROMISES; i++)
        async_promise_create(&world->promises[i], "promise");
    async_event_create(&world->event, "event");
    faults_held = true;
}

static void drain(struct world *world)
{
    unsigned item;
    for (unsigned i = 0; i < CHANNELS; i++) {
        while (world->channels[i] && async_channel_try_receive(world->channels[i], &item) == 0) {
            HOLDS(item < world->items && !world->item[item].received);
            world->item[item].received = true;
        }
    }
    for (unsigned i = 0; i < world->items; i++)
        HOLDS(world->item[i].received == (world->item[i].state == ITEM_SENT));
}

static void destroy(struct world *world)
{
    for (unsigned i = 0; i < LOCKS; i++)
        HOLDS(!world->holders[i] && async_mutex_destroy(world->mutexes[i]) == 0);
    HOLDS(async_condition_destroy(world->condition) == 0);
    HOLDS(!world->readers && !world->writers && async_rwlock_destroy(world->rwlock) == 0);
    HOLDS(!world->permits_taken && async_semaphore_destroy(world->semaphore) == 0);
    for (unsigned i = 0; i < CHANNELS; i++)
        HOLDS(async_channel_destroy(world->channels[i]) == 0);
    for (unsigned i = 0; i < PROMISES; i++)
        HOLDS(async_promise_destroy(world->promises[i]) == 0);
    HOLDS(async_event_destroy(world->event) == 0);
}

/* False: they still wait when time is up. */
static bool join_all(struct actor **actors, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        int result, error = actors[i]->task ? async_join(actors[i]->task, &result) : 0;
        if (error == UV_ETIMEDOUT)
            return false;
        HOLDS(error == 0);
        HOLDS(!actors[i]->task || (actors[i]->ended && result == actors[i]->result));
        actors[i]->task = NULL;
    }
    return true;
}

static void stop(struct world *world)
{
    program_check_waits();
    world->stopping = true;
    HOLDS(async_shutdown() == 0);
}

/* Faults are held while the first task runs, and whenever it waits they are not. */
static int direct(void *argument)
{
    struct world *world = argument;
    struct actor *actors[4];
    unsigned count = 1 + random_below(&world->random, 4), spawned = 0;
    struct async_timeout timeout;
    faults_held = true;
    create(world);
    for (unsigned i = 0; i < count; i++) {
        struct actor *actor = program_add_actor(world, 0);
        HOLDS(async_spawn(&actor->task, "actor", program_act, actor) == 0);
        actors[spawned++] = actor;
    }
    HOLDS(async_timeout_begin(&timeout, LONG_MS) == 0);
    bool over = join_all(actors, spawned);
    HOLDS(async_timeout_end(&timeout) == (over ? 0 : UV_ETIMEDOUT));
    if (!over) {
        stop(world);
        join_all(actors, spawned);
    }
    /* Those that nobody joins. */
    while (async_process.tasks_finished + 1 < async_process.tasks_spawned) {
        if (!world->stopping && async_now() > 10 * LONG_MS * UINT64_C(1000000))
            stop(world);
        async_sleep(1000);
    }
    check_contract();
    drain(world);
    destroy(world);
    return 4711;
}

/* ---- Around it ----------------------------------------------------------------------------------- */

static long function_records(void)
{
    long count = 0;
    for (const struct async_function_record *record = async_process.functions; record; record = record->next)
        count++;
    return count;
}

/* Descriptors are given lowest first: what is left open stands before it, sooner or later. */
static int next_file(void)
{
    int fd = dup(STDERR_FILENO);
    close(fd);
    return fd;
}

static struct async_options options_of(uint64_t seed)
{
    return (struct async_options){
        .tick_interval_ms = UINT32_MAX,
        .guard_pages = seed % 8 ? UINT32_MAX : 2,
        .history = 4, /* kept from one run to the next */
        .virtual_time = true,
        .virtual_patience_ms = 1,
        .schedule_seed = seed,
    };
}

void program_run(uint64_t seed, unsigned faults)
{
    program_run_in_world(direct, seed, faults);
}

void program_run_in_world(async_function start, uint64_t seed, unsigned faults)
{
    static struct world world;
    static unsigned runs;
    struct async_options options = options_of(seed);
    program_seed = seed;
    program_faults = faults;
    memset(&world, 0, sizeof(world));
    world.random = seed;
    world.permits = 1 + random_below(&world.random, 3);
    int file = next_file();
    long memory = faults_memory() - function_records(), mappings = faults_mappings();
    faults_begin(~seed, faults);
    faults_held = false;
    int result = async_run(start, &world, &options);
    HOLDS(result == 4711 || (result == UV_ENOMEM && faults_made()));
    faults_end();
    HOLDS(faults_memory() - function_records() == memory || runs++ < WARM);
    HOLDS(faults_mappings() == mappings);
    HOLDS(next_file() == file);
    HOLDS(!async_process.handles && !async_process.tasks_alive && !async_process.worker_count);
    HOLDS(async_process.tasks_spawned == async_process.tasks_finished);
}
