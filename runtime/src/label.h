/* SPDX-License-Identifier: MIT */
/**
 * @file label.h - what tasks say of themselves to whoever looks: key=value.
 *
 *     task, task --labels--> label --next--> label --next--> NULL    one allocation, with the characters
 *
 * The labels of a task never change; new ones take their place with one store. So a child begins with its
 * parent's own, and a million children cost nothing. Who needs them no more drops his reference; they are
 * there until the task's record is released, as a task that failed is still to be told from others.
 */
#ifndef ASYNC_LABEL_H
#define ASYNC_LABEL_H

struct async_task;

struct async_label {
    struct async_label *next;
    const char *key;
    const char *value;
};

/** For a child; NULL is fine. */
struct async_label *async_labels_share(struct async_label *labels);
void async_labels_unshare(struct async_label *labels);

/** A task's record ends. */
void async_labels_drop(struct async_task *task);

#endif
