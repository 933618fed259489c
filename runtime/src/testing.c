/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "async_test.h"
#include "clock.h"
#include "process.h"
#include "testing_tree.h"
#include "worker.h"

#define DEADLINE_MS 10000
#define GRACE_MS 1000 /* from the deadline to the end of all tasks */

/* A run of a test, and the thread that watches it. */
struct run {
    const struct async_test_options *options;
    const char *name;
    uint64_t seed;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    bool over;
    bool late;
    uint32_t asked; /* workers that are to tell of their tasks */
    uint32_t told;
    struct async_tree tree;
};

/* A worker's share of telling what hangs. */
struct question {
    struct async_mail mail;
    struct run *run;
};

static uint64_t running_seed;
static const char *running_name;

uint64_t async_test_seed(void)
{
    return __atomic_load_n(&running_seed, __ATOMIC_RELAXED);
}

/* ---- Telling ------------------------------------------------------------------------------------- */

static void tell(const char *line, void *context)
{
    const struct async_test_options *options = context;
    if (options->tell)
        options->tell(line, options->data);
    else
        fprintf(stderr, "%s\n", line);
}

__attribute__((format(printf, 2, 3))) static void say(const struct run *run, const char *format, ...)
{
    char line[512];
    int length = snprintf(line, sizeof(line), "test \"%.64s\": ", run->name);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line + length, sizeof(line) - (size_t)length, format, arguments);
    va_end(arguments);
    tell(line, (void *)run->options);
}

static void say_seed(const struct run *run)
{
    if (run->seed)
        say(run, "run it again with ASYNC_TEST_SEED=%llu", (unsigned long long)run->seed);
}

/* ---- A process that ends within a test ----------------------------------------------------------- */

/* In signal handlers too: no buffers. */
static void tell_seed_at_end(void)
{
    char line[160];
    uint64_t seed = async_test_seed();
    if (!seed)
        return;
    running_seed = 0;
    int length =
        snprintf(line, sizeof(line), "test \"%.64s\": the process ends within it; ASYNC_TEST_SEED=%llu\n",
                 running_name, (unsigned long long)seed);
    if (write(STDERR_FILENO, line, (size_t)length) < 0)
        return; /* nobody listens */
}

static void on_abort(int number)
{
    (void)number;
    tell_seed_at_end(); /* abort() goes on by itself */
}

/* A handler of the program's own stays. */
static bool watch_abort(void)
{
    static bool registered;
    struct sigaction action;
    if (!registered)
        registered = atexit(tell_seed_at_end) == 0;
    if (sigaction(SIGABRT, NULL, &action) != 0 || action.sa_handler != SIG_DFL)
        return false;
    return signal(SIGABRT, on_abort) != SIG_ERR;
}

/* ---- The deadline -------------------------------------------------------------------------------- */

/* On each worker's thread: what its tasks do, and then that they shall not. */
static void on_question(struct async_mail *mail)
{
    struct question *question = (struct question *)mail;
    struct run *run = question->run;
    struct async_worker *worker = async_worker_self();
    pthread_mutex_lock(&run->mutex);
    async_tree_add(&run->tree, worker);
    if (++run->told == run->asked)
        pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->mutex);
    async_process_stop_worker(worker, 0, NULL);
    free(question);
}

/* On worker 0's thread: only from a worker's can the others be asked. */
static void on_late(struct async_mail *mail)
{
    struct question *first = (struct question *)mail;
    struct run *run = first->run;
    free(first);
    __atomic_store_n(&async_process.stopping, true, __ATOMIC_SEQ_CST); /* no more tasks */
    for (uint32_t i = 0; i < async_process.worker_count; i++) {
        struct question *question = malloc(sizeof(*question));
        if (!question)
            continue;
        *question = (struct question){.mail = {.deliver = on_question}, .run = run};
        pthread_mutex_lock(&run->mutex);
        run->asked++;
        pthread_mutex_unlock(&run->mutex);
        async_worker_post(async_process_worker(i), &question->mail);
    }
}

static struct timespec in_ms(uint64_t milliseconds)
{
    struct timespec then;
    uint64_t when = async_clock_real();
    if (__builtin_add_overflow(when, milliseconds * 1000000, &when) || milliseconds > UINT64_MAX / 1000000)
        when = INT64_MAX;
    then.tv_sec = (time_t)(when / 1000000000);
    then.tv_nsec = (long)(when % 1000000000);
    return then;
}

