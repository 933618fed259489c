/* SPDX-License-Identifier: MIT */
#include "base/vector.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static struct ad_error *set_capacity(struct ad_vector *vector, size_t capacity)
{
    size_t bytes;
    if (__builtin_mul_overflow(capacity, vector->item_size, &bytes))
        return &ad_error_nomem;
    void *items = realloc(vector->items, bytes);
    if (!items)
        return &ad_error_nomem;
    vector->items = items;
    vector->capacity = capacity;
    return NULL;
}

static struct ad_error *grow(struct ad_vector *vector)
{
    size_t capacity;
    if (__builtin_mul_overflow(vector->capacity ? vector->capacity : 8, (size_t)2, &capacity))
        return &ad_error_nomem;
    return set_capacity(vector, capacity);
}

struct ad_error *ad_vector_add(struct ad_vector *vector, void **item_ret)
{
    if (vector->count == vector->capacity)
        AD_TRY(grow(vector));
    *item_ret = (char *)vector->items + vector->count++ * vector->item_size;
    memset(*item_ret, 0, vector->item_size);
    return NULL;
}

struct ad_error *ad_vector_push(struct ad_vector *vector, const void *item)
{
    void *slot;
    AD_TRY(ad_vector_add(vector, &slot));
    memcpy(slot, item, vector->item_size);
    return NULL;
}

struct ad_error *ad_vector_reserve(struct ad_vector *vector, size_t more)
{
    size_t most;
    if (__builtin_add_overflow(vector->count, more, &most))
        return &ad_error_nomem;
    return most > vector->capacity ? set_capacity(vector, most) : NULL;
}

struct ad_error *ad_vector_append(struct ad_vector *vector, const void *items, size_t count)
{
    while (vector->capacity - vector->count < count)
        AD_TRY(grow(vector));
    if (count)
        memcpy((char *)vector->items + vector->count * vector->item_size, items, count * vector->item_size);
    vector->count += count;
    return NULL;
}

void ad_vector_deinit(struct ad_vector *vector)
{
    free(vector->items);
    *vector = (struct ad_vector){.item_size = vector->item_size};
}
