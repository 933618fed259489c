/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "async.h"
#include "change.h"
#include "diagnose.h"
#include "schedule.h"
#include "select.h"
#include "worker.h"

/*
 * A ring of items and two queues. Receivers wait only while the ring is empty and senders only while it is
 * full, so never both (with capacity 0 the ring is both: then whoever comes second finds its partner).
 * A waiter's data is where its item is, or goes.
 */
struct async_channel {
    struct async_future send; /**< object of both: the channel; count and capacity are kept equal in both */
    struct async_future receive; /**< under the lock of `send` */
    size_t item_size;
    size_t capacity;
    size_t first; /**< index of the oldest item */
    size_t count;
    bool closed;
    char *items;
};

static void init_end(struct async_channel *channel, struct async_future *end, enum async_future_kind kind,
                     const char *name)
{
    async_future_init(end, kind, ASYNC_FUTURE_OPEN, channel);
    end->name = name;
    end->capacity = channel->capacity;
    end->size = channel->item_size;
}

int async_channel_create_at(struct async_channel **channel_ret, const char *name, size_t item_size,
                            size_t capacity, const struct async_site *site)
{
    const char *copy;
    size_t bytes;
    if (!channel_ret)
        return async_refused(UV_EINVAL);
    if (__builtin_mul_overflow(item_size, capacity, &bytes))
        return UV_ENOMEM;
    struct async_channel *channel = async_object_create(sizeof(*channel), name, &copy);
    char *items = channel ? malloc(bytes ? bytes : 1) : NULL;
    if (!items) {
        free(channel);
        return UV_ENOMEM;
    }
    channel->items = items;
    channel->item_size = item_size;
    channel->capacity = capacity;
    init_end(channel, &channel->send, ASYNC_FUTURE_CHANNEL_SEND, copy);
    init_end(channel, &channel->receive, ASYNC_FUTURE_CHANNEL_RECEIVE, copy);
    channel->receive.lock = channel->send.lock;
    channel->send.site = channel->receive.site = site;
    *channel_ret = channel;
    return 0;
}

static void copy_item(const struct async_channel *channel, void *to, const void *from)
{
    if (channel->item_size)
        memcpy(to, from, channel->item_size);
}

static void set_count(struct async_channel *channel, size_t count)
{
    channel->count = channel->send.count = channel->receive.count = count;
}

static void push(struct async_channel *channel, const void *item)
{
    size_t at = (channel->first + channel->count) % channel->capacity;
    copy_item(channel, channel->items + at * channel->item_size, item);
    set_count(channel, channel->count + 1);
}

/* Takes the oldest item. A waiting sender's (the ring is full) goes at once to the place it leaves. */
static void pop(struct async_channel *channel, void *item_ret, const struct async_waiter *sender)
{
    char *place = channel->items + channel->first * channel->item_size;
    copy_item(channel, item_ret, place);
    channel->first = (channel->first + 1) % channel->capacity;
    if (sender)
        copy_item(channel, place, sender->data);
    else
        set_count(channel, channel->count - 1);
}

/* Hands over to a receiver that waits, or stores; false: neither can be. The lock is held. */
static bool try_send(struct async_channel *channel, const void *item)
{
    struct async_changes *changes = &async_worker_self()->changes;
    async_change_begin(changes);
    struct async_waiter *receiver = async_future_claim(&channel->receive);
    bool room = !receiver && channel->count < channel->capacity;
    if (receiver) {
        copy_item(channel, receiver->data, item);
        async_waiter_wake(receiver, 0);
    } else if (room) {
        push(channel, item);
    }
    async_change_end(changes);
    return receiver || room;
}

/* Takes the oldest item, or that of a sender that waits; false: there is none. The lock is held. */
static bool try_receive(struct async_channel *channel, void *item_ret)
{
    struct async_changes *changes = &async_worker_self()->changes;
    bool full = channel->count == channel->capacity;
    async_change_begin(changes);
    struct async_waiter *sender = full ? async_future_claim(&channel->send) : NULL;
    bool got = channel->count || sender;
    if (channel->count)
        pop(channel, item_ret, sender);
    else if (sender)
        copy_item(channel, item_ret, sender->data);
    if (sender)
        async_waiter_wake(sender, 0);
    async_change_end(changes);
    return got;
}

/* ---- Send and receive ---------------------------------------------------------------------------- */

struct async_future *async_channel_queue(struct async_channel *channel, bool sends)
{
    return sends ? &channel->send : &channel->receive;
}

