/* SPDX-License-Identifier: MIT */
/** @file serve_internal.h - what the files of the debugger's door share. serve.h is the protocol. */
#ifndef AD_DUMP_SERVE_INTERNAL_H
#define AD_DUMP_SERVE_INTERNAL_H

#include <jansson.h>

#include "dump/dump.h"
#include "target/pipe.h"

/** One conversation: at most one dump is open. */
struct ad_session {
    struct ad_pipe pipe;
    struct ad_dump_options options; /**< of the dump; it reads the limits as long as it lives */
    struct ad_dump *dump;
};

/** A request's work: the answer is the caller's. An error is answered, too. */
typedef struct ad_error *ad_handler(struct ad_session *session, const json_t *request, json_t **answer_ret);

ad_handler ad_serve_open;  /* serve_open.c */
ad_handler ad_serve_tasks; /* serve_tasks.c */
ad_handler ad_serve_task;

/** A text of the target, escaped; NULL becomes null. NULL when there is no memory. */
json_t *ad_serve_text(const char *text);

#endif
