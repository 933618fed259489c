/* SPDX-License-Identifier: MIT */
#include "local.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "async.h"
#include "change.h"
#include "diagnose.h"

/* Keys are few: they are looked for one by one. */
struct async_locals {
    uint32_t count;
    uint32_t capacity;
    bool ending; /* no more are set */
    struct local {
        const struct async_local *key;
        void *value;
    } items[];
};

static struct async_locals *create(uint32_t capacity)
{
    struct async_locals *locals = malloc(sizeof(*locals) + capacity * sizeof(struct local));
    if (locals)
        *locals = (struct async_locals){.capacity = capacity};
    return locals;
}

static struct local *find(struct async_locals *locals, const struct async_local *key)
{
    for (uint32_t i = 0; locals && i < locals->count; i++) {
        if (locals->items[i].key == key)
            return &locals->items[i];
    }
    return NULL;
}

/* ---- Set and get --------------------------------------------------------------------------------- */

/* Room for one more. */
static struct async_locals *make_room(struct async_task *task)
{
    struct async_locals *old = task->locals;
    if (old && old->count < old->capacity)
        return old;
    struct async_locals *locals = create(old ? old->capacity * 2 : 4);
    if (!locals)
        return NULL;
    if (old) {
        locals->count = old->count;
        memcpy(locals->items, old->items, old->count * sizeof(struct local));
    }
    async_publish(&task->locals, locals);
    free(old);
    return locals;
}

int async_local_set(const struct async_local *key, void *value)
{
    struct async_task *self = async_self();
    if (!self || !key)
        return async_refused(UV_EINVAL);
    if (self->locals && self->locals->ending)
        return async_refused_because(UV_ESHUTDOWN, "the task has returned: its values are being destroyed");
    struct local *local = find(self->locals, key);
    if (local) {
        local->value = value;
        return 0;
    }
    struct async_locals *locals = make_room(self);
    if (!locals)
        return UV_ENOMEM;
    locals->items[locals->count] = (struct local){key, value};
    locals->count++;
    return 0;
}

void *async_local_get(const struct async_local *key)
{
    struct async_task *self = async_self();
    const struct local *local = self ? find(self->locals, key) : NULL;
    return local ? local->value : NULL;
}

void *async_local_share(void *value)
{
    return value;
}

/* ---- From task to task ----------------------------------------------------------------------------- */

static bool is_heritage(const struct local *local)
{
    return local->key->inherit && local->value;
}

static uint32_t count_heritage(const struct async_locals *locals)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < locals->count; i++)
        count += is_heritage(&locals->items[i]);
    return count;
}

int async_locals_inherit(struct async_locals **locals_ret, const struct async_task *parent)
{
    const struct async_locals *theirs = parent->locals;
    uint32_t count = theirs ? count_heritage(theirs) : 0;
    *locals_ret = NULL;
    if (!count)
        return 0;
    struct async_locals *locals = create(count);
    if (!locals)
        return UV_ENOMEM;
    for (uint32_t i = 0; i < theirs->count; i++) {
        struct local local = theirs->items[i];
        if (!is_heritage(&local))
            continue;
        local.value = local.key->inherit(local.value);
        locals->items[locals->count++] = local;
    }
    *locals_ret = locals;
    return 0;
}

/* The newest first; each can be had until it is its turn. */
static void destroy_values(struct async_locals *locals)
{
    locals->ending = true;
    while (locals->count) {
        struct local local = locals->items[--locals->count];
        if (local.value && local.key->destroy)
            local.key->destroy(local.value);
    }
}

void async_locals_destroy(struct async_locals *locals)
{
    if (locals)
        destroy_values(locals);
    free(locals);
}

void async_locals_drop_slow(struct async_task *task)
{
    struct async_locals *locals = task->locals;
    destroy_values(locals);
    async_publish(&task->locals, NULL);
    free(locals);
}
