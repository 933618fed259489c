/* SPDX-License-Identifier: MIT */
/**
 * @file dwarf_line_table.h - the line table of one unit, read without libdwarf.
 *
 *     header     factors, directories, files          dwarf_line_table.c
 *     program    a state machine that says rows       dwarf_lines.c
 *
 * libdwarf 20210528 starts DWARF 5 programs with file 0 where every producer means 1 (DWARF 5, 6.2.2), and
 * builds an object for each row: this is right, and some ten times faster. Formats: DWARF 2 to 5, 6.2.4.
 */
#ifndef AD_SYMBOL_DWARF_LINE_TABLE_H
#define AD_SYMBOL_DWARF_LINE_TABLE_H

#include "base/cursor.h"
#include "base/vector.h"
#include "module/elf_file.h"
#include "symbol/dwarf_query.h"

struct ad_line_file {
    const char *name;
    uint64_t directory;
};

struct ad_line_table {
    struct ad_dwarf_object *object; /**< the texts belong to its sections */
    const char *unit_directory; /**< DW_AT_comp_dir; empty: not known */
    uint16_t version;
    bool is_64;
    uint8_t instruction_length; /**< what an advance of 1 means */
    uint8_t operations;         /**< of one instruction; 1 but for VLIW machines */
    bool default_is_statement;
    int8_t line_base;
    uint8_t line_range;
    uint8_t opcode_base;
    const uint8_t *operand_counts; /**< of the opcodes 1 to opcode_base - 1 */
    struct ad_vector
        directories;        /**< struct ad_line_file; in DWARF 5, 0 is the unit's, else 1 is the first */
    struct ad_vector files; /**< struct ad_line_file; in DWARF 5, 0 is the first, else 1 */
    struct ad_cursor program;
};

/** AD_ERROR_FORMAT: no table here that makes sense. The texts of `unit_directory` and `object` are kept. */
struct ad_error *ad_line_table_init(struct ad_line_table *table, struct ad_dwarf_object *object,
                                    uint64_t offset, const char *unit_directory) ad_must_check;
void ad_line_table_deinit(struct ad_line_table *table);

/** Finds the rows that cover the queries of the unit, as GDB reads them. */
void ad_line_table_find(const struct ad_line_table *table, struct ad_dwarf_queries *queries);

/**
 * The path of file `number`, in a buffer; empty when there is none. Relative names follow the unit's
 * directory when that is an absolute path but "/". After -ffile-prefix-map, whose directories are relative,
 * names stay as they are: "fixtures/kvd/kvd.c" wherever it was built.
 */
void ad_line_table_path(const struct ad_line_table *table, uint64_t number, char *buffer, size_t size);

#endif
