/* SPDX-License-Identifier: MIT */
/** @file io.h - reading files that nobody vouches for: never a device, never a wait, never a short loop. */
#ifndef AD_BASE_IO_H
#define AD_BASE_IO_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/**
 * Opens a regular file for reading; anything else (FIFO, device, directory, socket) is refused without
 * waiting for it. `flags` are more open(2) flags, such as O_NOFOLLOW.
 * AD_ERROR_NOT_FOUND: no such file; AD_ERROR_PERMISSION; AD_ERROR_UNUSABLE: not a regular file.
 */
struct ad_error *ad_open_regular(const char *path, int flags, int *fd_ret, uint64_t *size_ret) ad_must_check;

/** Reads up to `size` bytes at `offset`; fewer at the end of the file or after an error. */
size_t ad_pread(int fd, void *buffer, size_t size, uint64_t offset);

/**
 * Reads a whole file of unknown size, such as those of /proc, relative to the directory `directory_fd`.
 * A NUL follows the bytes. `bytes_ret` is the caller's to free. More than `limit` bytes: AD_ERROR_LIMIT.
 */
struct ad_error *ad_read_file(int directory_fd, const char *path, uint64_t limit, char **bytes_ret,
                              size_t *size_ret) ad_must_check;

#endif
