/* SPDX-License-Identifier: MIT */
#include "report/describe.h"

#include <inttypes.h>
#include <string.h>

#include "findings/graph.h"
#include "report/escape.h"
#include "report/words.h"

/* How many of a future's holders and children are named. */
enum { HOLDERS_SHOWN = 3, CHILDREN_SHOWN = 3 };

struct words {
    FILE *out;
    const struct ad_snapshot *snapshot;
    const struct ad_future *future;
    enum ad_detail detail;
    bool inner; /* a part of another one: its own parts are left out */
};

static bool has_text(const char *text)
{
    return text && *text;
}

static const struct ad_task *owner_of(const struct words *words)
{
    return words->future->owner < words->snapshot->tasks.count
               ? &AD_ITEMS(struct ad_task, &words->snapshot->tasks)[words->future->owner]
               : NULL;
}

/* " name", or the object's address: two nameless locks must not look like one. */
static void print_name(const struct words *words)
{
    const struct ad_future *future = words->future;
    fputc(' ', words->out);
    if (has_text(future->name))
        ad_escape_print(words->out, future->name);
    else
        fprintf(words->out, "0x%" PRIx64, future->object ? future->object : future->address);
}

static void print_name_if_any(const struct words *words)
{
    if (has_text(words->future->name))
        print_name(words);
}

static void print_held_since(const struct words *words, uint64_t since)
{
    uint64_t age = ad_age(words->snapshot, since);
    if (words->detail < AD_DETAIL_FULL || age == UINT64_MAX)
        return;
    fputs(" for ", words->out);
    ad_print_duration(words->out, age);
}

static void print_holder(const struct words *words, const struct ad_holder *holder)
{
    const struct ad_snapshot *snapshot = words->snapshot;
    if (holder->task < snapshot->tasks.count)
        fprintf(words->out, "#%" PRIu32, AD_ITEMS(struct ad_task, &snapshot->tasks)[holder->task].id);
    else
        fprintf(words->out, "a task that was not read (0x%" PRIx64 ")", holder->address);
}

/* ", held by #2, #3 and 4 more" */
static void print_holders(const struct words *words, const char *verb)
{
    const struct ad_future *future = words->future;
    uint32_t count = future->holder_count, shown = count > HOLDERS_SHOWN ? HOLDERS_SHOWN - 1 : count;
    const struct ad_holder *holders =
        AD_ITEMS(struct ad_holder, &words->snapshot->holders) + future->first_holder;
    fprintf(words->out, ", %s ", verb);
    for (uint32_t i = 0; i < shown; i++) {
        fputs(!i ? "" : i + 1 == count ? " and " : ", ", words->out);
        print_holder(words, &holders[i]);
    }
    if (shown < count)
        fprintf(words->out, " and %" PRIu32 " more", count - shown);
    if (count == 1)
        print_held_since(words, holders->since);
}

static bool has_holders(const struct words *words)
{
    const struct ad_future *future = words->future;
    return future->holder_count &&
           (uint64_t)future->first_holder + future->holder_count <= words->snapshot->holders.count;
}

/* ", held by #6 for 14m03s" */
static void print_owner(const struct words *words, const char *verb)
{
    const struct ad_future *future = words->future;
    const struct ad_task *owner = owner_of(words);
    if (words->detail < AD_DETAIL_OWNER)
        return;
    if (has_holders(words)) {
        print_holders(words, verb);
    } else if (owner) {
        fprintf(words->out, ", %s #%" PRIu32, verb, owner->id);
        print_held_since(words, future->owned_since);
        if (ad_task_ended(owner))
            fputs(", which has ended", words->out);
    } else if (future->owner_id) {
        fprintf(words->out, ", %s #%" PRIu64, verb, future->owner_id);
        print_held_since(words, future->owned_since);
        fputs(", which is gone", words->out);
    } else if (future->owner_address) {
        fprintf(words->out, ", %s a task that was not read (0x%" PRIx64 ")", verb, future->owner_address);
        print_held_since(words, future->owned_since);
    }
}

