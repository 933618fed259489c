/* SPDX-License-Identifier: MIT */
/**
 * @file core.h - an ELF core as a target: of the kernel, of gcore, and of anything that writes alike.
 *
 * Read with pread, never mapped: a file that shrinks costs an error, not a SIGBUS. Program headers beyond
 * 65,535 (PN_XNUM, elf(5)) are found through section header 0 and, when truncation took that away, from
 * the place of the first segment. Overlapping segments: the later header wins. p_filesz < p_memsz means
 * "not in the dump", never zeros.
 */
#ifndef AD_TARGET_CORE_H
#define AD_TARGET_CORE_H

#include "target/target.h"

/** AD_ERROR_UNUSABLE when the file is not a core of a machine that is understood. */
struct ad_error *ad_core_open(const char *path, const struct ad_limits *limits,
                              struct ad_target **target_ret) ad_must_check;

#endif
