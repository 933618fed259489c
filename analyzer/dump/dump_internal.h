/* SPDX-License-Identifier: MIT */
/**
 * @file dump_internal.h - the steps from a target to a snapshot, in the order in which dump.c takes them.
 */
#ifndef AD_DUMP_DUMP_INTERNAL_H
#define AD_DUMP_DUMP_INTERNAL_H

#include "base/map.h"
#include "dump/dump.h"
#include "runtimes/layout.h"
#include "unwind/unwind.h"

/* ---- discover.c: where descriptors are --------------------------------------------------------- */

/** An address that may be a descriptor's; `found_by` is "note", "symbol" or "scan". */
struct ad_candidate {
    uint64_t address;
    const char *found_by;
};

/** Descriptors found so far, and why what looked like one was refused. */
struct ad_discovery {
    struct ad_vector candidates; /* struct ad_candidate, all of them checked */
    struct ad_error *refused;    /**< of the first that was refused; NULL: none */
};

void ad_discovery_deinit(struct ad_discovery *discovery);
/** By the modules' ELF notes: needs their memory only. */
struct ad_error *ad_discover_notes(struct ad_discovery *discovery, struct ad_dump *dump,
                                   const struct ad_limits *limits) ad_must_check;
/** By the exported symbol: needs the modules' files. */
struct ad_error *ad_discover_symbols(struct ad_discovery *discovery, struct ad_dump *dump,
                                     const struct ad_limits *limits) ad_must_check;
/** By the magic, in all writable memory. */
struct ad_error *ad_discover_scan(struct ad_discovery *discovery, struct ad_dump *dump,
                                  const struct ad_limits *limits) ad_must_check;

/* ---- dump.c: which runtimes there are ----------------------------------------------------------- */

/** By notes, which needs no file; by symbols; by a scan when nothing else led to one. */
struct ad_error *ad_dump_discover(struct ad_dump *dump, const struct ad_dump_options *options,
                                  struct ad_discovery *discovery) ad_must_check;
/** Reads them all. One that cannot be read is a loss when there is another, and the end when there is none.
 *  `visitor`: see ad_layout_visit; NULL: none. */
struct ad_error *ad_dump_runtimes(struct ad_dump *dump, const struct ad_discovery *discovery,
                                  const struct ad_limits *limits, const struct ad_stack_visitor *visitor,
                                  struct ad_snapshot *snapshot) ad_must_check;
/** Opens the modules' files, once. */
struct ad_error *ad_dump_open_files(struct ad_dump *dump, const struct ad_dump_options *options) ad_must_check;

/* ---- live_read.c: a process that runs ------------------------------------------------------------- */

/** Modules, runtimes and stacks of a live target, in the order of target/live.h; then it is released. */
struct ad_error *ad_dump_read_live(struct ad_dump *dump, const struct ad_dump_options *options) ad_must_check;

/* ---- snapshot_links.c: what debuggers need beside ------------------------------------------------- */

/** Reads the dynamic linker's list of libraries, as far as it goes, for nothing but that it is read. */
void ad_dump_read_links(struct ad_dump *dump, const struct ad_limits *limits);

/* ---- stacks.c: every stack once ------------------------------------------------------------------ */

/** Unwinds tasks and threads into snapshot.stacks, .frames and .locations (their pc only); adds the stacks
 *  that a runtime has recorded, and where tasks start and were spawned. */
struct ad_error *ad_dump_stacks(struct ad_dump *dump, const struct ad_limits *limits) ad_must_check;

/** The same in three steps, so that tasks can be unwound while they are read: those that the visitor is told of. */
struct ad_stacks;
/** Needs the modules' files. */
struct ad_error *ad_stacks_create(struct ad_dump *dump, const struct ad_limits *limits,
                                  struct ad_stacks **stacks_ret) ad_must_check;
void ad_stacks_destroy(struct ad_stacks *stacks);
struct ad_stack_visitor ad_stacks_visitor(struct ad_stacks *stacks);
/** The tasks that were not visited, and all else. */
struct ad_error *ad_stacks_complete(struct ad_stacks *stacks) ad_must_check;

/* ---- locations.c: every address once --------------------------------------------------------------- */

struct ad_locations {
    struct ad_snapshot *snapshot;
    struct ad_map at[2]; /**< pc -> index into snapshot.locations; [1]: exact addresses */
};

void ad_locations_deinit(struct ad_locations *locations);
/** The location of an address; `exact`: it is no return address. */
struct ad_error *ad_locations_find(struct ad_locations *locations, uint64_t pc, bool exact,
                                   uint32_t *index_ret) ad_must_check;
/** Of all start functions, and of spawning calls where no site tells the place. */
struct ad_error *ad_locations_add_starts(struct ad_locations *locations) ad_must_check;

/* ---- locate.c: what is at each address ------------------------------------------------------------ */

/** The address whose function is meant: a return address may already be the next function's. */
uint64_t ad_location_address(const struct ad_location *location);
/** Fills the locations' modules, functions and lines; tells what symbols were lost. */
struct ad_error *ad_dump_locate(struct ad_dump *dump, const struct ad_limits *limits) ad_must_check;

/* ---- losses.c: what files were missing, and of threads -------------------------------------------- */

/** snapshot.build_id_state, and a loss for each module without a usable file that a stack needs. */
struct ad_error *ad_dump_module_losses(struct ad_dump *dump) ad_must_check;
/** A note for each reason why stacks of OS threads end early: a library's own thread may have code without CFI,
 *  and what is lost with a file is told anyway. */
struct ad_error *ad_dump_thread_losses(struct ad_dump *dump) ad_must_check;

/* ---- locals_memory.c: what arguments and locals point to ------------------------------------------- */

/** Copies the writable memory of a live process, at most limits->value_memory. */
struct ad_error *ad_dump_copy_data(struct ad_dump *dump, const struct ad_limits *limits) ad_must_check;

#endif
