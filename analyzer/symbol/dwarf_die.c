/* SPDX-License-Identifier: MIT */
#include "symbol/dwarf_die.h"

#include <string.h>

#include "symbol/dwarf_compat.h"

/* Origin and specification chains are two or three long; a file may say otherwise. */
#define HOPS 8

/* ---- DIEs ---- */

bool ad_die_at(struct ad_dwarf_object *object, uint64_t offset, bool is_info, struct ad_die *die_ret)
{
    Dwarf_Error error;
    Dwarf_Die die;
    if (dwarf_offdie_b(object->debug, offset, is_info, &die, &error) != DW_DLV_OK)
        return false;
    *die_ret = (struct ad_die){object, die};
    return true;
}

/* DWARF 5, 7.5.1: length, version, kind of unit, size of addresses, offset of abbreviations; before, the last two
 * the other way around and no kind. What else it has depends on the kind. */
static bool skip_header(struct ad_cursor *in, uint8_t *kind_ret)
{
    size_t offset_size = ad_cursor_u32(in) == UINT32_MAX ? 8 : 4;
    if (offset_size == 8)
        ad_cursor_skip(in, 8);
    uint16_t version = ad_cursor_u16(in);
    *kind_ret = version >= 5 ? ad_cursor_u8(in) : DW_UT_compile;
    ad_cursor_skip(in, 1 + offset_size);
    return !in->failed;
}

static bool has_id(uint8_t kind)
{
    return kind == DW_UT_skeleton || kind == DW_UT_split_compile;
}

bool ad_die_of_unit(struct ad_dwarf_object *object, uint64_t header, struct ad_die *die_ret)
{
    struct ad_cursor in;
    uint8_t kind;
    if (!ad_dwarf_open(object, ".debug_info", header, &in) || !skip_header(&in, &kind))
        return false;
    if (has_id(kind))
        ad_cursor_skip(&in, 8);
    return !in.failed && ad_die_at(object, header + (uint64_t)(in.position - in.start), true, die_ret);
}

bool ad_die_child(struct ad_die die, struct ad_die *child_ret)
{
    Dwarf_Error error;
    Dwarf_Die child;
    if (dwarf_child(die.handle, &child, &error) != DW_DLV_OK)
        return false;
    *child_ret = (struct ad_die){die.object, child};
    return true;
}

bool ad_die_sibling(struct ad_die die, struct ad_die *sibling_ret)
{
    Dwarf_Error error;
    Dwarf_Die sibling;
    if (dwarf_siblingof_b(die.object->debug, die.handle, dwarf_get_die_infotypes_flag(die.handle), &sibling,
                          &error) != DW_DLV_OK)
        return false;
    *sibling_ret = (struct ad_die){die.object, sibling};
    return true;
}

bool ad_die_next_child(struct ad_die die, uint16_t tag, uint16_t other, struct ad_die *child)
{
    do {
        struct ad_die last = *child;
        if (!(last.handle ? ad_die_sibling(last, child) : ad_die_child(die, child)))
            return false;
        if (last.handle)
            ad_die_free(last);
    } while (ad_die_tag(*child) != tag && ad_die_tag(*child) != other);
    return true;
}

void ad_die_free(struct ad_die die)
{
    dwarf_dealloc_die(die.handle);
}

uint16_t ad_die_tag(struct ad_die die)
{
    Dwarf_Error error;
    Dwarf_Half tag;
    return dwarf_tag(die.handle, &tag, &error) == DW_DLV_OK ? tag : 0;
}

bool ad_die_is_info(struct ad_die die)
{
    return dwarf_get_die_infotypes_flag(die.handle);
}

uint64_t ad_die_offset(struct ad_die die)
{
    Dwarf_Error error;
    Dwarf_Off offset;
    return dwarf_dieoffset(die.handle, &offset, &error) == DW_DLV_OK ? offset : 0;
}

uint64_t ad_die_key(struct ad_die die)
{
    return ad_die_key_at(die, ad_die_offset(die));
}

uint64_t ad_die_key_at(struct ad_die die, uint64_t offset)
{
    return (uint64_t)die.object->number << 48 | offset << 1 | ad_die_is_info(die);
}

bool ad_die_unit(struct ad_die die, struct ad_die_unit *unit_ret)
{
    Dwarf_Error error;
    Dwarf_Off root, offset, relative;
    Dwarf_Half version, offset_size;
    if (dwarf_CU_dieoffset_given_die(die.handle, &root, &error) != DW_DLV_OK ||
        dwarf_dieoffset(die.handle, &offset, &error) != DW_DLV_OK ||
        dwarf_die_CU_offset(die.handle, &relative, &error) != DW_DLV_OK || relative > offset ||
        dwarf_get_version_of_die(die.handle, &version, &offset_size) != DW_DLV_OK)
        return false;
    *unit_ret = (struct ad_die_unit){offset - relative, root, version, offset_size == 8 ? 8 : 4};
    return true;
}

