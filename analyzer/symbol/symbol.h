/* SPDX-License-Identifier: MIT */
/**
 * @file symbol.h - from code addresses to functions, inlined calls, files and lines.
 *
 * The only folder that includes libdwarf, which is known to crash on broken files; so each module's DWARF
 * is read in a child process that can do nothing else (no new files, no network, CPU and memory limits).
 * When the child dies, that module's functions come from its symbol table, and the result says so.
 */
#ifndef AD_SYMBOL_SYMBOL_H
#define AD_SYMBOL_SYMBOL_H

#include "base/pool.h"
#include "module/module.h"

/** One function at an address. Inlined calls come first, innermost first; the last is the real one. */
struct ad_symbol_frame {
    const char *function; /**< as in the source: "bank::account::take"; NULL: not known */
    const char *linkage_name; /**< as linkers know it, possibly mangled; NULL: not known */
    const char *file;     /**< as in the line table, directory included; NULL: not known */
    uint32_t line;        /**< 0: not known. For an outer frame: the line of the inlined call */
    uint32_t column;
    bool inlined;
};

struct ad_symbol {
    uint64_t address;                /**< the run-time address asked for */
    const struct ad_module *module;  /**< NULL: in no module */
    struct ad_symbol_frame *frames;  /**< at least one */
    size_t count;
    uint64_t offset;                 /**< from the function's start; for what has no line */
    bool from_table;                 /**< of a symbol table: name and offset, no line */
};

/** What was lost for one module. */
struct ad_symbol_loss {
    const struct ad_module *module;
    const char *reason; /**< "no debug information", "the DWARF reader crashed (SIGSEGV)", ... */
    bool table;         /**< of symbols, not of debug information; the reason names the file then */
};

struct ad_symbols {
    struct ad_pool pool;
    struct ad_symbol *symbols; /**< in the order of the addresses asked for */
    size_t count;
    struct ad_symbol_loss *losses;
    size_t loss_count;
};

/**
 * Looks up `count` run-time addresses. A caller's return address must be handed in as pc - 1. Never an
 * error for what cannot be found: that address has one frame with function NULL.
 */
struct ad_error *ad_symbols_find(struct ad_modules *modules, const uint64_t *addresses, size_t count,
                                 const struct ad_limits *limits, struct ad_symbols *symbols_ret) ad_must_check;
void ad_symbols_deinit(struct ad_symbols *symbols);

#endif
