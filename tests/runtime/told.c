/* SPDX-License-Identifier: MIT */
#include "told.h"

#include <pthread.h>
#include <string.h>

enum { ROOM = 256 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct told all[ROOM];
static unsigned count;

static void copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
}

static void print(struct told *told, const struct async_message *message)
{
    FILE *file = fmemopen(told->printed, sizeof(told->printed), "w");
    CHECK(file);
    async_message_print(file, message);
    fclose(file);
}

static void collect(const struct async_message *message, void *data)
{
    CHECK(data == &count);
    pthread_mutex_lock(&mutex);
    CHECK(count < ROOM);
    struct told *told = &all[count++];
    *told = (struct told){.code = message->code,
                          .note = message->note,
                          .line = message->line,
                          .task = message->task,
                          .error = message->error,
                          .duration = message->duration};
    if (message->file)
        copy(told->file, sizeof(told->file),
             strrchr(message->file, '/') ? strrchr(message->file, '/') + 1 : message->file);
    copy(told->task_name, sizeof(told->task_name), message->task_name);
    copy(told->text, sizeof(told->text), message->text);
    CHECK(!strchr(told->text, '\n') && strlen(async_message_name(message->code)) > 3);
    told->depth = message->depth;
    for (size_t i = 0; i < message->depth && i < 32; i++)
        told->stack[i] = message->stack[i];
    print(told, message);
    pthread_mutex_unlock(&mutex);
}

void told_begin(void)
{
    count = 0;
    CHECK_EQUAL(async_set_log(collect, &count), 0);
}

unsigned told_count(enum async_message_code code)
{
    unsigned found = 0;
    for (unsigned i = 0; i < count; i++)
        found += code ? all[i].code == code : !all[i].note;
    return found;
}

const struct told *told_last(enum async_message_code code)
{
    for (unsigned i = count; i-- > 0;) {
        if (all[i].code == code)
            return &all[i];
    }
    fprintf(stderr, "no %s among %u messages\n", async_message_name(code), count);
    _exit(1);
}

static void show_all(void)
{
    for (unsigned i = 0; i < count; i++)
        fputs(all[i].printed, stderr);
}

static void expect(unsigned wanted)
{
    if (told_count(0) == wanted)
        return;
    show_all();
    CHECK_EQUAL(told_count(0), wanted);
}

void told_run_with(async_function program, const struct async_options *options, bool debug)
{
    told_begin();
    async_debug_set_slow_step(1000000); /* how fast this machine is, is another matter */
    async_debug_enable(debug);
    CHECK_EQUAL(async_run(program, NULL, options), 0);
    async_debug_enable(false);
}

void told_run(async_function program, bool debug)
{
    told_run_with(program, NULL, debug);
}

const struct told *told_once(enum async_message_code code, async_function wrong, async_function right)
{
    told_run(wrong, false);
    expect(0);
    CHECK_EQUAL(count, 0); /* not even notes */
    told_run(right, true);
    expect(0);
    told_run(wrong, true);
    expect(1);
    return told_last(code);
}
