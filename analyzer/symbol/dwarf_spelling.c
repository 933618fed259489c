/* SPDX-License-Identifier: MIT */
#include "symbol/dwarf_spelling.h"

#include <inttypes.h>
#include <libdwarf/dwarf.h>
#include <stdio.h>
#include <string.h>

/* Pointers to arrays of pointers to ...: a file may say any number of them. */
#define HOPS 16
#define PIECE 256

/* A declarator grows around the name that is not there: outwards to the left and to the right. */
struct spelling {
    char left[PIECE];
    char right[PIECE];
    bool is_const, is_volatile; /* wait for what they qualify */
    bool pointer_last;     /* an array or a function needs parentheses around it */
};

/* What does not fit is cut. */
static void prepend(char *text, const char *more)
{
    size_t length = strlen(more), kept = strlen(text);
    if (length > PIECE - 1)
        length = PIECE - 1;
    if (kept > PIECE - 1 - length)
        kept = PIECE - 1 - length;
    memmove(text + length, text, kept);
    memcpy(text, more, length);
    text[length + kept] = '\0';
}

static void put_right(struct spelling *spelling, const char *text)
{
    size_t used = strlen(spelling->right);
    snprintf(spelling->right + used, sizeof(spelling->right) - used, "%s", text);
}

static void put_pointer(struct spelling *spelling, const char *sign)
{
    bool qualified = spelling->is_const || spelling->is_volatile;
    if (qualified && spelling->left[0])
        prepend(spelling->left, " ");
    prepend(spelling->left, spelling->is_volatile ? " volatile" : "");
    prepend(spelling->left, spelling->is_const ? " const" : "");
    prepend(spelling->left, sign);
    spelling->is_const = spelling->is_volatile = false;
    spelling->pointer_last = true;
}

static void close_pointer(struct spelling *spelling)
{
    if (!spelling->pointer_last)
        return;
    prepend(spelling->left, "(");
    prepend(spelling->right, ")");
    spelling->pointer_last = false;
}

static void put_dimensions(const struct ad_dwarf_unit *unit, Dwarf_Die array, struct spelling *spelling)
{
    Dwarf_Error error;
    Dwarf_Die child, next;
    Dwarf_Half tag;
    Dwarf_Bool is_info = dwarf_get_die_infotypes_flag(array);
    close_pointer(spelling);
    if (dwarf_child(array, &child, &error) != DW_DLV_OK)
        return;
    for (int i = 0; i < HOPS; i++) {
        uint64_t last = ad_dwarf_unsigned(child, DW_AT_upper_bound, UINT64_MAX);
        uint64_t count = ad_dwarf_unsigned(child, DW_AT_count, last + 1);
        char text[32] = "[]";
        if (count || last == UINT64_MAX - 1)
            snprintf(text, sizeof(text), "[%" PRIu64 "]", count);
        if (dwarf_tag(child, &tag, &error) == DW_DLV_OK && tag == DW_TAG_subrange_type)
            put_right(spelling, text);
        if (dwarf_siblingof_b(unit->object->debug, child, is_info, &next, &error) != DW_DLV_OK)
            return;
        child = next;
    }
}

/* What goes on to another type: true, and the spelling has grown. */
static bool put_derived(const struct ad_dwarf_unit *unit, Dwarf_Die die, Dwarf_Half tag,
                        struct spelling *spelling)
{
    switch (tag) {
    case DW_TAG_pointer_type:
        put_pointer(spelling, "*");
        return true;
    case DW_TAG_reference_type:
        put_pointer(spelling, "&");
        return true;
    case DW_TAG_rvalue_reference_type:
        put_pointer(spelling, "&&");
        return true;
    case DW_TAG_const_type:
        spelling->is_const = true;
        return true;
    case DW_TAG_volatile_type:
        spelling->is_volatile = true;
        return true;
    case DW_TAG_restrict_type:
    case DW_TAG_atomic_type:
        return true;
    case DW_TAG_array_type:
        put_dimensions(unit, die, spelling);
        return true;
    case DW_TAG_subroutine_type:
        close_pointer(spelling);
        put_right(spelling, "()");
        return true;
    default:
        return false;
    }
}

static const char *keyword(const struct ad_dwarf_unit *unit, Dwarf_Half tag, bool named)
{
    if (!unit->is_c && named)
        return "";
    switch (tag) {
    case DW_TAG_structure_type:
        return "struct ";
    case DW_TAG_union_type:
        return "union ";
    case DW_TAG_enumeration_type:
        return "enum ";
    case DW_TAG_class_type:
        return "class ";
    default:
        return "";
    }
}

void ad_dwarf_spell(const struct ad_dwarf_unit *unit, struct ad_dwarf_names *names, Dwarf_Die type, char *buffer,
                    size_t size)
{
    Dwarf_Error error;
    Dwarf_Half tag = 0;
    struct spelling spelling = {.left = ""};
    const char *name = NULL, *word = "", *around = NULL;
    for (int hop = 0; hop < HOPS; hop++) {
        if (dwarf_tag(type, &tag, &error) != DW_DLV_OK)
            break;
        if (!put_derived(unit, type, tag, &spelling)) {
            name = ad_dwarf_name(unit->object->debug, type);
            word = keyword(unit, tag, name);
            name = name ? name : "{...}";
            around = ad_dwarf_scope_name(names, unit, type);
            break;
        }
        if (!ad_dwarf_reference(unit->object->debug, type, DW_AT_type, &type)) {
            name = "void";
            break;
        }
    }
    bool gap = spelling.left[0] || spelling.right[0] == '[' || spelling.right[0] == '(';
    snprintf(buffer, size, "%s%s%s%s%s%s%s%s%s", spelling.is_const ? "const " : "",
             spelling.is_volatile ? "volatile " : "", word, around ? around : "",
             around ? "::" : "", name ? name : "...", gap ? " " : "", spelling.left,
             spelling.right);
}
