/* SPDX-License-Identifier: MIT */
/**
 * @file fetch.h - files by build-id from the servers that DEBUGINFOD_URLS names, by elfutils' libdebuginfod.
 *
 * The library is loaded only when a file is fetched: it brings a web client with it, which would cost every start.
 * It runs in a child without rights over other processes, and of root as user nobody; so root keeps no
 * cache, and others the library's own (~/.cache/debuginfod_client). What it gives is a file like any other, to be proven
 * by its build-id. Protocol: a SOCK_SEQPACKET socket, one struct ad_fetch_message a packet.
 */
#ifndef AD_MODULE_FETCH_H
#define AD_MODULE_FETCH_H

#include "module/elf_file.h"
#include "module/module.h"

enum ad_fetch_kind { AD_FETCH_DEBUG, AD_FETCH_PROGRAM };

/** What is sought, of whom, and who is told how far it is. */
struct ad_fetch {
    enum ad_fetch_kind kind;
    const struct ad_build_id *id;
    const char *name; /**< the module's, for progress */
    const struct ad_module_options *options;
    const struct ad_limits *limits;
};

enum { AD_FETCH_PROGRESS = 1, AD_FETCH_DONE, AD_FETCH_FAILED };

struct ad_fetch_message {
    uint32_t kind; /**< AD_FETCH_DONE: with the descriptor of the file */
    int32_t error; /**< errno of AD_FETCH_FAILED; 0: `text` says it */
    uint64_t taken, whole; /**< bytes; whole 0: not known yet */
    char text[4096];       /**< path of the file, or what is wrong */
};

/**
 * The file of this build-id, parsed but not proven. AD_ERROR_NOT_FOUND: no server has it; AD_ERROR_LIMIT: it took
 * too long; another error: no server can be asked, or what came is no ELF file.
 */
struct ad_error *ad_fetch_file(const struct ad_fetch *fetch, struct ad_elf_file **file_ret) ad_must_check;

/** What runs in the child. `cache`: a folder that is its own, NULL: the library's. */
_Noreturn void ad_fetch_child(const struct ad_fetch *fetch, int socket, const char *cache);
/** Gives up all that root and others with special rights have over files and processes; false: it could not. */
bool ad_fetch_drop_rights(void);

#endif
