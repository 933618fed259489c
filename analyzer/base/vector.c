/* SPDX-License-Identifier: MIT */
#include "base/vector.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static struct ad_error *grow(struct ad_vector *vector)
{
    size_t capacity, bytes;
    if (__builtin_mul_overflow(vector->capacity ? vector->capacity : 8, (size_t)2, &capacity) ||
        __builtin_mul_overflow(capacity, vector->item_size, &bytes))
        return &ad_error_nomem;
    void *items = realloc(vector->items, bytes);
    if (!items)
        return &ad_error_nomem;
    vector->items = items;
    vector->capacity = capacity;
    return NULL;
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

void ad_vector_deinit(struct ad_vector *vector)
{
    free(vector->items);
    *vector = (struct ad_vector){.item_size = vector->item_size};
}
