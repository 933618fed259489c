/* SPDX-License-Identifier: MIT */
#include "dump/serve.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "dump/serve_internal.h"
#include "report/escape.h"
#include "report/view.h"

#define PROTOCOL 1
#define BROKEN_STATUS 4

static void cleanup_json(json_t **json)
{
    json_decref(*json);
}

#define auto_json ad_cleanup(cleanup_json)

json_t *ad_serve_text(const char *text)
{
    char escaped[AD_ESCAPE_MAX];
    return text ? json_string(ad_escape(escaped, sizeof(escaped), text)) : json_null();
}

static struct ad_error *no_memory_without(const json_t *json)
{
    return json ? NULL : &ad_error_nomem;
}

/* ---- Small requests --------------------------------------------------------------------------------- */

static struct ad_error *hello(struct ad_session *session, const json_t *request, json_t **answer_ret)
{
    (void)session;
    (void)request; /* whether the versions fit is for the debugger to say: it knows both */
    *answer_ret = json_pack("{s:s, s:i}", "engine", ASYNCDUMP_VERSION, "protocol", PROTOCOL);
    return no_memory_without(*answer_ret);
}

static struct ad_error *close_dump(struct ad_session *session, const json_t *request, json_t **answer_ret)
{
    (void)request;
    ad_dump_destroy(ad_take(session->dump));
    *answer_ret = json_pack("{s:b}", "ok", 1);
    return no_memory_without(*answer_ret);
}

/* ---- The command line's words ------------------------------------------------------------------------ */

static struct ad_error *print_view(struct ad_session *session, int argc, char **argv, char **text_ret,
                                   size_t *size_ret)
{
    struct ad_dump *dump = session->dump;
    struct ad_view_options options;
    AD_TRY(ad_view_parse(argc, argv, &options));
    if (options.report.locals)
        AD_TRY(ad_dump_locals(dump, &session->options.limits));
    FILE *out = open_memstream(text_ret, size_ret);
    if (!out)
        return &ad_error_nomem;
    struct ad_error *error = ad_view_print(out, &options, dump->snapshot, &dump->findings);
    bool failed = ferror(out);
    failed |= fclose(out) != 0;
    return error || !failed ? error : &ad_error_nomem;
}

/* argv[0] stands for the program's name; the texts stay the request's. */
static struct ad_error *make_argv(const json_t *words, char ***argv_ret)
{
    size_t count = json_array_size(words);
    char **argv = calloc(count + 2, sizeof(*argv));
    if (!argv)
        return &ad_error_nomem;
    argv[0] = (char *)"asyncdump";
    for (size_t i = 0; i < count; i++)
        argv[i + 1] = (char *)json_string_value(json_array_get(words, i));
    *argv_ret = argv;
    for (size_t i = 0; i < count; i++)
        if (!argv[i + 1])
            return ad_error_create(AD_ERROR_USAGE, "\"argv\" holds something that is no text");
    return NULL;
}

static struct ad_error *text(struct ad_session *session, const json_t *request, json_t **answer_ret)
{
    const json_t *words = json_object_get(request, "argv");
    ad_auto_free char **argv = NULL, *printed = NULL;
    size_t size = 0;
    if (words && !json_is_array(words))
        return ad_error_create(AD_ERROR_USAGE, "\"argv\" is not a list");
    AD_TRY(make_argv(words, &argv));
    AD_TRY(print_view(session, (int)json_array_size(words) + 1, argv, &printed, &size));
    *answer_ret = json_pack("{s:s%, s:i}", "text", printed, size, "status",
                            ad_snapshot_exit_status(session->dump->snapshot));
    return no_memory_without(*answer_ret);
}

/* ---- The conversation ---------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    ad_handler *handle;
    bool needs_dump;
} handlers[] = {
    {"hello", hello, false},         {"open", ad_serve_open, false},  {"text", text, true},
    {"tasks", ad_serve_tasks, true}, {"task", ad_serve_task, true},   {"close", close_dump, false},
};

static struct ad_error *handle(struct ad_session *session, const json_t *request, json_t **answer_ret)
{
    const char *name = json_string_value(json_object_get(request, "request"));
    for (size_t i = 0; name && i < sizeof(handlers) / sizeof(*handlers); i++) {
        if (strcmp(handlers[i].name, name) != 0)
            continue;
        if (handlers[i].needs_dump && !session->dump)
            return ad_error_create(AD_ERROR_USAGE, "nothing is open: the request \"open\" comes first");
        return handlers[i].handle(session, request, answer_ret);
    }
    return ad_error_create(AD_ERROR_USAGE, "the request \"%s\" is not known", name ? name : "");
}

/* Consumes the error. */
static json_t *answer_error(struct ad_error *error)
{
    json_t *message = ad_serve_text(error->message);
    json_t *answer = json_pack("{s:o, s:i}", "error", message, "status", ad_error_exit_status(error));
    ad_error_destroy(error);
    return answer;
}

static struct ad_error *parse(uint8_t type, const void *payload, size_t size, json_t **request_ret)
{
    json_error_t problem;
    if (type != 'Q')
        return ad_error_create(AD_ERROR_USAGE, "a message of type %u where a request was expected", type);
    *request_ret = json_loadb(payload, size, 0, &problem);
    if (*request_ret)
        return NULL;
    return ad_error_create(AD_ERROR_USAGE, "the request is not JSON: %s at byte %d", problem.text,
                           problem.position);
}

static struct ad_error *send_answer(struct ad_session *session, json_t *answer)
{
    ad_auto_free char *bytes = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
    return bytes ? ad_pipe_send(&session->pipe, 'A', bytes, strlen(bytes)) : &ad_error_nomem;
}

static struct ad_error *converse(struct ad_session *session, bool *ended_ret)
{
    uint8_t type;
    size_t size;
    ad_auto_free void *payload = NULL;
    auto_json json_t *request = NULL;
    auto_json json_t *answer = NULL;
    AD_TRY(ad_pipe_receive(&session->pipe, &type, &payload, &size));
    *ended_ret = !type;
    if (!type)
        return NULL;
    struct ad_error *error = parse(type, payload, size, &request);
    if (!error)
        error = handle(session, request, &answer);
    if (error)
        answer = answer_error(error);
    return send_answer(session, answer);
}

int ad_serve(int in, int out)
{
    struct ad_session session = {.pipe = {.in = in, .out = out, .limits = &ad_limits_default}};
    struct ad_error *error = NULL;
    bool ended = false;
    while (!error && !ended)
        error = converse(&session, &ended);
    ad_dump_destroy(session.dump);
    if (!error)
        return 0;
    char message[AD_ESCAPE_MAX];
    fprintf(stderr, "asyncdump: %s\n", ad_escape(message, sizeof(message), error->message));
    ad_error_destroy(error);
    return BROKEN_STATUS;
}
