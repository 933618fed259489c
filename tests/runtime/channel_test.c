/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "task.h"
#include "test.h"

static struct async_channel *channel;

static int send_numbers(void *count)
{
    for (int i = 0; i < (int)(intptr_t)count; i++)
        CHECK_EQUAL(async_channel_send(channel, &i), 0);
    return async_channel_close(channel);
}

static void carry_in_order(size_t capacity)
{
    CHECK_EQUAL(async_channel_create(&channel, "numbers", sizeof(int), capacity), 0);
    struct async_task *sender = test_spawn("sender", send_numbers, (void *)1000);
    int item, next = 0;
    while (async_channel_receive(channel, &item) == 0) {
        CHECK_EQUAL(item, next++);
        if (next % 7 == 0)
            async_yield();
    }
    CHECK_EQUAL(next, 1000);
    CHECK_EQUAL(async_channel_receive(channel, &item), UV_EOF);
    CHECK_EQUAL(test_join(sender), 0);
    CHECK_EQUAL(async_channel_destroy(channel), 0);
}

TEST(carries_in_order)
{
    for (size_t capacity = 0; capacity < 5; capacity++)
        carry_in_order(capacity);
}

static int send_one(void *item)
{
    int value = (int)(intptr_t)item;
    return async_channel_send(channel, &value);
}

static int receive_one(void *unused)
{
    (void)unused;
    int value;
    int error = async_channel_receive(channel, &value);
    return error ? error : value;
}

TEST(without_capacity_hands_over)
{
    CHECK_EQUAL(async_channel_create(&channel, "direct", sizeof(int), 0), 0);
    struct async_task *sender = test_spawn("sender", send_one, (void *)5);
    test_settle();
    CHECK_EQUAL(sender->state, ASYNC_TASK_WAITING); /* until somebody takes it */
    CHECK_EQUAL(receive_one(NULL), 5);
    CHECK_EQUAL(test_join(sender), 0);
    struct async_task *receiver = test_spawn("receiver", receive_one, NULL);
    test_settle();
    CHECK_EQUAL(send_one((void *)6), 0);
    CHECK_EQUAL(test_join(receiver), 6);
    CHECK_EQUAL(async_channel_destroy(channel), 0);
}

TEST(both_queues_are_fair)
{
    CHECK_EQUAL(async_channel_create(&channel, "fair", sizeof(int), 2), 0);
    struct async_task *tasks[6];
    for (intptr_t i = 0; i < 6; i++)
        tasks[i] = test_spawn("sender", send_one, (void *)i);
    test_settle();
    CHECK_EQUAL(tasks[1]->state, ASYNC_TASK_RETURNED);
    CHECK_EQUAL(tasks[2]->state, ASYNC_TASK_WAITING);
    for (int i = 0; i < 6; i++)
        CHECK_EQUAL(receive_one(NULL), i);
    for (int i = 0; i < 6; i++)
        CHECK_EQUAL(test_join(tasks[i]), 0);
    for (int i = 0; i < 6; i++)
        tasks[i] = test_spawn("receiver", receive_one, NULL);
    test_settle();
    for (intptr_t i = 0; i < 6; i++)
        CHECK_EQUAL(send_one((void *)i), 0);
    for (int i = 0; i < 6; i++)
        CHECK_EQUAL(test_join(tasks[i]), i);
    CHECK_EQUAL(async_channel_destroy(channel), 0);
}

TEST(close_ends_waits)
{
    CHECK_EQUAL(async_channel_create(&channel, "closing", sizeof(int), 1), 0);
    struct async_task *stored = test_spawn("stored", send_one, (void *)1);
    struct async_task *waiting = test_spawn("waiting", send_one, (void *)2);
    test_settle();
    CHECK_EQUAL(async_channel_destroy(channel), UV_EBUSY);
    CHECK_EQUAL(async_channel_close(channel), 0);
    CHECK_EQUAL(async_channel_close(channel), UV_EALREADY);
    CHECK_EQUAL(test_join(waiting), UV_EPIPE);
    CHECK_EQUAL(test_join(stored), 0);
    CHECK_EQUAL(send_one((void *)3), UV_EPIPE);
    CHECK_EQUAL(receive_one(NULL), 1); /* what was in it is not lost */
    CHECK_EQUAL(receive_one(NULL), UV_EOF);
    CHECK_EQUAL(async_channel_destroy(channel), 0);

    CHECK_EQUAL(async_channel_create(&channel, "closing", sizeof(int), 1), 0);
    struct async_task *receiver = test_spawn("receiver", receive_one, NULL);
    test_settle();
    CHECK_EQUAL(async_channel_destroy(channel), UV_EBUSY);
    CHECK_EQUAL(async_channel_close(channel), 0);
    CHECK_EQUAL(test_join(receiver), UV_EOF);
    CHECK_EQUAL(async_channel_destroy(channel), 0);
}