/* False: the time is up first. The mutex is held. */
static bool wait_until(struct run *run, const bool *over, uint64_t milliseconds)
{
    struct timespec then = in_ms(milliseconds);
    while (!*over && pthread_cond_timedwait(&run->changed, &run->mutex, &then) == 0)
        ;
    return *over;
}

static bool all_told(struct run *run)
{
    struct timespec then = in_ms(GRACE_MS);
    while ((!run->asked || run->told < run->asked) && !run->over) {
        if (pthread_cond_timedwait(&run->changed, &run->mutex, &then) != 0)
            return false;
    }
    return true;
}

static void ask(struct run *run)
{
    struct question *question = malloc(sizeof(*question));
    if (!question)
        return;
    *question = (struct question){.mail = {.deliver = on_late}, .run = run};
    pthread_mutex_unlock(&run->mutex);
    if (async_process_post(&question->mail) != 0)
        free(question);
    pthread_mutex_lock(&run->mutex);
}

__attribute__((noreturn)) static void give_up(struct run *run, const char *why)
{
    say(run, "%s: aborted", why);
    say_seed(run);
    __atomic_store_n(&running_seed, 0, __ATOMIC_RELAXED);
    abort();
}

static void tell_what_hangs(struct run *run, uint64_t milliseconds)
{
    say(run, "not over after %llu ms. Its tasks:", (unsigned long long)milliseconds);
    ask(run);
    bool complete = all_told(run);
    async_tree_tell(&run->tree, tell, (void *)run->options);
    if (!complete)
        give_up(run, "a task keeps its worker busy");
    say_seed(run);
    if (!wait_until(run, &run->over, GRACE_MS))
        give_up(run, "all tasks were told to end, and some do not");
}

static void *watch(void *argument)
{
    struct run *run = argument;
    uint64_t deadline = run->options->deadline_ms ? run->options->deadline_ms : DEADLINE_MS;
    pthread_mutex_lock(&run->mutex);
    if (!wait_until(run, &run->over, deadline)) {
        run->late = true;
        tell_what_hangs(run, deadline);
    }
    pthread_mutex_unlock(&run->mutex);
    return NULL;
}

/* ---- Runs ---------------------------------------------------------------------------------------- */

static void init(struct run *run)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&run->mutex, NULL);
    pthread_cond_init(&run->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void deinit(struct run *run)
{
    async_tree_deinit(&run->tree);
    pthread_cond_destroy(&run->changed);
    pthread_mutex_destroy(&run->mutex);
}

static void end_watch(struct run *run, pthread_t thread)
{
    pthread_mutex_lock(&run->mutex);
    run->over = true;
    pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->mutex);
    pthread_join(thread, NULL);
}

static int run_once(const char *name, async_function test, void *argument,
                    const struct async_test_options *options)
{
    struct run run = {.options = options, .name = name, .seed = options->run.schedule_seed};
    bool watched = options->deadline_ms != UINT64_MAX;
    pthread_t thread;
    init(&run);
    int result = watched ? -pthread_create(&thread, NULL, watch, &run) : 0;
    if (result == 0) {
        running_name = name;
        __atomic_store_n(&running_seed, run.seed, __ATOMIC_RELAXED);
        result = async_run(test, argument, &options->run);
        __atomic_store_n(&running_seed, 0, __ATOMIC_RELAXED);
        if (watched)
            end_watch(&run, thread);
    }
    if (run.late)
        result = UV_ETIMEDOUT;
    else if (result < 0) {
        say(&run, "failed: %s", async_strerror(result));
        say_seed(&run);
    }
    deinit(&run);
    return result;
}

static int run_all(const char *name, async_function test, void *argument, struct async_test_options *options)
{
    const char *only = getenv("ASYNC_TEST_SEED");
    uint64_t runs = options->seeds ? options->seeds : 1;
    uint64_t *seed = &options->run.schedule_seed;
    if (options->seeds && !*seed)
        *seed = 1;
    if (only && *seed) {
        *seed = strtoull(only, NULL, 0);
        runs = 1;
    }
    for (; runs > 1; runs--, (*seed)++) {
        int result = run_once(name, test, argument, options);
        if (result < 0)
            return result;
    }
    return run_once(name, test, argument, options);
}

int async_test(const char *name, async_function test, void *argument,
               const struct async_test_options *options)
{
    struct async_test_options copy = options ? *options : (struct async_test_options){0};
    bool watching = watch_abort();
    int result = run_all(name ? name : "", test, argument, &copy);
    if (watching)
        signal(SIGABRT, SIG_DFL);
    return result;
}
