/* SPDX-License-Identifier: MIT */
#include "stack.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define STACKS_IN_SLAB 64
#define CANARY_WORDS 8
#define CACHE_LINE 64
#define COLOURS 8 /* more would cost some frames a second page */

#ifdef ASYNC_SANITIZE_ADDRESS
#define USUAL (256 * 1024) /* instrumented frames are several times as large */
#else
#define USUAL (64 * 1024)
#endif

struct async_stack_slab {
    struct async_stack_slab *next;
    char *mapping;
    size_t mapping_size;
    struct async_stack stacks[STACKS_IN_SLAB];
};

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

void async_stacks_init(struct async_stacks *stacks, size_t size, uint32_t guard_budget)
{
    size_t page = page_size();
    size = size ? size : USUAL;
    size = size < ASYNC_STACK_LEAST ? ASYNC_STACK_LEAST : size;
    size = size > SIZE_MAX - page ? SIZE_MAX - page : size; /* absurd sizes fail when mapped */
    *stacks = (struct async_stacks){.size = (size + page - 1) / page * page, .guards_left = guard_budget};
}

void async_stacks_deinit(struct async_stacks *stacks)
{
    for (struct async_stack_slab *slab = stacks->slabs, *next; slab; slab = next) {
        next = slab->next;
        for (size_t i = 0; i < STACKS_IN_SLAB; i++) {
            if (!slab->stacks[i].used)
                continue;
            async_stack_unregister(slab->stacks[i].registration);
            async_fiber_destroy(&slab->stacks[i].fiber);
        }
        munmap(slab->mapping, slab->mapping_size);
        free(slab);
    }
    *stacks = (struct async_stacks){.size = stacks->size};
}

static char *map(size_t size)
{
    char *mapping =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping == MAP_FAILED)
        return NULL;
    /* A huge page would commit 2 MiB, 30 stacks, at the first touch. */
    madvise(mapping, size, MADV_NOHUGEPAGE);
    mprotect(mapping, page_size(), PROT_NONE);
    return mapping;
}

/* Maps a slab and puts its stacks on the free list, lowest first. */
bool async_stacks_grow(struct async_stacks *stacks)
{
    size_t page = page_size(), stride, size;
    if (__builtin_add_overflow(stacks->size, page, &stride) ||
        __builtin_mul_overflow(stride, (size_t)STACKS_IN_SLAB, &size) ||
        __builtin_add_overflow(size, page, &size))
        return false;
    struct async_stack_slab *slab = calloc(1, sizeof(*slab));
    char *mapping = slab ? map(size) : NULL;
    if (!mapping) {
        free(slab);
        return false;
    }
    slab->mapping = mapping;
    slab->mapping_size = size;
    slab->next = stacks->slabs;
    stacks->slabs = slab;
    for (size_t i = STACKS_IN_SLAB; i-- > 0;) {
        struct async_stack *stack = &slab->stacks[i];
        *stack = (struct async_stack){.low = mapping + page + i * stride + page,
                                      .size = stacks->size - i % COLOURS * CACHE_LINE};
        stack->next = stacks->free;
        stacks->free = stack;
    }
    stacks->free_count += STACKS_IN_SLAB;
    return true;
}

void async_stack_settle(struct async_stacks *stacks, struct async_stack *stack)
{
    size_t page = page_size();
    if (stacks->guards_left && mprotect(stack->low - page, page, PROT_NONE) == 0) {
        stack->guarded = true;
        stacks->guards_left--;
    }
    stack->registration = async_stack_register(stack->low, stack->size);
    stack->fiber = async_fiber_create(stack->low, stack->size);
    stack->used = true;
}

bool async_stack_canary_intact(const char *low)
{
    const volatile uint64_t *canary = (const volatile uint64_t *)low;
    uint64_t touched = 0;
    for (size_t i = 0; i < CANARY_WORDS; i++)
        touched |= canary[i];
    return touched == 0;
}