static void describe_timer(const struct words *words)
{
    uint64_t deadline = words->future->deadline, now = words->snapshot->now;
    fputs("timer", words->out);
    print_name_if_any(words);
    if (words->detail < AD_DETAIL_OBJECT || !deadline || !now)
        return;
    fputs(deadline > now ? ", " : ", due ", words->out);
    ad_print_duration(words->out, deadline > now ? deadline - now : now - deadline);
    fputs(deadline > now ? " left" : " ago", words->out);
}

/* Kinds that mean the same may have words of their own: "receive" for a datagram's read. */
static const char *own_word(const struct words *words, const char *usual)
{
    return has_text(words->future->kind_name) ? words->future->kind_name : usual;
}

/* "read fd 9 from 127.0.0.1:4711", "accept on fd 7 (0.0.0.0:80)": verb and preposition as in speech. */
static void describe_io(const struct words *words, const char *verb, const char *preposition)
{
    const struct ad_future *future = words->future;
    ad_escape_print(words->out, verb);
    if (future->fd >= 0)
        fprintf(words->out, " fd %" PRId64, future->fd);
    if (has_text(future->peer)) {
        fprintf(words->out, " %s ", preposition);
        ad_escape_print(words->out, future->peer);
    }
    if (has_text(future->name)) {
        fputs(" (", words->out);
        ad_escape_print(words->out, future->name);
        fputc(')', words->out);
    }
}

static void describe_lock(const struct words *words, const char *kind, const char *mode)
{
    fputs(kind, words->out);
    print_name(words);
    fputs(mode, words->out);
    print_owner(words, "held by");
}

static void describe_semaphore(const struct words *words)
{
    fputs("semaphore", words->out);
    print_name(words);
    if (words->future->capacity)
        fprintf(words->out, " (%" PRIu64 " of %" PRIu64 " permits left)", words->future->count,
                words->future->capacity);
    print_owner(words, "held by");
}

static void print_ends(FILE *out, uint64_t ends, const char *what)
{
    if (ends == UINT64_MAX)
        return;
    fputs("; ", out);
    ad_print_count(out, ends, what);
}

static void describe_channel(const struct words *words)
{
    const struct ad_future *future = words->future;
    bool sends = future->kind == ASYNC_DEBUG_KIND_CHANNEL_SEND;
    fputs("channel", words->out);
    print_name(words);
    fputs(sends ? " (send" : " (receive", words->out);
    if (sends && future->capacity)
        fprintf(words->out, "; %" PRIu64 " of %" PRIu64 " slots full", future->count, future->capacity);
    print_ends(words->out, sends ? future->receivers : future->senders, sends ? "receiver" : "sender");
    fputc(')', words->out);
}

static void describe_join(const struct words *words)
{
    const struct ad_task *owner = owner_of(words);
    fputs("join of ", words->out);
    if (owner)
        ad_print_task(words->out, owner, 0);
    else if (words->future->owner_id)
        fprintf(words->out, "#%" PRIu64 ", which is gone", words->future->owner_id);
    else
        fprintf(words->out, "a task that was not read (0x%" PRIx64 ")", words->future->owner_address);
}

static void describe_promise(const struct words *words)
{
    fputs("promise", words->out);
    print_name(words);
    if (words->future->thread && words->detail >= AD_DETAIL_OWNER)
        fprintf(words->out, ", to be resolved by thread %d", (int)words->future->thread);
    else
        print_owner(words, "to be resolved by");
}

static void describe_group(const struct words *words)
{
    fputs("task group", words->out);
    print_name(words);
    if (words->future->count) {
        fputs(" (", words->out);
        ad_print_count(words->out, words->future->count, "task");
        fputs(" left)", words->out);
    }
}

static void describe_words(const struct words *words);

