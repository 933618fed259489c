/* SPDX-License-Identifier: MIT */
#include "symbol/dwarf_spelling.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "symbol/dwarf_compat.h"

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

static void put_dimensions(struct ad_die array, struct spelling *spelling)
{
    struct ad_die child = {0};
    close_pointer(spelling);
    for (int i = 0; i < HOPS; i++) {
        if (!ad_die_next_child(array, DW_TAG_subrange_type, DW_TAG_subrange_type, &child))
            return;
        uint64_t last = ad_die_unsigned(child, DW_AT_upper_bound, UINT64_MAX);
        uint64_t count = ad_die_unsigned(child, DW_AT_count, last + 1);
        char text[32] = "[]";
        if (count || last == UINT64_MAX - 1)
            snprintf(text, sizeof(text), "[%" PRIu64 "]", count);
        put_right(spelling, text);
    }
}

/* What goes on to another type: true, and the spelling has grown. */
static bool put_derived(struct ad_die die, uint16_t tag, struct spelling *spelling)
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
        put_dimensions(die, spelling);
        return true;
    case DW_TAG_subroutine_type:
        close_pointer(spelling);
        put_right(spelling, "()");
        return true;
    default:
        return false;
    }
}

static const char *keyword(const struct ad_dwarf_unit *unit, uint16_t tag, bool named)
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

void ad_dwarf_spell(const struct ad_dwarf_unit *unit, struct ad_dwarf_names *names, struct ad_die type,
                    char *buffer, size_t size)
{
    struct spelling spelling = {.left = ""};
    const char *name = NULL, *word = "", *around = NULL;
    for (int hop = 0; hop < HOPS; hop++) {
        uint16_t tag = ad_die_tag(type);
        if (!tag)
            break;
        if (!put_derived(type, tag, &spelling)) {
            name = ad_die_name(type);
            word = keyword(unit, tag, name);
            name = name ? name : "{...}";
            around = ad_dwarf_scope_name(names, unit, type);
            break;
        }
        if (!ad_die_reference(type, DW_AT_type, &type)) {
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
