/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "report/json_internal.h"
#include "report/words.h"

/* Of each future; a program that wants more has the same ones as what other tasks wait for. */
enum { PARTS_LISTED = 64 };

static const char *kind_word(enum async_debug_kind_class kind)
{
    static const char *const words[] = {
        "other",     "timer",     "yield",  "read",         "write",           "accept",
        "connect",   "poll",      "close",  "mutex",        "rwlock_read",     "rwlock_write",
        "semaphore", "condition", "event",  "channel_send", "channel_receive", "join",
        "group",     "promise",   "select", "all",          "barrier",         "work",
        "dns",       "file",      "signal", "process",
    };
    _Static_assert(sizeof(words) / sizeof(words[0]) == ASYNC_DEBUG_KIND_PROCESS + 1, "a word for each kind");
    return (unsigned)kind < sizeof(words) / sizeof(words[0]) ? words[kind] : words[0];
}

static json_t *holders_of(const struct ad_snapshot *snapshot, const struct ad_future *future)
{
    const struct ad_holder *holders = snapshot->holders.items;
    uint64_t end = (uint64_t)future->first_holder +
                   (future->holder_count < PARTS_LISTED ? future->holder_count : PARTS_LISTED);
    json_t *list = json_array();
    for (uint64_t i = future->first_holder; i < end && i < snapshot->holders.count; i++)
        list = ad_json_append(list, json_pack("{so so}", "task", ad_json_task(snapshot, holders[i].task),
                                              "held_ns", ad_json_age(snapshot, holders[i].since)));
    return list;
}

/* What one future is made of, without what those are made of. */
static json_t *child_object(const struct ad_snapshot *snapshot, uint32_t index)
{
    if (index >= snapshot->futures.count)
        return json_null();
    const struct ad_future *child = &AD_ITEMS(struct ad_future, &snapshot->futures)[index];
    return json_pack("{so ss so so so so}", "kind", ad_json_text(child->kind_name), "kind_class",
                     kind_word(child->kind), "state", ad_json_text(child->state_name), "name",
                     ad_json_text(child->name), "address", ad_json_address(child->address), "owner",
                     ad_json_task(snapshot, child->owner));
}

static json_t *children_of(const struct ad_snapshot *snapshot, const struct ad_future *future)
{
    const uint32_t *children = snapshot->children.items;
    uint64_t end = (uint64_t)future->first_child +
                   (future->child_count < PARTS_LISTED ? future->child_count : PARTS_LISTED);
    json_t *list = json_array();
    for (uint64_t i = future->first_child; i < end && i < snapshot->children.count; i++)
        list = ad_json_append(list, child_object(snapshot, children[i]));
    return list;
}

static json_t *parts_of(const struct ad_snapshot *snapshot, const struct ad_future *future)
{
    return json_pack("{so so so so so so so sI so sI}", "size", ad_json_nonzero(future->size), "owner_id",
                     ad_json_nonzero(future->owner_id), "worker", ad_json_worker(snapshot, future->worker),
                     "error", ad_json_signed(future->error), "site", ad_json_place(&future->site), "created_ns",
                     ad_json_age(snapshot, future->created_at), "holders", holders_of(snapshot, future),
                     "holder_count", (json_int_t)future->holder_count, "children",
                     children_of(snapshot, future), "child_count", (json_int_t)future->child_count);
}

json_t *ad_json_future(const struct ad_snapshot *snapshot, uint32_t index)
{
    if (index >= snapshot->futures.count)
        return json_null();
    const struct ad_future *future = &AD_ITEMS(struct ad_future, &snapshot->futures)[index];
    json_t *value = json_pack("{so ss so so so so so so}", "kind", ad_json_text(future->kind_name),
                              "kind_class", kind_word(future->kind), "state", ad_json_text(future->state_name),
                              "name", ad_json_text(future->name), "address", ad_json_address(future->address),
                              "owner", ad_json_task(snapshot, future->owner), "held_ns",
                              ad_json_age(snapshot, future->owned_since), "waiters",
                              ad_json_number(future->declared_waiters != UINT64_MAX ? future->declared_waiters
                                                                                  : future->waiter_count));
    json_t *numbers =
        json_pack("{so so so so so so so so}", "fd", future->fd >= 0 ? json_integer(future->fd) : json_null(),
                  "peer", ad_json_text(future->peer), "deadline_ns", ad_json_time_left(snapshot, future->deadline),
                  "capacity", ad_json_number(future->capacity), "count", ad_json_number(future->count), "senders",
                  ad_json_number(future->senders), "receivers", ad_json_number(future->receivers), "thread",
                  future->thread ? json_integer(future->thread) : json_null());
    return ad_json_join(ad_json_join(value, numbers), parts_of(snapshot, future));
}
