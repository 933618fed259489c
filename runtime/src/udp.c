/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "diagnose.h"
#include "handle.h"
#include "request.h"
#include "worker.h"

/* Bytes that interrupted senders may leave on their way. */
#define BACKLOG_MAX (1024 * 1024)

struct async_udp {
    struct async_handle handle;
    uv_udp_t uv;
    struct async_future receive; /**< at most one waiter */
    bool receiving;              /**< libuv watches for input */
    bool connected;
    uint16_t port;
    char name[ASYNC_ADDRESS_SIZE];
    char peer[ASYNC_ADDRESS_SIZE];
};

/* ---- Open -------------------------------------------------------------------------------------- */

static struct async_udp *create(const struct async_site *site)
{
    struct async_udp *udp = calloc(1, sizeof(*udp));
    if (!udp)
        return NULL;
    uv_udp_init(&async_worker_self()->loop, &udp->uv); /* makes no descriptor, and cannot fail */
    async_handle_open(&udp->handle, (uv_handle_t *)&udp->uv, "udp", udp->name, site);
    async_future_init(&udp->receive, ASYNC_FUTURE_RECEIVE, ASYNC_FUTURE_OPEN, udp);
    udp->receive.name = udp->name;
    udp->receive.peer = udp->peer;
    udp->receive.site = site;
    udp->receive.worker = udp->handle.worker;
    return udp;
}

static int opened(struct async_udp **udp_ret, struct async_udp *udp, int error)
{
    struct async_address local;
    uv_os_fd_t fd = -1;
    if (error) {
        async_handle_drop(&udp->handle);
        return error;
    }
    uv_fileno((const uv_handle_t *)&udp->uv, &fd);
    async_handle_set_fd(&udp->handle, fd);
    udp->receive.fd = fd;
    async_address_of_socket(&local, fd);
    async_address_format(&local, udp->name);
    udp->port = async_address_port(&local);
    *udp_ret = udp;
    return 0;
}

int async_udp_open_at(struct async_udp **udp_ret, const char *host, uint16_t port,
                      const struct async_site *site)
{
    struct async_address address;
    int error =
        async_self() && udp_ret ? async_address_parse(&address, host, port) : async_refused(UV_EINVAL);
    if (error)
        return error;
    struct async_udp *udp = create(site);
    if (!udp)
        return UV_ENOMEM;
    return opened(udp_ret, udp, uv_udp_bind(&udp->uv, async_address_socket(&address), 0));
}

int async_udp_adopt_at(struct async_udp **udp_ret, int fd, const struct async_site *site)
{
    int type = 0;
    socklen_t size = sizeof(type);
    if (!async_self() || !udp_ret || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 ||
        type != SOCK_DGRAM)
        return async_refused(UV_EINVAL);
    struct async_udp *udp = create(site);
    if (!udp)
        return UV_ENOMEM;
    struct async_address peer = {.size = sizeof(peer.socket)};
    udp->connected = getpeername(fd, (struct sockaddr *)&peer.socket, &peer.size) == 0;
    if (udp->connected)
        async_address_format(&peer, udp->peer);
    return opened(udp_ret, udp, uv_udp_open(&udp->uv, fd));
}

uint16_t async_udp_port(const struct async_udp *udp)
{
    return udp->port;
}

int async_udp_connect(struct async_udp *udp, const struct async_address *peer)
{
    int unusable = async_handle_check(udp);
    if (unusable || !peer)
        return unusable ? unusable : async_refused(UV_EINVAL);
    int error = uv_udp_connect(&udp->uv, async_address_socket(peer));
    if (error)
        return error;
    char text[ASYNC_ADDRESS_SIZE] = "";
    async_address_format(peer, text);
    memcpy(udp->peer, text, sizeof(text)); /* in one go: a reader may look at any time */
    udp->connected = true;
    return 0;
}

/* ---- Send -------------------------------------------------------------------------------------- */

/* A datagram that the kernel did not take at once. */
struct datagram {
    struct async_request request;
    char peer[ASYNC_ADDRESS_SIZE];
    char bytes[];
};

static void on_sent(uv_udp_send_t *uv, int status)
{
    async_request_complete(uv->data, status);
}