/* ---- Attributes ---- */

static bool find(struct ad_die die, uint16_t attribute, Dwarf_Attribute *found_ret)
{
    Dwarf_Error error;
    return dwarf_attr(die.handle, attribute, found_ret, &error) == DW_DLV_OK;
}

static uint16_t form_of(Dwarf_Attribute attribute)
{
    Dwarf_Error error;
    Dwarf_Half form;
    return dwarf_whatform(attribute, &form, &error) == DW_DLV_OK ? form : 0;
}

bool ad_die_form(struct ad_die die, uint16_t attribute, uint16_t *form_ret)
{
    Dwarf_Attribute found;
    if (!find(die, attribute, &found))
        return false;
    *form_ret = form_of(found);
    dwarf_dealloc_attribute(found);
    return true;
}

bool ad_die_with(struct ad_die die, uint16_t attribute, struct ad_die *die_ret)
{
    uint16_t form;
    for (int hop = 0; hop < HOPS; hop++) {
        *die_ret = die;
        if (ad_die_form(die, attribute, &form))
            return true;
        if (!ad_die_reference(die, DW_AT_abstract_origin, &die) &&
            !ad_die_reference(die, DW_AT_specification, &die))
            return false;
    }
    return false;
}

static bool read_number(Dwarf_Attribute attribute, uint64_t *value_ret, bool *negative_ret)
{
    Dwarf_Error error;
    Dwarf_Unsigned value;
    Dwarf_Signed negative;
    *negative_ret = false;
    if (dwarf_formudata(attribute, &value, &error) == DW_DLV_OK) {
        *value_ret = value;
        return true;
    }
    if (dwarf_formsdata(attribute, &negative, &error) != DW_DLV_OK)
        return false;
    *value_ret = (uint64_t)negative;
    *negative_ret = negative < 0;
    return true;
}

bool ad_die_number(struct ad_die die, uint16_t attribute, uint64_t *value_ret, bool *negative_ret)
{
    Dwarf_Attribute found;
    if (!find(die, attribute, &found))
        return false;
    bool known = read_number(found, value_ret, negative_ret);
    dwarf_dealloc_attribute(found);
    return known;
}

uint64_t ad_die_unsigned(struct ad_die die, uint16_t attribute, uint64_t fallback)
{
    uint64_t value;
    bool negative;
    /* Some producers write small positive numbers in a signed form. */
    return ad_die_number(die, attribute, &value, &negative) && !negative ? value : fallback;
}

bool ad_die_flag(struct ad_die die, uint16_t attribute)
{
    Dwarf_Error error;
    Dwarf_Attribute found;
    Dwarf_Bool flag;
    if (!find(die, attribute, &found))
        return false;
    bool set = dwarf_formflag(found, &flag, &error) == DW_DLV_OK && flag;
    dwarf_dealloc_attribute(found);
    return set;
}

bool ad_die_section_offset(struct ad_die die, uint16_t attribute, uint64_t *offset_ret)
{
    Dwarf_Error error;
    Dwarf_Attribute found;
    Dwarf_Off offset = 0;
    Dwarf_Unsigned index = 0;
    if (!find(die, attribute, &found))
        return false;
    uint16_t form = form_of(found);
    bool is_index = form == DW_FORM_loclistx || form == DW_FORM_rnglistx;
    bool known = is_index ? dwarf_formudata(found, &index, &error) == DW_DLV_OK
                          : dwarf_global_formref(found, &offset, &error) == DW_DLV_OK;
    dwarf_dealloc_attribute(found);
    *offset_ret = is_index ? index : offset;
    return known;
}

bool ad_die_block(struct ad_die die, uint16_t attribute, const uint8_t **bytes_ret, uint64_t *size_ret)
{
    Dwarf_Error error;
    Dwarf_Attribute found;
    Dwarf_Block *block;
    Dwarf_Unsigned size;
    Dwarf_Ptr bytes;
    if (!find(die, attribute, &found))
        return false;
    bool known = true;
    if (dwarf_formexprloc(found, &size, &bytes, &error) == DW_DLV_OK) {
        *bytes_ret = bytes;
        *size_ret = size;
    } else if (dwarf_formblock(found, &block, &error) == DW_DLV_OK) {
        *bytes_ret = block->bl_data;
        *size_ret = block->bl_len;
    } else {
        known = false;
    }
    dwarf_dealloc_attribute(found);
    return known;
}

const char *ad_die_text(struct ad_die die, uint16_t attribute)
{
    Dwarf_Error error;
    Dwarf_Attribute found;
    Dwarf_Off offset;
    char *text;
    const char *result = NULL;
    if (!find(die, attribute, &found))
        return NULL;
    uint16_t form = form_of(found);
    if (form == DW_FORM_GNU_strp_alt || form == DW_FORM_strp_sup) {
        if (die.object->alternate && dwarf_global_formref(found, &offset, &error) == DW_DLV_OK)
            result = ad_dwarf_text(die.object->alternate, ".debug_str", offset);
    } else if (dwarf_formstring(found, &text, &error) == DW_DLV_OK) {
        result = text;
    }
    dwarf_dealloc_attribute(found);
    return result;
}

