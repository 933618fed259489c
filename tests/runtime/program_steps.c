/* SPDX-License-Identifier: MIT */
#include "program.h"

#include <uv.h>

typedef int step_function(struct actor *actor);

static step_function step_simple;

/* ---- Passing time -------------------------------------------------------------------------------- */

static int step_yield(struct actor *actor)
{
    (void)actor;
    HOLDS(async_yield() == 0);
    return 0;
}

static int step_sleep(struct actor *actor)
{
    uint64_t milliseconds = draw(actor, 4), until = async_now() + milliseconds * 1000000;
    int code = program_check_memory(actor, async_sleep(milliseconds));
    HOLDS(code || async_now() >= until);
    return code;
}

/* ---- Locks --------------------------------------------------------------------------------------- */

/* In between, the mutex is another's. */
static int wait_for_condition(struct actor *actor, const struct actor **holder, struct async_mutex *mutex)
{
    *holder = NULL;
    int code = program_check_wait(actor, async_condition_wait(actor->world->condition, mutex));
    HOLDS(!*holder);
    *holder = actor;
    return code;
}

static int step_mutex(struct actor *actor)
{
    unsigned which = draw(actor, LOCKS);
    struct async_mutex *mutex = actor->world->mutexes[which];
    const struct actor **holder = &actor->world->holders[which];
    if (!mutex || *holder == actor)
        return 0;
    int code = draw(actor, 4) ? async_mutex_lock(mutex) : async_mutex_try_lock(mutex);
    if (code == UV_EBUSY)
        return 0; /* another's, who may not have run yet since it was handed over */
    if (program_check_wait(actor, code))
        return code;
    HOLDS(!*holder);
    *holder = actor;
    bool waits = which == 0 && actor->world->condition && draw(actor, 4) == 0;
    code = waits ? wait_for_condition(actor, holder, mutex) : step_simple(actor);
    HOLDS(*holder == actor);
    *holder = NULL;
    HOLDS(async_mutex_unlock(mutex) == 0);
    return code;
}

static int step_signal(struct actor *actor)
{
    struct async_condition *condition = actor->world->condition;
    unsigned waiting = program_count_waiting(ASYNC_FUTURE_CONDITION);
    bool all = draw(actor, 2);
    if (!condition)
        return 0;
    HOLDS((all ? async_condition_broadcast : async_condition_signal)(condition) == 0);
    HOLDS(program_count_waiting(ASYNC_FUTURE_CONDITION) == (all || !waiting ? 0 : waiting - 1));
    return 0;
}

static int step_rwlock(struct actor *actor)
{
    struct world *world = actor->world;
    bool writes = draw(actor, 3) == 0;
    if (!world->rwlock)
        return 0;
    int code = writes ? async_rwlock_write_lock(world->rwlock) : async_rwlock_read_lock(world->rwlock);
    if (program_check_memory(actor, code))
        return code;
    unsigned *inside = writes ? &world->writers : &world->readers;
    ++*inside;
    HOLDS(world->writers + (world->readers > 0) == 1);
    code = step_simple(actor);
    HOLDS(world->writers + (world->readers > 0) == 1);
    --*inside;
    HOLDS(async_rwlock_unlock(world->rwlock) == 0);
    return code;
}

static int step_semaphore(struct actor *actor)
{
    struct world *world = actor->world;
    unsigned permits = 1 + draw(actor, world->permits);
    if (!world->semaphore)
        return 0;
    int code = program_check_memory(actor, async_semaphore_acquire(world->semaphore, permits));
    if (code)
        return code;
    world->permits_taken += permits;
    HOLDS(world->permits_taken <= world->permits);
    code = step_simple(actor);
    world->permits_taken -= permits;
    HOLDS(async_semaphore_release(world->semaphore, permits) == 0);
    return code;
}

static int step_event(struct actor *actor)
{
    struct async_event *event = actor->world->event;
    if (!event)
        return 0;
    switch (draw(actor, 3)) {
    case 0:
        return program_check_wait(actor, async_event_wait(event));
    case 1:
        HOLDS(async_event_set(event) == 0);
        return 0;
    default:
        HOLDS(async_event_clear(event) == 0);
        return 0;
    }
}

/* ---- Promises ------------------------------------------------------------------------------------ */

/* The first is resolved with a pointer to its place, the second fails. */
static int check_promise(struct actor *actor, unsigned which, int code, void *value)
{
    if (code && code != UV_EXDEV)
        return program_check_wait(actor, code);
    HOLDS(actor->world->settled[which]);
    HOLDS(which ? code == UV_EXDEV : value == &actor->world->promises[which]);
    return 0;
}

