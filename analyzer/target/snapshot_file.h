/* SPDX-License-Identifier: MIT */
/**
 * @file snapshot_file.h - a small ELF core of what was read of a target: for asyncdump, gdb and lldb.
 *
 *     ELF header | program headers | notes | bytes of the first range | of the second | ...
 *
 * A PT_LOAD for each range, with exactly its bytes: nothing is filled up with zeros. More than 65,534
 * of them are told as elf(5) says (PN_XNUM, one section header). Notes: NT_PRSTATUS of each thread, NT_PRPSINFO,
 * NT_AUXV, NT_FILE, and one of our own, AD_SNAPSHOT_NOTE_NAME, type 1: u64 ns since 1970, u64 CLOCK_MONOTONIC
 * of the moment that the snapshot shows (0: not known).
 */
#ifndef AD_TARGET_SNAPSHOT_FILE_H
#define AD_TARGET_SNAPSHOT_FILE_H

#include "target/target.h"

#define AD_SNAPSHOT_NOTE_NAME "AsyncDumpTime"
#define AD_SNAPSHOT_NOTE_TYPE 1u

/** AD_ERROR_USAGE when the file exists: nothing is ever overwritten. */
struct ad_error *ad_snapshot_file_check(const char *path) ad_must_check;
/** `ranges`: sorted, apart from each other, readable. Leaves no file behind when it fails; AD_ERROR_USAGE when it
 *  exists. */
struct ad_error *ad_snapshot_file_write(const char *path, struct ad_target *target, const struct ad_range *ranges,
                                        size_t count) ad_must_check;

#endif
