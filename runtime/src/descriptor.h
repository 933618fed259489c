/* SPDX-License-Identifier: MIT */
/**
 * @file descriptor.h - this runtime's descriptor, as async_debug.h defines it. The only file that knows
 * every record's shape; all others just keep their records.
 */
#ifndef ASYNC_DESCRIPTOR_H
#define ASYNC_DESCRIPTOR_H

#include "async_debug.h"

extern struct async_debug_descriptor async_debug_descriptor;

/** Makes the descriptor valid. The stores also put its page into every core. */
void async_descriptor_publish(void);

#endif
