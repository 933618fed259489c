/* SPDX-License-Identifier: MIT */
/*
 * engine_floor: what the reading of a core of grove costs at least, on this machine and now. Arguments: the core,
 * grove's account, the bytes of a record, and "cold" when the core's pages are not in memory. Prints
 *
 *     nanoseconds for each task, and for each frame; all bytes read
 *
 *   a task   one pread of its used stack (from its stack pointer up), and its record from a block of 64 KiB that
 *            is read once: the bytes that no reader can do without, and nothing done with them. Cold, the kernel
 *            is told of the next 1,024 tasks' bytes beforehand (POSIX_FADV_WILLNEED).
 *   a frame  one step of an unwinder that has compiled its rows: a pc is looked up in a table of 2,141 rows of
 *            32 bytes; CFA, return address and a saved register are taken from the stack as the row says; the
 *            pc goes into the hash of the whole stack. Stack and table lie in the cache.
 *
 * Each is done three times and the fastest counts, but cold once.
 */
#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "contest.h"

enum { BLOCK = 65536, AHEAD = 1024, FRAMES = 9, ROWS = 2141, SLOTS = 8192, STACK_MAX = 16384 };

struct task {
    uint64_t low, high, record;
};

struct floor {
    int core;
    Elf64_Phdr *segments; /* those of memory, by address */
    size_t segment_count;
    size_t last;
    const struct task *tasks;
    size_t count;
    size_t record_bytes;
    uint64_t bytes; /* read so far */
};

static const void *map(const char *path, size_t *size_ret)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    contest_require(file >= 0 && fstat(file, &status) == 0 && status.st_size > 0, path);
    const void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    contest_require(bytes != MAP_FAILED, path);
    close(file);
    *size_ret = (size_t)status.st_size;
    return bytes;
}

/* More segments than e_phnum can count are told by the first section header. */
static size_t count_segments(int core, const Elf64_Ehdr *header)
{
    Elf64_Shdr section;
    if (header->e_phnum != PN_XNUM)
        return header->e_phnum;
    contest_require(pread(core, &section, sizeof(section), (off_t)header->e_shoff) == sizeof(section), "pread");
    return section.sh_info;
}

static int by_address(const void *a, const void *b)
{
    const Elf64_Phdr *left = a, *right = b;
    return (left->p_vaddr > right->p_vaddr) - (left->p_vaddr < right->p_vaddr);
}

static void open_core(struct floor *floor, const char *path)
{
    Elf64_Ehdr header;
    floor->core = open(path, O_RDONLY | O_CLOEXEC);
    contest_require(floor->core >= 0 && pread(floor->core, &header, sizeof(header), 0) == sizeof(header), path);
    size_t count = count_segments(floor->core, &header), bytes = count * sizeof(Elf64_Phdr);
    floor->segments = malloc(bytes);
    contest_require(floor->segments &&
                        pread(floor->core, floor->segments, bytes, (off_t)header.e_phoff) == (ssize_t)bytes,
                    "reading the program headers");
    for (size_t i = 0; i < count; i++)
        if (floor->segments[i].p_type == PT_LOAD)
            floor->segments[floor->segment_count++] = floor->segments[i];
    qsort(floor->segments, floor->segment_count, sizeof(Elf64_Phdr), by_address);
}

/* The offset in the file of what lay at `address`. */
static off_t place_of(struct floor *floor, uint64_t address)
{
    const Elf64_Phdr *segments = floor->segments;
    size_t low = 0, high = floor->segment_count;
    if (address - segments[floor->last].p_vaddr >= segments[floor->last].p_filesz) {
        while (high - low > 1) {
            size_t middle = (low + high) / 2;
            *(segments[middle].p_vaddr <= address ? &low : &high) = middle;
        }
        floor->last = low;
    }
    const Elf64_Phdr *segment = &segments[floor->last];
    contest_require(address - segment->p_vaddr < segment->p_filesz, "finding memory in the core");
    return (off_t)(segment->p_offset + (address - segment->p_vaddr));
}

static void announce(struct floor *floor, size_t from)
{
    for (size_t i = from; i < from + AHEAD && i < floor->count; i++)
        (void)posix_fadvise(floor->core, place_of(floor, floor->tasks[i].low),
                            (off_t)(floor->tasks[i].high - floor->tasks[i].low), POSIX_FADV_WILLNEED);
}

