/* SPDX-License-Identifier: MIT */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "task.h"

#define TEXT_SIZE 512
#define PRINTED_SIZE 3072

static struct async_hook *log_hook;
static _Thread_local bool logging __attribute__((tls_model("initial-exec")));

/* clang-format off */
static const struct {
    const char *name;
    bool note;
} kinds[ASYNC_MESSAGE_COUNT] = {
    [ASYNC_MESSAGE_SLOW_STEP] = {"slow-step", false},
    [ASYNC_MESSAGE_NEVER_STARTED] = {"never-started", false},
    [ASYNC_MESSAGE_NEVER_AWAITED] = {"never-awaited", false},
    [ASYNC_MESSAGE_FAILURE] = {"failure-never-retrieved", false},
    [ASYNC_MESSAGE_PENDING_AT_EXIT] = {"pending-at-exit", false},
    [ASYNC_MESSAGE_LEFT_OPEN] = {"left-open", false},
    [ASYNC_MESSAGE_OUTSIDE_TASK] = {"outside-task", false},
    [ASYNC_MESSAGE_NOT_RUNNING] = {"not-running", false},
    [ASYNC_MESSAGE_WRONG_WORKER] = {"wrong-worker", false},
    [ASYNC_MESSAGE_SPAWN_REFUSED] = {"spawn-refused", false},
    [ASYNC_MESSAGE_CANCEL_REQUESTED] = {"cancel-requested", true},
    [ASYNC_MESSAGE_CANCEL_DELIVERED] = {"cancel-delivered", true},
    [ASYNC_MESSAGE_CANCEL_SWALLOWED] = {"cancel-swallowed", false},
    [ASYNC_MESSAGE_TIMEOUT_LEFT_OPEN] = {"timeout-left-open", false},
    [ASYNC_MESSAGE_MISUSE] = {"misuse", false},
};
/* clang-format on */

const char *async_message_name(enum async_message_code code)
{
    return (unsigned)code < ASYNC_MESSAGE_COUNT && kinds[code].name ? kinds[code].name : "";
}

/* ---- Functions of the user's --------------------------------------------------------------------- */

int async_hook_set(struct async_hook **slot, void (*function)(void), void *data)
{
    struct async_hook *hook = malloc(sizeof(*hook));
    if (!hook)
        return UV_ENOMEM;
    *hook = (struct async_hook){function, data, __atomic_load_n(slot, __ATOMIC_ACQUIRE)};
    while (!__atomic_compare_exchange_n(slot, &hook->older, hook, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        ;
    return 0;
}

int async_set_log(async_log_function function, void *data)
{
    return async_hook_set(&log_hook, (void (*)(void))function, data);
}

/* ---- Print --------------------------------------------------------------------------------------- */

/* Text that ends where its room ends. */
struct printed {
    char text[PRINTED_SIZE];
    size_t length;
};

__attribute__((format(printf, 2, 3))) static void add(struct printed *printed, const char *format, ...)
{
    size_t room = sizeof(printed->text) - printed->length;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(printed->text + printed->length, room, format, arguments);
    va_end(arguments);
    if (length > 0)
        printed->length += (size_t)length < room ? (size_t)length : room - 1;
}

static void print_task(struct printed *printed, const struct async_message *message)
{
    add(printed, "task #%llu", (unsigned long long)message->task);
    if (*message->task_name)
        add(printed, " \"%s\"", message->task_name);
    add(printed, message->file ? " (%s:%u): " : ": ", message->file, message->line);
}

/* The place is known where this library was called. */
static void print_frame(struct printed *printed, const void *return_address)
{
    char address[256];
    struct async_place place;
    async_address_describe(return_address, address, sizeof(address));
    add(printed, "    %s", address);
    if (async_call_find(return_address, &place))
        add(printed, " %s:%u", place.file, place.line);
    add(printed, "\n");
}

static void print(struct printed *printed, const struct async_message *message)
{
    add(printed, "asyncrt: %s: ", async_message_name(message->code));
    if (message->task)
        print_task(printed, message);
    else if (message->file)
        add(printed, "%s:%u: ", message->file, message->line);
    add(printed, "%s\n", message->text);
    for (size_t i = 0; i < message->depth; i++)
        print_frame(printed, message->stack[i]);
}

void async_message_print(FILE *file, const struct async_message *message)
{
    struct printed printed = {.length = 0};
    print(&printed, message);
    fputs(printed.text, file);
}

/* Past stdio, whose buffer for stderr would take 8 KiB of a task's stack. */
static void print_to_stderr(const struct async_message *message)
{
    struct printed printed = {.length = 0};
    print(&printed, message);
    for (size_t done = 0; done < printed.length;) {
        ssize_t written = write(STDERR_FILENO, printed.text + done, printed.length - done);
        if (written <= 0 && errno != EINTR)
            break;
        done += written > 0 ? (size_t)written : 0;
    }
}

/* ---- Messages ------------------------------------------------------------------------------------ */

void async_message_set_site(struct async_message *message, const struct async_site *site)
{
    if (!site)
        return;
    message->file = site->file;
    message->line = site->line;
}

struct async_message async_message_about(enum async_message_code code, const struct async_task *task)
{
    struct async_message message = {.code = code, .task_name = ""};
    if (!task)
        return message;
    message.task = task->id;
    message.task_name = task->name;
    async_message_set_site(&message, task->spawn_site);
    return message;
}

void async_log(struct async_message *message, const char *format, ...)
{
    char text[TEXT_SIZE];
    va_list arguments;
    if (logging)
        return;
    logging = true;
    int before = errno;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    message->text = text;
    message->note = kinds[message->code].note;
    const struct async_hook *hook = async_hook_get(&log_hook);
    if (hook)
        ((async_log_function)hook->function)(message, hook->data);
    else
        print_to_stderr(message);
    errno = before;
    logging = false;
}
