/* SPDX-License-Identifier: MIT */
/**
 * @file address.h - socket addresses, beyond what async_io.h says.
 */
#ifndef ASYNC_ADDRESS_H
#define ASYNC_ADDRESS_H

#include <sys/socket.h>

#include "async.h"

static inline const struct sockaddr *async_address_socket(const struct async_address *address)
{
    return (const struct sockaddr *)&address->socket;
}

/** From the kernel or libuv; of unknown size: 0. */
void async_address_copy(struct async_address *address_ret, const struct sockaddr *socket, socklen_t size);

/** A socket's own address; none: size 0. */
void async_address_of_socket(struct async_address *address_ret, int fd);

/** 0: none. */
uint16_t async_address_port(const struct async_address *address);

/** A new socket for such an address, non-blocking and closed on exec; or a negative error. */
int async_address_open_socket(const struct async_address *address, int type);

#endif