static void read_some(struct floor *floor, void *bytes, size_t size, uint64_t address)
{
    ssize_t got = pread(floor->core, bytes, size, place_of(floor, address));
    contest_require(got > 0, "reading the core");
    floor->bytes += (uint64_t)got;
}

static uint64_t read_tasks(struct floor *floor, bool cold)
{
    static uint8_t stack[STACK_MAX], block[BLOCK];
    uint64_t begun = contest_clock(), at = 1;
    floor->bytes = 0;
    for (size_t i = 0; i < floor->count; i++) {
        const struct task *task = &floor->tasks[i];
        size_t size = task->high - task->low;
        if (cold && i % AHEAD == 0)
            announce(floor, i ? i + AHEAD : 0);
        if (cold && i == 0)
            announce(floor, AHEAD);
        if (task->record - at > BLOCK - floor->record_bytes) {
            at = task->record;
            read_some(floor, block, BLOCK, at);
        }
        read_some(floor, stack, size < STACK_MAX ? size : STACK_MAX, task->low);
    }
    return contest_clock() - begun;
}

/* ---- Frames --------------------------------------------------------------------------------------- */

struct row {
    uint64_t pc;
    int32_t cfa, return_address;
    int16_t saved[6];
    uint32_t flags;
};

static struct row rows[SLOTS];
static uint64_t pcs[ROWS];

static size_t slot_of(uint64_t pc)
{
    size_t slot = (pc * UINT64_C(0x9e3779b97f4a7c15)) >> 51;
    while (rows[slot].pc && rows[slot].pc != pc)
        slot = (slot + 1) % SLOTS;
    return slot;
}

static void make_rows(void)
{
    for (size_t i = 0; i < ROWS; i++) {
        pcs[i] = 0x555555554000 + i * 37;
        rows[slot_of(pcs[i])] = (struct row){.pc = pcs[i], .cfa = 96 + (int)(i % 4) * 16, .return_address = -8, .saved = {-16}};
    }
}

static uint64_t word_at(const uint8_t *stack, uint64_t offset)
{
    uint64_t word;
    memcpy(&word, stack + offset % (STACK_MAX - sizeof(word)), sizeof(word));
    return word;
}

/* The stack holds zeros: so each pc comes from it, and yet is one of the table. */
static uint64_t walk(const uint8_t *stack, size_t number)
{
    uint64_t hash = 0, cfa = 64, register_value = 0, pc = pcs[number % ROWS];
    for (unsigned i = 0; i < FRAMES; i++) {
        const struct row *row = &rows[slot_of(pc)];
        cfa += (uint64_t)row->cfa + register_value;
        register_value = word_at(stack, cfa + (uint64_t)row->saved[0]);
        pc = word_at(stack, cfa + (uint64_t)row->return_address) + pcs[(number + i * 119) % ROWS];
        hash = (hash ^ pc) * UINT64_C(0xbf58476d1ce4e5b9);
    }
    return hash;
}

static uint64_t walk_tasks(const struct floor *floor)
{
    static uint8_t stack[STACK_MAX];
    static volatile uint64_t kept;
    uint64_t begun = contest_clock();
    for (size_t i = 0; i < floor->count; i++)
        kept ^= walk(stack, i);
    return contest_clock() - begun;
}

int main(int argc, char **argv)
{
    size_t size;
    contest_require(argc >= 4, "three arguments are needed: core, account, bytes of a record. Starting");
    struct floor floor = {.record_bytes = contest_argument(argc, argv, 3)};
    bool cold = argc > 4 && strcmp(argv[4], "cold") == 0;
    floor.tasks = map(argv[2], &size);
    floor.count = size / sizeof(struct task);
    open_core(&floor, argv[1]);
    make_rows();
    uint64_t tasks = read_tasks(&floor, cold), frames = walk_tasks(&floor);
    for (int i = 0; i < 2; i++) {
        uint64_t again = cold ? tasks : read_tasks(&floor, false), steps = walk_tasks(&floor);
        tasks = again < tasks ? again : tasks;
        frames = steps < frames ? steps : frames;
    }
    printf("%.1f %.2f %" PRIu64 "\n", (double)tasks / (double)floor.count,
           (double)frames / (double)floor.count / FRAMES, floor.bytes);
    return 0;
}