/* "first of 3: mutex a, held by #2; timer, 3s left; event stop". A part's own parts are not told. */
static void describe_parts(const struct words *words, const char *which)
{
    const struct ad_snapshot *snapshot = words->snapshot;
    const struct ad_future *future = words->future;
    uint32_t count = future->child_count, shown = count > CHILDREN_SHOWN ? CHILDREN_SHOWN - 1 : count;
    fprintf(words->out, "%s %" PRIu32 ": ", which, count);
    for (uint32_t i = 0; i < shown; i++) {
        uint32_t child = AD_ITEMS(uint32_t, &snapshot->children)[future->first_child + i];
        fputs(i ? "; " : "", words->out);
        if (child >= snapshot->futures.count) {
            fputs("something that was not read", words->out);
            continue;
        }
        enum ad_detail detail = words->detail < AD_DETAIL_OWNER ? words->detail : AD_DETAIL_OWNER;
        struct words part = {words->out, snapshot, &AD_ITEMS(struct ad_future, &snapshot->futures)[child],
                             detail, true};
        describe_words(&part);
    }
    if (shown < count)
        fprintf(words->out, "; and %" PRIu32 " more", count - shown);
}

static bool has_parts(const struct words *words)
{
    const struct ad_future *future = words->future;
    return !words->inner && future->child_count &&
           (uint64_t)future->first_child + future->child_count <= words->snapshot->children.count;
}

/* ", on thread 4711", ", queued": what a pool of threads is to do. */
static void print_progress(const struct words *words)
{
    const struct ad_future *future = words->future;
    bool pending = future->state == ASYNC_DEBUG_FUTURE_STATE_PENDING && has_text(future->state_name);
    if (future->thread) {
        fprintf(words->out, ", on thread %d", (int)future->thread);
    } else if (pending && strcmp(future->state_name, "pending") != 0) {
        fputs(", ", words->out);
        ad_escape_print(words->out, future->state_name);
    }
}

static void describe_work(const struct words *words)
{
    fputs("work", words->out);
    print_name_if_any(words);
    print_progress(words);
}

/* The runtime's own word, for kinds that need no sentence. */
static void describe_other(const struct words *words)
{
    const struct ad_future *future = words->future;
    if (has_parts(words) && future->kind == ASYNC_DEBUG_KIND_SELECT) {
        describe_parts(words, "first of");
        return;
    }
    if (has_parts(words) && future->kind == ASYNC_DEBUG_KIND_ALL) {
        describe_parts(words, "all of");
        return;
    }
    ad_escape_print(words->out, has_text(future->kind_name) ? future->kind_name : "future");
    print_name(words);
    print_owner(words, "owned by");
}

/* long: switch over the kinds */
static void describe(const struct words *words)
{
    switch (words->future->kind) {
    case ASYNC_DEBUG_KIND_TIMER:
        return describe_timer(words);
    case ASYNC_DEBUG_KIND_READ:
        return describe_io(words, own_word(words, "read"), "from");
    case ASYNC_DEBUG_KIND_WRITE:
        return describe_io(words, own_word(words, "write"), "to");
    case ASYNC_DEBUG_KIND_ACCEPT:
        return describe_io(words, words->future->fd >= 0 ? "accept on" : "accept", "from");
    case ASYNC_DEBUG_KIND_CONNECT:
        return describe_io(words, "connect", "to");
    case ASYNC_DEBUG_KIND_POLL:
        return describe_io(words, "poll", "of");
    case ASYNC_DEBUG_KIND_CLOSE:
        return describe_io(words, "close", "of");
    case ASYNC_DEBUG_KIND_FILE:
        describe_io(words, "file", "of");
        return print_progress(words);
    case ASYNC_DEBUG_KIND_DNS:
        return describe_io(words, "name lookup", "of");
    case ASYNC_DEBUG_KIND_MUTEX:
        return describe_lock(words, "mutex", "");
    case ASYNC_DEBUG_KIND_RWLOCK_READ:
        return describe_lock(words, "rwlock", " (to read)");
    case ASYNC_DEBUG_KIND_RWLOCK_WRITE:
        return describe_lock(words, "rwlock", " (to write)");
    case ASYNC_DEBUG_KIND_SEMAPHORE:
        return describe_semaphore(words);
    case ASYNC_DEBUG_KIND_CHANNEL_SEND:
    case ASYNC_DEBUG_KIND_CHANNEL_RECEIVE:
        return describe_channel(words);
    case ASYNC_DEBUG_KIND_JOIN:
        return describe_join(words);
    case ASYNC_DEBUG_KIND_PROMISE:
        return describe_promise(words);
    case ASYNC_DEBUG_KIND_GROUP:
        return describe_group(words);
    case ASYNC_DEBUG_KIND_WORK:
        return describe_work(words);
    default:
        return describe_other(words);
    }
}

