/* SPDX-License-Identifier: MIT */
#include "symbol/dwarf_expression.h"

#include <libdwarf/dwarf.h>
#include <string.h>

#include "base/cleanup.h"
#include "symbol/dwarf_number.h"

#define ADDRESS_SIZE 8

/* One program at work. */
struct machine {
    const struct ad_expression_stack *stack;
    size_t frame;
    unsigned depth; /* programs that wait for this one */
    const struct ad_program *program;
    struct ad_cursor in;
    struct ad_vector numbers;    /* struct ad_number */
    struct ad_vector *fragments; /* struct ad_fragment, finished */
    struct ad_fragment place;    /* what the operations since the last piece say, other than the stack's top */
    bool has_place;
    bool failed; /* `place` says why */
};

static struct ad_error *run(struct machine *machine);

static const struct ad_expression_frame *frame_of(const struct machine *machine)
{
    return &machine->stack->frames[machine->frame];
}

/* ---- Results ---- */

static void say(struct machine *machine, enum ad_fragment_kind kind, uint64_t number)
{
    machine->place = (struct ad_fragment){
        .kind = kind, .number = number, .size = ADDRESS_SIZE, .bit_size = UINT64_MAX};
    machine->has_place = true;
}

static void fail(struct machine *machine, enum ad_fragment_kind kind, uint64_t number)
{
    if (machine->failed)
        return;
    say(machine, kind, number);
    machine->failed = true;
}

static void fail_because(struct machine *machine, const char *reason)
{
    if (machine->failed)
        return;
    fail(machine, AD_FRAGMENT_MISSING, 0);
    machine->place.text = reason;
}

static const char broken[] = "its location makes no sense";

/* ---- The stack of numbers ---- */

static struct ad_error *push_number(struct machine *machine, struct ad_number number)
{
    if (machine->numbers.count >= machine->stack->limits->expression_stack) {
        fail_because(machine, "its location is too complicated");
        return NULL;
    }
    return ad_vector_push(&machine->numbers, &number);
}

static struct ad_error *push(struct machine *machine, uint64_t bits)
{
    return push_number(machine, ad_number_generic(bits));
}

/* Zero, and a failure, when there is none. */
static struct ad_number pop(struct machine *machine)
{
    if (machine->numbers.count)
        return AD_ITEMS(struct ad_number, &machine->numbers)[--machine->numbers.count];
    fail_because(machine, broken);
    return ad_number_generic(0);
}

/* The number `depth` below the top. */
static struct ad_number peek(struct machine *machine, uint64_t depth)
{
    size_t count = machine->numbers.count;
    if (depth < count)
        return AD_ITEMS(struct ad_number, &machine->numbers)[count - 1 - depth];
    fail_because(machine, broken);
    return ad_number_generic(0);
}

/* ---- Registers and memory ---- */

static uint64_t register_value(struct machine *machine, uint64_t number)
{
    const struct ad_registers *registers = &frame_of(machine)->registers;
    if (number < AD_REG_COUNT && (registers->valid >> number & 1))
        return registers->value[number];
    fail(machine, AD_FRAGMENT_REGISTER, number);
    return 0;
}

static uint64_t read_memory(struct machine *machine, uint64_t address, uint64_t size)
{
    uint64_t bits = 0;
    if (!size || size > ADDRESS_SIZE)
        fail_because(machine, broken);
    else if (machine->stack->read(machine->stack->context, address, &bits, size) != size)
        fail(machine, AD_FRAGMENT_UNREADABLE, address);
    return bits;
}

/* ---- Other programs ---- */

/* Runs a program of frame `frame` for the number that it leaves. */
static struct ad_error *compute(const struct ad_expression_stack *stack, size_t frame, unsigned depth,
                                const struct ad_program *program, struct ad_fragment *number_ret)
{
    ad_cleanup(ad_vector_deinit) struct ad_vector fragments = AD_VECTOR(struct ad_fragment);
    struct machine machine = {
        .stack = stack, .frame = frame, .depth = depth, .program = program, .fragments = &fragments};
    AD_TRY(run(&machine));
    *number_ret = AD_ITEMS(struct ad_fragment, &fragments)[0];
    if (fragments.count > 1)
        *number_ret = (struct ad_fragment){.kind = AD_FRAGMENT_MISSING, .text = broken};
    if (number_ret->kind == AD_FRAGMENT_MEMORY) /* the top of its stack, which is what was wanted */
        number_ret->kind = AD_FRAGMENT_NUMBER;
    return NULL;
}

