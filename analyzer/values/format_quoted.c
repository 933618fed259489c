/* SPDX-License-Identifier: MIT */
/* Characters and texts, as GDB writes them: runs of the same character are counted. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "values/format_internal.h"

#define PIECE_MAX 24

/* A typedef's name makes its integers characters. */
static bool is_named(const struct ad_type *type, const char *name)
{
    return type->name && strcmp(type->name, name) == 0;
}

unsigned ad_format_character_width(const struct ad_types *types, uint32_t id, const char **prefix_ret)
{
    const struct ad_type *type = ad_type_get(types, id), *real = ad_type_real(types, id);
    const char *prefix = "";
    for (int hop = 0; hop < 16 && type->kind == AD_TYPE_ALIAS && !*prefix; hop++) {
        prefix = is_named(type, "wchar_t") ? "L" : is_named(type, "char16_t") ? "u" : is_named(type, "char32_t") ? "U" : "";
        type = ad_type_get(types, type->target);
    }
    if (real->kind == AD_TYPE_CHARACTER && real->size > 1)
        prefix = real->size == 2 ? "u" : "U";
    else if (is_named(real, "wchar_t"))
        prefix = "L";
    *prefix_ret = prefix;
    bool is_integer = real->kind == AD_TYPE_SIGNED || real->kind == AD_TYPE_UNSIGNED ||
                      real->kind == AD_TYPE_CHARACTER;
    if (!is_integer || (real->size != 1 && !*prefix))
        return 0;
    return real->size == 1 || real->size == 2 || real->size == 4 ? (unsigned)real->size : 0;
}

/* ---- One character ---- */

/* A character of the text, or a byte that is none. */
struct unit {
    uint32_t character;
    unsigned width;  /* bytes of one of the text's elements */
    uint8_t length;  /* bytes; of UTF-8 up to 4 */
    bool is_text;    /* otherwise only a number */
};

static void encode(uint32_t character, char piece[PIECE_MAX])
{
    size_t length = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = length; i-- > 1; character >>= 6)
        piece[i] = (char)(0x80 | (character & 0x3f));
    piece[0] = (char)(lead[length] | character);
    piece[length] = '\0';
}

static const char *short_escape(uint32_t character)
{
    switch (character) {
    case '\a':
        return "\\a";
    case '\b':
        return "\\b";
    case '\f':
        return "\\f";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    case '\v':
        return "\\v";
    default:
        return NULL;
    }
}

/* `after_number`: a digit would be taken for one more of the number's. Returns whether this one is so. */
static bool put_unit(struct ad_text *text, const struct unit *unit, char quote, bool after_number)
{
    char piece[PIECE_MAX];
    uint32_t character = unit->character;
    bool is_digit = character >= '0' && character <= '9';
    const char *escape = short_escape(character);
    if (escape) {
        ad_text_put(text, escape);
        return false;
    }
    if (!unit->is_text || character < ' ' || character == 0x7f || (is_digit && after_number)) {
        bool is_octal = character <= 0777; /* three digits, and no more */
        ad_text_print(text, is_octal ? "\\%.3o" : "\\x%" PRIx32, character);
        return !is_octal;
    }
    if (character == (uint32_t)quote || character == '\\')
        ad_text_put(text, "\\");
    encode(character, piece);
    ad_text_put(text, piece);
    return false;
}

static bool is_character(uint32_t character)
{
    return character <= 0x10ffff && !(character >= 0xd800 && character <= 0xdfff) &&
           !(character >= 0x80 && character < 0xa0);
}

/* The character that the bytes begin with; at least one element. */
static struct unit take_unit(const uint8_t *bytes, size_t left, unsigned width)
{
    struct unit unit = {.width = width, .length = (uint8_t)width};
    char piece[8] = "";
    memcpy(&unit.character, bytes, width);
    unit.is_text = width > 1 ? is_character(unit.character) : unit.character < 0x80;
    if (unit.is_text || width > 1)
        return unit;
    memcpy(piece, bytes, left < 4 ? left : 4);
    size_t length = ad_utf8_decode(piece, &unit.character);
    if (length && is_character(unit.character)) {
        unit.length = (uint8_t)length;
        unit.is_text = true;
    } else {
        unit.character = bytes[0];
    }
    return unit;
}

void ad_format_character(struct ad_text *text, uint32_t character, unsigned width, const char *prefix)
{
    uint8_t bytes[4];
    memcpy(bytes, &character, sizeof(bytes));
    struct unit unit = take_unit(bytes, width, width);
    ad_text_put(text, prefix);
    ad_text_put(text, "'");
    put_unit(text, &unit, '\'', false);
    ad_text_put(text, "'");
}

/* ---- Texts ---- */

/* A text in the making. */
struct quoted {
    struct ad_text *text;
    const char *prefix;
    bool is_open;      /* inside of quotes */
    bool any;          /* something is there */
    bool after_number;
};

static void open_quotes(struct quoted *quoted)
{
    if (quoted->is_open)
        return;
    ad_text_put(quoted->text, quoted->any ? ", " : "");
    ad_text_put(quoted->text, quoted->prefix);
    ad_text_put(quoted->text, "\"");
    quoted->is_open = true;
    quoted->after_number = false;
}

static void close_quotes(struct quoted *quoted)
{
    if (quoted->is_open)
        ad_text_put(quoted->text, "\"");
    quoted->is_open = false;
}