static int send_later(struct async_udp *udp, const uv_buf_t *bytes, const struct async_address *to)
{
    if (uv_udp_get_send_queue_size(&udp->uv) > BACKLOG_MAX)
        return UV_ENOBUFS;
    struct async_request *request = async_request_create(
        ASYNC_FUTURE_SEND, sizeof(struct datagram) - sizeof(*request) + bytes->len, udp->handle.site);
    struct datagram *datagram = (struct datagram *)request;
    if (!datagram)
        return UV_ENOMEM;
    uv_buf_t copy = {.base = datagram->bytes, .len = bytes->len};
    memcpy(copy.base, bytes->base, bytes->len);
    async_address_format(to, datagram->peer);
    request->future.object = udp;
    request->future.fd = udp->handle.fd;
    request->future.size = bytes->len;
    request->future.name = udp->name;
    request->future.peer = to ? datagram->peer : udp->peer;
    int code =
        uv_udp_send(&request->uv.send, &udp->uv, &copy, 1, to ? async_address_socket(to) : NULL, on_sent);
    if (!code && !async_request_await(request, &code))
        return code;
    code = request->done ? (int)request->result : code;
    async_request_destroy(request);
    return code;
}

int async_udp_send(struct async_udp *udp, const void *buffer, size_t size, const struct async_address *to)
{
    int unusable = async_handle_check(udp);
    if (unusable || (!buffer && size))
        return unusable ? unusable : async_refused(UV_EINVAL);
    if (size > UINT16_MAX)
        return UV_EMSGSIZE;
    uv_buf_t bytes = {.base = (char *)buffer, .len = size};
    int sent = uv_udp_try_send(&udp->uv, &bytes, 1, to ? async_address_socket(to) : NULL);
    if (sent == UV_EAGAIN)
        return send_later(udp, &bytes, to);
    return sent < 0 ? sent : 0;
}

/* ---- Receive ----------------------------------------------------------------------------------- */

/* What the waiting task wants. */
struct wish {
    void *buffer;
    struct async_datagram *datagram_ret;
};

/* The receiver's own buffer; none when nobody receives, which makes libuv report UV_ENOBUFS. */
static void on_alloc(uv_handle_t *uv, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    struct async_udp *udp = uv->data;
    struct async_waiter *receiver = udp->receive.waiters;
    buffer->base = receiver ? ((const struct wish *)receiver->data)->buffer : NULL;
    buffer->len = receiver ? udp->receive.size : 0;
}

static void on_received(uv_udp_t *uv, ssize_t count, const uv_buf_t *buffer, const struct sockaddr *from,
                        unsigned flags)
{
    (void)buffer;
    struct async_udp *udp = uv->data;
    struct async_waiter *receiver = udp->receive.waiters;
    if (!receiver) {
        uv_udp_recv_stop(uv);
        udp->receiving = false;
        return;
    }
    if (count == 0 && !from)
        return; /* not an empty datagram, but the end of the input for now */
    struct async_datagram *datagram = ((const struct wish *)receiver->data)->datagram_ret;
    if (datagram && count >= 0) {
        async_address_copy(&datagram->from, from, 0);
        datagram->truncated = flags & UV_UDP_PARTIAL;
    }
    async_future_wake(&udp->receive, count);
}

ssize_t async_udp_receive(struct async_udp *udp, void *buffer, size_t size,
                          struct async_datagram *datagram_ret)
{
    int unusable = async_handle_check(udp);
    if (unusable || !buffer || !size)
        return unusable ? unusable : async_refused(UV_EINVAL);
    if (udp->receive.waiters)
        return async_refused_because(UV_EBUSY, "another task is in this call");
    if (!udp->receiving) {
        int error = uv_udp_recv_start(&udp->uv, on_alloc, on_received);
        if (error)
            return error;
        udp->receiving = true;
    }
    struct wish wish = {buffer, datagram_ret};
    udp->receive.size = size;
    return async_future_await(&udp->receive, &wish);
}

int async_udp_close(struct async_udp *udp)
{
    int unusable = async_handle_check_close(udp);
    if (unusable)
        return unusable;
    async_future_wake(&udp->receive, UV_ECANCELED);
    return async_handle_close(&udp->handle);
}