static struct ad_error *push_computed(struct machine *machine, size_t frame, const struct ad_program *program,
                                      uint64_t offset)
{
    struct ad_fragment found;
    if (machine->depth >= machine->stack->limits->entry_values) {
        fail_because(machine, "too many callers would have to be asked for it");
        return NULL;
    }
    AD_TRY(compute(machine->stack, frame, machine->depth + 1, program, &found));
    if (found.kind == AD_FRAGMENT_NUMBER)
        return push(machine, found.number + offset);
    if (!machine->failed) {
        machine->place = found;
        machine->has_place = machine->failed = true;
    }
    return NULL;
}

static struct ad_error *push_from_frame_base(struct machine *machine, uint64_t offset)
{
    const struct ad_code *code = frame_of(machine)->code;
    if (code && code->frame_base.size && &code->frame_base != machine->program)
        return push_computed(machine, machine->frame, &code->frame_base, offset);
    fail_because(machine, "the frame's base is not known");
    return NULL;
}

/* ---- Values at entry ---- */

/* Whether the caller's call site speaks of this function: a tail call in between would have changed the
 * registers. */
static bool calls(const struct ad_call_site *site, const struct ad_code *callee)
{
    if (site->target)
        return site->target == callee->function;
    return site->target_name && callee->name && strcmp(site->target_name, callee->name) == 0;
}

/* What the caller has put there; what it does not tell is lost. */
static struct ad_error *push_entry_value(struct machine *machine, uint64_t key)
{
    size_t caller = machine->frame + 1;
    const struct ad_code *code = frame_of(machine)->code;
    const struct ad_code *calling = caller < machine->stack->count ? machine->stack->frames[caller].code : NULL;
    const struct ad_call_site *site = calling ? calling->call_site : NULL;
    for (uint32_t i = 0; site && code && calls(site, code) && i < site->count; i++)
        if (site->parameters[i].key == key)
            return push_computed(machine, caller, &site->parameters[i].program, 0);
    fail(machine, AD_FRAGMENT_NOWHERE, 0);
    return NULL;
}

/* Of the expressions that may stand there, the one that producers write: a register. */
static struct ad_error *take_entry_value(struct machine *machine, const struct ad_operation *operation)
{
    struct ad_cursor in;
    struct ad_operation inner;
    ad_cursor_init(&in, operation->block, operation->block_size);
    if (ad_operation_next(&in, machine->program->offset_size, &inner) && !ad_cursor_left(&in)) {
        if (inner.code >= DW_OP_reg0 && inner.code <= DW_OP_reg31)
            return push_entry_value(machine, inner.code - DW_OP_reg0);
        if (inner.code == DW_OP_regx)
            return push_entry_value(machine, inner.number);
    }
    fail(machine, AD_FRAGMENT_NOWHERE, 0);
    return NULL;
}

/* ---- Operations ---- */

/* Only forward: each operation runs at most once. */
static void jump(struct machine *machine, uint64_t distance)
{
    if (distance > ad_cursor_left(&machine->in))
        fail_because(machine, broken);
    else
        ad_cursor_skip(&machine->in, distance);
}

static struct ad_error *do_stack(struct machine *machine, const struct ad_operation *operation)
{
    struct ad_number a, b, c;
    switch (operation->code) {
    case DW_OP_dup:
        return push_number(machine, peek(machine, 0));
    case DW_OP_over:
        return push_number(machine, peek(machine, 1));
    case DW_OP_pick:
        return push_number(machine, peek(machine, operation->number));
    case DW_OP_drop:
        pop(machine);
        return NULL;
    case DW_OP_swap:
        a = pop(machine);
        b = pop(machine);
        AD_TRY(push_number(machine, a));
        return push_number(machine, b);
    default: /* DW_OP_rot: the top becomes the third */
        a = pop(machine);
        b = pop(machine);
        c = pop(machine);
        AD_TRY(push_number(machine, a));
        AD_TRY(push_number(machine, c));
        return push_number(machine, b);
    }
}