static int step_promise(struct actor *actor)
{
    struct world *world = actor->world;
    unsigned which = draw(actor, PROMISES);
    struct async_promise *promise = world->promises[which];
    void *value = NULL;
    if (!promise)
        return 0;
    if (draw(actor, 3)) {
        int code = async_promise_await(promise, &value);
        return check_promise(actor, which, code, value);
    }
    int code = which ? async_promise_fail(promise, UV_EXDEV)
                     : async_promise_resolve(promise, &world->promises[which]);
    HOLDS(code == (world->settled[which] ? UV_EALREADY : 0));
    world->settled[which] = true;
    return 0;
}

/* ---- Channels ------------------------------------------------------------------------------------ */

/* A number of its own; false: they are used up. */
static bool make_item(struct world *world, unsigned *item_ret)
{
    if (world->items == ITEMS)
        return false;
    *item_ret = world->items++;
    world->item[*item_ret].state = ITEM_OFFERED;
    return true;
}

static int note_sent(struct actor *actor, unsigned item, int code)
{
    actor->world->item[item].state = code ? ITEM_KEPT : ITEM_SENT;
    HOLDS(!code || !actor->world->item[item].received);
    return code == UV_EPIPE || code == UV_EAGAIN ? 0 : program_check_wait(actor, code);
}

static int note_received(struct actor *actor, unsigned item, int code)
{
    struct world *world = actor->world;
    if (code)
        return code == UV_EOF || code == UV_EAGAIN ? 0 : program_check_wait(actor, code);
    HOLDS(item < world->items);
    HOLDS(!world->item[item].received && world->item[item].state != ITEM_KEPT);
    world->item[item].received = true;
    return 0;
}

static int step_send(struct actor *actor)
{
    struct async_channel *channel = actor->world->channels[draw(actor, CHANNELS)];
    unsigned item;
    if (!channel || !make_item(actor->world, &item))
        return 0;
    int code = draw(actor, 4) ? async_channel_send(channel, &item) : async_channel_try_send(channel, &item);
    return note_sent(actor, item, code);
}

static int step_receive(struct actor *actor)
{
    struct async_channel *channel = actor->world->channels[draw(actor, CHANNELS)];
    unsigned item = ITEMS;
    if (!channel)
        return 0;
    int code =
        draw(actor, 4) ? async_channel_receive(channel, &item) : async_channel_try_receive(channel, &item);
    return note_received(actor, item, code);
}

/* Rarely, or nothing would be left to do. */
static int step_close(struct actor *actor)
{
    struct async_channel *channel = actor->world->channels[draw(actor, CHANNELS)];
    if (channel && draw(actor, 8) == 0) {
        int code = async_channel_close(channel);
        HOLDS(code == 0 || code == UV_EALREADY);
    }
    return 0;
}

/* ---- Select -------------------------------------------------------------------------------------- */

enum { CASES = 3 };

struct choice {
    struct async_case cases[CASES];
    unsigned items[CASES];
    unsigned promises[CASES];
    void *values[CASES];
};

static struct async_case draw_case(struct actor *actor, struct choice *choice, unsigned at)
{
    struct world *world = actor->world;
    struct async_channel *channel = world->channels[draw(actor, CHANNELS)];
    unsigned *item = &choice->items[at], promise = choice->promises[at] = draw(actor, PROMISES);
    *item = ITEMS;
    switch (draw(actor, 4)) {
    case 0:
        if (channel && make_item(world, item))
            return (struct async_case)ASYNC_CASE_SEND(channel, item);
        break;
    case 1:
        return (struct async_case)ASYNC_CASE_RECEIVE(channel, item);
    case 2:
        return (struct async_case)ASYNC_CASE_PROMISE(world->promises[promise], &choice->values[at]);
    default:
        return (struct async_case)ASYNC_CASE_EVENT(world->event);
    }
    return (struct async_case)ASYNC_CASE_EVENT(NULL);
}

/* Those that were not chosen have not happened. */
static void note_others(struct actor *actor, const struct choice *choice, size_t chosen)
{
    for (size_t i = 0; i < CASES; i++) {
        if (i != chosen && choice->cases[i].kind == ASYNC_SELECT_SEND && choice->cases[i].object)
            note_sent(actor, choice->items[i], UV_EAGAIN);
    }
}

