/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <unistd.h>

#include "address.h"
#include "diagnose.h"
#include "stream.h"

/* ---- Unix-domain connections ------------------------------------------------------------------- */

/* A connect within the machine does not wait. */
static int open_connected_socket(const struct async_address *address)
{
    int fd = async_address_open_socket(address, SOCK_STREAM);
    if (fd >= 0 && connect(fd, async_address_socket(address), address->size) != 0) {
        int error = uv_translate_sys_error(errno);
        close(fd);
        return error;
    }
    return fd;
}

int async_connect_unix_at(struct async_stream **stream_ret, const char *path, const struct async_site *site)
{
    struct async_address address;
    int error =
        async_self() && stream_ret ? async_address_parse_unix(&address, path) : async_refused(UV_EINVAL);
    int fd = error ? error : open_connected_socket(&address);
    if (fd < 0)
        return fd;
    error = async_stream_adopt_at(stream_ret, fd, site);
    if (error)
        close(fd);
    return error;
}

/* ---- Anonymous pipes --------------------------------------------------------------------------- */

int async_pipe_at(struct async_stream **reader_ret, struct async_stream **writer_ret,
                  const struct async_site *site)
{
    uv_file fds[2];
    struct async_stream *reader;
    if (!async_self() || !reader_ret || !writer_ret)
        return async_refused(UV_EINVAL);
    int error = uv_pipe(fds, UV_NONBLOCK_PIPE, UV_NONBLOCK_PIPE);
    if (error)
        return error;
    error = async_stream_adopt_at(&reader, fds[0], site);
    if (error) {
        close(fds[0]);
        close(fds[1]);
        return error;
    }
    error = async_stream_adopt_at(writer_ret, fds[1], site);
    if (error) {
        close(fds[1]);
        async_handle_drop(&reader->handle);
        return error;
    }
    *reader_ret = reader;
    return 0;
}
