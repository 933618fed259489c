/* SPDX-License-Identifier: MIT */
/**
 * @file json_internal.h - the values that the JSON document is made of. json.c has its shape.
 *
 *     json_values.c    numbers, texts, places, times
 *     json_future.c    what tasks wait for
 *     json_task.c      one task
 *     json_records.c   everything else
 *     json.c           the document, and the stacks in it
 *
 * Each function makes one value, which the caller lets go; NULL when there is no memory.
 */
#ifndef AD_REPORT_JSON_INTERNAL_H
#define AD_REPORT_JSON_INTERNAL_H

#include <jansson.h>

#include "findings/findings.h"
#include "model/snapshot.h"

/* ---- json_values.c ---- */

json_t *ad_json_text(const char *text);
/** Null for what jansson's signed integers cannot hold: UINT64_MAX and its like are "not known". */
json_t *ad_json_number(uint64_t number);
json_t *ad_json_nonzero(uint64_t number);
json_t *ad_json_signed(int64_t number);
json_t *ad_json_address(uint64_t address);
/** Null for 0. */
json_t *ad_json_pointer(uint64_t address);
/** A task's or worker's id. */
json_t *ad_json_task(const struct ad_snapshot *snapshot, uint32_t index);
json_t *ad_json_worker(const struct ad_snapshot *snapshot, uint32_t index);
json_t *ad_json_place(const struct ad_place *place);
/** Nanoseconds from now to the deadline; both clocks must be known. */
json_t *ad_json_time_left(const struct ad_snapshot *snapshot, uint64_t deadline);
/** Nanoseconds from one time to now. */
json_t *ad_json_age(const struct ad_snapshot *snapshot, uint64_t since);
/** {"code", "name", "text", "site"}, or null when there is none. `site` may be NULL. */
json_t *ad_json_error(int64_t error, const char *text, const struct ad_place *site);
/** ["detached", ...] */
json_t *ad_json_flags(uint64_t flags);
/** Adds the members of `more` to `value` and lets `more` go; either may be NULL: so is the result then. */
json_t *ad_json_join(json_t *value, json_t *more);
/** Appends; lets both go and gives NULL when that fails. */
json_t *ad_json_append(json_t *array, json_t *value);

/** One line of a stack; a location's first one; "waiting for ..." in words. */
struct ad_stack_line;
json_t *ad_json_line(const struct ad_stack_line *line);
json_t *ad_json_location(const struct ad_snapshot *snapshot, uint32_t location);

/* ---- json_future.c, json_task.c ---- */

json_t *ad_json_future(const struct ad_snapshot *snapshot, uint32_t index);
/** Without its stacks. */
json_t *ad_json_task_object(const struct ad_snapshot *snapshot, uint32_t index);

/* ---- json_records.c ---- */

json_t *ad_json_target(const struct ad_snapshot *snapshot);
json_t *ad_json_tally(const struct ad_tally *tally);
json_t *ad_json_finding(const struct ad_snapshot *snapshot, const struct ad_finding *finding);
/** 16 hex digits; 0 is null. */
json_t *ad_json_signature(uint64_t signature);
json_t *ad_json_worker_object(const struct ad_snapshot *snapshot, const struct ad_worker *worker);
/** Without its stack. */
json_t *ad_json_thread(const struct ad_snapshot *snapshot, const struct ad_thread_state *thread);
json_t *ad_json_finished(const struct ad_snapshot *snapshot, const struct ad_finished *finished);
json_t *ad_json_handle(const struct ad_snapshot *snapshot, const struct ad_handle *handle);
json_t *ad_json_function(const struct ad_snapshot *snapshot, const struct ad_function *function);
json_t *ad_json_loss(const struct ad_loss *loss);

#endif
