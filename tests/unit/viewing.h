/* SPDX-License-Identifier: MIT */
/** @file viewing.h - what a view prints of a built snapshot, and what must be in it. */
#ifndef TEST_VIEWING_H
#define TEST_VIEWING_H

#include "../support/snapshot_builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "report/describe.h"
#include "report/table.h"
#include "report/view.h"

/* What is printed is the caller's to free. */
static inline char *finish(struct ad_buffer *buffer)
{
    assert_null(ad_buffer_close(buffer));
    return ad_take(buffer->text);
}

/* In place: the stream keeps the buffer's address. */
static inline void begin(struct ad_buffer *buffer)
{
    *buffer = (struct ad_buffer){0};
    assert_null(ad_buffer_open(buffer));
}

/* The output of a view by its options, separated by blanks. */
static inline char *view(const struct ad_snapshot *snapshot, const char *options)
{
    struct ad_findings findings;
    char words[256], *argv[16] = {(char *)"view"};
    int argc = 1;
    snprintf(words, sizeof(words), "%s", options);
    for (char *rest, *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    assert_null(ad_findings_compute(snapshot, &findings));
    struct ad_buffer buffer;
    begin(&buffer);
    assert_null(ad_view_run(buffer.file, argc, argv, snapshot, &findings));
    ad_findings_deinit(&findings);
    return finish(&buffer);
}

static inline void assert_holds(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no '%s' in:\n%s", part, text);
}

static inline void assert_lacks(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("'%s' in:\n%s", part, text);
}

static inline void assert_wait(const struct ad_snapshot *snapshot, uint32_t task, const char *expected)
{
    struct ad_buffer buffer;
    begin(&buffer);
    ad_describe_wait(buffer.file, snapshot, task);
    ad_auto_free char *text = finish(&buffer);
    assert_string_equal(text, expected);
}

#endif
