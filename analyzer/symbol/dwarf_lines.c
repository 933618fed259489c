/* SPDX-License-Identifier: MIT */
/* Which source line an address belongs to: the state machine of a line table (DWARF 5, 6.2.2 and 6.2.5). */
#include "base/range.h"
#include "symbol/dwarf_compat.h"
#include "symbol/dwarf_line_table.h"

struct row {
    uint64_t address;
    uint64_t file;
    uint64_t line;
    uint64_t column;
    bool is_statement;
};

struct machine {
    const struct ad_line_table *table;
    struct ad_dwarf_queries *queries;
    struct row now;      /* the registers */
    uint64_t operation;  /* within an instruction */
    struct row covering; /* the row in force since its address */
    bool has_covering;
    bool statement_here; /* a statement begins at covering.address */
    bool discarded;      /* the sequence of a function that the linker threw away: it begins at 0 */
    bool has_start;
};

static void reset(struct machine *machine)
{
    machine->now = (struct row){.file = 1, .line = 1, .is_statement = machine->table->default_is_statement};
    machine->operation = 0;
    machine->has_covering = machine->statement_here = machine->discarded = machine->has_start = false;
}

/* The row in force covers the addresses up to `end`. */
static void cover(struct machine *machine, uint64_t end)
{
    const struct row *row = &machine->covering;
    size_t first, count = 0;
    if (machine->has_covering && !machine->discarded && row->address < end)
        count = ad_dwarf_queries_in(machine->queries, row->address, end, &first);
    for (size_t i = 0; i < count; i++) {
        struct ad_dwarf_query *query = &machine->queries->items[first + i];
        if (query->line)
            continue; /* the first sequence that has the address */
        query->file = row->file;
        query->line = row->line;
        query->column = row->column;
    }
}

/* Whether a row is put aside, as GDB does: one without a line leaves the row before it in force; and of
 * several at one address, one that begins a statement is preferred. */
static bool is_ignored(const struct machine *machine, const struct row *row)
{
    bool same_place = machine->has_covering && machine->covering.address == row->address;
    return row->line == 0 || (same_place && !row->is_statement && machine->statement_here);
}

static void add_row(struct machine *machine)
{
    const struct row *row = &machine->now;
    if (!machine->has_start)
        machine->discarded = row->address == 0;
    machine->has_start = true;
    if (is_ignored(machine, row))
        return;
    if (!machine->has_covering || row->address != machine->covering.address) {
        cover(machine, row->address);
        machine->statement_here = false;
    }
    machine->statement_here |= row->is_statement;
    machine->covering = *row;
    machine->has_covering = true;
}

static void advance(struct machine *machine, uint64_t operations)
{
    const struct ad_line_table *table = machine->table;
    uint64_t all = machine->operation + operations;
    machine->now.address += table->instruction_length * (all / table->operations);
    machine->operation = all % table->operations;
}

static void run_special(struct machine *machine, uint8_t opcode)
{
    const struct ad_line_table *table = machine->table;
    uint8_t adjusted = (uint8_t)(opcode - table->opcode_base);
    advance(machine, adjusted / table->line_range);
    machine->now.line += (uint64_t)(int64_t)(table->line_base + adjusted % table->line_range);
    add_row(machine);
}

static void run_extended(struct machine *machine, struct ad_cursor *in)
{
    size_t size = ad_cursor_uleb(in);
    const void *bytes = ad_cursor_bytes(in, size);
    struct ad_cursor body;
    ad_cursor_init(&body, bytes, bytes ? size : 0);
    switch (ad_cursor_u8(&body)) {
    case DW_LNE_end_sequence:
        cover(machine, machine->now.address);
        reset(machine);
        break;
    case DW_LNE_set_address:
        machine->now.address = ad_cursor_unsigned(&body, size - 1);
        machine->operation = 0;
        break;
    default: /* discriminators, and files defined in passing, which nobody writes */
        break;
    }
}

static void skip_operands(struct machine *machine, struct ad_cursor *in, uint8_t opcode)
{
    for (unsigned i = machine->table->operand_counts[opcode - 1]; i > 0; i--)
        ad_cursor_uleb(in);
}

static void run_standard(struct machine *machine, struct ad_cursor *in, uint8_t opcode)
{
    struct row *now = &machine->now;
    switch (opcode) {
    case DW_LNS_copy:
        add_row(machine);
        break;
    case DW_LNS_advance_pc:
        advance(machine, ad_cursor_uleb(in));
        break;
    case DW_LNS_advance_line:
        now->line += (uint64_t)ad_cursor_sleb(in);
        break;
    case DW_LNS_set_file:
        now->file = ad_cursor_uleb(in);
        break;
    case DW_LNS_set_column:
        now->column = ad_cursor_uleb(in);
        break;
    case DW_LNS_negate_stmt:
        now->is_statement = !now->is_statement;
        break;
    case DW_LNS_const_add_pc:
        advance(machine, (uint8_t)(255 - machine->table->opcode_base) / machine->table->line_range);
        break;
    case DW_LNS_fixed_advance_pc:
        now->address += ad_cursor_u16(in);
        machine->operation = 0;
        break;
    default: /* marks on rows, and what later versions may add */
        skip_operands(machine, in, opcode);
        break;
    }
}

void ad_line_table_find(const struct ad_line_table *table, struct ad_dwarf_queries *queries)
{
    struct machine machine = {.table = table, .queries = queries};
    struct ad_cursor in = table->program;
    reset(&machine);
    while (ad_cursor_left(&in) > 0) {
        uint8_t opcode = ad_cursor_u8(&in);
        if (opcode >= table->opcode_base)
            run_special(&machine, opcode);
        else if (opcode == 0)
            run_extended(&machine, &in);
        else
            run_standard(&machine, &in, opcode);
    }
}
