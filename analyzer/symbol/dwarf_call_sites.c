/* SPDX-License-Identifier: MIT */
#include "symbol/dwarf_call_sites.h"

#include "base/vector.h"
#include "symbol/code.h"
#include "symbol/dwarf_compat.h"
#include "symbol/dwarf_wire.h"

bool ad_dwarf_call_returns(const struct ad_dwarf_unit *unit, struct ad_die die, uint64_t return_address)
{
    uint64_t address;
    uint16_t tag = ad_die_tag(die);
    if (tag != DW_TAG_call_site && tag != DW_TAG_GNU_call_site)
        return false;
    return (ad_dwarf_address(unit, die, DW_AT_call_return_pc, &address) ||
            ad_dwarf_address(unit, die, DW_AT_low_pc, &address)) &&
           address == return_address;
}

/* The function called: by address when it is in this file, by name in any case. */
static void tell_target(const struct ad_dwarf_unit *unit, struct ad_die call, FILE *out)
{
    struct ad_die target;
    uint64_t address = 0;
    const char *name = NULL;
    if (ad_die_reference(call, DW_AT_call_origin, &target) ||
        ad_die_reference(call, DW_AT_abstract_origin, &target)) {
        if (!ad_dwarf_address(unit, target, DW_AT_low_pc, &address))
            address = 0;
        name = ad_die_linkage_name(target);
        name = name ? name : ad_die_name(target);
    }
    ad_wire_u64(out, address);
    ad_wire_text(out, name, unit->limits);
}

/* A register, as the location of a parameter names it. */
static bool read_register(const struct ad_program *location, uint64_t *key_ret)
{
    struct ad_cursor in;
    struct ad_operation operation;
    ad_cursor_init(&in, location->bytes, location->size);
    if (!ad_operation_next(&in, location->offset_size, &operation) || ad_cursor_left(&in))
        return false;
    if (operation.code >= DW_OP_reg0 && operation.code <= DW_OP_reg31)
        *key_ret = operation.code - DW_OP_reg0;
    else if (operation.code == DW_OP_regx)
        *key_ret = operation.number & ~AD_CALL_DIE;
    else
        return false;
    return true;
}

static bool read_parameter(const struct ad_dwarf_unit *unit, struct ad_die die, uint64_t address,
                           struct ad_call_parameter *parameter)
{
    struct ad_die formal;
    struct ad_program location;
    if (ad_dwarf_program(unit, die, DW_AT_call_value, address, &parameter->program) != AD_DWARF_FOUND &&
        ad_dwarf_program(unit, die, DW_AT_GNU_call_site_value, address, &parameter->program) != AD_DWARF_FOUND)
        return false;
    if (ad_die_reference(die, DW_AT_call_parameter, &formal) ||
        ad_die_reference(die, DW_AT_abstract_origin, &formal)) {
        parameter->key = ad_die_offset(formal) | AD_CALL_DIE;
        return true;
    }
    return ad_dwarf_program(unit, die, DW_AT_location, address, &location) == AD_DWARF_FOUND &&
           read_register(&location, &parameter->key);
}

static void read_parameters(const struct ad_dwarf_unit *unit, struct ad_die call, uint64_t address,
                            struct ad_vector *parameters)
{
    struct ad_die child;
    bool more = ad_die_child(call, &child);
    while (more && parameters->count < unit->limits->variables) {
        struct ad_call_parameter parameter = {0};
        if (read_parameter(unit, child, address, &parameter))
            ad_error_destroy(ad_vector_push(parameters, &parameter));
        more = ad_die_sibling(child, &child);
    }
}

void ad_dwarf_call_tell(const struct ad_dwarf_unit *unit, struct ad_die call, uint64_t address, FILE *out)
{
    struct ad_vector parameters = AD_VECTOR(struct ad_call_parameter);
    read_parameters(unit, call, address, &parameters);
    tell_target(unit, call, out);
    ad_wire_u32(out, (uint32_t)parameters.count);
    for (size_t i = 0; i < parameters.count; i++) {
        const struct ad_call_parameter *parameter = &AD_ITEMS(struct ad_call_parameter, &parameters)[i];
        ad_wire_u64(out, parameter->key);
        ad_wire_program(out, &parameter->program);
    }
    ad_vector_deinit(&parameters);
}
