/* SPDX-License-Identifier: MIT */
#include "process.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "async.h"
#include "async_debug.h"
#include "cancel.h"
#include "clock.h"
#include "descriptor.h"
#include "diagnose.h"
#include "diagnose_exit.h"
#include "loop.h"
#include "overflow.h"
#include "schedule.h"
#include "virtual_time.h"

struct async_process async_process = {.slow_step = ASYNC_SLOW_STEP_USUAL};
bool async_parallel;

/* async_run is running, in whatever thread. */
static bool running;

/* Held while mail from outside is posted, and to begin and end that it may be. */
static pthread_mutex_t outside = PTHREAD_MUTEX_INITIALIZER;
static bool open_to_mail;

static struct async_worker *workers[ASYNC_WORKERS_MAX];

/* Held until there is a first task. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

struct async_worker *async_process_worker(uint32_t index)
{
    return index < async_process.worker_count ? workers[index] : NULL;
}

bool async_process_is_done(void)
{
    /* In this order: what a task spawns is counted before the task's own end. */
    uint64_t finished = __atomic_load_n(&async_process.tasks_finished, __ATOMIC_SEQ_CST);
    return finished == __atomic_load_n(&async_process.tasks_spawned, __ATOMIC_SEQ_CST);
}

uint32_t async_worker_count(void)
{
    return async_process.worker_count;
}

int async_worker_index(void)
{
    struct async_worker *worker = async_worker_self();
    return worker ? (int)worker->id : UV_EINVAL;
}

int async_process_post(struct async_mail *mail)
{
    pthread_mutex_lock(&outside);
    if (open_to_mail)
        async_worker_post(workers[0], mail);
    int error = open_to_mail ? 0 : UV_ESRCH;
    pthread_mutex_unlock(&outside);
    return error;
}

static void set_open_to_mail(bool open)
{
    pthread_mutex_lock(&outside);
    open_to_mail = open;
    pthread_mutex_unlock(&outside);
}

/* ---- Begin and end ------------------------------------------------------------------------------- */

/* The record is complete before the descriptor leads to it. */
static void publish(uint32_t count)
{
    struct async_process *process = &async_process;
    async_change_begin(&process->changes);
    process->magic = ASYNC_PROCESS_MAGIC;
    process->pid = getpid();
    process->started_at = async_clock_coarse();
    process->workers = workers;
    process->stopping = false;
    async_publish(&process->worker_count, count);
    async_change_end(&process->changes);
    async_descriptor_publish();
    async_exit_set_readable(true);
}

static void withdraw(void)
{
    struct async_process *process = &async_process;
    async_exit_set_readable(false);
    async_change_begin(&process->changes);
    async_publish(&process->worker_count, 0);
    process->tasks_alive = 0; /* those that ended and were never joined go with their worker */
    async_change_end(&process->changes);
}

static int create_workers(uint32_t count, const struct async_options *options)
{
    for (uint32_t i = 0; i < count; i++) {
        int error = async_worker_create(&workers[i], i, options);
        if (!error)
            continue;
        while (i-- > 0) {
            async_worker_close(workers[i]);
            async_worker_destroy(workers[i]);
        }
        return error;
    }
    return 0;
}

/* Starts the threads of all workers but 0; they wait at the gate. Returns how many workers have one. */
static uint32_t start_threads(uint32_t count, int *error_ret)
{
    uint32_t started = 1;
    *error_ret = 0;
    while (started < count && !(*error_ret = async_worker_start(workers[started], &gate)))
        started++;
    return started;
}

/* What others have left for a worker is seen to before its loop closes, on this thread: its own has ended. */
static void close_workers(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        async_worker_set_self(workers[i]);
        async_worker_receive(workers[i]);
        async_diagnose_left(workers[i]);
        async_worker_close(workers[i]);
    }
    async_worker_set_self(NULL);
}

