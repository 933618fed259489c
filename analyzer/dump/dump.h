/* SPDX-License-Identifier: MIT */
/**
 * @file dump.h - the composition root: from a target to a snapshot with stacks, symbols and findings.
 * The only folder that knows every other.
 */
#ifndef AD_DUMP_DUMP_H
#define AD_DUMP_DUMP_H

#include "findings/findings.h"
#include "model/snapshot.h"
#include "module/module.h"
#include "report/report.h"
#include "target/target.h"

struct ad_dump_options {
    struct ad_limits limits;
    struct ad_module_options modules;
    bool locals;  /**< read arguments and locals, too */
    bool registers; /**< keep those of suspended tasks: for a debugger, or for ad_dump_locals later */
    const char *snapshot; /**< a new file for what was read of the target (target/snapshot_file.h); NULL: none */
    bool no_stop; /**< a live process is never stopped; what changed while it was read is marked */
};

struct ad_dump {
    struct ad_snapshot *snapshot;
    struct ad_findings findings;
    struct ad_modules *modules;
    struct ad_target *target;
    bool files_open; /**< of the modules */
    bool has_locals;
};

/**
 * Takes the target over (destroyed also on error) and reads all of it: modules, runtimes, tasks, stacks;
 * of a live process (ad_live_watch) most of it while that runs; then files, unwinding, symbols, findings.
 * AD_ERROR_UNUSABLE when no runtime is found: says what was looked for.
 */
struct ad_error *ad_dump_create(struct ad_target *target, const struct ad_dump_options *options,
                                struct ad_dump **dump_ret) ad_must_check;
void ad_dump_destroy(struct ad_dump *dump);

/** Reads arguments and locals of all frames into the snapshot, unless they are there already. A live process
 *  whose dump was made without options.locals has them only where they are on the stacks. */
struct ad_error *ad_dump_locals(struct ad_dump *dump, const struct ad_limits *limits) ad_must_check;

#endif
