/* SPDX-License-Identifier: MIT */
/**
 * @file pipe.h - the engine's side of the pipe to a debugger: framing, and the debugger's memory as a target.
 *
 * A frame is   u32 size of payload (little endian) | u8 type | payload.
 *
 *     type  direction            payload
 *     'Q'   debugger -> engine   JSON object: a request (dump/serve.h lists them)
 *     'A'   engine -> debugger   JSON object: the answer; exactly one for each request, in order
 *     'R'   engine -> debugger   u32 n, then n times { u64 address, u32 size }: read these ranges
 *     'D'   debugger -> engine   for each range of the 'R', in order: u32 got, then that many bytes
 *
 * 'R' comes only between a 'Q' and its 'A'. Its ranges are whole pages of 4 KiB; a range that comes back
 * short is asked for again page by page, once. Pages that were read are kept until the target is destroyed.
 * A frame is never larger than limits->frame_bytes. The end of the input, or a frame that does not fit,
 * leaves the pipe broken: every later call is an error. Ignore SIGPIPE, so that a debugger that is gone is
 * an error too.
 */
#ifndef AD_TARGET_PIPE_H
#define AD_TARGET_PIPE_H

#include "target/target.h"

struct ad_pipe {
    int in;
    int out;
    const struct ad_limits *limits; /**< NULL: ad_limits_default */
    bool broken;                    /**< set by the first error: the two sides no longer agree */
};

/** What the debugger tells of the process; texts are copied. */
struct ad_pipe_process {
    pid_t pid;
    const char *command;
    const char *executable;
    const char *maps;                /**< text as in /proc/PID/maps */
    const struct ad_thread *threads; /**< copied */
    size_t thread_count;
    const void *auxv;                /**< as in /proc/PID/auxv; copied; may be NULL */
    size_t auxv_size;
};

/**
 * Receives one frame. `payload_ret` is the caller's to free and has a NUL behind its `size_ret` bytes. Type 0
 * and payload NULL at the end of input. AD_ERROR_FORMAT: it ends inside a frame; AD_ERROR_LIMIT: too large.
 */
struct ad_error *ad_pipe_receive(struct ad_pipe *pipe, uint8_t *type_ret, void **payload_ret,
                                 size_t *size_ret) ad_must_check;
struct ad_error *ad_pipe_send(struct ad_pipe *pipe, uint8_t type, const void *payload, size_t size) ad_must_check;

/** The process at the other end as a target. `pipe` must outlive it; `maps` and the texts may be NULL. */
struct ad_error *ad_pipe_open(struct ad_pipe *pipe, const struct ad_pipe_process *process,
                              const struct ad_limits *limits, struct ad_target **target_ret) ad_must_check;

#endif
