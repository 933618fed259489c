/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/cleanup.h"
#include "module/elf_internal.h"

/* A symbol that may name code, for sorting. */
struct function {
    struct ad_range range; /* empty: it has no size */
    size_t number;         /* in the symbol table */
    bool global;
};

/* False when the file has no such table, or a broken one. */
static bool open_table(struct ad_elf_file *file, uint32_t type, struct ad_elf_symbols *symbols)
{
    for (size_t i = 0; i < file->section_count; i++) {
        const struct ad_elf_section *section = &file->sections[i];
        if (section->header.sh_type != type || section->header.sh_entsize != sizeof(Elf64_Sym) ||
            section->header.sh_link >= file->section_count)
            continue;
        const void *entries, *names;
        size_t size, names_size;
        struct ad_error *error = ad_elf_section_data(file, section, &entries, &size);
        if (!error)
            error = ad_elf_section_data(file, &file->sections[section->header.sh_link], &names, &names_size);
        ad_error_destroy(error);
        if (error)
            continue;
        *symbols = (struct ad_elf_symbols){entries, size / sizeof(Elf64_Sym), names, names_size};
        if (symbols->count > 1)
            return true;
    }
    *symbols = (struct ad_elf_symbols){0};
    return false;
}

static Elf64_Sym get(const struct ad_elf_symbols *symbols, size_t number)
{
    Elf64_Sym symbol;
    memcpy(&symbol, symbols->entries + number * sizeof(symbol), sizeof(symbol));
    return symbol;
}

static const char *name_of(const struct ad_elf_symbols *symbols, const Elf64_Sym *symbol)
{
    return symbol->st_name < symbols->names_size ? symbols->names + symbol->st_name : "";
}

/* Functions, and labels of assembler in code; "$x" and ".L" are marks of compilers. */
static bool is_function(const struct ad_elf_file *file, const Elf64_Sym *symbol)
{
    const char *name = name_of(&file->symbols, symbol);
    unsigned type = ELF64_ST_TYPE(symbol->st_info);
    if (symbol->st_shndx == SHN_UNDEF || !name[0])
        return false;
    if (type == STT_FUNC || type == STT_GNU_IFUNC)
        return true;
    if (type != STT_NOTYPE || symbol->st_shndx >= file->section_count || name[0] == '$' || name[0] == '.')
        return false;
    return file->sections[symbol->st_shndx].header.sh_flags & SHF_EXECINSTR;
}

/* Later ones are seen: labels without a size before all, then by start (inner ones later), the smaller
 * later; of equal ones a global name, then the first of the table. */
static int by_rank(const void *a, const void *b)
{
    const struct function *left = a, *right = b;
    uint64_t left_size = ad_range_size(left->range), right_size = ad_range_size(right->range);
    if (!left_size != !right_size)
        return left_size ? 1 : -1;
    if (left->range.start != right->range.start)
        return left->range.start < right->range.start ? -1 : 1;
    if (left_size != right_size)
        return left_size > right_size ? -1 : 1;
    if (left->global != right->global)
        return left->global ? 1 : -1;
    return (left->number < right->number) - (left->number > right->number);
}

static struct ad_error *collect(struct ad_elf_file *file, struct ad_vector *functions)
{
    for (size_t i = 1; i < file->symbols.count; i++) {
        Elf64_Sym symbol = get(&file->symbols, i);
        struct function function = {.number = i, .global = ELF64_ST_BIND(symbol.st_info) == STB_GLOBAL};
        if (!is_function(file, &symbol) || !ad_range_init(&function.range, symbol.st_value, symbol.st_size))
            continue;
        AD_TRY(ad_vector_push(functions, &function));
    }
    return NULL;
}

