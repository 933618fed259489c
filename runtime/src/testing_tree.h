/* SPDX-License-Identifier: MIT */
/**
 * @file testing_tree.h - tasks as a tree of lines: copied by their worker, printed by whoever wants.
 */
#ifndef ASYNC_TESTING_TREE_H
#define ASYNC_TESTING_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "async_test.h"

struct async_worker;

/** One task. The links are places in `lines`, counted from 1; 0: none. */
struct async_tree_line {
    uint64_t id;
    uint64_t parent_id;
    size_t parent;
    size_t first_child;
    size_t next_sibling;
    char text[320];
};

/** Zeroed to begin with. */
struct async_tree {
    struct async_tree_line *lines;
    size_t count;
    size_t capacity;
    size_t left_out; /**< for want of memory */
};

/** Adds a worker's tasks. On that worker's thread. */
void async_tree_add(struct async_tree *tree, struct async_worker *worker);

/** Tells it, parents before what they spawned; of many tasks the first ones. */
void async_tree_tell(struct async_tree *tree, void (*tell)(const char *line, void *data), void *data);

void async_tree_deinit(struct async_tree *tree);

#endif
