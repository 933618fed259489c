/* SPDX-License-Identifier: MIT */
#include "testing_tree.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "descriptor.h"
#include "diagnose.h"
#include "task.h"
#include "worker.h"

#define TOLD_MOST 500

/* ---- A task's line ------------------------------------------------------------------------------- */

static void print_owner(FILE *file, const struct async_future *future)
{
    const struct async_task *owner = future->owner;
    if (!owner)
        return;
    const char *words = future->kind == ASYNC_FUTURE_JOIN      ? ""
                        : future->kind == ASYNC_FUTURE_PROMISE ? ", to be resolved by"
                                                               : ", held by";
    fprintf(file, "%s #%llu \"%s\"", words, (unsigned long long)future->owner_id, owner->name);
}

static void print_future(FILE *file, const struct async_future *future)
{
    fprintf(file, ": %s", async_debug_descriptor.future_kinds[future->kind].text);
    if (future->name && future->kind != ASYNC_FUTURE_JOIN)
        fprintf(file, " \"%s\"", future->name);
    if (future->peer)
        fprintf(file, ", peer %s", future->peer);
    if (future->fd >= 0)
        fprintf(file, ", fd %d", future->fd);
    print_owner(file, future);
    if (future->kind == ASYNC_FUTURE_GROUP || future->kind == ASYNC_FUTURE_ALL)
        fprintf(file, " of %llu tasks", (unsigned long long)future->count);
}

static void print_task(FILE *file, const struct async_task *task)
{
    uint64_t now = async_clock_here(), since = task->suspended_at;
    fprintf(file, "#%llu \"%s\"", (unsigned long long)task->id, task->name);
    if (task->spawn_site)
        fprintf(file, " (%s:%u)", task->spawn_site->file, task->spawn_site->line);
    fprintf(file, " %s", async_debug_descriptor.task_states[task->state].text);
    if (async_task_ended(task)) {
        fprintf(file, " %d, and nobody has joined it", task->result);
        return;
    }
    if (task->awaits) {
        struct async_lock *lock = task->awaits->lock; /* other workers may change the future, not its lock */
        async_lock(lock);
        print_future(file, task->awaits);
        async_unlock(lock);
    }
    if (task->awaits && now > since)
        fprintf(file, ", for %.1f s", (double)(now - since) / 1e9);
    if (task->cancel_state == ASYNC_DEBUG_CANCEL_REQUESTED)
        fprintf(file, ", told to end by #%llu", (unsigned long long)task->cancel_by);
    if (task->shields)
        fprintf(file, ", shielded");
    if (task->worker->id)
        fprintf(file, " [%s]", task->worker->name);
}

/* ---- Collecting ---------------------------------------------------------------------------------- */

static struct async_tree_line *add(struct async_tree *tree)
{
    if (tree->count == tree->capacity) {
        size_t capacity = tree->capacity ? 2 * tree->capacity : 64;
        struct async_tree_line *lines = realloc(tree->lines, capacity * sizeof(*lines));
        if (!lines) {
            tree->left_out++;
            return NULL;
        }
        tree->lines = lines;
        tree->capacity = capacity;
    }
    return &tree->lines[tree->count++];
}

void async_tree_add(struct async_tree *tree, struct async_worker *worker)
{
    for (struct async_task *task = NULL; (task = async_task_walk(&worker->registry, task));) {
        struct async_tree_line *line = add(tree);
        if (!line)
            continue;
        *line = (struct async_tree_line){.id = task->id, .parent_id = task->parent_id};
        FILE *file = fmemopen(line->text, sizeof(line->text), "w");
        if (!file)
            continue;
        print_task(file, task);
        fclose(file);
        line->text[sizeof(line->text) - 1] = '\0';
    }
}

void async_tree_deinit(struct async_tree *tree)
{
    free(tree->lines);
    *tree = (struct async_tree){0};
}

/* ---- The tree ------------------------------------------------------------------------------------ */

static int compare(const void *a, const void *b)
{
    const struct async_tree_line *left = a, *right = b;
    return (left->id > right->id) - (left->id < right->id);
}

static size_t find(const struct async_tree *tree, uint64_t id)
{
    struct async_tree_line key = {.id = id};
    struct async_tree_line *found = bsearch(&key, tree->lines, tree->count, sizeof(key), compare);
    return found ? (size_t)(found - tree->lines) + 1 : 0;
}

/* Children in the order of their ids. A parent that is gone leaves its children at the top. */
static size_t link_up(struct async_tree *tree)
{
    size_t top = 0;
    qsort(tree->lines, tree->count, sizeof(*tree->lines), compare);
    for (size_t i = tree->count; i > 0; i--) {
        struct async_tree_line *line = &tree->lines[i - 1];
        line->parent = find(tree, line->parent_id);
        size_t *first = line->parent ? &tree->lines[line->parent - 1].first_child : &top;
        line->next_sibling = *first;
        *first = i;
    }
    return top;
}

static size_t next_of(const struct async_tree *tree, size_t at, int *depth)
{
    const struct async_tree_line *line = &tree->lines[at - 1];
    if (line->first_child) {
        (*depth)++;
        return line->first_child;
    }
    while (!line->next_sibling && line->parent) {
        (*depth)--;
        line = &tree->lines[line->parent - 1];
    }
    return line->next_sibling;
}

void async_tree_tell(struct async_tree *tree, void (*tell)(const char *line, void *data), void *data)
{
    char text[512];
    size_t told = 0;
    int depth = 1;
    if (!tree->count)
        return;
    for (size_t at = link_up(tree); at && told < TOLD_MOST; at = next_of(tree, at, &depth), told++) {
        snprintf(text, sizeof(text), "%*s%s", depth < 60 ? 2 * depth : 120, "", tree->lines[at - 1].text);
        tell(text, data);
    }
    size_t more = tree->count - told + tree->left_out;
    if (more) {
        snprintf(text, sizeof(text), "  and %zu more tasks", more);
        tell(text, data);
    }
}

static void print_line(const char *line, void *file)
{
    fprintf(file, "%s\n", line);
}

void async_tasks_print(FILE *file)
{
    struct async_worker *worker = async_worker_self();
    struct async_tree tree = {0};
    if (worker)
        async_tree_add(&tree, worker);
    async_tree_tell(&tree, print_line, file);
    async_tree_deinit(&tree);
}