/* Operations on numbers that have a type. */
static struct ad_error *do_typed(struct machine *machine, const struct ad_operation *operation)
{
    struct ad_number number;
    uint64_t type = 0, bits = 0, address;
    bool known = !ad_operation_refers(operation) || ad_program_operand(machine->program, operation->at, &type);
    switch (operation->code) {
    case DW_OP_const_type:
        if (operation->block_size <= sizeof(bits))
            memcpy(&bits, operation->block, operation->block_size);
        known = known && operation->block_size <= sizeof(bits) && ad_number_typed(bits, type, &number);
        break;
    case DW_OP_regval_type:
        known = known && ad_number_typed(register_value(machine, operation->number), type, &number);
        break;
    case DW_OP_deref_type:
        address = pop(machine).bits;
        known = known && ad_number_typed(read_memory(machine, address, operation->second), type, &number);
        break;
    default:
        known = known && ad_number_convert(pop(machine), type, operation->code == DW_OP_reinterpret, &number);
    }
    if (known)
        return push_number(machine, number);
    fail_because(machine, "its location computes with a type that is not known");
    return NULL;
}

static struct ad_error *do_arithmetic(struct machine *machine, const struct ad_operation *operation)
{
    struct ad_number top = pop(machine), result = top;
    bool ok;
    if (operation->code == DW_OP_abs || operation->code == DW_OP_neg || operation->code == DW_OP_not)
        ok = ad_number_unary(operation->code, top, &result);
    else if (operation->code == DW_OP_plus_uconst)
        ok = ad_number_binary(DW_OP_plus, top, ad_number_generic(operation->number), &result);
    else
        ok = ad_number_binary(operation->code, pop(machine), top, &result);
    if (ok)
        return push_number(machine, result);
    fail_because(machine, broken);
    return NULL;
}

/* What addresses a place through something else than the stack of numbers. */
static struct ad_error *do_address(struct machine *machine, const struct ad_operation *operation)
{
    const struct ad_expression_frame *frame = frame_of(machine);
    uint64_t bias = frame->code ? frame->code->bias : 0, value;
    switch (operation->code) {
    case DW_OP_addr:
        return push(machine, operation->number + bias);
    case DW_OP_addrx:
    case DW_OP_constx:
        if (ad_program_operand(machine->program, operation->at, &value))
            return push(machine, operation->code == DW_OP_addrx ? value + bias : value);
        break;
    case DW_OP_fbreg:
        return push_from_frame_base(machine, operation->number);
    case DW_OP_call_frame_cfa:
        if (frame->cfa)
            return push(machine, frame->cfa);
        fail_because(machine, "the caller's frame was not found");
        return NULL;
    case DW_OP_entry_value:
        return take_entry_value(machine, operation);
    case DW_OP_GNU_parameter_ref:
        if (ad_program_operand(machine->program, operation->at, &value))
            return push_entry_value(machine, value | AD_CALL_DIE);
        break;
    default:
        break;
    }
    fail_because(machine, broken);
    return NULL;
}

static struct ad_error *do_deref(struct machine *machine, uint64_t size)
{
    uint64_t address = pop(machine).bits;
    return push(machine, read_memory(machine, address, size));
}

/* Ends a fragment: what was said since the last one is where `bit_size` bits of the value are. */
static struct ad_error *end_fragment(struct machine *machine, uint64_t bit_size, uint64_t bit_offset)
{
    if (!machine->has_place && machine->numbers.count)
        say(machine, AD_FRAGMENT_MEMORY, pop(machine).bits);
    else if (!machine->has_place)
        say(machine, AD_FRAGMENT_NOWHERE, 0);
    machine->place.bit_size = bit_size;
    machine->place.bit_offset = bit_offset;
    machine->has_place = false;
    return ad_vector_push(machine->fragments, &machine->place);
}

/* What is a place or a value as it is. */
static struct ad_error *do_place(struct machine *machine, const struct ad_operation *operation)
{
    uint64_t bits;
    switch (operation->code) {
    case DW_OP_stack_value:
        bits = pop(machine).bits;
        if (!machine->failed)
            say(machine, AD_FRAGMENT_NUMBER, bits);
        return NULL;
    case DW_OP_implicit_value:
        say(machine, AD_FRAGMENT_BYTES, 0);
        machine->place.bytes = operation->block;
        machine->place.size = operation->block_size;
        return NULL;
    case DW_OP_implicit_pointer:
        say(machine, AD_FRAGMENT_POINTER, 0);
        return NULL;
    case DW_OP_piece:
        if (operation->number <= UINT64_MAX / 8 - 1)
            return end_fragment(machine, operation->number * 8, 0);
        fail_because(machine, broken);
        return NULL;
    case DW_OP_bit_piece:
        return end_fragment(machine, operation->number, operation->second);
    default: /* DW_OP_regN, _regx */
        bits = operation->code == DW_OP_regx ? operation->number : operation->code - (uint64_t)DW_OP_reg0;
        bits = register_value(machine, bits);
        if (!machine->failed)
            say(machine, AD_FRAGMENT_NUMBER, bits);
        return NULL;
    }
}

