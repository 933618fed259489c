/* SPDX-License-Identifier: MIT */
/**
 * @file async_io.h - what comes from outside: included by async.h.
 *
 * Handles belong to the worker where they were opened (UV_EXDEV elsewhere), until their close; one that is
 * being closed answers UV_EBADF, and a second close UV_EALREADY. Who waits on a handle that another task closes
 * gets UV_ECANCELED. Closing waits until the kernel and libuv have let go, whatever interrupts, and then the
 * handle is no more. What is still open when every task has ended is closed by async_run.
 *
 * To be interrupted by cancellation or a timeout leaves a handle as it was, and takes nothing that would be
 * lost (input, a connection, a signal), unless a call says otherwise.
 *
 * File operations and async_work run on libuv's pool of threads: 4, or as many as UV_THREADPOOL_SIZE of the
 * environment says. While such a call waits for a thread, an interruption takes it back. Once a thread has
 * begun, it uses the caller's memory and is waited for: its result is what the call returns, and the
 * interruption comes with the task's next wait.
 *
 * UV_ENOMEM, UV_EMFILE and UV_ENFILE, from any call that makes something: nothing was made and nothing is lost.
 */
#ifndef ASYNC_IO_H
#define ASYNC_IO_H

#include <sys/socket.h>
#include <sys/stat.h>

#include "async_tasks.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Addresses ---------------------------------------------------------------------------------- */

/** Of IPv4, IPv6, or a unix-domain socket. */
struct async_address {
    struct sockaddr_storage socket;
    socklen_t size; /**< bytes of it in use; 0: no address */
};

#define ASYNC_ADDRESS_SIZE 120 /**< room for any as text, NUL included */

/** From a numeric IPv4 or IPv6 address. UV_EINVAL. Not a wait; outside a task as well. */
int async_address_parse(struct async_address *address_ret, const char *host, uint16_t port);
/** From a path; one that begins with '@' names no file (Linux's abstract names). UV_ENAMETOOLONG. */
int async_address_parse_unix(struct async_address *address_ret, const char *path);
/** "127.0.0.1:4711", "[::1]:4711", "/run/service.socket", "@name"; "" for no address. */
void async_address_format(const struct async_address *address, char text[ASYNC_ADDRESS_SIZE]);

/** Asks the system's resolver (hosts file, DNS) for the addresses of a service; a `host` of NULL is this
 *  machine, `service` is a port or a name such as "http", or NULL. Returns how many there are, of which the
 *  first `room` are stored, best first. UV_EAI_NONAME and its like. When interrupted it returns at once; the
 *  query ends by itself, async_run at the latest waits for that. */
#define async_resolve(host, service, addresses, room)                                                        \
    async_resolve_at(host, service, addresses, room, ASYNC_SITE())
int async_resolve_at(const char *host, const char *service, struct async_address *addresses, size_t room,
                     const struct async_site *site);
/** The other way: a host's name. UV_EAI_NONAME: it has none; UV_ENOSPC: it is longer than that. */
#define async_resolve_name(address, host, size) async_resolve_name_at(address, host, size, ASYNC_SITE())
int async_resolve_name_at(const struct async_address *address, char *host, size_t size,
                          const struct async_site *site);

/* ---- Streams: TCP connections, unix-domain connections and pipes ---------------------------------- */

struct async_listener;
struct async_stream;
#define async_tcp async_stream /**< a stream that is a TCP connection */

/** Listens on a numeric IPv4 or IPv6 address; port 0 takes a free one (see async_listener_port). UV_EINVAL:
 *  not an address; otherwise the kernel's errors, such as UV_EADDRINUSE. */
#define async_listen(listener_ret, host, port, backlog)                                                      \
    async_listen_at(listener_ret, host, port, backlog, false, ASYNC_SITE())
/** The same, and others that listen in this way may have the same port: the kernel spreads the connections,
 *  so that each worker can have a listener. */
#define async_listen_shared(listener_ret, host, port, backlog)                                               \
    async_listen_at(listener_ret, host, port, backlog, true, ASYNC_SITE())
int async_listen_at(struct async_listener **listener_ret, const char *host, uint16_t port, int backlog,
                    bool shared, const struct async_site *site);