/* "(closed)" and the like: the wait is over, the task only has not been told. */
static void print_end(const struct words *words)
{
    const struct ad_future *future = words->future;
    if (future->state == ASYNC_DEBUG_FUTURE_STATE_PENDING || future->state == ASYNC_DEBUG_FUTURE_STATE_NONE)
        return;
    fputs(" (", words->out);
    ad_escape_print(words->out, has_text(future->state_name) ? future->state_name : "over");
    fputc(')', words->out);
}

static void describe_words(const struct words *words)
{
    describe(words);
    print_end(words);
}

void ad_describe_future(FILE *out, const struct ad_snapshot *snapshot, uint32_t future, enum ad_detail detail)
{
    if (future >= snapshot->futures.count) {
        fputs("something that was not read", out);
        return;
    }
    struct words words = {out, snapshot, &AD_ITEMS(struct ad_future, &snapshot->futures)[future], detail,
                          false};
    if (detail == AD_DETAIL_KIND) {
        ad_escape_print(out, has_text(words.future->kind_name) ? words.future->kind_name : "future");
        return;
    }
    describe_words(&words);
}

static void describe_worker(FILE *out, const struct ad_snapshot *snapshot, const char *verb, uint32_t worker)
{
    fputs(verb, out);
    if (worker < snapshot->workers.count)
        fprintf(out, " on worker %" PRIu32, AD_ITEMS(struct ad_worker, &snapshot->workers)[worker].id);
}

/* "its turn on worker 1, behind 3 others" */
static void describe_turn(FILE *out, const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    bool queued = task->ready_on != AD_NONE;
    describe_worker(out, snapshot, "its turn", queued ? task->ready_on : task->worker);
    if (!queued)
        return;
    if (task->ready_position == AD_NONE)
        fputs(", in its inbox", out);
    else if (!task->ready_position)
        fputs(", next", out);
    else
        fprintf(out, ", behind %" PRIu32 " other%s", task->ready_position, task->ready_position == 1 ? "" : "s");
}

/* ", timeout in 3s" */
static void describe_timeout(FILE *out, const struct ad_snapshot *snapshot, const struct ad_task *task)
{
    uint64_t now = snapshot->now, deadline = task->deadline;
    if (!deadline)
        return;
    fputs(!now ? ", with a timeout" : deadline > now ? ", timeout in " : ", timeout overdue by ", out);
    if (now)
        ad_print_duration(out, deadline > now ? deadline - now : now - deadline);
    if (task->flags & ASYNC_DEBUG_TASK_SHIELDED)
        fputs(", but it is shielded", out);
}

void ad_describe_wait(FILE *out, const struct ad_snapshot *snapshot, uint32_t index)
{
    if (index >= snapshot->tasks.count)
        return;
    const struct ad_task *task = &AD_ITEMS(struct ad_task, &snapshot->tasks)[index];
    switch (task->state) {
    case ASYNC_DEBUG_STATE_WAITING:
        ad_describe_future(out, snapshot, task->future, AD_DETAIL_FULL);
        describe_timeout(out, snapshot, task);
        break;
    case ASYNC_DEBUG_STATE_RUNNING:
        describe_worker(out, snapshot, "running", task->worker);
        break;
    case ASYNC_DEBUG_STATE_READY:
    case ASYNC_DEBUG_STATE_CREATED:
        describe_turn(out, snapshot, task);
        break;
    default:
        fputs("nothing, it has ended", out);
    }
}