static int step_select(struct actor *actor)
{
    struct choice choice = {.values = {NULL}};
    size_t chosen = 99;
    bool any = false, waits = draw(actor, 4);
    for (unsigned i = 0; i < CASES; i++) {
        choice.cases[i] = draw_case(actor, &choice, i);
        any |= choice.cases[i].object != NULL;
    }
    if (!any)
        return 0;
    int code = (waits ? async_select : async_try_select)(choice.cases, CASES, &chosen);
    HOLDS(chosen <= CASES);
    note_others(actor, &choice, chosen);
    if (chosen == CASES)
        return code == UV_EAGAIN && !waits ? 0 : program_check_memory(actor, code);
    switch (choice.cases[chosen].kind) {
    case ASYNC_SELECT_SEND:
        return note_sent(actor, choice.items[chosen], code);
    case ASYNC_SELECT_RECEIVE:
        return note_received(actor, choice.items[chosen], code);
    case ASYNC_SELECT_PROMISE:
        return check_promise(actor, choice.promises[chosen], code, choice.values[chosen]);
    default:
        HOLDS(code == 0);
        return 0;
    }
}

/* ---- Children ------------------------------------------------------------------------------------ */

static struct actor **free_place(struct actor *actor)
{
    for (unsigned i = 0; i < CHILDREN; i++) {
        if (!actor->children[i])
            return &actor->children[i];
    }
    return NULL;
}

static struct actor **some_child(struct actor *actor)
{
    struct actor **child = &actor->children[draw(actor, CHILDREN)];
    return *child ? child : NULL;
}

static void check_spawn(const struct actor *actor, int code)
{
    HOLDS(code == 0 || (code == UV_ENOMEM && faults_made()) ||
          (code == UV_ESHUTDOWN && actor->world->stopping));
}

static int step_spawn(struct actor *actor)
{
    struct actor **place = free_place(actor), *child;
    bool detached = draw(actor, 5) == 0;
    if (actor->depth == 2 || !place || !(child = program_add_actor(actor->world, actor->depth + 1)))
        return 0;
    int code = async_spawn(detached ? NULL : &child->task, "child", program_act, child);
    check_spawn(actor, code);
    if (!code && !detached)
        *place = child;
    return 0;
}

static void check_joined(struct actor **child, int result)
{
    HOLDS((*child)->ended && result == (*child)->result);
    (*child)->task = NULL;
    *child = NULL;
}

static int join_child(struct actor *actor, struct actor **child)
{
    int result, code = program_check_wait(actor, async_join((*child)->task, &result));
    if (!code)
        check_joined(child, result);
    return code;
}

static int step_join(struct actor *actor)
{
    struct actor **child = some_child(actor);
    return child ? join_child(actor, child) : 0;
}

static int step_cancel(struct actor *actor)
{
    struct actor **place = some_child(actor);
    if (!place)
        return 0;
    struct actor *child = *place;
    child->asked++; /* before: it may be told at once */
    int code = async_cancel(child->task);
    HOLDS(code == 0 || (code == UV_ESRCH && child->ended) || code == UV_EALREADY || code == UV_ENOMEM);
    child->asked -= code != 0;
    return 0;
}

static int step_detach(struct actor *actor)
{
    struct actor **child = some_child(actor);
    if (!child || draw(actor, 3))
        return 0;
    HOLDS(async_detach((*child)->task) == 0);
    (*child)->task = NULL;
    *child = NULL;
    return 0;
}

static unsigned list_children(struct actor *actor, struct actor **places[CHILDREN],
                              struct async_task *tasks[CHILDREN])
{
    unsigned count = 0;
    for (unsigned i = 0; i < CHILDREN; i++) {
        if (!actor->children[i])
            continue;
        places[count] = &actor->children[i];
        tasks[count++] = actor->children[i]->task;
    }
    return count;
}

static int step_gather(struct actor *actor)
{
    struct actor **places[CHILDREN];
    struct async_task *tasks[CHILDREN];
    int results[CHILDREN], failed = 0;
    unsigned count = list_children(actor, places, tasks);
    for (unsigned i = 0; i < count; i++)
        results[i] = INT32_MIN;
    int code = async_gather(tasks, count, results);
    if (count && results[0] == INT32_MIN)
        return program_check_memory(actor, code); /* no handle is used up */
    for (unsigned i = 0; i < count; i++) {
        check_joined(places[i], results[i]);
        failed = failed ? failed : results[i] < 0 ? results[i] : 0;
    }
    HOLDS(code == failed);
    return 0;
}

static int step_first(struct actor *actor)
{
    struct actor **places[CHILDREN];
    struct async_task *tasks[CHILDREN];
    size_t which = CHILDREN;
    unsigned count = list_children(actor, places, tasks);
    if (!count)
        return 0;
    int code = program_check_memory(actor, async_first(tasks, count, &which));
    HOLDS(code || (which < count && (*places[which])->ended));
    return code;
}

