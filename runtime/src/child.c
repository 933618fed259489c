/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "async.h"
#include "diagnose.h"
#include "handle.h"
#include "stream.h"
#include "worker.h"

struct async_child {
    struct async_handle handle;
    uv_process_t uv;
    struct async_future exit; /**< RESOLVED when it has ended */
    struct async_child_status status;
    char name[64]; /**< "pid 4711 sleep" */
};

/* ---- Its end ----------------------------------------------------------------------------------- */

static bool runs(const struct async_child *child)
{
    return child->exit.state == ASYNC_FUTURE_PENDING;
}

/* libuv has taken the zombie away. */
static void on_end(uv_process_t *uv, int64_t code, int signal)
{
    struct async_child *child = uv->data;
    child->status = (struct async_child_status){.code = (int)code, .signal = signal};
    child->exit.state = ASYNC_FUTURE_RESOLVED;
    async_future_wake_all(&child->exit, 0);
}

/* Left open at the end of everything: nobody else would take the zombie away. */
static void on_release(struct async_handle *handle)
{
    struct async_child *child = (struct async_child *)handle;
    if (!runs(child))
        return;
    kill(child->uv.pid, SIGKILL);
    while (waitpid(child->uv.pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* ---- Spawn ------------------------------------------------------------------------------------- */

/** The descriptors of a spawn. */
struct plumbing {
    uv_stdio_container_t stdio[3];
    int theirs[3]; /**< the child's ends of pipes, or -1 */
    int ours[3];
    struct async_stream *streams[3];
};

/* A stream owns its descriptor. */
static void close_ends(int ends[3])
{
    for (int i = 0; i < 3; i++) {
        if (ends[i] >= 0)
            close(ends[i]);
        ends[i] = -1;
    }
}

static void drop_streams(struct plumbing *plumbing)
{
    for (int i = 0; i < 3; i++) {
        if (plumbing->streams[i])
            async_handle_drop(&plumbing->streams[i]->handle);
        plumbing->streams[i] = NULL;
    }
}

/* Number 0 is what the child reads; we keep the other end, and only that does not block. */
static int make_pipe(struct plumbing *plumbing, int number, const struct async_site *site)
{
    uv_file fds[2];
    bool child_reads = number == 0;
    int error = uv_pipe(fds, child_reads ? 0 : UV_NONBLOCK_PIPE, child_reads ? UV_NONBLOCK_PIPE : 0);
    if (error)
        return error;
    plumbing->theirs[number] = fds[!child_reads];
    plumbing->ours[number] = fds[child_reads];
    error = async_stream_adopt_at(&plumbing->streams[number], plumbing->ours[number], site);
    if (!error)
        plumbing->ours[number] = -1;
    return error;
}

static int lay(struct plumbing *plumbing, const struct async_child_options *options,
               const struct async_site *site)
{
    *plumbing = (struct plumbing){.theirs = {-1, -1, -1}, .ours = {-1, -1, -1}};
    for (int i = 0; i < 3; i++) {
        uv_stdio_container_t *stdio = &plumbing->stdio[i];
        if (options->stdio[i] == ASYNC_CHILD_PIPE) {
            int error = make_pipe(plumbing, i, site);
            if (error)
                return error;
        }
        stdio->flags = options->stdio[i] == ASYNC_CHILD_NULL ? UV_IGNORE : UV_INHERIT_FD;
        stdio->data.fd = options->stdio[i] == ASYNC_CHILD_PIPE ? plumbing->theirs[i] : i;
    }
    return 0;
}

static int start(struct async_child *child, const struct async_child_options *options,
                 struct plumbing *plumbing)
{
    uv_process_options_t form = {
        .exit_cb = on_end,
        .file = options->arguments[0],
        .args = (char **)options->arguments,
        .env = (char **)options->environment,
        .cwd = options->directory,
        .stdio = plumbing->stdio,
        .stdio_count = 3,
    };
    int error = uv_spawn(&async_worker_self()->loop, &child->uv, &form);
    const char *slash = strrchr(form.file, '/');
    snprintf(child->name, sizeof(child->name), "pid %d %s", child->uv.pid, slash ? slash + 1 : form.file);
    return error;
}

/* Even a failed spawn leaves libuv a handle to close. */
static int spawn(struct async_child **child_ret, const struct async_child_options *options,
                 struct plumbing *plumbing, const struct async_site *site)
{
    struct async_child *child = calloc(1, sizeof(*child));
    if (!child)
        return UV_ENOMEM;
    int error = start(child, options, plumbing);
    async_handle_open(&child->handle, (uv_handle_t *)&child->uv, "child", child->name, site);
    async_future_init(&child->exit, ASYNC_FUTURE_PROCESS, error ? ASYNC_FUTURE_FAILED : ASYNC_FUTURE_PENDING,
                      child);
    child->handle.release = on_release;
    child->exit.name = child->name;
    child->exit.site = site;
    child->exit.worker = child->handle.worker;
    if (error)
        async_handle_drop(&child->handle);
    else
        *child_ret = child;
    return error;
}

static bool is_sound(const struct async_child_options *options, struct async_stream *pipes_ret[3])
{
    if (!options || !options->arguments || !options->arguments[0])
        return false;
    for (int i = 0; i < 3; i++) {
        if (options->stdio[i] > ASYNC_CHILD_PIPE || (options->stdio[i] == ASYNC_CHILD_PIPE && !pipes_ret))
            return false;
    }
    return true;
}

static void hand_over(const struct async_child *child, struct plumbing *plumbing,
                      struct async_stream *pipes_ret[3])
{
    for (int i = 0; i < 3; i++) {
        pipes_ret[i] = plumbing->streams[i];
        if (pipes_ret[i])
            memcpy(pipes_ret[i]->peer, child->name, sizeof(child->name));
    }
}

int async_child_spawn_at(struct async_child **child_ret, const struct async_child_options *options,
                         struct async_stream *pipes_ret[3], const struct async_site *site)
{
    if (!async_self() || !child_ret || !is_sound(options, pipes_ret))
        return async_refused(UV_EINVAL);
    struct plumbing plumbing;
    int error = lay(&plumbing, options, site);
    if (!error)
        error = spawn(child_ret, options, &plumbing, site);
    close_ends(plumbing.theirs);
    close_ends(plumbing.ours);
    if (error)
        drop_streams(&plumbing);
    else if (pipes_ret)
        hand_over(*child_ret, &plumbing, pipes_ret);
    return error;
}

/* ---- Afterwards -------------------------------------------------------------------------------- */

int async_child_wait(struct async_child *child, struct async_child_status *status_ret)
{
    int unusable = async_handle_check(child);
    if (unusable)
        return unusable;
    async_handle_hold(&child->handle);
    int error = runs(child) ? (int)async_future_await(&child->exit, NULL) : 0;
    if (!error && status_ret)
        *status_ret = child->status;
    async_handle_unhold(&child->handle);
    return error;
}

int async_child_kill(struct async_child *child, int signal)
{
    int unusable = async_handle_check(child);
    if (unusable)
        return unusable;
    return runs(child) ? uv_process_kill(&child->uv, signal) : UV_ESRCH;
}

pid_t async_child_pid(const struct async_child *child)
{
    return child->uv.pid;
}

int async_child_close(struct async_child *child)
{
    int unusable = async_handle_check_close(child);
    if (unusable)
        return unusable;
    child->handle.closing = true;
    async_future_wake_all(&child->exit, UV_ECANCELED);
    if (runs(child)) {
        uv_process_kill(&child->uv, SIGKILL);
        async_future_await_shielded(&child->exit, NULL);
    }
    return async_handle_close(&child->handle);
}