bool async_channel_attempt_send(struct async_channel *channel, const void *item, int *result_ret)
{
    *result_ret = channel->closed ? UV_EPIPE : 0;
    return channel->closed || try_send(channel, item);
}

bool async_channel_attempt_receive(struct async_channel *channel, void *item_ret, int *result_ret)
{
    bool got = try_receive(channel, item_ret);
    *result_ret = got ? 0 : UV_EOF;
    return got || channel->closed;
}

static int send_item(struct async_channel *channel, const void *item, bool waits)
{
    int result;
    if (!async_self() || !channel || (!item && channel->item_size))
        return async_refused(UV_EINVAL);
    async_lock(channel->send.lock);
    if (!async_channel_attempt_send(channel, item, &result)) {
        if (waits)
            return (int)async_future_await(&channel->send, (void *)item);
        result = UV_EAGAIN;
    }
    async_unlock(channel->send.lock);
    return result == UV_EPIPE ? async_refused_because(result, "the channel is closed") : result;
}

static int receive_item(struct async_channel *channel, void *item_ret, bool waits)
{
    int result;
    if (!async_self() || !channel || (!item_ret && channel->item_size))
        return async_refused(UV_EINVAL);
    async_lock(channel->send.lock);
    if (!async_channel_attempt_receive(channel, item_ret, &result)) {
        if (waits)
            return (int)async_future_await(&channel->receive, item_ret);
        result = UV_EAGAIN;
    }
    async_unlock(channel->send.lock);
    return result;
}

int async_channel_send(struct async_channel *channel, const void *item)
{
    async_schedule_point();
    return send_item(channel, item, true);
}

int async_channel_try_send(struct async_channel *channel, const void *item)
{
    return send_item(channel, item, false);
}

int async_channel_receive(struct async_channel *channel, void *item_ret)
{
    async_schedule_point();
    return receive_item(channel, item_ret, true);
}

int async_channel_try_receive(struct async_channel *channel, void *item_ret)
{
    return receive_item(channel, item_ret, false);
}

/* ---- Its end ------------------------------------------------------------------------------------- */

/* The lock is held. */
static void end(struct async_channel *channel)
{
    channel->closed = true;
    channel->send.state = channel->receive.state = ASYNC_FUTURE_CLOSED;
    async_future_wake_all(&channel->send, UV_EPIPE);
    async_future_wake_all(&channel->receive, UV_EOF);
}

int async_channel_close(struct async_channel *channel)
{
    if (!async_self() || !channel)
        return async_refused(UV_EINVAL);
    async_lock(channel->send.lock);
    int result = channel->closed ? UV_EALREADY : 0;
    if (!result)
        end(channel);
    async_unlock(channel->send.lock);
    return result ? async_refused_because(result, "the channel is closed already") : 0;
}

/* How many ends of a sort are said to be open, in both futures. Before the first `change` it is not known. */
static int count_ends(struct async_channel *channel, bool senders, int32_t change)
{
    if (!async_self() || !channel)
        return async_refused(UV_EINVAL);
    async_lock(channel->send.lock);
    int32_t *here = senders ? &channel->send.senders : &channel->send.receivers;
    int32_t *there = senders ? &channel->receive.senders : &channel->receive.receivers;
    int32_t known = *here == ASYNC_ENDS_UNKNOWN ? 0 : *here;
    int error = change < 0 && !known ? UV_EPERM : change > 0 && channel->closed ? UV_EPIPE : 0;
    if (!error) {
        *here = *there = known + change;
        if (!*here && !channel->closed)
            end(channel);
    }
    async_unlock(channel->send.lock);
    return error;
}

int async_channel_open_sender(struct async_channel *channel)
{
    return count_ends(channel, true, 1);
}

int async_channel_close_sender(struct async_channel *channel)
{
    return count_ends(channel, true, -1);
}

int async_channel_open_receiver(struct async_channel *channel)
{
    return count_ends(channel, false, 1);
}

int async_channel_close_receiver(struct async_channel *channel)
{
    return count_ends(channel, false, -1);
}

int async_channel_destroy(struct async_channel *channel)
{
    if (!channel)
        return 0;
    async_lock(channel->send.lock);
    bool busy = async_future_busy(&channel->send) || async_future_busy(&channel->receive);
    async_unlock(channel->send.lock);
    if (busy)
        return async_refused_because(UV_EBUSY, "a task holds it or waits for it");
    async_future_deinit(&channel->send);
    async_future_deinit(&channel->receive);
    free(channel->items);
    free(channel);
    return 0;
}
