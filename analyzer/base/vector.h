/* SPDX-License-Identifier: MIT */
/**
 * @file vector.h - growing arrays.
 *
 *     struct ad_vector tasks = AD_VECTOR(struct ad_task);
 *     struct ad_task *task;
 *     AD_TRY(ad_vector_add(&tasks, (void **)&task));    zeroed, valid until the next add
 */
#ifndef AD_BASE_VECTOR_H
#define AD_BASE_VECTOR_H

#include <stddef.h>

#include "base/error.h"

struct ad_vector {
    void *items;
    size_t count;
    size_t capacity;
    size_t item_size;
};

#define AD_VECTOR(type) ((struct ad_vector){.item_size = sizeof(type)})

/** The items as an array of `type`. */
#define AD_ITEMS(type, vector) ((type *)(vector)->items)

struct ad_error *ad_vector_add(struct ad_vector *vector, void **item_ret) ad_must_check;
struct ad_error *ad_vector_push(struct ad_vector *vector, const void *item) ad_must_check;
/** Pushes `count` items at once. */
struct ad_error *ad_vector_append(struct ad_vector *vector, const void *items, size_t count) ad_must_check;
/** Makes sure that `more` items can be added without growing. */
struct ad_error *ad_vector_reserve(struct ad_vector *vector, size_t more) ad_must_check;
void ad_vector_deinit(struct ad_vector *vector);

#endif
