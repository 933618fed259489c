/* SPDX-License-Identifier: MIT */
#include "report/escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

enum { PIECE_MAX = 16 }; /* "\u{10ffff}" and its NUL, with room */

/* Characters beyond ASCII that must not reach a reader as they are (Unicode 15: general categories Cc, Cf,
   Co, Cs, Zl, Zp, Zs without U+3000, noncharacters, variation selectors, invisible fillers). Sorted. */
static const struct {
    uint32_t first, last;
} invisible[] = {
    {0x80, 0xa0},       {0xad, 0xad},       {0x34f, 0x34f},      {0x600, 0x605},     {0x61c, 0x61c},
    {0x6dd, 0x6dd},     {0x70f, 0x70f},     {0x890, 0x891},      {0x8e2, 0x8e2},     {0x115f, 0x1160},
    {0x1680, 0x1680},   {0x17b4, 0x17b5},   {0x180b, 0x180f},    {0x2000, 0x200f},   {0x2028, 0x202f},
    {0x205f, 0x206f},   {0x2800, 0x2800},   {0x3164, 0x3164},    {0xd800, 0xf8ff},   {0xfdd0, 0xfdef},
    {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},    {0xfff0, 0xfffb},   {0xfffe, 0xffff},
    {0x110bd, 0x110bd}, {0x110cd, 0x110cd}, {0x13430, 0x1343f},  {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
    {0x1fffe, 0x1ffff}, {0x2fffe, 0x2ffff}, {0x3fffe, 0x10ffff},
};

static bool is_shown(uint32_t character)
{
    for (size_t i = 0; i < sizeof(invisible) / sizeof(invisible[0]); i++)
        if (character <= invisible[i].last)
            return character < invisible[i].first;
    return false;
}

/* Turns the first character of `text` into `piece`; the bytes it had. */
static size_t escape_one(const char *text, char piece[PIECE_MAX])
{
    uint8_t byte = (uint8_t)*text;
    uint32_t character;
    if (byte == '\\') {
        strcpy(piece, "\\\\");
        return 1;
    }
    if (byte >= ' ' && byte < 0x7f) {
        piece[0] = *text;
        piece[1] = '\0';
        return 1;
    }
    size_t length = ad_utf8_decode(text, &character);
    if (!length) {
        snprintf(piece, PIECE_MAX, "\\x%02x", byte);
        return 1;
    }
    if (is_shown(character)) {
        memcpy(piece, text, length);
        piece[length] = '\0';
    } else {
        snprintf(piece, PIECE_MAX, "\\u{%x}", character);
    }
    return length;
}

/* How many bytes from here on need nothing: nearly always all of them. */
static size_t plain_run(const char *text, size_t most)
{
    size_t length = 0;
    while (length < most && text[length] >= ' ' && text[length] < 0x7f && text[length] != '\\')
        length++;
    return length;
}

char *ad_escape(char *buffer, size_t size, const char *text)
{
    char piece[PIECE_MAX];
    text = text ? text : "";
    size_t used = plain_run(text, size - sizeof("...")), safe = used; /* safe: may stay when "..." follows */
    memcpy(buffer, text, used);
    buffer[used] = '\0';
    for (text += used; *text;) {
        text += escape_one(text, piece);
        size_t length = strlen(piece);
        if (length >= size - used) {
            strcpy(buffer + safe, "...");
            break;
        }
        memcpy(buffer + used, piece, length + 1);
        used += length;
        if (used <= size - sizeof("..."))
            safe = used;
    }
    return buffer;
}

void ad_escape_print(FILE *out, const char *text)
{
    char buffer[AD_ESCAPE_MAX];
    fputs(ad_escape(buffer, sizeof(buffer), text), out);
}

void ad_escape_print_value(FILE *out, const char *text)
{
    char piece[PIECE_MAX];
    text = text ? text : "";
    while (*text) {
        size_t plain = plain_run(text, SIZE_MAX);
        if (*text == '\\' && !plain)
            plain = 1;
        fwrite(text, 1, plain, out);
        text += plain;
        if (*text && *text != '\\') {
            text += escape_one(text, piece);
            fputs(piece, out);
        }
    }
}