/** Listens at a path, as of async_address_parse_unix. A file is made there, and removed at close. */
#define async_listen_unix(listener_ret, path, backlog)                                                       \
    async_listen_unix_at(listener_ret, path, backlog, ASYNC_SITE())
int async_listen_unix_at(struct async_listener **listener_ret, const char *path, int backlog,
                         const struct async_site *site);
uint16_t async_listener_port(const struct async_listener *listener);
/** The next connection, first come first served. With any error, such as UV_EMFILE, the connection stays in
 *  the kernel's queue and can be accepted later. */
#define async_accept(listener, stream_ret) async_accept_at(listener, stream_ret, ASYNC_SITE())
int async_accept_at(struct async_listener *listener, struct async_stream **stream_ret,
                    const struct async_site *site);
int async_listener_close(struct async_listener *listener);

/** To a host by name or numeric address; a name's addresses are tried in turn. TCP_NODELAY is set. The
 *  kernel's errors, those of the last address; or async_resolve's. */
#define async_connect(stream_ret, host, port) async_connect_at(stream_ret, host, port, ASYNC_SITE())
int async_connect_at(struct async_stream **stream_ret, const char *host, uint16_t port,
                     const struct async_site *site);
/** To a unix-domain listener. Not a wait. UV_EAGAIN: its backlog is full. */
#define async_connect_unix(stream_ret, path) async_connect_unix_at(stream_ret, path, ASYNC_SITE())
int async_connect_unix_at(struct async_stream **stream_ret, const char *path, const struct async_site *site);
/** An anonymous pipe: what is written to one end can be read from the other. Not a wait. */
#define async_pipe(reader_ret, writer_ret) async_pipe_at(reader_ret, writer_ret, ASYNC_SITE())
int async_pipe_at(struct async_stream **reader_ret, struct async_stream **writer_ret,
                  const struct async_site *site);

/** Reads up to `size` bytes: their number, UV_EOF (from then on always), or an error. One reader at a time
 *  (UV_EBUSY). UV_ENOTCONN: the writing end of a pipe. */
ssize_t async_read(struct async_stream *stream, void *buffer, size_t size);
/** Reads `size` bytes and returns 0. UV_EOF: the end came sooner. After any error `count_ret` (may be NULL)
 *  says how many bytes were read before. */
int async_read_exactly(struct async_stream *stream, void *buffer, size_t size, size_t *count_ret);
/** Writes all of it. One writer at a time (UV_EBUSY). When interrupted, or after any error, how much of it was
 *  and will be sent is unknown: up to 64 KiB are still on their way, and what is written next comes after. */
