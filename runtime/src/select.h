/* SPDX-License-Identifier: MIT */
/**
 * @file select.h - what a select needs of the things it waits for: the queue to stand in, and an attempt to
 * have it at once. An attempt is made under the queue's lock; false: one has to wait. The waker of a waiter
 * in the queue does with its `data` what the attempt does with its argument.
 */
#ifndef ASYNC_SELECT_H
#define ASYNC_SELECT_H

#include <stdbool.h>

struct async_channel;
struct async_event;
struct async_future;
struct async_promise;

struct async_future *async_channel_queue(struct async_channel *channel, bool sends);
bool async_channel_attempt_send(struct async_channel *channel, const void *item, int *result_ret);
bool async_channel_attempt_receive(struct async_channel *channel, void *item_ret, int *result_ret);

struct async_future *async_promise_queue(struct async_promise *promise);
bool async_promise_attempt(const struct async_promise *promise, void **value_ret, int *result_ret);

struct async_future *async_event_queue(struct async_event *event);
bool async_event_attempt(const struct async_event *event);

#endif
