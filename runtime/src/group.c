/* SPDX-License-Identifier: MIT */
#include "group.h"

#include <stdlib.h>
#include <uv.h>

#include "async.h"
#include "async_debug.h"
#include "cancel.h"
#include "change.h"
#include "diagnose.h"
#include "heritage.h"
#include "process.h"
#include "schedule.h"
#include "worker.h"

int async_group_create_at(struct async_group **group_ret, const char *name, const struct async_site *site)
{
    const char *copy;
    if (!group_ret)
        return UV_EINVAL;
    struct async_group *group = async_object_create(sizeof(*group), name, &copy);
    if (!group)
        return UV_ENOMEM;
    async_future_init(&group->future, ASYNC_FUTURE_GROUP, ASYNC_FUTURE_RESOLVED, group);
    group->future.name = copy;
    group->future.site = site;
    *group_ret = group;
    return 0;
}

/* ---- Children ------------------------------------------------------------------------------------ */

static void set_count(struct async_group *group, uint64_t count)
{
    group->future.count = count;
    group->future.state = count ? ASYNC_FUTURE_PENDING : ASYNC_FUTURE_RESOLVED;
}

static void cancel_children(struct async_group *group, uint64_t by, const struct async_site *site)
{
    group->cancelled = true;
    for (struct async_task *child = group->children; child; child = child->group_next)
        async_cancel_request(child, by, site);
}

void async_group_adopt(struct async_group *group, struct async_task *task)
{
    task->group = group;
    task->group_next = group->children;
    task->group_link = &group->children;
    if (group->children)
        group->children->group_link = &task->group_next;
    group->children = task;
    set_count(group, group->future.count + 1);
}

void async_group_child_ended(struct async_task *task)
{
    struct async_group *group = task->group;
    struct async_lock *lock = group->future.lock;
    async_lock(lock);
    *task->group_link = task->group_next;
    if (task->group_next)
        task->group_next->group_link = task->group_link;
    if (task->state == ASYNC_TASK_FAILED && !group->error) {
        group->error = task->error;
        async_task_set_flag(task, ASYNC_DEBUG_TASK_RETRIEVED); /* by whoever waits for the group */
        cancel_children(group, task->id, task->spawn_site);
    }
    set_count(group, group->future.count - 1);
    if (!group->future.count)
        async_future_wake_all(&group->future, 0);
    async_unlock(lock);
}

int async_group_spawn_on_at(struct async_group *group, uint32_t worker, const char *name,
                            async_function function, void *argument, const struct async_site *site)
{
    struct async_task *self = async_self(), *task;
    if (!self || !group || !function)
        return async_refused(UV_EINVAL);
    struct async_task_form form = {
        .worker = worker == ASYNC_HERE ? self->worker : async_process_worker(worker),
        .parent = self,
        .group = group,
        .start = function,
        .argument = argument,
        .spawn_site = site,
        .spawn_pc = __builtin_return_address(0),
        .flags = ASYNC_DEBUG_TASK_DETACHED,
    };
    if (!form.worker)
        return async_refused_because(UV_EINVAL, "there is no such worker");
    int error = async_heritage_take(&form);
    if (error)
        return error;
    async_lock(group->future.lock);
    error = group->cancelled ? UV_ECANCELED : async_task_create(&task, &form, name);
    async_unlock(group->future.lock);
    if (error)
        async_heritage_drop(&form);
    return error == UV_ECANCELED ? async_refused_because(error, "the group is cancelled") : error;
}

/* ---- Waiting ------------------------------------------------------------------------------------- */

/* The lock is held, and given back. */
static int await_children(struct async_group *group)
{
    if (group->future.count)
        return (int)async_future_await(&group->future, NULL);
    async_unlock(group->future.lock);
    return 0;
}

int async_group_wait(struct async_group *group)
{
    async_schedule_point();
    struct async_task *self = async_self();
    if (!self || !group || self->group == group)
        return async_refused_because(UV_EINVAL, "no group, or the calling task is a child of it");
    async_lock(group->future.lock);
    int interrupted = await_children(group);
    if (interrupted) {
        async_lock(group->future.lock);
        cancel_children(group, self->cancel_by, self->cancel_site);
        async_shield_enter(self);
        await_children(group);
        async_shield_leave(self);
    }
    return interrupted ? interrupted : group->error;
}

int async_group_cancel_at(struct async_group *group, const struct async_site *site)
{
    struct async_task *self = async_self();
    if (!self || !group)
        return async_refused(UV_EINVAL);
    async_lock(group->future.lock);
    cancel_children(group, self->id, site);
    async_unlock(group->future.lock);
    return 0;
}

int async_group_destroy(struct async_group *group)
{
    if (!group)
        return 0;
    async_lock(group->future.lock);
    bool busy = group->future.count || async_future_busy(&group->future);
    async_unlock(group->future.lock);
    if (busy)
        return async_refused_because(UV_EBUSY, "children are left, or tasks that wait for it");
    async_future_deinit(&group->future);
    free(group);
    return 0;
}