TEST(misuse)
{
    CHECK_EQUAL(async_channel_create(&channel, "huge", SIZE_MAX / 2, 3), UV_ENOMEM);
    CHECK_EQUAL(async_channel_create(&channel, "huge", SIZE_MAX / 4, 3), UV_ENOMEM);
    CHECK_EQUAL(async_channel_send(NULL, &channel), UV_EINVAL);
    CHECK_EQUAL(async_channel_receive(NULL, &channel), UV_EINVAL);
    CHECK_EQUAL(async_channel_close(NULL), UV_EINVAL);
    CHECK_EQUAL(async_channel_destroy(NULL), 0);
    CHECK_EQUAL(async_channel_create(&channel, "items", 1, 1), 0);
    CHECK_EQUAL(async_channel_send(channel, NULL), UV_EINVAL);
    CHECK_EQUAL(async_channel_receive(channel, NULL), UV_EINVAL);
    CHECK_EQUAL(async_channel_destroy(channel), 0);
}

PLAIN(calls_outside_a_task)
{
    char item = 0;
    CHECK_EQUAL(async_channel_create(&channel, "outside", 1, 1), 0);
    CHECK_EQUAL(async_channel_send(channel, &item), UV_EINVAL);
    CHECK_EQUAL(async_channel_receive(channel, &item), UV_EINVAL);
    CHECK_EQUAL(async_channel_close(channel), UV_EINVAL);
    CHECK_EQUAL(async_channel_destroy(channel), 0);
}

TEST(items_without_content)
{
    CHECK_EQUAL(async_channel_create(&channel, "signals", 0, 2), 0);
    CHECK_EQUAL(async_channel_send(channel, NULL), 0);
    CHECK_EQUAL(async_channel_send(channel, NULL), 0);
    CHECK_EQUAL(async_channel_receive(channel, NULL), 0);
    CHECK_EQUAL(async_channel_destroy(channel), 0);
}

TEST(futures_tell_the_truth)
{
    CHECK_EQUAL(async_channel_create(&channel, "jobs", sizeof(int), 1), 0);
    struct async_task *receiver = test_spawn("receiver", receive_one, NULL);
    test_settle();
    struct async_future *future = receiver->awaits;
    CHECK_EQUAL(future->kind, ASYNC_FUTURE_CHANNEL_RECEIVE);
    CHECK(strcmp(future->name, "jobs") == 0 && future->object == channel);
    CHECK_EQUAL(future->capacity, 1);
    CHECK_EQUAL(future->count, 0);
    CHECK_EQUAL(send_one((void *)1), 0);
    CHECK_EQUAL(test_join(receiver), 1);
    CHECK_EQUAL(send_one((void *)2), 0);
    struct async_task *sender = test_spawn("sender", send_one, (void *)3);
    test_settle();
    CHECK_EQUAL(sender->awaits->kind, ASYNC_FUTURE_CHANNEL_SEND);
    CHECK_EQUAL(sender->awaits->count, 1);
    CHECK(sender->awaits->object == channel);
    CHECK_EQUAL(receive_one(NULL), 2);
    CHECK_EQUAL(receive_one(NULL), 3);
    CHECK_EQUAL(test_join(sender), 0);
    CHECK_EQUAL(async_channel_destroy(channel), 0);
}

