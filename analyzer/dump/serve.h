/* SPDX-License-Identifier: MIT */
/**
 * @file serve.h - the engine inside a debugger: requests and answers over the frames of target/pipe.h.
 *
 * One JSON object for each request, one for its answer. Integers are signed 64-bit: an address above 2^63
 * is the negative number of the same bits. Texts of the target are escaped (report/escape.h). Any request
 * may be answered { "error": TEXT, "status": 2 usage, 4 unusable, 5 not permitted }.
 *
 *     {"request": "hello", "protocol": 1}
 *         {"engine": "0.1.0", "protocol": 1}
 *     {"request": "open", "core": PATH, "executable": PATH or null}
 *     {"request": "open", "process": {"pid": N, "command": TEXT, "executable": PATH or null,
 *         "maps": as /proc/PID/maps, "threads": [{"tid": N, "name": TEXT, "registers": {"rip": N, ...},
 *         "system_call": N}, ...]}} (the call it is in, where it is in one)
 *         {"ok": true, "status": 0 or 3}      the process's memory is asked for by 'R' frames meanwhile
 *     {"request": "text", "argv": ["--tasks"]}
 *         {"text": TEXT, "status": 0 or 3}    the words of the command line; [] is the first screen
 *     {"request": "tasks"}
 *         {"tasks": [{"id": N, "name": TEXT, "state": TEXT}, ...]}
 *     {"request": "task", "id": N}            or "name": TEXT
 *         {"id", "name", "state", "address", "running_thread": tid or null, "bridge", "context": 0 when
 *          it has none, "registers": {"rip": N, ...}, "entry_low", "entry_high", "summary": TEXT,
 *          "stack": [{"function", "file", "line", "pc", "hidden", "inlined", "exact": the pc is no return
 *                     address}, ...], "stack_end": null when complete, else why it ends,
 *          "unbegun": whether it has never run}
 *     {"request": "close"}
 *         {"ok": true}
 */
#ifndef AD_DUMP_SERVE_H
#define AD_DUMP_SERVE_H

/**
 * Serves until the end of input. Returns the exit status: 0, or 4 when the conversation broke (a frame that
 * is none, a reader that left), which stderr tells. The caller ignores SIGPIPE.
 */
int ad_serve(int in, int out);

#endif
