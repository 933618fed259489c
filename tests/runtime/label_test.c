/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "label.h"
#include "task.h"
#include "test.h"

static struct async_event *event;

/* "a=1 b=2" */
static const char *labels_of(const struct async_task *task)
{
    static char text[4096];
    size_t length = 0;
    text[0] = '\0';
    for (const struct async_label *label = task->labels; label; label = label->next)
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s=%s", length ? " " : "",
                                   label->key, label->value);
    return text;
}

#define CHECK_LABELS(task, text) CHECK(strcmp(labels_of(task), text) == 0)

TEST(set_change_remove)
{
    struct async_task *self = async_self();
    CHECK(!self->labels && !async_label("user"));
    CHECK_EQUAL(async_label_set("user", "%s", "alice"), 0);
    CHECK_LABELS(self, "user=alice");
    CHECK_EQUAL(async_label_set("request", "%08x", 0xcafe), 0);
    CHECK_EQUAL(async_label_set("try", "%d", 1), 0);
    CHECK_LABELS(self, "user=alice request=0000cafe try=1");
    CHECK_EQUAL(async_label_set("request", "%s", "none"), 0);
    CHECK_LABELS(self, "user=alice request=none try=1");
    CHECK(strcmp(async_label("request"), "none") == 0 && !async_label("req"));
    CHECK_EQUAL(async_label_remove("user"), 0);
    CHECK_LABELS(self, "request=none try=1");
    CHECK_EQUAL(async_label_remove("user"), UV_ENOENT);
    CHECK_EQUAL(async_label_remove("try"), 0);
    CHECK_LABELS(self, "request=none");
    CHECK_EQUAL(async_label_set("request", "%s", ""), 0);
    CHECK_LABELS(self, "request=");
    CHECK_EQUAL(async_label_remove("request"), 0);
    CHECK(!self->labels);
    CHECK_EQUAL(async_label_set("left", "%s", "behind"), 0); /* goes with the task */
}

TEST(bounds)
{
    char key[40], expected[256];
    for (int i = 0; i < 16; i++) {
        snprintf(key, sizeof(key), "%d", i);
        CHECK_EQUAL(async_label_set(key, "%d", i), 0);
    }
    CHECK_EQUAL(async_label_set("one more", "%d", 0), UV_ENOSPC);
    CHECK_EQUAL(async_label_set("15", "%d", 0), 0);
    for (int i = 0; i < 16; i++) {
        snprintf(key, sizeof(key), "%d", i);
        CHECK_EQUAL(async_label_remove(key), 0);
    }
    CHECK_EQUAL(async_label_set("a key of more than thirty-one characters", "%0200d", 7), 0);
    snprintf(expected, sizeof(expected), "a key of more than thirty-one c=%0127d", 0);
    CHECK_LABELS(async_self(), expected);
    CHECK_EQUAL(async_label_remove("a key of more than thirty-one characters"), 0);
    CHECK(!async_self()->labels);
}

TEST(misuse)
{
    CHECK_EQUAL(async_label_set(NULL, "%d", 1), UV_EINVAL);
    CHECK_EQUAL(async_label_set("", "%d", 1), UV_EINVAL);
    CHECK_EQUAL(async_label_remove(NULL), UV_EINVAL);
    CHECK_EQUAL(async_label_remove("none"), UV_ENOENT);
    CHECK(!async_label(NULL));
}

PLAIN(calls_outside_a_task)
{
    CHECK_EQUAL(async_label_set("key", "%d", 1), UV_EINVAL);
    CHECK_EQUAL(async_label_remove("key"), UV_EINVAL);
    CHECK(!async_label("key"));
}

static int change_and_wait(void *unused)
{
    (void)unused;
    CHECK_EQUAL(async_label_set("step", "%s", "two"), 0);
    return async_event_wait(event);
}

static int wait_for_it(void *unused)
{
    (void)unused;
    return async_event_wait(event);
}

/* A child begins with what its parent has; from then on each goes its own way. */
TEST(children_inherit)
{
    struct async_group *group;
    CHECK_EQUAL(async_event_create(&event, "over"), 0);
    CHECK_EQUAL(async_group_create(&group, "children"), 0);
    CHECK_EQUAL(async_label_set("request", "%d", 7), 0);
    struct async_task *changing = test_spawn("changing", change_and_wait, NULL);
    struct async_task *child = test_spawn("child", wait_for_it, NULL);
    CHECK_EQUAL(async_group_spawn(group, "member", wait_for_it, NULL), 0);
    struct async_task *member = child->next;
    CHECK(child->labels == async_self()->labels); /* it costs nothing */
    CHECK_EQUAL(async_label_set("request", "%d", 8), 0);
    test_settle();
    CHECK_LABELS(changing, "request=7 step=two");
    CHECK_LABELS(child, "request=7");
    CHECK(strcmp(member->name, "member") == 0);
    CHECK_LABELS(member, "request=7");
    CHECK_LABELS(async_self(), "request=8");
    CHECK_EQUAL(async_event_set(event), 0);
    CHECK_EQUAL(test_join(changing), 0);
    test_settle();
    CHECK_LABELS(child, "request=7"); /* it has ended, and can still be told from others */
    CHECK_EQUAL(test_join(child), 0);
    CHECK_EQUAL(async_group_wait(group), 0);
    CHECK_EQUAL(async_group_cancel(group), 0);
    CHECK_EQUAL(async_group_spawn(group, "too late", wait_for_it, NULL), UV_ECANCELED); /* it keeps none */
    CHECK_EQUAL(async_group_destroy(group), 0);
    CHECK_EQUAL(async_event_destroy(event), 0);
}

static int leave_unjoined(void *unused)
{
    (void)unused;
    CHECK_EQUAL(async_label_set("request", "%d", 7), 0);
    test_spawn("never joined", change_and_wait, NULL);
    return async_event_set(event);
}

/* A leak would be told by AddressSanitizer. */
PLAIN(go_with_the_workers)
{
    CHECK_EQUAL(async_event_create(&event, "over"), 0);
    CHECK_EQUAL(async_run(leave_unjoined, NULL, NULL), 0);
    CHECK_EQUAL(async_event_destroy(event), 0);
}

/* ---- Several workers: all share and change at once ------------------------------------------------------
 */

static int relabel(void *level)
{
    struct async_task *child = NULL;
    intptr_t left = (intptr_t)level % 8;
    for (int i = 0; i < 100; i++) {
        CHECK_EQUAL(async_label_set("step", "%d", i), 0);
        if (i == 50 && left)
            CHECK_EQUAL(
                async_spawn_on(&child, (uint32_t)left % TEST_WORKERS, "child", relabel, (void *)(left - 1)),
                0);
    }
    CHECK(strcmp(async_label("root"), "yes") == 0 && strcmp(async_label("step"), "99") == 0);
    return child ? test_join(child) : 0;
}

static int relabel_everywhere(void *unused)
{
    (void)unused;
    CHECK_EQUAL(async_label_set("root", "%s", "yes"), 0);
    CHECK_EQUAL(test_spread(TEST_WORKERS * 8, relabel), 0);
    CHECK_LABELS(async_self(), "root=yes");
    return 0;
}

PLAIN(several_workers)
{
    test_run_on_several(relabel_everywhere);
}
