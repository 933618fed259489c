/* SPDX-License-Identifier: MIT */
#include "label.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "async.h"
#include "change.h"
#include "diagnose.h"
#include "task.h"

#define KEY_SIZE 32 /* with the NUL, as below */
#define VALUE_SIZE 128
#define LABELS_MAX 16

/* All of a task's, and behind them the characters. */
struct labels {
    uint32_t references;
    uint32_t count;
    struct async_label items[];
};

static struct labels *whole(struct async_label *first)
{
    return (struct labels *)((char *)first - offsetof(struct labels, items));
}

struct async_label *async_labels_share(struct async_label *labels)
{
    if (labels)
        __atomic_fetch_add(&whole(labels)->references, 1, __ATOMIC_RELAXED);
    return labels;
}

void async_labels_unshare(struct async_label *labels)
{
    if (labels && __atomic_fetch_sub(&whole(labels)->references, 1, __ATOMIC_ACQ_REL) == 1)
        free(whole(labels));
}

static void put(struct async_task *task, struct async_label *labels)
{
    struct async_label *before = task->labels;
    async_publish(&task->labels, labels);
    async_labels_unshare(before);
}

void async_labels_drop(struct async_task *task)
{
    put(task, NULL);
}

/* ---- New ones from old ones ------------------------------------------------------------------------ */

static struct async_label *find(struct async_label *labels, const char *key)
{
    while (labels && strcmp(labels->key, key) != 0)
        labels = labels->next;
    return labels;
}

static size_t size_of(const char *key, const char *value)
{
    return sizeof(struct async_label) + strlen(key) + strlen(value) + 2;
}

/* Where the characters go next. */
static char *add(struct labels *labels, char *text, const char *key, const char *value)
{
    struct async_label *label = &labels->items[labels->count++];
    char *value_text = stpcpy(text, key) + 1;
    *label = (struct async_label){.key = text, .value = value_text};
    if (labels->count > 1)
        label[-1].next = label;
    return stpcpy(value_text, value) + 1;
}

/* The old ones but `key`'s, in their order; in its place, or last, the new value, if there is one (NULL). */
static struct labels *build(struct async_label *old, const char *key, const char *value)
{
    size_t size = sizeof(struct labels) + (value ? size_of(key, value) : 0), count = value ? 1 : 0;
    for (const struct async_label *label = old; label; label = label->next, count++)
        size += size_of(label->key, label->value);
    struct labels *labels = malloc(size);
    if (!labels)
        return NULL;
    labels->references = 1;
    labels->count = 0;
    char *text = (char *)&labels->items[count];
    for (const struct async_label *label = old; label; label = label->next) {
        bool same = strcmp(label->key, key) == 0;
        if (!same || value)
            text = add(labels, text, label->key, same ? value : label->value);
    }
    if (value && !find(old, key))
        add(labels, text, key, value);
    return labels;
}

static void cut(char *key_ret, const char *key)
{
    snprintf(key_ret, KEY_SIZE, "%s", key);
}

int async_label_set(const char *key, const char *format, ...)
{
    struct async_task *self = async_self();
    char own_key[KEY_SIZE], value[VALUE_SIZE];
    va_list arguments;
    if (!self || !key || !*key || !format)
        return async_refused(UV_EINVAL);
    cut(own_key, key);
    va_start(arguments, format);
    vsnprintf(value, sizeof(value), format, arguments);
    va_end(arguments);
    if (!find(self->labels, own_key) && self->labels && whole(self->labels)->count == LABELS_MAX)
        return UV_ENOSPC;
    struct labels *labels = build(self->labels, own_key, value);
    if (!labels)
        return UV_ENOMEM;
    put(self, labels->items);
    return 0;
}

int async_label_remove(const char *key)
{
    struct async_task *self = async_self();
    char own_key[KEY_SIZE];
    if (!self || !key)
        return async_refused(UV_EINVAL);
    cut(own_key, key);
    if (!find(self->labels, own_key))
        return UV_ENOENT;
    if (whole(self->labels)->count == 1) {
        put(self, NULL);
        return 0;
    }
    struct labels *labels = build(self->labels, own_key, NULL);
    if (!labels)
        return UV_ENOMEM;
    put(self, labels->items);
    return 0;
}

const char *async_label(const char *key)
{
    struct async_task *self = async_self();
    char own_key[KEY_SIZE];
    if (!self || !key)
        return NULL;
    cut(own_key, key);
    const struct async_label *label = find(self->labels, own_key);
    return label ? label->value : NULL;
}