/* The end of the section that a label lies in, so that it does not reach into the next. */
static uint64_t end_of_section(const struct ad_elf_file *file, size_t number)
{
    Elf64_Sym symbol = get(&file->symbols, number);
    if (symbol.st_shndx >= file->section_count)
        return symbol.st_value;
    const Elf64_Shdr *header = &file->sections[symbol.st_shndx].header;
    struct ad_range section;
    bool inside = ad_range_init(&section, header->sh_addr, header->sh_size) &&
                  ad_range_contains(section, symbol.st_value);
    return inside ? section.end : symbol.st_value;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* A label reaches to whatever begins next. `functions` are ranked: labels by start, then the others. */
static void stretch_labels(const struct ad_elf_file *file, struct function *functions, size_t count)
{
    size_t labels = 0;
    while (labels < count && !ad_range_size(functions[labels].range))
        labels++;
    uint64_t next_label = UINT64_MAX, this_label = UINT64_MAX, next_sized = UINT64_MAX;
    for (size_t i = labels, sized = count; i-- > 0;) {
        struct ad_range *range = &functions[i].range;
        if (range->start != this_label) {
            next_label = this_label;
            this_label = range->start;
        }
        for (; sized > labels && functions[sized - 1].range.start >= range->start; sized--)
            next_sized = functions[sized - 1].range.start;
        uint64_t end = smaller(end_of_section(file, functions[i].number), smaller(next_label, next_sized));
        range->end = end > range->start ? end : range->start;
    }
}

static struct ad_error *index_functions(struct ad_elf_file *file, struct function *functions, size_t count)
{
    ad_auto_free struct ad_range *ranges = calloc(count + 1, sizeof(*ranges));
    file->functions = calloc(count + 1, sizeof(*file->functions));
    if (!ranges || !file->functions)
        return &ad_error_nomem;
    for (size_t i = 0; i < count; i++) {
        ranges[i] = functions[i].range;
        file->functions[i] = functions[i].number;
    }
    return ad_splice(ranges, count, &file->pieces, &file->piece_count);
}

/* Without symbols, or memory for them, addresses stay nameless: nothing that should stop the reader. */
static void load_symbols(struct ad_elf_file *file)
{
    if (file->symbols_loaded)
        return;
    file->symbols_loaded = true;
    if (!open_table(file, SHT_SYMTAB, &file->symbols) && !open_table(file, SHT_DYNSYM, &file->symbols))
        return;
    struct ad_vector functions = AD_VECTOR(struct function);
    struct ad_error *error = collect(file, &functions);
    if (!error && functions.count) {
        qsort(functions.items, functions.count, sizeof(struct function), by_rank);
        stretch_labels(file, functions.items, functions.count);
        error = index_functions(file, functions.items, functions.count);
    }
    ad_error_destroy(error);
    ad_vector_deinit(&functions);
}

static void fill(const struct ad_elf_symbols *symbols, const Elf64_Sym *symbol, struct ad_elf_symbol *ret)
{
    *ret = (struct ad_elf_symbol){name_of(symbols, symbol), symbol->st_value, symbol->st_size};
}

bool ad_elf_symbol_at(struct ad_elf_file *file, uint64_t vaddr, struct ad_elf_symbol *symbol_ret)
{
    load_symbols(file);
    const struct ad_piece *piece = ad_piece_find(file->pieces, file->piece_count, vaddr);
    if (!piece)
        return false;
    Elf64_Sym symbol = get(&file->symbols, file->functions[piece->index]);
    fill(&file->symbols, &symbol, symbol_ret);
    return true;
}

static bool find_named(const struct ad_elf_symbols *symbols, const char *name, struct ad_elf_symbol *symbol_ret)
{
    for (size_t i = 1; i < symbols->count; i++) {
        Elf64_Sym symbol = get(symbols, i);
        unsigned type = ELF64_ST_TYPE(symbol.st_info);
        bool address = type == STT_NOTYPE || type == STT_OBJECT || type == STT_FUNC || type == STT_GNU_IFUNC;
        if (!address || symbol.st_shndx == SHN_UNDEF || strcmp(name_of(symbols, &symbol), name) != 0)
            continue;
        fill(symbols, &symbol, symbol_ret);
        return true;
    }
    return false;
}

bool ad_elf_symbol_named(struct ad_elf_file *file, const char *name, struct ad_elf_symbol *symbol_ret)
{
    static const uint32_t tables[] = {SHT_SYMTAB, SHT_DYNSYM};
    struct ad_elf_symbols symbols;
    for (size_t i = 0; i < 2; i++)
        if (open_table(file, tables[i], &symbols) && find_named(&symbols, name, symbol_ret))
            return true;
    return false;
}
