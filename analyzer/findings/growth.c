/* SPDX-License-Identifier: MIT */
/* Tasks of one start function that come and do not go. One snapshot cannot prove it: a note. */

#include "base/cleanup.h"
#include "findings/rules.h"

enum { MANY = 500 };

/* All tasks of one start function. */
struct crowd {
    uint64_t start;
    uint64_t count, inside, older;
    uint64_t first, last; /* when the oldest and the newest were spawned */
    bool leave;           /* a good part of those that were ever spawned has ended */
};

struct crowds {
    struct ad_work *work;
    struct ad_map number_of; /* start function -> index */
    struct ad_vector list;   /* struct crowd */
};

static void crowds_deinit(struct crowds *crowds)
{
    ad_map_deinit(&crowds->number_of);
    ad_vector_deinit(&crowds->list);
}

/* Of what other tasks do: not of clients, nor of a timer, which many may well wait for. */
static bool waits_inside(const struct ad_work *work, const struct ad_task *task)
{
    const struct ad_future *future =
        task->state == ASYNC_DEBUG_STATE_WAITING ? ad_work_future(work, task->future) : NULL;
    return future && !future->thread && future->kind >= ASYNC_DEBUG_KIND_MUTEX &&
           future->kind <= ASYNC_DEBUG_KIND_BARRIER;
}

static bool counts(const struct ad_task *task)
{
    return !ad_task_ended(task) && task->start_function && task->spawned_at;
}

static struct ad_error *enter(struct crowds *crowds, const struct ad_task *task)
{
    uint32_t number = ad_map_get(&crowds->number_of, task->start_function, AD_NONE);
    if (number == AD_NONE) {
        struct crowd crowd = {
            .start = task->start_function, .first = task->spawned_at, .last = task->spawned_at};
        number = (uint32_t)crowds->list.count;
        AD_TRY(ad_map_put(&crowds->number_of, task->start_function, number));
        AD_TRY(ad_vector_push(&crowds->list, &crowd));
    }
    struct crowd *crowd = &AD_ITEMS(struct crowd, &crowds->list)[number];
    crowd->count++;
    crowd->inside += waits_inside(crowds->work, task);
    crowd->first = task->spawned_at < crowd->first ? task->spawned_at : crowd->first;
    crowd->last = task->spawned_at > crowd->last ? task->spawned_at : crowd->last;
    return NULL;
}

static struct crowd *crowd_of(const struct crowds *crowds, const struct ad_task *task)
{
    uint32_t number = counts(task) ? ad_map_get(&crowds->number_of, task->start_function, AD_NONE) : AD_NONE;
    return number == AD_NONE ? NULL : &AD_ITEMS(struct crowd, &crowds->list)[number];
}

/* How many are of the first half of the time: those who came all at once do not grow. */
static void count_older(struct crowds *crowds)
{
    const struct ad_task *task;
    for (uint32_t i = 0; (task = ad_work_task(crowds->work, i)); i++) {
        struct crowd *crowd = crowd_of(crowds, task);
        if (crowd && task->spawned_at - crowd->first < (crowd->last - crowd->first) / 2)
            crowd->older++;
    }
}

static void ask_counters(struct crowds *crowds)
{
    const struct ad_function *functions = crowds->work->snapshot->functions.items;
    for (size_t i = 0; i < crowds->work->snapshot->functions.count; i++) {
        uint32_t number = ad_map_get(&crowds->number_of, functions[i].start, AD_NONE);
        if (number != AD_NONE)
            AD_ITEMS(struct crowd, &crowds->list)
            [number].leave = functions[i].finished > functions[i].spawned / 10;
    }
}

static bool grows(const struct ad_work *work, const struct crowd *crowd)
{
    uint64_t span = crowd->last - crowd->first;
    return crowd->count >= MANY && !crowd->leave && crowd->inside >= crowd->count / 10 * 9 &&
           span >= AD_LONG_NS && !ad_lasts(work, crowd->last, span / 4 + AD_SOON_NS) &&
           crowd->older >= crowd->count / 4 && crowd->count - crowd->older >= crowd->count / 4;
}

static struct ad_error *gather(struct crowds *crowds)
{
    const struct ad_task *task;
    const struct ad_finding finding =
        ad_finding_of(AD_FINDING_GROWTH, AD_SEVERITY_NOTE, AD_CONFIDENCE_POSSIBLE);
    for (uint32_t i = 0; (task = ad_work_task(crowds->work, i)); i++) {
        const struct crowd *crowd = crowd_of(crowds, task);
        if (crowd && grows(crowds->work, crowd))
            AD_TRY(ad_gather(crowds->work, crowd->start, &finding, i, task->spawned_at));
    }
    return NULL;
}

struct ad_error *ad_find_growth(struct ad_work *work)
{
    const struct ad_task *task;
    ad_cleanup(crowds_deinit) struct crowds crowds = {.work = work, .list = AD_VECTOR(struct crowd)};
    if (work->snapshot->tasks.count < MANY)
        return NULL;
    for (uint32_t i = 0; (task = ad_work_task(work, i)); i++)
        if (counts(task))
            AD_TRY(enter(&crowds, task));
    count_older(&crowds);
    ask_counters(&crowds);
    return gather(&crowds);
}