static void put_run(struct quoted *quoted, const struct unit *unit, uint64_t count)
{
    if (count > AD_FORMAT_REPEATS) {
        close_quotes(quoted);
        ad_text_print(quoted->text, "%s%s'", quoted->any ? ", " : "", quoted->prefix);
        put_unit(quoted->text, unit, '\'', false);
        ad_text_print(quoted->text, "' <repeats %" PRIu64 " times>", count);
    } else {
        open_quotes(quoted);
        for (uint64_t i = 0; i < count; i++)
            quoted->after_number = put_unit(quoted->text, unit, '"', quoted->after_number);
    }
    quoted->any = true;
}

/* What has been read of a text, and where to read on. */
struct reader {
    const struct ad_formatter *formatter;
    const struct ad_part *part;
    uint64_t end; /* elements */
    unsigned width;
    const struct ad_fragment *missing; /* what ended it */
};

static bool read_unit(struct reader *reader, uint64_t at, struct unit *unit)
{
    uint8_t bytes[4] = {0};
    const struct ad_expression_stack *stack = reader->formatter->frame->stack;
    uint64_t left = (reader->end - at) * reader->width, offset = reader->part->offset + at * reader->width;
    reader->missing = ad_source_read(reader->part->source, stack, offset, reader->width, bytes);
    if (reader->missing)
        return false;
    /* More than one byte only where there is more than ASCII. */
    uint64_t more = left < sizeof(bytes) ? left : sizeof(bytes);
    if (reader->width == 1 && bytes[0] >= 0xc0 &&
        ad_source_read(reader->part->source, stack, offset, more, bytes))
        more = 1;
    *unit = take_unit(bytes, more, reader->width);
    return true;
}

static bool is_same(const struct unit *a, const struct unit *b)
{
    return a->character == b->character && a->is_text == b->is_text && a->length == b->length;
}

/* The elements of the text, until enough are shown; returns how many elements that were. */
static uint64_t put_units(struct reader *reader, struct quoted *quoted)
{
    const struct ad_limits *limits = ad_formatter_limits(reader->formatter);
    uint64_t at = 0, shown = 0;
    struct unit unit, next;
    bool more = reader->end && read_unit(reader, 0, &unit);
    while (more && shown < limits->value_elements && !quoted->text->full) {
        uint64_t count = 0;
        do {
            at += unit.length / unit.width;
            count++;
            more = at < reader->end && read_unit(reader, at, &next);
        } while (more && is_same(&unit, &next) && count < limits->stack_bytes);
        put_run(quoted, &unit, count);
        shown += count;
        unit = next;
    }
    return at;
}

static void finish(struct quoted *quoted, const struct reader *reader, bool is_cut)
{
    if (!quoted->any && !reader->missing)
        open_quotes(quoted);
    close_quotes(quoted);
    if (reader->missing)
        ad_format_blame(quoted->text, reader->missing);
    else if (is_cut)
        ad_text_put(quoted->text, "...");
}

/* Whether the last element of an array is a NUL, which is not shown. */
static bool ends_with_nul(const struct ad_formatter *formatter, const struct ad_part *part, uint64_t count,
                          unsigned width)
{
    uint32_t last = 0;
    return count && !ad_source_read(part->source, formatter->frame->stack, part->offset + (count - 1) * width,
                                    width, &last) && !last;
}

void ad_format_characters(struct ad_formatter *formatter, const struct ad_part *part, uint64_t count,
                          unsigned width, const char *prefix)
{
    struct reader reader = {formatter, part, count, width, NULL};
    struct quoted quoted = {.text = formatter->text, .prefix = prefix};
    if (count <= formatter->frame->stack->limits->value_elements || ends_with_nul(formatter, part, count, width))
        reader.end -= ends_with_nul(formatter, part, count, width);
    uint64_t shown = put_units(&reader, &quoted);
    finish(&quoted, &reader, shown < reader.end);
}

size_t ad_format_read(const struct ad_formatter *formatter, uint64_t address, void *buffer, size_t size)
{
    const struct ad_expression_stack *stack = formatter->frame->stack;
    return stack->read(stack->context, address, buffer, size);
}

void ad_format_text(struct ad_formatter *formatter, uint64_t address, unsigned width, const char *prefix)
{
    const struct ad_source source = {.in_memory = true, .address = address};
    const struct ad_part part = {.source = &source};
    uint64_t most = ad_formatter_limits(formatter)->value_elements, length = 0;
    uint32_t element = 1;
    bool readable = true;
    while (length < most && element && readable) {
        element = 0;
        readable = ad_format_read(formatter, address + length * width, &element, width) == width;
        length += element && readable;
    }
    struct reader reader = {formatter, &part, length, width, NULL};
    struct quoted quoted = {.text = formatter->text, .prefix = prefix};
    put_units(&reader, &quoted);
    if (!readable) {
        const struct ad_fragment missing = {.kind = AD_FRAGMENT_UNREADABLE, .number = address + length * width};
        reader.missing = &missing;
        finish(&quoted, &reader, false);
        return;
    }
    /* All of it was shown if what follows is its NUL. */
    if (length == most)
        element = ad_format_read(formatter, address + length * width, &element, width) == width ? element : 1;
    finish(&quoted, &reader, element != 0);
}
