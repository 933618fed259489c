/* SPDX-License-Identifier: MIT */
#include "unwind/cfi_record.h"

#include <string.h>

enum {
    /* LSB Core, 10.5.1: pointer encodings */
    PE_FORMAT = 0x0f,
    PE_ABSOLUTE = 0x00,
    PE_ULEB = 0x01,
    PE_UDATA2 = 0x02,
    PE_UDATA4 = 0x03,
    PE_UDATA8 = 0x04,
    PE_SLEB = 0x09,
    PE_SDATA2 = 0x0a,
    PE_SDATA4 = 0x0b,
    PE_SDATA8 = 0x0c,
    PE_APPLICATION = 0x70,
    PE_PC_RELATIVE = 0x10,
    PE_INDIRECT = 0x80,
    PE_OMIT = 0xff,
};

enum { ADDRESS_SIZE = 8, RETURN_COLUMN = 16 };

/* What stands before every record's own fields. */
struct record {
    struct ad_cursor body; /* behind the id, up to the record's end */
    uint64_t id;           /* as read */
    size_t id_offset;      /* of the id in the section */
    bool is_64;
    size_t end;
};

/* False: the section ends here. A record of size 0 is padding, and has an empty body. */
static bool read_record(const struct ad_cfi_section *section, size_t offset, struct record *record)
{
    if (offset >= section->size)
        return false;
    struct ad_cursor cursor;
    ad_cursor_init(&cursor, section->bytes + offset, section->size - offset);
    uint64_t length = ad_cursor_u32(&cursor);
    record->is_64 = length == UINT32_MAX;
    if (record->is_64)
        length = ad_cursor_u64(&cursor);
    size_t start = (size_t)(cursor.position - section->bytes);
    if (length > ad_cursor_left(&cursor) || cursor.failed)
        return false;
    record->end = start + length;
    record->id_offset = start;
    ad_cursor_init(&record->body, section->bytes + start, length);
    record->id = ad_cursor_unsigned(&record->body, record->is_64 ? 8 : 4);
    return true;
}

static bool is_cie(const struct ad_cfi_section *section, const struct record *record)
{
    if (!section->is_debug_frame)
        return record->id == 0;
    return record->id == (record->is_64 ? UINT64_MAX : UINT32_MAX);
}

/* The bytes of a pointer; `encoding` is known to be one that is understood. */
static uint64_t read_format(struct ad_cursor *cursor, uint8_t encoding)
{
    switch (encoding & PE_FORMAT) {
    case PE_ULEB:
        return ad_cursor_uleb(cursor);
    case PE_UDATA2:
        return ad_cursor_u16(cursor);
    case PE_UDATA4:
        return ad_cursor_u32(cursor);
    case PE_SLEB:
        return (uint64_t)ad_cursor_sleb(cursor);
    case PE_SDATA2:
        return (uint64_t)(int16_t)ad_cursor_u16(cursor);
    case PE_SDATA4:
        return (uint64_t)(int32_t)ad_cursor_u32(cursor);
    default:
        return ad_cursor_u64(cursor);
    }
}

static bool encoding_known(uint8_t encoding)
{
    uint8_t format = encoding & PE_FORMAT, application = encoding & PE_APPLICATION;
    if (encoding & PE_INDIRECT || (application != PE_ABSOLUTE && application != PE_PC_RELATIVE))
        return false;
    return format <= PE_UDATA8 || (format >= PE_SLEB && format <= PE_SDATA8);
}

/* Skips the address of a personality routine, which only exceptions need. */
static void skip_personality(struct ad_cursor *cursor)
{
    uint8_t encoding = ad_cursor_u8(cursor);
    if (encoding != PE_OMIT)
        (void)read_format(cursor, encoding);
}

/* "zR", "zPLR", "zRS"; letters behind one that is not known cannot be told. */
static void read_augmentation(struct ad_cfi_cie *cie, const char *letters, struct ad_cursor *data)
{
    for (; *letters; letters++) {
        if (*letters == 'R')
            cie->encoding = ad_cursor_u8(data);
        else if (*letters == 'S')
            cie->signal_frame = true;
        else if (*letters == 'L')
            ad_cursor_skip(data, 1);
        else if (*letters == 'P')
            skip_personality(data);
        else
            break;
    }
}

static bool version_known(const struct ad_cfi_section *section, uint8_t version)
{
    return version == 1 || version == 3 || (version == 4 && section->is_debug_frame);
}

static bool parse_cie(const struct ad_cfi_section *section, struct record *record, struct ad_cfi_cie *cie)
{
    struct ad_cursor *body = &record->body;
    uint8_t version = ad_cursor_u8(body);
    const char *letters = ad_cursor_text(body);
    if (!letters || !version_known(section, version))
        return false;
    if (version == 4 && (ad_cursor_u8(body) != ADDRESS_SIZE || ad_cursor_u8(body) != 0))
        return false;
    *cie = (struct ad_cfi_cie){.encoding = PE_ABSOLUTE, .has_augmentation = letters[0] == 'z'};
    cie->code_factor = ad_cursor_uleb(body);
    cie->data_factor = ad_cursor_sleb(body);
    uint64_t column = version == 1 ? ad_cursor_u8(body) : ad_cursor_uleb(body);
    if (column != RETURN_COLUMN || (letters[0] && !cie->has_augmentation))
        return false;
    if (cie->has_augmentation) {
        size_t size = ad_cursor_uleb(body);
        const void *bytes = ad_cursor_bytes(body, size);
        struct ad_cursor data;
        ad_cursor_init(&data, bytes, bytes ? size : 0);
        read_augmentation(cie, letters + 1, &data);
        if (data.failed)
            return false;
    }
    cie->instructions = *body;
    return !body->failed && encoding_known(cie->encoding);
}

/* Where the CIE of an FDE lies: .eh_frame counts back from the id, .debug_frame from the section's start. */
static bool find_cie(const struct ad_cfi_section *section, const struct record *record,
                     struct ad_cfi_cie *cie)
{
    uint64_t offset = record->id;
    if (!section->is_debug_frame && !ad_sub((uint64_t)record->id_offset, record->id, &offset))
        return false;
    struct record found;
    return offset < section->size && read_record(section, offset, &found) && is_cie(section, &found) &&
           parse_cie(section, &found, cie);
}

static uint64_t read_start(const struct ad_cfi_section *section, struct ad_cursor *body, uint8_t encoding)
{
    uint64_t field = section->address + (uint64_t)(body->position - section->bytes);
    uint64_t value = read_format(body, encoding);
    return (encoding & PE_APPLICATION) == PE_PC_RELATIVE ? value + field : value;
}

static bool parse_fde(const struct ad_cfi_section *section, struct record *record, struct ad_cfi_fde *fde)
{
    struct ad_cursor *body = &record->body;
    if (!find_cie(section, record, &fde->cie))
        return false;
    uint64_t start = read_start(section, body, fde->cie.encoding);
    uint64_t size = read_format(body, fde->cie.encoding);
    if (fde->cie.has_augmentation)
        ad_cursor_skip(body, ad_cursor_uleb(body));
    fde->instructions = *body;
    return !body->failed && size > 0 && ad_range_init(&fde->range, start, size);
}

enum ad_cfi_kind ad_cfi_next(const struct ad_cfi_section *section, size_t *offset, struct ad_cfi_fde *fde)
{
    struct record record;
    if (!read_record(section, *offset, &record))
        return AD_CFI_END;
    *offset = record.end;
    bool is_fde = !record.body.failed && !is_cie(section, &record) && parse_fde(section, &record, fde);
    return is_fde ? AD_CFI_FDE : AD_CFI_OTHER;
}
