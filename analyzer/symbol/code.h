/* SPDX-License-Identifier: MIT */
/**
 * @file code.h - what the debug information says of one code address: functions around it, arguments and locals
 * in scope, their types, where they live; and how the child sends it.
 *
 * It is read in the confined child (symbol_child.h), which never sees the target's
 * memory: places are told as programs, which dwarf_expression.h evaluates over registers and memory. Per unit
 * the child sends
 *
 *     unit      = 'U' | type... and code..., in any order
 *     type      = 'T' | u32 id | u8 kind | u8 flags | u64 size | text name | u32 target
 *                     | u8 form of the bound | u64 constant or size | program bound
 *                     | u32 count | (text name | u32 type | u64 offset | u32 bit offset | u32 bit size | u8 base)...
 *     code      = 'C' | u32 index | u64 start of the function | text its name | program frame base
 *                     | u32 count | scope... | u8 has a call site | call site
 *     scope     = u32 count | (text name | u32 type | u8 argument | u32 depth | u8 where | program or bytes)...
 *     call site = u64 target | text its name | u32 count | (u64 register or parameter | program)...
 *     program   = u8 offset size | u32 size | bytes | u32 count | (u32 at | u64 value)...
 *     text      = u32 length | bytes                length UINT32_MAX: none
 *
 * A type may come before or after what refers to it; ids count from 0 within a unit.
 */
#ifndef AD_SYMBOL_CODE_H
#define AD_SYMBOL_CODE_H

#include "base/pool.h"
#include "module/module.h"
#include "symbol/dwarf_operation.h"

#define AD_NO_TYPE UINT32_MAX

enum ad_type_kind {
    AD_TYPE_UNKNOWN,
    AD_TYPE_VOID,
    AD_TYPE_ALIAS, /**< a typedef, or const, volatile, ... */
    AD_TYPE_SIGNED,
    AD_TYPE_UNSIGNED,
    AD_TYPE_CHARACTER, /**< of UTF-16 or UTF-32; those of one byte are AD_TYPE_SIGNED or _UNSIGNED */
    AD_TYPE_BOOL,
    AD_TYPE_FLOAT,
    AD_TYPE_COMPLEX,
    AD_TYPE_ENUM,
    AD_TYPE_POINTER,   /**< target: only what it takes to print a text or a function's name */
    AD_TYPE_REFERENCE,
    AD_TYPE_FUNCTION,
    AD_TYPE_STRUCT,
    AD_TYPE_UNION,
    AD_TYPE_ARRAY,
    AD_TYPE_KINDS
};

enum { AD_TYPE_IS_SIGNED = 1 /**< of an enum */, AD_TYPE_INCOMPLETE = 2, AD_TYPE_VECTOR = 4 };

/** How an array's length is told. */
enum ad_bound {
    AD_BOUND_NONE,     /**< it is not */
    AD_BOUND_COUNT,    /**< as a number of elements */
    AD_BOUND_VALUE,    /**< `bound` computes the last index */
    AD_BOUND_VARIABLE, /**< `bound` leads to the last index, an integer of `count` bytes */
    AD_BOUND_COUNT_VALUE, /**< likewise, the number of elements */
    AD_BOUND_COUNT_VARIABLE,
    AD_BOUNDS
};

/** Of a structure; or one value of an enum, which is `offset` then. */
struct ad_type_member {
    const char *name; /**< NULL: none */
    uint32_t type;
    uint64_t offset;     /**< bytes; UINT64_MAX: only a running program can tell */
    uint32_t bit_offset; /**< from there, counted from the least significant bit */
    uint32_t bit_size;   /**< 0: no bit-field */
    bool is_base;        /**< the base class's part */
};

struct ad_type {
    uint32_t id;
    enum ad_type_kind kind;
    uint8_t flags;
    uint64_t size;
    const char *name; /**< as in the source: "const struct node *"; NULL: not known */
    uint32_t target;  /**< what it points to, is made of, or another name for; AD_NO_TYPE */
    enum ad_bound bound_form;
    uint64_t count; /**< see enum ad_bound */
    struct ad_program bound;
    const struct ad_type_member *members;
    uint32_t member_count;
};

/** The types of one unit. */
struct ad_types {
    const struct ad_type *items; /**< sorted by id */
    uint32_t count;
};

/** Never NULL: what is not there is a type of kind AD_TYPE_UNKNOWN. */
const struct ad_type *ad_type_get(const struct ad_types *types, uint32_t id);
/** As ad_type_get, of what the aliases stand for. */
const struct ad_type *ad_type_real(const struct ad_types *types, uint32_t id);

/** How a variable's place is told. */
enum ad_where {
    AD_WHERE_NOWHERE, /**< optimized out at this address */
    AD_WHERE_PROGRAM,
    AD_WHERE_CONSTANT, /**< the value itself, in program.bytes; what is missing of it is zero */
    AD_WHERE_BROKEN,   /**< what is said of it makes no sense */
    AD_WHERES
};

struct ad_code_variable {
    const char *name;
    uint32_t type;
    bool is_argument;
    uint32_t depth; /**< 0: of the function itself; more: of blocks inside it */
    enum ad_where where;
    struct ad_program program;
};

/** The variables of one function, real or inlined: arguments first, then locals, those of the innermost block
 *  first. */
struct ad_code_scope {
    const struct ad_code_variable *variables;
    uint32_t count;
};

/** What the caller has put into one of the callee's registers. */
struct ad_call_parameter {
    uint64_t key; /**< DWARF number of the register, or offset of the parameter's DIE + AD_CALL_DIE */
    struct ad_program program;
};
#define AD_CALL_DIE (UINT64_C(1) << 63)

/** The call that returns to an address. */
struct ad_call_site {
    uint64_t target; /**< run-time address of the function called; 0: not known */
    const char *target_name;
    const struct ad_call_parameter *parameters;
    uint32_t count;
};

/** What is known of one address. */
struct ad_code {
    const struct ad_types *types; /**< NULL: nothing is known */
    uint64_t bias;                /**< run-time address - link-time address */
    uint64_t function;            /**< run-time start of the real function */
    const char *name;             /**< its linkage name */
    struct ad_program frame_base; /**< no bytes: there is none */
    const struct ad_code_scope *scopes; /**< inlined calls first, innermost first, as in struct ad_symbol */
    uint32_t scope_count;
    const struct ad_call_site *call_site; /**< that returns to address + 1; NULL: none */
};

struct ad_variables_loss {
    const struct ad_module *module;
    const char *reason;
};

struct ad_variables {
    struct ad_pool pool;
    struct ad_code *codes; /**< in the order of the addresses asked for */
    size_t count;
    struct ad_variables_loss *losses; /**< of modules with debug information that could not be read */
    size_t loss_count;
};

/** Takes in what a child has sent about `count` addresses of a module with this bias; stops at the first thing
 *  that makes no sense. For tests; ad_variables_find does it. */
struct ad_error *ad_variables_decode(const void *bytes, size_t size, uint64_t bias,
                                     const struct ad_limits *limits,
                                     struct ad_variables *variables) ad_must_check;

#endif