static bool is_indexed(uint16_t form)
{
    switch (form) {
    case DW_FORM_addrx:
    case DW_FORM_addrx1:
    case DW_FORM_addrx2:
    case DW_FORM_addrx3:
    case DW_FORM_addrx4:
    case DW_FORM_GNU_addr_index:
        return true;
    default:
        return false;
    }
}

bool ad_die_address(struct ad_die die, uint16_t attribute, uint64_t *value_ret, bool *is_index_ret)
{
    Dwarf_Error error;
    Dwarf_Attribute found;
    Dwarf_Addr address = 0;
    Dwarf_Unsigned index = 0;
    if (!find(die, attribute, &found))
        return false;
    uint16_t form = form_of(found);
    *is_index_ret = is_indexed(form);
    bool known = *is_index_ret ? dwarf_get_debug_addr_index(found, &index, &error) == DW_DLV_OK
                               : form == DW_FORM_addr && dwarf_formaddr(found, &address, &error) == DW_DLV_OK;
    dwarf_dealloc_attribute(found);
    *value_ret = *is_index_ret ? index : address;
    return known;
}

static bool by_signature(struct ad_dwarf_object *object, Dwarf_Attribute attribute, struct ad_die *die_ret)
{
    Dwarf_Error error;
    Dwarf_Sig8 signature;
    Dwarf_Bool is_info;
    Dwarf_Die die;
    uint64_t id;
    if (dwarf_formsig8(attribute, &signature, &error) != DW_DLV_OK)
        return false;
    memcpy(&id, &signature, sizeof(id));
    struct ad_dwarf_object *other = object->find_type ? object->find_type(object, id) : NULL;
    object = other ? other : object;
    if (dwarf_find_die_given_sig8(object->debug, &signature, &die, &is_info, &error) != DW_DLV_OK)
        return false;
    *die_ret = (struct ad_die){object, die};
    return true;
}

static bool follow(struct ad_die die, Dwarf_Attribute attribute, struct ad_die *die_ret)
{
    Dwarf_Error error;
    Dwarf_Off offset;
    uint16_t form = form_of(attribute);
    if (form == DW_FORM_ref_sig8)
        return by_signature(die.object, attribute, die_ret);
    if (dwarf_global_formref(attribute, &offset, &error) != DW_DLV_OK)
        return false;
    if (form == DW_FORM_GNU_ref_alt)
        return die.object->alternate && ad_die_at(die.object->alternate, offset, true, die_ret);
    return ad_die_at(die.object, offset, form == DW_FORM_ref_addr || ad_die_is_info(die), die_ret);
}

static bool refer(struct ad_die die, uint16_t attribute, struct ad_die *die_ret)
{
    Dwarf_Attribute found;
    if (!find(die, attribute, &found))
        return false;
    bool known = follow(die, found, die_ret);
    dwarf_dealloc_attribute(found);
    return known;
}

bool ad_die_reference(struct ad_die die, uint16_t attribute, struct ad_die *die_ret)
{
    struct ad_die whole;
    if (!refer(die, attribute, die_ret))
        return false;
    /* A declaration that a type unit completes. */
    if (attribute == DW_AT_type && refer(*die_ret, DW_AT_signature, &whole))
        *die_ret = whole;
    return true;
}

const char *ad_die_name(struct ad_die die)
{
    struct ad_die named;
    return ad_die_with(die, DW_AT_name, &named) ? ad_die_text(named, DW_AT_name) : NULL;
}

const char *ad_die_linkage_name(struct ad_die die)
{
    struct ad_die named;
    if (ad_die_with(die, DW_AT_linkage_name, &named))
        return ad_die_text(named, DW_AT_linkage_name);
    return ad_die_with(die, DW_AT_MIPS_linkage_name, &named) ? ad_die_text(named, DW_AT_MIPS_linkage_name) : NULL;
}

/* ---- Split units ---- */

bool ad_die_split_id(struct ad_die root, uint64_t *id_ret)
{
    struct ad_die_unit unit;
    struct ad_cursor in;
    bool negative;
    if (!ad_die_unit(root, &unit) || !ad_die_is_info(root))
        return false;
    if (unit.version < 5)
        return ad_die_number(root, DW_AT_GNU_dwo_id, id_ret, &negative);
    uint8_t kind;
    if (!ad_dwarf_open(root.object, ".debug_info", unit.start, &in) || !skip_header(&in, &kind))
        return false;
    *id_ret = ad_cursor_u64(&in);
    return !in.failed && has_id(kind);
}