/* Worker 0 runs on this thread. */
static int run(uint32_t count, async_function start, void *argument, void *spawn_pc)
{
    struct async_task *task;
    struct async_task_form form = {
        .worker = workers[0],
        .start = start,
        .argument = argument,
        .spawn_pc = spawn_pc,
        .main = true,
        .flags = ASYNC_DEBUG_TASK_DETACHED,
    };
    int error;
    async_worker_enter(workers[0]);
    publish(count);
    async_parallel = count > 1;
    pthread_mutex_lock(&gate);
    uint32_t started = start_threads(count, &error);
    if (!error)
        error = async_task_create(&task, &form, "main");
    pthread_mutex_unlock(&gate); /* without a task, all is done and they end */
    if (!error) {
        set_open_to_mail(true);
        async_overflow_enter(workers[0]);
        async_worker_run(workers[0]);
        async_overflow_leave(workers[0]);
        set_open_to_mail(false);
        error = workers[0]->main_result;
    }
    for (uint32_t i = 1; i < started; i++)
        async_worker_join(workers[i]);
    if (async_debugging())
        async_event(ASYNC_DEBUG_EVENT_LOOP_END, NULL);
    close_workers(count);
    withdraw();
    async_parallel = false;
    for (uint32_t i = 0; i < count; i++)
        async_worker_destroy(workers[i]);
    return error;
}

/* A write to a closed connection is to be an error, not a death. A handler of the program's own stays. */
static bool ignore_sigpipe(void)
{
    struct sigaction action;
    if (sigaction(SIGPIPE, NULL, &action) != 0 || action.sa_handler != SIG_DFL)
        return false;
    return signal(SIGPIPE, SIG_IGN) != SIG_ERR;
}

/* Whether SIGPIPE is ignored from now on. */
static bool begin_signals(const struct async_options *options)
{
    async_overflow_begin(options);
    return !options->leave_signals && ignore_sigpipe();
}

static void end_signals(bool ignoring)
{
    async_overflow_end();
    if (ignoring)
        signal(SIGPIPE, SIG_DFL);
}

int async_run(async_function start, void *argument, const struct async_options *options)
{
    static const struct async_options usual;
    options = options ? options : &usual;
    uint32_t count = options->workers ? options->workers : 1;
    if (!start || count > ASYNC_WORKERS_MAX)
        return UV_EINVAL;
    if (count > 1 && (options->virtual_time || options->schedule_seed))
        return UV_ENOTSUP;
    if (__atomic_exchange_n(&running, true, __ATOMIC_ACQUIRE))
        return UV_EALREADY;
    async_process.handles_last = &async_process.handles;
    async_virtual_time_begin(options);
    async_schedule_begin(options->schedule_seed);
    int result = async_diagnose_begin(options);
    if (result == 0)
        result = create_workers(count, options);
    if (result == 0) {
        bool ignoring = begin_signals(options);
        result = run(count, start, argument, __builtin_return_address(0));
        end_signals(ignoring);
    }
    async_schedule_end();
    async_virtual_time_end();
    __atomic_store_n(&running, false, __ATOMIC_RELEASE);
    return result;
}

/* ---- Shutdown ------------------------------------------------------------------------------------ */

/* One worker's share of it. */
struct stop {
    struct async_mail mail;
    uint64_t by;
    const struct async_site *site;
};

void async_process_stop_worker(struct async_worker *worker, uint64_t by, const struct async_site *site)
{
    for (struct async_task *task = NULL; (task = async_task_walk(&worker->registry, task));) {
        if (task->id != by)
            async_cancel_request(task, by, site);
    }
}

static void on_stop(struct async_mail *mail)
{
    struct stop *stop = (struct stop *)mail;
    async_process_stop_worker(async_worker_self(), stop->by, stop->site);
    free(stop);
}

int async_shutdown_at(const struct async_site *site)
{
    struct async_task *self = async_self();
    if (!self)
        return async_refused(UV_EINVAL);
    for (uint32_t i = 0; i < async_process.worker_count; i++) {
        struct stop *stop = malloc(sizeof(*stop));
        if (!stop)
            return UV_ENOMEM;
        *stop = (struct stop){.mail = {.deliver = on_stop}, .by = self->id, .site = site};
        async_worker_post(workers[i], &stop->mail);
    }
    if (__atomic_exchange_n(&async_process.stopping, true, __ATOMIC_SEQ_CST))
        return UV_EALREADY;
    return 0;
}
