/* SPDX-License-Identifier: MIT */
/**
 * @file fields.h - what is known of a task, by name: for filters, for sorting, and as the columns of --csv.
 *
 *     id, name, state, age, wait, kind, object, owner, frame, worker, ... and label.K for any label K
 *
 * A field has a number, a text, or several values: all frames of the stack, all tasks that hold what is
 * waited for. Durations are nanoseconds. Texts are as views show them, escaped.
 */
#ifndef AD_REPORT_FIELDS_H
#define AD_REPORT_FIELDS_H

#include <stdio.h>

#include "model/snapshot.h"

enum ad_field_type {
    AD_FIELD_NUMBER,
    AD_FIELD_ADDRESS,  /**< a number */
    AD_FIELD_DURATION, /**< a number of nanoseconds */
    AD_FIELD_FLAG,     /**< a number, 0 or 1 */
    AD_FIELD_STATE,    /**< a text, one of a few words */
    AD_FIELD_TEXT,
    AD_FIELD_FRAMES,   /**< several texts: functions of the stack, innermost first */
    AD_FIELD_FILES,    /**< several texts: "bank.c:88" for each of those */
    AD_FIELD_OWNERS,   /**< several numbers: ids of tasks */
};

enum { AD_FIELD_TEXT_MAX = 1024, AD_FIELD_KEY_MAX = 128 };

struct ad_field {
    const char *name;
    enum ad_field_type type;
    /** Of numbers; UINT64_MAX: not known. */
    uint64_t (*number)(const struct ad_snapshot *snapshot, const struct ad_task *task);
    /** Of texts; prints nothing when there is none. */
    void (*print)(FILE *out, const struct ad_snapshot *snapshot, uint32_t task);
};

/** A field as it was asked for. */
struct ad_field_name {
    const struct ad_field *field;
    char key[AD_FIELD_KEY_MAX]; /**< of "label.K": K */
};

/** Field `number` in the order of --csv; NULL beyond the last. Labels are not among them. */
const struct ad_field *ad_field_at(size_t number);
/** False when there is no such field. `name` is `length` bytes long. */
bool ad_field_find(const char *name, size_t length, struct ad_field_name *name_ret);
/** "id, name, state, ... and label.K" */
void ad_field_print_names(FILE *out);
/** Whether it is one of the words of a state. */
bool ad_field_is_state(const char *word);
void ad_field_print_states(FILE *out);

/** Whether texts and not numbers are compared. */
bool ad_field_is_text(const struct ad_field *field);
/** Whether there may be more than one value. */
bool ad_field_is_several(const struct ad_field *field);

/** The number of a field that has one. */
uint64_t ad_field_number(const struct ad_field_name *name, const struct ad_snapshot *snapshot, uint32_t task);
/** The text of a field that has one, in `buffer` of AD_FIELD_TEXT_MAX bytes, cut there; "": none. */
const char *ad_field_text(const struct ad_field_name *name, const struct ad_snapshot *snapshot, uint32_t task,
                          char *buffer);

/** Any field's value: numbers in digits, several values with blanks between them; nothing when not known. */
void ad_field_print(FILE *out, const struct ad_field_name *name, const struct ad_snapshot *snapshot,
                    uint32_t task);

/** Holder `number` of what the task waits for, an index or AD_NONE; false beyond the last. */
bool ad_task_owner(const struct ad_snapshot *snapshot, const struct ad_task *task, uint32_t number,
                   uint32_t *owner_ret);

/** What the task waits for; NULL when it does not wait, or that is not known. */
const struct ad_future *ad_task_future(const struct ad_snapshot *snapshot, const struct ad_task *task);

/** What one line of a stack is for a field of frames or files: the function, or the place. */
const char *ad_field_line(const struct ad_field *field, const struct ad_line *line, char *buffer);

#endif
