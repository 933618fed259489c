/* SPDX-License-Identifier: MIT */
#include "holder.h"

#include <stdlib.h>

#include "change.h"
#include "process.h"
#include "worker.h"

void async_holders_init(struct async_holders *holders, struct async_future *first,
                        struct async_future *second)
{
    *holders = (struct async_holders){.future = {first, second}};
    for (int i = 0; i < 2 && holders->future[i]; i++)
        holders->last[i] = &holders->future[i]->holders;
}

/* A holder's first place is the record itself. */
static struct async_holder *first_of(const struct async_holders *holders)
{
    return (struct async_holder *)holders->future[0]->holders;
}

static struct async_holder *next_of(const struct async_holder *holder)
{
    return (struct async_holder *)holder->place[0].next;
}

/* Tasks, and what pins them, end with their workers. */
void async_holders_deinit(struct async_holders *holders)
{
    for (struct async_holder *holder = first_of(holders), *next; holder; holder = next) {
        next = next_of(holder);
        if (async_process.worker_count)
            async_task_unpin(holder->place[0].task);
        free(holder);
    }
    for (struct async_holder *spare = holders->spares, *next; spare; spare = next) {
        next = spare->next_spare;
        free(spare);
    }
    for (int i = 0; i < 2 && holders->future[i]; i++)
        holders->future[i]->holders = NULL;
}

bool async_holders_alive(const struct async_holders *holders)
{
    if (!async_process.worker_count)
        return false;
    for (const struct async_holder *holder = first_of(holders); holder; holder = next_of(holder)) {
        if (!async_task_ended(holder->place[0].task))
            return true;
    }
    return false;
}

struct async_holder *async_holder_create(struct async_holders *holders)
{
    async_lock(holders->future[0]->lock);
    struct async_holder *holder = holders->spares;
    if (holder)
        holders->spares = holder->next_spare;
    async_unlock(holders->future[0]->lock);
    return holder ? holder : malloc(sizeof(*holder));
}

void async_holder_spare(struct async_holders *holders, struct async_holder *holder)
{
    holder->next_spare = holders->spares;
    holders->spares = holder;
}

void async_holder_enter(struct async_holders *holders, struct async_holder *holder, struct async_task *task)
{
    uint64_t since = async_clock_here();
    async_task_pin(task);
    for (int i = 0; i < 2 && holders->future[i]; i++) {
        struct async_waiter *place = &holder->place[i];
        *place = (struct async_waiter){.magic = ASYNC_WAITER_MAGIC,
                                       .task = task,
                                       .future = holders->future[i],
                                       .link = holders->last[i],
                                       .since = since};
        async_publish(place->link, place);
        holders->last[i] = &place->next;
    }
}

void async_holder_leave(struct async_holders *holders, struct async_holder *holder)
{
    for (int i = 0; i < 2 && holders->future[i]; i++) {
        struct async_waiter *place = &holder->place[i];
        async_publish(place->link, place->next);
        if (place->next)
            place->next->link = place->link;
        else
            holders->last[i] = place->link;
        place->magic = ASYNC_DEAD_MAGIC;
    }
    async_task_unpin(holder->place[0].task);
    async_holder_spare(holders, holder);
}

struct async_holder *async_holder_find(const struct async_holders *holders, const struct async_task *task)
{
    struct async_holder *holder = first_of(holders);
    while (holder && task && holder->place[0].task != task)
        holder = next_of(holder);
    return holder;
}