TEST(tries)
{
    int item = 1;
    CHECK_EQUAL(async_channel_create(&channel, "tried", sizeof(int), 1), 0);
    CHECK_EQUAL(async_channel_try_receive(channel, &item), UV_EAGAIN);
    CHECK_EQUAL(async_channel_try_send(channel, &item), 0);
    CHECK_EQUAL(async_channel_try_send(channel, &item), UV_EAGAIN);
    struct async_task *sender = test_spawn("sender", send_one, (void *)2);
    test_settle();
    CHECK(async_channel_try_receive(channel, &item) == 0 && item == 1);
    CHECK_EQUAL(test_join(sender), 0);
    CHECK(async_channel_try_receive(channel, &item) == 0 && item == 2);
    struct async_task *receiver = test_spawn("receiver", receive_one, NULL);
    test_settle();
    CHECK_EQUAL(async_channel_try_send(channel, &item), 0);
    CHECK_EQUAL(test_join(receiver), 2);
    CHECK_EQUAL(async_channel_close(channel), 0);
    CHECK_EQUAL(async_channel_try_send(channel, &item), UV_EPIPE);
    CHECK_EQUAL(async_channel_try_receive(channel, &item), UV_EOF);
    CHECK_EQUAL(async_channel_try_send(NULL, &item), UV_EINVAL);
    CHECK_EQUAL(async_channel_try_receive(NULL, &item), UV_EINVAL);
    CHECK_EQUAL(async_channel_destroy(channel), 0);
}

TEST(cancelled_sends_are_never_sent)
{
    int item;
    CHECK_EQUAL(async_channel_create(&channel, "direct", sizeof(int), 0), 0);
    struct async_task *sender = test_spawn("sender", send_one, (void *)1);
    test_settle();
    CHECK_EQUAL(async_cancel(sender), 0);
    CHECK_EQUAL(async_channel_try_receive(channel, &item), UV_EAGAIN);
    CHECK_EQUAL(test_join(sender), UV_ECANCELED);
    CHECK_EQUAL(async_channel_destroy(channel), 0);
}

TEST(ends_with_its_last_sender)
{
    int item;
    CHECK_EQUAL(async_channel_create(&channel, "counted", sizeof(int), 1), 0);
    CHECK_EQUAL(async_channel_close_sender(channel), UV_EPERM);
    CHECK_EQUAL(async_channel_open_sender(channel), 0);
    CHECK_EQUAL(async_channel_open_sender(channel), 0);
    CHECK_EQUAL(async_channel_close_sender(channel), 0);
    struct async_task *receiver = test_spawn("receiver", receive_one, NULL);
    test_settle();
    struct async_future *future = receiver->awaits;
    CHECK(future->senders == 1 && future->receivers == ASYNC_ENDS_UNKNOWN);
    CHECK_EQUAL(send_one((void *)1), 0);
    CHECK_EQUAL(test_join(receiver), 1);
    CHECK_EQUAL(send_one((void *)2), 0);
    CHECK_EQUAL(async_channel_close_sender(channel), 0);
    CHECK_EQUAL(future->senders, 0);
    CHECK(async_channel_receive(channel, &item) == 0 && item == 2); /* what was sent is not lost */
    CHECK_EQUAL(async_channel_receive(channel, &item), UV_EOF);
    CHECK_EQUAL(async_channel_close_sender(channel), UV_EPERM);
    CHECK_EQUAL(async_channel_open_sender(channel), UV_EPIPE);
    CHECK_EQUAL(async_channel_close(channel), UV_EALREADY);
    CHECK_EQUAL(async_channel_destroy(channel), 0);
}

TEST(ends_with_its_last_receiver)
{
    CHECK_EQUAL(async_channel_create(&channel, "counted", sizeof(int), 0), 0);
    CHECK_EQUAL(async_channel_close_receiver(channel), UV_EPERM);
    CHECK_EQUAL(async_channel_open_receiver(channel), 0);
    struct async_task *sender = test_spawn("sender", send_one, (void *)1);
    test_settle();
    CHECK_EQUAL(sender->awaits->receivers, 1);
    CHECK_EQUAL(async_channel_close_receiver(channel), 0);
    CHECK_EQUAL(test_join(sender), UV_EPIPE);
    CHECK_EQUAL(async_channel_open_receiver(channel), UV_EPIPE);
    CHECK_EQUAL(async_channel_open_receiver(NULL), UV_EINVAL);
    CHECK_EQUAL(async_channel_close_receiver(NULL), UV_EINVAL);
    CHECK_EQUAL(async_channel_open_sender(NULL), UV_EINVAL);
    CHECK_EQUAL(async_channel_close_sender(NULL), UV_EINVAL);
    CHECK_EQUAL(async_channel_destroy(channel), 0);
}
