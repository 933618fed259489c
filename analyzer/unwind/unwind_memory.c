/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "unwind/unwind_internal.h"

/* Bytes behind the last record read as zeros: libunwind asks for whole words. */
static int read_cfi(const struct ad_unwinder *unwinder, uint64_t offset, unw_word_t *value)
{
    size_t left = offset < unwinder->cfi.count ? unwinder->cfi.count - offset : 0;
    *value = 0;
    memcpy(value, AD_ITEMS(uint8_t, &unwinder->cfi) + (left ? offset : 0), left < 8 ? left : 8);
    return left ? 0 : -UNW_EINVAL;
}

/* The next part of the stack lies above, because frames are walked outwards; and a frame's lowest word is not
 * always the first that is asked for. */
static void move_window(struct ad_unwinder *unwinder, uint64_t address)
{
    struct ad_stack_window *window = &unwinder->window;
    uint64_t start = unwinder->registers.value[AD_REG_SP];
    if (address < start || address - start > sizeof(window->own) / 2)
        start = address;
    size_t size = ad_target_read_some(unwinder->target, start, window->own, sizeof(window->own));
    if (size <= address - start && start != address) {
        start = address;
        size = ad_target_read_some(unwinder->target, start, window->own, sizeof(window->own));
    }
    window->bytes = window->own;
    if (!ad_range_init(&window->range, start, size))
        window->range = (struct ad_range){start, UINT64_MAX};
}

/* A word that is cut off by the end of a segment has zeros for the rest. */
bool ad_unwinder_word(struct ad_unwinder *unwinder, uint64_t address, uint64_t *word_ret)
{
    struct ad_stack_window *window = &unwinder->window;
    if (!ad_range_holds(window->range, address, sizeof(*word_ret)))
        move_window(unwinder, address);
    uint64_t offset = address - window->range.start, size = ad_range_size(window->range);
    size_t left = offset < size ? size - offset : 0;
    *word_ret = 0;
    memcpy(word_ret, window->bytes + (left ? offset : 0), left < sizeof(*word_ret) ? left : sizeof(*word_ret));
    return left > 0;
}

static int read_stack(struct ad_unwinder *unwinder, uint64_t address, unw_word_t *value)
{
    uint64_t word;
    bool read = ad_unwinder_word(unwinder, address, &word);
    *value = word;
    if (read)
        return 0;
    unwinder->fault = true;
    unwinder->fault_address = address;
    return -UNW_EINVAL;
}

static int access_memory(unw_addr_space_t space, unw_word_t address, unw_word_t *value, int write,
                         void *context)
{
    (void)space;
    if (write)
        return -UNW_EINVAL;
    if (address >= AD_CFI_WINDOW && address - AD_CFI_WINDOW < UINT32_MAX)
        return read_cfi(context, address - AD_CFI_WINDOW, value);
    return read_stack(context, address, value);
}

/* libunwind numbers x86-64's registers as DWARF does. */
static int access_register(unw_addr_space_t space, unw_regnum_t number, unw_word_t *value, int write,
                           void *context)
{
    (void)space;
    struct ad_unwinder *unwinder = context;
    bool ours = !write && number >= 0 && number < AD_REG_COUNT;
    if (!ours || !(unwinder->registers.valid >> number & 1)) {
        bool unreadable = ours && (unwinder->unreadable >> number & 1);
        unwinder->fault |= unreadable;
        unwinder->fault_address = unreadable ? unwinder->registers.value[number] : unwinder->fault_address;
        unwinder->register_missing |= !unreadable;
        return -UNW_EBADREG;
    }
    *value = unwinder->registers.value[number];
    return 0;
}

static void put_info(unw_addr_space_t space, unw_proc_info_t *info, void *context)
{
    (void)space;
    (void)info;
    (void)context;
}

static int no_dynamic_info(unw_addr_space_t space, unw_word_t *address, void *context)
{
    (void)space;
    (void)address;
    (void)context;
    return -UNW_ENOINFO;
}

static int no_fp_register(unw_addr_space_t space, unw_regnum_t number, unw_fpreg_t *value, int write,
                          void *context)
{
    (void)space;
    (void)number;
    (void)value;
    (void)write;
    (void)context;
    return -UNW_EBADREG;
}

static int no_resume(unw_addr_space_t space, unw_cursor_t *cursor, void *context)
{
    (void)space;
    (void)cursor;
    (void)context;
    return -UNW_EINVAL;
}

unw_accessors_t ad_unwind_accessors = {
    .find_proc_info = ad_unwinder_find_cfi,
    .put_unwind_info = put_info,
    .get_dyn_info_list_addr = no_dynamic_info,
    .access_mem = access_memory,
    .access_reg = access_register,
    .access_fpreg = no_fp_register,
    .resume = no_resume,
};
