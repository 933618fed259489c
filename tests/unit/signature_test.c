/* SPDX-License-Identifier: MIT */
/* Signatures, and what is said of findings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report/finding_words.h"
#include "viewing.h"

/* A ring of `count` in `function`, among `others`; object names and ids begin at `first`. */
static struct ad_snapshot *ring(uint32_t count, uint32_t others, const char *function)
{
    struct ad_snapshot *s = build_snapshot();
    for (uint32_t i = 0; i < others; i++)
        build_task(s, "other");
    for (uint32_t i = 0; i < count; i++)
        build_task(s, "member");
    for (uint32_t i = 0; i < count; i++) {
        uint32_t task = others + i;
        build_wait(s, task, build_lock(s, others ? "b" : "a", others + (i + 1) % count));
        build_stack(s, task, "lock", "lib.c", 3 + others, HIDDEN, function, "main.c", 9 + others, USER, NULL);
        build_future_at(s, i)->address += others * 64;
    }
    return s;
}

static uint64_t signature_of(struct ad_snapshot *s)
{
    struct ad_findings findings;
    uint64_t signature;
    assert_null(ad_findings_compute(s, &findings));
    assert_null(ad_findings_signature(s, &findings, &signature));
    ad_findings_deinit(&findings);
    ad_snapshot_destroy(s);
    return signature;
}

static void the_same_trouble_has_the_same_signature(void **state)
{
    (void)state;
    uint64_t pair = signature_of(ring(2, 0, "transfer"));
    assert_int_not_equal(pair, 0);
    assert_true(pair == signature_of(ring(2, 7, "transfer"))); /* ids, names, addresses, lines */
    assert_true(pair == signature_of(ring(9, 1, "transfer"))); /* how many they are */
    assert_true(pair != signature_of(ring(2, 0, "refund")));
    assert_true(signature_of(build_snapshot()) == 0); /* no trouble */
}

static void waiters_of_a_deadlock_change_nothing(void **state)
{
    (void)state;
    struct ad_snapshot *s = ring(2, 0, "transfer");
    for (int i = 0; i < 50; i++)
        build_wait(s, build_task(s, "w"), 0);
    assert_true(signature_of(s) == signature_of(ring(2, 0, "transfer")));
}

static void every_code_is_explained(void **state)
{
    (void)state;
    for (unsigned i = 0; i < AD_FINDING_CODES; i++) {
        enum ad_finding_code code = (enum ad_finding_code)i;
        const struct ad_page *page = ad_finding_page(code);
        assert_non_null(ad_finding_code_name(code));
        assert_true(page->summary && page->cause && page->confirm && page->cure);
        assert_int_equal(ad_finding_code_named(ad_finding_code_name(code)), code);
    }
    assert_int_equal(ad_finding_code_named("deadlock"), AD_FINDING_DEADLOCK);
    assert_int_equal(ad_finding_code_named("nothing"), AD_FINDING_CODES);
}

static void findings_are_shown_with_their_evidence(void **state)
{
    (void)state;
    struct ad_snapshot *s = ring(2, 0, "transfer");
    ad_auto_free char *text = view(s, "--findings");
    assert_holds(text, "DEADLOCK  error, certain  signature ");
    assert_holds(text, "  tasks wait for each other: #1 \"member\" waits for mutex a, held by #2 for 1m00s; #2 ");
    assert_holds(text, "    #2 \"member\"  waiting for 1m00s, on mutex a, held by #1 for 1m00s   transfer main.c:9\n");
    assert_holds(text, "  see --explain DEADLOCK\n");
    ad_auto_free char *page = view(s, "--explain LOST_WAKEUP");
    assert_holds(page, "LOST_WAKEUP\n  What a task waits for has come, but the task does not run.\n\nWhere it comes from\n");
    ad_auto_free char *list = view(s, "--explain list");
    assert_holds(list, "\nORPHAN           Who was to end");
    ad_snapshot_destroy(s);
    s = build_snapshot();
    ad_auto_free char *nothing = view(s, "--findings");
    assert_string_equal(nothing, "nothing was found\n");
    ad_snapshot_destroy(s);
}

static void a_lost_wakeup_is_said(void **state)
{
    (void)state;
    struct ad_snapshot *s = build_snapshot();
    AD_ITEMS(struct ad_worker, &s->workers)->last_tick = BUILD_NOW;
    uint32_t future = build_future(s, ASYNC_DEBUG_KIND_PROMISE, "promise", "token"), task = build_task(s, "session");
    build_wait(s, task, future);
    build_future_at(s, future)->state = ASYNC_DEBUG_FUTURE_STATE_RESOLVED;
    build_future_at(s, future)->state_name = "resolved";
    ad_auto_free char *screen = view(s, "");
    assert_holds(screen, "\nHUNG: 1 task waits for what has come already\n");
    assert_holds(screen, "\nLOST_WAKEUP  #1 \"session\" waits for promise token (resolved), which is over, and nobody has "
                         "woken it; it waits since 1m00s\nsignature ");
    ad_snapshot_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_trouble_has_the_same_signature),
        cmocka_unit_test(waiters_of_a_deadlock_change_nothing),
        cmocka_unit_test(every_code_is_explained),
        cmocka_unit_test(findings_are_shown_with_their_evidence),
        cmocka_unit_test(a_lost_wakeup_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
