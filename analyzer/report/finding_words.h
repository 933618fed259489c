/* SPDX-License-Identifier: MIT */
/**
 * @file finding_words.h - findings in words: the one place for them, used by every view and by GDB.
 *
 *     mutex key bob: 6 tasks wait on it; held by #7 "transfer" for 2s, in the deadlock
 *     #5 "reader" waits for promise config (resolved), and nobody has woken it for 14s    serve main.c:9
 */
#ifndef AD_REPORT_FINDING_WORDS_H
#define AD_REPORT_FINDING_WORDS_H

#include <stdio.h>

#include "findings/findings.h"

/** What it says, in one line without its code: who, what, since when, and the innermost lines of the first
 *  task, or the last one of a BLOCKER. */
void ad_finding_sentence(FILE *out, const struct ad_snapshot *snapshot, const struct ad_finding *finding);

/** The same in a few words, for the verdict: "3 tasks wait for what has come already". */
void ad_finding_headline(FILE *out, const struct ad_finding *finding);

/** "error", "likely" */
const char *ad_severity_word(enum ad_severity severity);
const char *ad_confidence_word(enum ad_confidence confidence);

/** What the code means, in the words of --explain; never NULL. */
struct ad_page {
    const char *summary; /**< one line */
    const char *cause;   /**< paragraphs, as are those below */
    const char *confirm; /**< what would prove it, or rule it out */
    const char *cure;
};

const struct ad_page *ad_finding_page(enum ad_finding_code code);
/** The code of that name in any case, or AD_FINDING_CODES. */
enum ad_finding_code ad_finding_code_named(const char *name);
/** Its page; AD_FINDING_CODES: the list of all. */
void ad_explain(FILE *out, enum ad_finding_code code);

/**
 * A number that stays the same for the same trouble: made of the code, the kind of object, and the functions
 * of the stacks, and of nothing that differs between two runs of a program (addresses, ids, counts, ages,
 * names) or, while its functions keep their names, between two builds.
 */
struct ad_error *ad_finding_signature(const struct ad_snapshot *snapshot, const struct ad_finding *finding,
                                      uint64_t *signature_ret) ad_must_check;
/** Of all findings of the worst severity together; 0: there is none above NOTE. */
struct ad_error *ad_findings_signature(const struct ad_snapshot *snapshot, const struct ad_findings *findings,
                                       uint64_t *signature_ret) ad_must_check;

#endif
