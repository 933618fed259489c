/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <inttypes.h>

#include "report/describe.h"
#include "report/finding_words.h"
#include "report/json_internal.h"
#include "report/stack.h"
#include "report/table.h"
#include "report/words.h"

enum { EVIDENCE_LISTED = 64, NAME_SIZE = 32 };

static json_t *task_ids(const struct ad_snapshot *snapshot, const struct ad_finding *finding)
{
    json_t *ids = json_array();
    for (size_t i = 0; ids && i < finding->task_count; i++)
        ids = ad_json_append(ids, ad_json_task(snapshot, finding->tasks[i]));
    return ids;
}

json_t *ad_json_signature(uint64_t signature)
{
    char text[24];
    snprintf(text, sizeof(text), "%016" PRIx64, signature);
    return signature ? json_string(text) : json_null();
}

static json_t *code_text(enum ad_finding_code code)
{
    char text[NAME_SIZE];
    const char *name = ad_finding_code_name(code);
    size_t i = 0;
    for (; name[i] && i + 1 < sizeof(text); i++)
        text[i] = (char)tolower((unsigned char)name[i]);
    text[i] = '\0';
    return json_string(text);
}

/* What a task does, or where it does it, in words. */
static json_t *words_of(const struct ad_snapshot *snapshot, uint32_t task, bool where)
{
    ad_auto_buffer struct ad_buffer words = {0};
    struct ad_error *error = ad_buffer_open(&words);
    if (!error && where)
        ad_print_innermost(words.file, snapshot, AD_ITEMS(struct ad_task, &snapshot->tasks)[task].stack);
    else if (!error)
        ad_describe_wait(words.file, snapshot, task);
    if (!error)
        error = ad_buffer_close(&words);
    json_t *text = error ? NULL : *words.text ? json_string(words.text) : json_null();
    ad_error_destroy(error);
    return text;
}

static json_t *evidence_of(const struct ad_snapshot *snapshot, const struct ad_finding *finding)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < finding->task_count && i < EVIDENCE_LISTED; i++) {
        uint32_t index = finding->tasks[i];
        const struct ad_task *task = &AD_ITEMS(struct ad_task, &snapshot->tasks)[index];
        list = ad_json_append(list, json_pack("{so ss so so so}", "task", ad_json_task(snapshot, index),
                                              "state_class", ad_task_state_word(snapshot, task), "age_ns",
                                              ad_json_number(ad_task_age(snapshot, task)), "wait",
                                              words_of(snapshot, index, false), "where",
                                              words_of(snapshot, index, true)));
    }
    return list;
}

static json_t *sentence_of(const struct ad_snapshot *snapshot, const struct ad_finding *finding)
{
    ad_auto_buffer struct ad_buffer words = {0};
    struct ad_error *error = ad_buffer_open(&words);
    if (!error) {
        ad_finding_sentence(words.file, snapshot, finding);
        error = ad_buffer_close(&words);
    }
    json_t *text = error ? NULL : json_string(words.text);
    ad_error_destroy(error);
    return text;
}

static json_t *signature_of(const struct ad_snapshot *snapshot, const struct ad_finding *finding)
{
    uint64_t signature;
    struct ad_error *error = ad_finding_signature(snapshot, finding, &signature);
    bool failed = error;
    ad_error_destroy(error);
    return failed ? NULL : ad_json_signature(signature);
}

static json_t *meaning_of(const struct ad_snapshot *snapshot, const struct ad_finding *finding)
{
    return json_pack(
        "{so ss ss so so ss so so}", "reason", ad_json_text(ad_finding_reason_name(finding->reason)),
        "severity", ad_severity_word(finding->severity), "confidence",
        ad_confidence_word(finding->confidence), "sentence", sentence_of(snapshot, finding), "evidence",
        evidence_of(snapshot, finding), "confirm", ad_finding_page(finding->code)->confirm, "signature",
        signature_of(snapshot, finding), "age_ns", ad_json_age(snapshot, finding->since));
}

json_t *ad_json_finding(const struct ad_snapshot *snapshot, const struct ad_finding *finding)
{
    json_t *facts =
        json_pack("{so so so so so so so so so}", "code", code_text(finding->code), "tasks",
                  task_ids(snapshot, finding), "ring", ad_json_nonzero(finding->ring), "chain",
                  ad_json_nonzero(finding->chain), "future", ad_json_future(snapshot, finding->future),
                  "worker", ad_json_worker(snapshot, finding->worker), "deadlock",
                  finding->deadlock == AD_NONE ? json_null() : json_integer(finding->deadlock), "direct",
                  ad_json_number(finding->direct), "total", ad_json_number(finding->total));
    return ad_json_join(facts, meaning_of(snapshot, finding));
}