/* long: switch over the operations */
static struct ad_error *step(struct machine *machine, const struct ad_operation *operation)
{
    uint8_t code = operation->code;
    switch (code) {
    case DW_OP_const1u ... DW_OP_consts:
        return push(machine, operation->number);
    case DW_OP_lit0 ... DW_OP_lit31:
        return push(machine, code - DW_OP_lit0);
    case DW_OP_breg0 ... DW_OP_breg31:
        return push(machine, register_value(machine, code - DW_OP_breg0) + operation->number);
    case DW_OP_bregx:
        return push(machine, register_value(machine, operation->number) + operation->second);
    case DW_OP_reg0 ... DW_OP_reg31:
    case DW_OP_regx:
    case DW_OP_piece:
    case DW_OP_bit_piece:
    case DW_OP_stack_value:
    case DW_OP_implicit_value:
    case DW_OP_implicit_pointer:
        return do_place(machine, operation);
    case DW_OP_dup ... DW_OP_rot:
        return do_stack(machine, operation);
    case DW_OP_deref:
        return do_deref(machine, ADDRESS_SIZE);
    case DW_OP_deref_size:
        return do_deref(machine, operation->number);
    case DW_OP_abs ... DW_OP_xor:
    case DW_OP_eq ... DW_OP_ne:
        return do_arithmetic(machine, operation);
    case DW_OP_skip:
        jump(machine, operation->number);
        return NULL;
    case DW_OP_bra:
        if (pop(machine).bits)
            jump(machine, operation->number);
        return NULL;
    case DW_OP_const_type:
    case DW_OP_regval_type:
    case DW_OP_deref_type:
    case DW_OP_convert:
    case DW_OP_reinterpret:
        return do_typed(machine, operation);
    case DW_OP_addr:
    case DW_OP_addrx:
    case DW_OP_constx:
    case DW_OP_fbreg:
    case DW_OP_call_frame_cfa:
    case DW_OP_entry_value:
    case DW_OP_GNU_parameter_ref:
        return do_address(machine, operation);
    case DW_OP_form_tls_address:
        fail_because(machine, "thread-local");
        return NULL;
    case DW_OP_nop:
    case DW_OP_GNU_uninit:
        return NULL;
    default:
        fail_because(machine, "its location uses an operation that is not known");
        return NULL;
    }
}

/* Always leaves a fragment. */
static struct ad_error *finish(struct machine *machine)
{
    if (machine->in.failed)
        fail_because(machine, broken);
    if (machine->failed)
        machine->fragments->count = 0;
    if (machine->failed || machine->has_place || machine->numbers.count || !machine->fragments->count)
        return end_fragment(machine, UINT64_MAX, 0);
    return NULL;
}

static struct ad_error *run(struct machine *machine)
{
    struct ad_operation operation;
    struct ad_error *error = NULL;
    machine->numbers = AD_VECTOR(struct ad_number);
    ad_cursor_init(&machine->in, machine->program->bytes, machine->program->size);
    while (!error && !machine->failed &&
           ad_operation_next(&machine->in, machine->program->offset_size, &operation))
        error = step(machine, &operation);
    if (!error)
        error = finish(machine);
    ad_vector_deinit(&machine->numbers);
    return error;
}

struct ad_error *ad_expression_locate(const struct ad_expression_stack *stack, size_t frame,
                                      const struct ad_program *program, struct ad_vector *fragments)
{
    struct machine machine = {.stack = stack, .frame = frame, .program = program, .fragments = fragments};
    return run(&machine);
}

struct ad_error *ad_expression_number(const struct ad_expression_stack *stack, size_t frame,
                                      const struct ad_program *program, struct ad_fragment *number_ret)
{
    return compute(stack, frame, 0, program, number_ret);
}
