/* SPDX-License-Identifier: MIT */
/**
 * @file limits.h - every bound of the engine, carried as one value and shown by `asyncdump --limits`.
 * No other file holds a literal bound on what a target can make the engine do.
 */
#ifndef AD_BASE_LIMITS_H
#define AD_BASE_LIMITS_H

#include <stdint.h>

struct ad_limits {
    uint64_t tasks;         /**< tasks read from one target */
    uint64_t futures;
    uint64_t workers;       /**< of one runtime */
    uint64_t record_bytes;  /**< of one record of a runtime */
    uint64_t slabs;         /**< of one worker or process */
    uint64_t runtimes;      /**< descriptors in one target */
    uint64_t list_steps;    /**< steps of any list walk (waiters, labels, run queue) */
    uint64_t frames;        /**< physical frames of one stack */
    uint64_t stack_bytes;   /**< bytes read of one stack */
    uint64_t thread_bytes;  /**< copied of the stack of an OS thread of a live process */
    uint64_t text;          /**< bytes of a name or label */
    uint64_t labels;        /**< of one task */
    uint64_t history;       /**< finished tasks kept by one runtime */
    uint64_t handles;       /**< of one runtime */
    uint64_t functions;     /**< counted by one runtime */
    uint64_t modules;
    uint64_t regions;       /**< program headers or mappings */
    uint64_t threads;
    uint64_t notes_bytes;   /**< of a core or module */
    uint64_t section_bytes; /**< of one ELF section, uncompressed */
    uint64_t elf_sections;
    uint64_t cfi_bytes;     /**< of one function's unwind information */
    uint64_t unwind_rows;   /**< code addresses whose unwind rules are kept */
    uint64_t inline_depth;  /**< inlined calls at one pc */
    uint64_t variables;     /**< arguments and locals of one function */
    uint64_t types;         /**< of the variables of one unit */
    uint64_t members;       /**< of one structure or enumeration */
    uint64_t expression_bytes; /**< of one location expression */
    uint64_t expression_stack; /**< numbers on its stack */
    uint64_t entry_values;  /**< callers asked, one by the other, for one value */
    uint64_t values;        /**< of arguments and locals, of all tasks */
    uint64_t value_bytes;   /**< of one value, in memory and as text */
    uint64_t value_elements; /**< shown of an array or text */
    uint64_t value_depth;   /**< structures and arrays inside each other */
    uint64_t value_memory;  /**< copied of a live process so that pointers to texts can be followed */
    uint64_t split_files;   /**< .dwo files of one module that are opened at a time */
    uint64_t symbol_seconds;/**< for the symbol reader of one module */
    uint64_t symbol_bytes;  /**< its address space */
    uint64_t name_bytes;    /**< of one function's name, mangled or not */
    uint64_t name_seconds;  /**< to demangle the names of all functions */
    uint64_t name_memory;   /**< likewise */
    uint64_t fetch_seconds; /**< for one file of debuginfod */
    uint64_t fetch_stall_seconds; /**< in which nearly nothing comes of it */
    uint64_t fetch_bytes;   /**< of it */
    uint64_t small_debug_bytes; /**< of .gnu_debugdata, uncompressed */
    uint64_t unpacked_bytes; /**< of a core from a compressed file or a pipe */
    uint64_t unpacked_disk; /**< of them, those that are not zero and so take room in TMPDIR */
    uint64_t unpack_memory; /**< of the decoder of a compressed core */
    uint64_t live_bytes;    /**< copied from a live process or a debugger */
    uint64_t frame_bytes;   /**< one message of the pipe to a debugger */
    uint64_t stop_milliseconds; /**< waiting for the threads of a live process to stop */
};

extern const struct ad_limits ad_limits_default;

/** One line for each limit: visit(name, value, meaning, context). */
void ad_limits_visit(const struct ad_limits *limits,
                     void (*visit)(const char *name, uint64_t value, const char *meaning, void *context),
                     void *context);

#endif
