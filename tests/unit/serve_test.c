/* SPDX-License-Identifier: MIT */
#include "../support/core_writer.h"
#include "../support/unit.h"

#include <jansson.h>
#include <sys/socket.h>

#include "dump/serve.h"
#include "fake_runtime.h"

/* A debugger with the engine in a child at the other end. */
struct debugger {
    int fd;
    pid_t child;
    const struct fake_runtime *runtime; /* whose memory is handed out */
    size_t asked;                       /* 'R' frames that came */
};

static void start(struct debugger *debugger, const struct fake_runtime *runtime)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    fflush(NULL);
    *debugger = (struct debugger){.fd = fds[0], .child = fork(), .runtime = runtime};
    assert_true(debugger->child >= 0);
    if (!debugger->child) {
        close(fds[0]);
        if (!freopen("/dev/null", "w", stderr))
            _exit(99);
        signal(SIGPIPE, SIG_IGN);
        exit(ad_serve(fds[1], fds[1]));
    }
    close(fds[1]);
}

/* The engine's exit status. */
static int stop(struct debugger *debugger)
{
    int status;
    shutdown(debugger->fd, SHUT_WR);
    assert_int_equal(waitpid(debugger->child, &status, 0), debugger->child);
    close(debugger->fd);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void send_frame(const struct debugger *debugger, char type, const void *payload, size_t size)
{
    uint8_t header[5];
    uint32_t length = (uint32_t)size;
    memcpy(header, &length, 4);
    header[4] = (uint8_t)type;
    assert_int_equal(send(debugger->fd, header, sizeof(header), MSG_NOSIGNAL), sizeof(header));
    if (size)
        assert_int_equal(send(debugger->fd, payload, size, MSG_NOSIGNAL), size);
}

static void receive(const struct debugger *debugger, void *bytes, size_t size)
{
    if (size)
        assert_int_equal(recv(debugger->fd, bytes, size, MSG_WAITALL), size);
}

/* Answers an 'R' frame: what lies in the arena, and nothing else. */
static void hand_out(struct debugger *debugger, const uint8_t *ranges, size_t size)
{
    struct core_bytes answer = {0};
    for (size_t at = 4; at + 12 <= size; at += 12) {
        uint64_t address;
        uint32_t want, got = 0;
        memcpy(&address, ranges + at, 8);
        memcpy(&want, ranges + at + 8, 4);
        uint64_t offset = address - FAKE_BASE, arena = sizeof(debugger->runtime->arena);
        if (offset < arena)
            got = want < arena - offset ? want : (uint32_t)(arena - offset);
        core_bytes_add(&answer, &got, sizeof(got));
        core_bytes_add(&answer, (const char *)&debugger->runtime->arena + (got ? offset : 0), got);
    }
    debugger->asked++;
    send_frame(debugger, 'D', answer.bytes, answer.size);
    free(answer.bytes);
}

static json_t *await_answer(struct debugger *debugger)
{
    for (;;) {
        uint8_t header[5];
        uint32_t size;
        receive(debugger, header, sizeof(header));
        memcpy(&size, header, 4);
        char *payload = malloc(size + 1);
        receive(debugger, payload, size);
        json_t *answer = NULL;
        if (header[4] == 'R')
            hand_out(debugger, (const uint8_t *)payload, size);
        else
            answer = json_loadb(payload, size, 0, NULL);
        free(payload);
        if (header[4] != 'R') {
            assert_int_equal(header[4], 'A');
            assert_non_null(answer);
            return answer;
        }
    }
}

static json_t *ask(struct debugger *debugger, const char *request)
{
    send_frame(debugger, 'Q', request, strlen(request));
    return await_answer(debugger);
}

static void refuses(struct debugger *debugger, const char *request, int status, const char *words)
{
    json_t *answer = ask(debugger, request);
    const char *error = json_string_value(json_object_get(answer, "error"));
    assert_non_null(error);
    if (!strstr(error, words))
        fail_msg("%s: \"%s\" does not say \"%s\"", request, error, words);
    assert_int_equal(json_integer_value(json_object_get(answer, "status")), status);
    json_decref(answer);
}

static void accepts(struct debugger *debugger, const char *request)
{
    json_t *answer = ask(debugger, request);
    if (!json_is_true(json_object_get(answer, "ok")))
        fail_msg("%s: %s", request, json_string_value(json_object_get(answer, "error")));
    json_decref(answer);
}

static int64_t integer(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static const char *words(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    assert_non_null(value);
    return value;
}

/* Two tasks in a deadlock, a running one, and one whose name is not UTF-8. */
static struct fake_runtime *make_runtime(void)
{
    struct fake_runtime *runtime = fake_runtime_create();
    struct fake_task *a = fake_task_add(runtime, "a", FAKE_WAITING), *b = fake_task_add(runtime, "b", FAKE_WAITING);
    struct fake_task *running = fake_task_add(runtime, "busy", FAKE_RUNNING);
    fake_task_add(runtime, "bad \xff name", FAKE_READY);
    fake_task_add(runtime, "twin", FAKE_READY);
    fake_task_add(runtime, "twin", FAKE_RUNNING); /* but no worker says so */
    fake_await(runtime, a, fake_future_set(runtime, 0, FAKE_MUTEX, b));
    fake_await(runtime, b, fake_future_set(runtime, 1, FAKE_MUTEX, a));
    runtime->arena.worker.current = fake_address(runtime, running);
    runtime->arena.descriptor.bridge = UINT64_MAX - 1; /* as a negative number */
    runtime->arena.contexts[0][0] = 0x8000000000000001;
    return runtime;
}

static void check_tasks(struct debugger *debugger)
{
    json_t *answer = ask(debugger, "{\"request\": \"tasks\"}"), *tasks = json_object_get(answer, "tasks");
    assert_int_equal(json_array_size(tasks), 6);
    assert_int_equal(integer(json_array_get(tasks, 3), "id"), 4);
    assert_string_equal(words(json_array_get(tasks, 3), "name"), "bad \\xff name");
    assert_string_equal(words(json_array_get(tasks, 2), "state"), "running");
    json_decref(answer);
    answer = ask(debugger, "{\"request\": \"text\", \"argv\": []}");
    assert_non_null(strstr(words(answer, "text"), "HUNG: 1 deadlock"));
    assert_int_equal(integer(answer, "status"), 3); /* there is no unwind information */
    json_decref(answer);
    answer = ask(debugger, "{\"request\": \"text\", \"argv\": [\"--tasks\"]}");
    assert_non_null(strstr(words(answer, "text"), "#5 \"twin\""));
    json_decref(answer);
}

static void check_task(struct debugger *debugger, const struct fake_runtime *runtime)
{
    json_t *task = ask(debugger, "{\"request\": \"task\", \"id\": 1}");
    assert_string_equal(words(task, "name"), "a");
    assert_int_equal(integer(task, "address"), fake_address(runtime, &runtime->arena.slab.slots[0]));
    assert_int_equal(integer(task, "context"), fake_address(runtime, runtime->arena.contexts[0]));
    assert_int_equal(integer(task, "bridge"), -2);
    json_t *registers = json_object_get(task, "registers");
    assert_int_equal(integer(registers, "rip"), 0x401000);
    assert_int_equal(integer(registers, "rsp"), fake_address(runtime, &runtime->arena.contexts[0][3]));
    assert_int_equal((uint64_t)integer(registers, "rbx"), 0x8000000000000001);
    assert_null(json_object_get(registers, "rax"));
    assert_true(json_is_null(json_object_get(task, "running_thread")));
    assert_non_null(strstr(words(task, "summary"), "held by #2"));
    assert_int_equal(integer(json_array_get(json_object_get(task, "stack"), 0), "pc"), 0x401000);
    json_decref(task);
    task = ask(debugger, "{\"request\": \"task\", \"name\": \"busy\"}");
    assert_int_equal(integer(task, "running_thread"), 4711);
    assert_int_equal(integer(task, "context"), 0);
    json_decref(task);
    task = ask(debugger, "{\"request\": \"task\", \"id\": 6}");
    assert_true(json_is_null(json_object_get(task, "running_thread")));
    json_decref(task);
    task = ask(debugger, "{\"request\": \"task\", \"name\": \"bad \\\\xff name\"}");
    assert_int_equal(integer(task, "id"), 4);
    json_decref(task);
    refuses(debugger, "{\"request\": \"task\", \"name\": \"twin\"}", 2, "such as #5 and #6");
    refuses(debugger, "{\"request\": \"task\", \"name\": \"nobody\"}", 2, "no task \"nobody\"");
    refuses(debugger, "{\"request\": \"task\", \"id\": 99}", 2, "no task 99");
    refuses(debugger, "{\"request\": \"task\", \"id\": -1}", 2, "no task -1");
    refuses(debugger, "{\"request\": \"task\", \"id\": \"1\"}", 2, "says which task");
}

static const char *process_request(void)
{
    return text("{\"request\": \"open\", \"process\": {\"pid\": 4711, \"command\": \"fake\", \"executable\": null, "
                "\"maps\": \"%llx-%llx rw-p 00000000 08:01 7 /nonexistent/fake\\n\", \"threads\": [{\"tid\": 4711, \"name\": \"main\", "
                "\"registers\": {\"rip\": 4660, \"rsp\": -8}}]}}",
                (unsigned long long)FAKE_BASE,
                (unsigned long long)(FAKE_BASE + ((sizeof(struct fake_arena) + 4095) & ~UINT64_C(4095))));
}

static void serves_a_process(void **state)
{
    (void)state;
    struct fake_runtime *runtime = make_runtime();
    struct debugger debugger;
    start(&debugger, runtime);
    json_t *hello = ask(&debugger, "{\"request\": \"hello\", \"protocol\": 1}");
    assert_int_equal(integer(hello, "protocol"), 1);
    assert_true(strlen(words(hello, "engine")) > 0);
    json_decref(hello);
    accepts(&debugger, process_request());
    assert_true(debugger.asked > 0 && debugger.asked < 20); /* many ranges a message */
    check_tasks(&debugger);
    check_task(&debugger, runtime);
    accepts(&debugger, process_request()); /* again: it may have moved on */
    check_tasks(&debugger);
    accepts(&debugger, "{\"request\": \"close\"}");
    refuses(&debugger, "{\"request\": \"tasks\"}", 2, "nothing is open");
    assert_int_equal(stop(&debugger), 0);
    fake_runtime_destroy(runtime);
}

static void serves_a_core(void **state)
{
    (void)state;
    struct fake_runtime *runtime = make_runtime();
    struct core_writer writer;
    struct debugger debugger;
    core_writer_init(&writer);
    core_writer_load(&writer, FAKE_BASE, PF_R | PF_W, &runtime->arena, sizeof(runtime->arena),
                     sizeof(runtime->arena));
    core_writer_thread(&writer, 4711, 6, 0x1234, 0x5678);
    core_writer_save(&writer, in_folder("core"));
    start(&debugger, runtime);
    accepts(&debugger, text("{\"request\": \"open\", \"core\": \"%s\", \"executable\": null}", in_folder("core")));
    assert_int_equal(debugger.asked, 0);
    check_tasks(&debugger);
    check_task(&debugger, runtime);
    /* A failed open leaves nothing open: answers must not be about the wrong target. */
    refuses(&debugger, "{\"request\": \"open\", \"core\": \"/nonexistent\"}", 4, "/nonexistent");
    refuses(&debugger, "{\"request\": \"tasks\"}", 2, "nothing is open");
    assert_int_equal(stop(&debugger), 0);
    fake_runtime_destroy(runtime);
}

static void bad_requests_are_answered(void **state)
{
    (void)state;
    struct debugger debugger;
    start(&debugger, NULL);
    refuses(&debugger, "", 2, "not JSON");
    refuses(&debugger, "{", 2, "not JSON");
    refuses(&debugger, "[1, 2]", 2, "not known");
    refuses(&debugger, "{\"request\": 7}", 2, "not known");
    refuses(&debugger, "{\"request\": \"dance\"}", 2, "\"dance\" is not known");
    refuses(&debugger, "{\"request\": \"open\"}", 2, "what to open");
    refuses(&debugger, "{\"request\": \"open\", \"core\": 7}", 2, "\"core\" is not a text");
    refuses(&debugger, "{\"request\": \"open\", \"process\": []}", 2, "what to open");
    refuses(&debugger, "{\"request\": \"open\", \"process\": {}}", 2, "\"pid\"");
    refuses(&debugger, "{\"request\": \"open\", \"process\": {\"pid\": 99999999999}}", 2, "\"pid\"");
    refuses(&debugger, "{\"request\": \"open\", \"process\": {\"pid\": 1, \"threads\": [{}]}}", 2, "\"tid\"");
    refuses(&debugger, "{\"request\": \"open\", \"process\": {\"pid\": 1}}", 4, "no coroutine runtime");
    send_frame(&debugger, 'X', "{\"request\": \"hello\"}", 20);
    json_t *answer = await_answer(&debugger);
    assert_non_null(json_object_get(answer, "error"));
    json_decref(answer);
    assert_int_equal(stop(&debugger), 0);
}

/* What is no frame ends the conversation, not by a crash. */
static void broken_frames_end_it(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } broken[] = {{"\1", 1}, {"\xff\xff\xff\xffQ", 5}, {"\5\0\0\0Qab", 7}};
    for (size_t i = 0; i < COUNT(broken); i++) {
        struct debugger debugger;
        start(&debugger, NULL);
        assert_int_equal(send(debugger.fd, broken[i].bytes, broken[i].size, MSG_NOSIGNAL), broken[i].size);
        assert_int_equal(stop(&debugger), 4);
    }
}

/* Requests with random damage: each is answered. */
static void damaged_requests_are_answered(void **state)
{
    (void)state;
    struct fake_runtime *runtime = make_runtime();
    struct debugger debugger;
    uint64_t random = 88172645463325252u;
    start(&debugger, runtime);
    accepts(&debugger, process_request());
    const char *requests[] = {process_request(), "{\"request\": \"task\", \"id\": 1}",
                              "{\"request\": \"text\", \"argv\": [\"--groups\", \"3\"]}"};
    for (int round = 0; round < 600; round++) {
        char request[1024];
        size_t size = (size_t)snprintf(request, sizeof(request), "%s", requests[round % 3]);
        for (int i = 0; i < 1 + round % 3; i++)
            request[random_next(&random) % size] = (char)random_next(&random);
        send_frame(&debugger, 'Q', request, size);
        json_decref(await_answer(&debugger));
    }
    assert_int_equal(stop(&debugger), 0);
    fake_runtime_destroy(runtime);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serves_a_process),
        cmocka_unit_test(serves_a_core),
        cmocka_unit_test(bad_requests_are_answered),
        cmocka_unit_test(broken_frames_end_it),
        cmocka_unit_test(damaged_requests_are_answered),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
