/* SPDX-License-Identifier: MIT */
/**
 * @file trace.h - what happens to tasks, told to the user's trace function and to static tracepoints.
 *
 * A tracepoint is one nop and a note in the file that says where it is and where its arguments lie
 * (systemtap's sys/sdt.h; without the header there are none).
 */
#ifndef ASYNC_TRACE_H
#define ASYNC_TRACE_H

#include "async.h"

#if defined(__has_include)
#if __has_include(<sys/sdt.h>)
#include <sys/sdt.h>
#define ASYNC_PROBES 1
#endif
#endif

#ifdef ASYNC_PROBES
#define ASYNC_PROBE3(name, a, b, c) DTRACE_PROBE3(asyncrt, name, a, b, c)
#define ASYNC_PROBE4(name, a, b, c, d) DTRACE_PROBE4(asyncrt, name, a, b, c, d)
#else
#define ASYNC_PROBE3(name, a, b, c) ((void)0)
#define ASYNC_PROBE4(name, a, b, c, d) ((void)0)
#endif

/** The runtime's own bit of process.debug_flags: a trace function is set. */
#define ASYNC_MODE_TRACE (1u << 16)

/** Calls the trace function, if one is set. `kind`: of the future that is awaited, 0: a yield. */
void async_trace(enum async_trace_event event, const struct async_task *task, uint32_t kind);

#endif