int async_write(struct async_stream *stream, const void *buffer, size_t size);
/** Writes text, printf style. UV_ENOMEM. */
int async_print(struct async_stream *stream, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Nothing more will be written (UV_EPIPE): the other side reads UV_EOF after all that was. Reading goes on.
 *  When interrupted it may or may not happen. UV_ENOTCONN: that was said before; UV_EBUSY: another writes. */
int async_stream_shutdown(struct async_stream *stream);
/** What was written is sent; what an interrupted async_write has left is not. */
int async_close(struct async_stream *stream);

/** "127.0.0.1:4711", a path, or for what has no address "pid 4711" of the process at the other end or "";
 *  lives as long as the stream. */
const char *async_stream_peer(const struct async_stream *stream);
const char *async_tcp_peer(const struct async_stream *stream); /**< the same */
/** Its own address; "" where it has none. */
int async_stream_local(const struct async_stream *stream, char text[ASYNC_ADDRESS_SIZE]);
/** The kernel asks a silent peer whether it lives, after so many seconds; 0: no more. TCP only. */
int async_tcp_keepalive(struct async_stream *stream, uint32_t seconds);

/** Gives the descriptor up, as for another worker or program, and ends the stream like async_close. UV_EBUSY:
 *  somebody reads or writes; UV_EMFILE and UV_ENOMEM: all is as it was. */
int async_stream_release(struct async_stream *stream, int *fd_ret);
/** Makes a stream of a connected TCP or unix-domain socket or of a pipe's end, which it owns from then on; the
 *  caller keeps it when this fails. UV_EINVAL: it is none of these. Not a wait. */
#define async_stream_adopt(stream_ret, fd) async_stream_adopt_at(stream_ret, fd, ASYNC_SITE())
int async_stream_adopt_at(struct async_stream **stream_ret, int fd, const struct async_site *site);

/* ---- Lines ----------------------------------------------------------------------------------------- */

struct async_lines;
/** Reads a stream by lines of at most so many bytes. It reads ahead, so the stream is to be read through it
 *  alone from now on. UV_ENOMEM. */
int async_lines_create(struct async_lines **lines_ret, struct async_stream *stream, size_t longest);
/** The next line's length without its end, LF or CR LF; `line_ret` gets it, with a NUL behind, until the next
 *  call. A last line may lack its end; then UV_EOF. UV_E2BIG: it is longer; the next call gives the line after
 *  it. UV_EBUSY: another task reads. When interrupted nothing is lost. */
ssize_t async_lines_next(struct async_lines *lines, char **line_ret);
/** As async_read and async_read_exactly: what follows the line, such as a request's body. */
ssize_t async_lines_read(struct async_lines *lines, void *buffer, size_t size);
int async_lines_read_exactly(struct async_lines *lines, void *buffer, size_t size, size_t *count_ret);
void async_lines_destroy(struct async_lines *lines); /**< does not close the stream */

/* ---- UDP -------------------------------------------------------------------------------------------- */

struct async_udp;
/** On a numeric address, "0.0.0.0" and "::" being any; port 0 takes a free one. UV_EINVAL. */
#define async_udp_open(udp_ret, host, port) async_udp_open_at(udp_ret, host, port, ASYNC_SITE())
int async_udp_open_at(struct async_udp **udp_ret, const char *host, uint16_t port,
                      const struct async_site *site);
/** Makes it of a datagram socket, unix-domain ones included; the caller keeps that when this fails. */
#define async_udp_adopt(udp_ret, fd) async_udp_adopt_at(udp_ret, fd, ASYNC_SITE())
int async_udp_adopt_at(struct async_udp **udp_ret, int fd, const struct async_site *site);
uint16_t async_udp_port(const struct async_udp *udp);
/** From now on it sends to, and receives from, this one only. Not a wait. */
int async_udp_connect(struct async_udp *udp, const struct async_address *peer);
/** Sends one datagram; `to` is NULL when connected (UV_EDESTADDRREQ, UV_EISCONN). When interrupted it may
 *  still be sent. UV_EMSGSIZE: longer than a datagram can be; UV_ENOBUFS: too much is on its way already. */
int async_udp_send(struct async_udp *udp, const void *buffer, size_t size, const struct async_address *to);
/** How a datagram came. */
struct async_datagram {
    struct async_address from;
    bool truncated; /**< it was longer than the buffer; the rest is lost */
};
/** Receives one datagram, which may be empty, and returns its size. `datagram_ret` may be NULL. One receiver at
 *  a time (UV_EBUSY). UV_ECONNREFUSED: nobody is there, when connected. */
ssize_t async_udp_receive(struct async_udp *udp, void *buffer, size_t size,
                          struct async_datagram *datagram_ret);
int async_udp_close(struct async_udp *udp);

/* ---- Files: by the pool of threads -------------------------------------------------------------------- */

struct async_file;
/** `flags` and `mode` as of open(2); O_CLOEXEC is added. */
#define async_file_open(file_ret, path, flags, mode)                                                         \
    async_file_open_at(file_ret, path, flags, mode, ASYNC_SITE())
int async_file_open_at(struct async_file **file_ret, const char *path, int flags, mode_t mode,
                       const struct async_site *site);

#define ASYNC_FILE_NEXT (-1) /**< an offset: where the last operation of this kind has ended, or the end
                                  of a file opened with O_APPEND */
/** Reads up to `size` bytes: their number, 0 at the end of the file. */
ssize_t async_file_read(struct async_file *file, void *buffer, size_t size, off_t offset);
/** Writes all of it. After an error a part may have been written. */
int async_file_write(struct async_file *file, const void *buffer, size_t size, off_t offset);
int async_file_sync(struct async_file *file); /**< everything written is on the disk */
int async_file_stat(struct async_file *file, struct stat *stat_ret);
int async_file_truncate(struct async_file *file, off_t size);
/** Waits for the operations of other tasks on it, too. An error is the disk's; the file is closed anyway. */
int async_file_close(struct async_file *file);

#define async_stat(path, stat_ret) async_stat_at(path, stat_ret, ASYNC_SITE())
int async_stat_at(const char *path, struct stat *stat_ret, const struct async_site *site);
#define async_rename(path, new_path) async_rename_at(path, new_path, ASYNC_SITE())
int async_rename_at(const char *path, const char *new_path, const struct async_site *site);
#define async_unlink(path) async_unlink_at(path, ASYNC_SITE())
int async_unlink_at(const char *path, const struct async_site *site);
#define async_mkdir(path, mode) async_mkdir_at(path, mode, ASYNC_SITE())
int async_mkdir_at(const char *path, mode_t mode, const struct async_site *site);
#define async_rmdir(path) async_rmdir_at(path, ASYNC_SITE())
int async_rmdir_at(const char *path, const struct async_site *site);
/** The names in a directory, sorted, without "." and "..", and NULL behind them, in one piece of memory for the
 *  caller to free(). Returns their number. */
#define async_list_directory(path, names_ret) async_list_directory_at(path, names_ret, ASYNC_SITE())
int async_list_directory_at(const char *path, char ***names_ret, const struct async_site *site);

/* ---- Work: calls that block or compute, by the pool of threads ------------------------------------------- */

/** Calls a function on a thread of the pool and returns what it returns. The function is outside any task: of
 *  this library it may call async_promise_resolve, _fail and what says so. `name` is for whoever looks;
 *  it lives as long as the call. Interruptions: see the top of this file. */
#define async_work(name, function, argument) async_work_at(name, function, argument, ASYNC_SITE())
int async_work_at(const char *name, async_function function, void *argument, const struct async_site *site);

/* ---- Signals ------------------------------------------------------------------------------------------- */

struct async_signal;
/** From now on the signal is caught, and counted. Several may catch the same. UV_EINVAL: no such, or one that
 *  cannot be caught. The last close restores what the kernel does by default. */
#define async_signal_open(signal_ret, number) async_signal_open_at(signal_ret, number, ASYNC_SITE())
int async_signal_open_at(struct async_signal **signal_ret, int number, const struct async_site *site);
/** How many have come since the last call, 1 at least. Waits if none has. One at a time (UV_EBUSY). The
 *  kernel may give several that come at once as one. */
int async_signal_wait(struct async_signal *signal);
int async_signal_close(struct async_signal *signal);

/* ---- Child processes ------------------------------------------------------------------------------------- */

struct async_child;
enum async_child_stdio {
    ASYNC_CHILD_NULL,    /**< /dev/null */
    ASYNC_CHILD_INHERIT, /**< this process's own */
    ASYNC_CHILD_PIPE,
};
struct async_child_options {
    char *const *arguments;        /**< the program, looked for in PATH, and its arguments; NULL behind them */
    char *const *environment;      /**< NULL: this process's own */
    const char *directory;         /**< to run in; NULL: this process's own */
    enum async_child_stdio stdio[3]; /**< its input, output and error output */
};
/** How a child has ended. */
struct async_child_status {
    int code;   /**< exit status, if `signal` is 0 */
    int signal; /**< that killed it, or 0 */
};
/** Starts a program. `pipes_ret` gets a stream for each ASYNC_CHILD_PIPE and NULL for the others, to be closed
 *  by the caller; it may be NULL itself when there is none. UV_ENOENT and its like: it could not be run. Not
 *  a wait. */
#define async_child_spawn(child_ret, options, pipes_ret)                                                     \
    async_child_spawn_at(child_ret, options, pipes_ret, ASYNC_SITE())
int async_child_spawn_at(struct async_child **child_ret, const struct async_child_options *options,
                         struct async_stream *pipes_ret[3], const struct async_site *site);
/** Waits for its end. Any number of tasks may. */
int async_child_wait(struct async_child *child, struct async_child_status *status_ret);
int async_child_kill(struct async_child *child, int signal); /**< UV_ESRCH: it has ended */
pid_t async_child_pid(const struct async_child *child);
/** Kills the child if it still runs, and waits for its end: not even a zombie stays behind. What the child
 *  has started itself is not ours to end. */
int async_child_close(struct async_child *child);

#ifdef __cplusplus
}
#endif

#endif