void program_join_children(struct actor *actor)
{
    HOLDS(async_shield_begin() == 0);
    actor->shields++;
    for (unsigned i = 0; i < CHILDREN; i++) {
        if (actor->children[i])
            HOLDS(join_child(actor, &actor->children[i]) == 0);
    }
    actor->shields--;
    HOLDS(async_shield_end() == 0);
}

/* ---- Groups -------------------------------------------------------------------------------------- */

static unsigned spawn_in(struct actor *actor, struct async_group *group, struct actor *children[CHILDREN])
{
    unsigned count = 0;
    for (unsigned wanted = draw(actor, CHILDREN + 1); wanted > 0; wanted--) {
        struct actor *child = program_add_actor(actor->world, 2);
        if (!child)
            break;
        child->in_group = true;
        child->result = child->result == UV_ECANCELED ? 0 : child->result; /* or it looks like our own */
        int code = async_group_spawn(group, "member", program_act, child);
        if (code != UV_ECANCELED)
            check_spawn(actor, code);
        if (!code)
            children[count++] = child;
        if (draw(actor, 3) == 0)
            async_yield();
    }
    return count;
}

static int step_group(struct actor *actor)
{
    struct async_group *group;
    struct actor *children[CHILDREN];
    if (actor->depth == 2)
        return 0;
    int code = async_group_create(&group, "group");
    if (code)
        return program_check_memory(actor, code);
    unsigned count = spawn_in(actor, group, children);
    if (draw(actor, 4) == 0)
        HOLDS(async_group_cancel(group) == 0);
    code = async_group_wait(group);
    bool failed = false;
    for (unsigned i = 0; i < count; i++) {
        HOLDS(children[i]->ended || !children[i]->started);
        failed |= children[i]->result == code;
    }
    HOLDS(async_group_destroy(group) == 0);
    return code && failed && code != UV_ECANCELED ? 0 : program_check_wait(actor, code);
}

/* ---- Around other steps -------------------------------------------------------------------------- */

static int step_timeout(struct actor *actor)
{
    struct async_timeout timeout;
    uint64_t milliseconds = draw(actor, 5);
    if (actor->scopes == SCOPES)
        return 0;
    int code = async_timeout_begin(&timeout, milliseconds);
    if (code)
        return program_check_memory(actor, code);
    actor->scope[actor->scopes].deadline = async_now() + milliseconds * 1000000;
    actor->scope[actor->scopes++].shields = actor->shields;
    code = program_steps(actor);
    actor->scopes--;
    int expired = async_timeout_end(&timeout);
    HOLDS(expired == 0 || (expired == UV_ETIMEDOUT && async_now() >= actor->scope[actor->scopes].deadline));
    if (code == UV_ETIMEDOUT && expired)
        return 0;
    return code;
}

static int step_shield(struct actor *actor)
{
    HOLDS(async_shield_begin() == 0);
    actor->shields++;
    int code = step_simple(actor);
    actor->shields--;
    HOLDS(async_shield_end() == 0);
    HOLDS(code == 0 || code == UV_ENOMEM);
    return code;
}

/* ---- Sequences ----------------------------------------------------------------------------------- */

/* One that ends soon, or by the end of others. */
static int step_simple(struct actor *actor)
{
    static step_function *const steps[] = {step_yield, step_sleep, step_signal, step_event};
    step_function *step = steps[draw(actor, 3 + (actor->shields == 0))];
    return step(actor);
}

static int step_any(struct actor *actor)
{
    static step_function *const steps[] = {
        step_yield,     step_sleep,     step_mutex,   step_mutex,   step_signal, step_rwlock, step_rwlock,
        step_semaphore, step_semaphore, step_event,   step_promise, step_send,   step_send,   step_send,
        step_receive,   step_receive,   step_receive, step_close,   step_select, step_select, step_spawn,
        step_spawn,     step_spawn,     step_join,    step_cancel,  step_detach, step_gather, step_first,
        step_group,     step_timeout,   step_timeout, step_shield,
    };
    return steps[draw(actor, sizeof(steps) / sizeof(steps[0]))](actor);
}

int program_steps(struct actor *actor)
{
    for (unsigned left = 1 + draw(actor, 6); left > 0; left--) {
        program_check_waits();
        int code = step_any(actor);
        bool defies = code == UV_ECANCELED && !actor->world->stopping && draw(actor, 4) == 0;
        bool goes_on = !code || defies || (code == UV_ENOMEM && !actor->world->stopping);
        if (!goes_on)
            return code;
    }
    return 0;
}
