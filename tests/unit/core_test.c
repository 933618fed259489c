/* SPDX-License-Identifier: MIT */
#include "../support/core_writer.h"
#include "../support/hang.h"

#include "target/core.h"

#define PAGE UINT64_C(4096)

static struct ad_target *open_core(const char *name)
{
    struct ad_target *target;
    assert_ok(ad_core_open(in_folder(name), &ad_limits_default, &target));
    return target;
}

static struct ad_error *open_fails(const char *path)
{
    struct ad_target *target;
    return ad_core_open(path, &ad_limits_default, &target);
}

/* A page of one letter. */
static const void *page(char letter)
{
    static char pages[8][4096];
    static unsigned next;
    return memset(pages[next++ % 8], letter, 4096);
}

static char letter_at(struct ad_target *target, uint64_t address)
{
    char letter = 0;
    return ad_target_read_some(target, address, &letter, 1) ? letter : 0;
}

/* ---- what is not a core ---------------------------------------------------------------------- */

static void other_files_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *part;
    } files[] = {
        {"", 0, "it is empty"},
        {"hello\n", 6, "not an ELF file"},
        {"\177E", 2, "not an ELF file"},
        {"\177ELF\2\1\1", 7, "ends inside its first header"},
        {"\x28\xb5\x2f\xfd", 4, "it ends early"},
        {"\x1f\x8b", 2, "it ends early"},
        {"\xfd\x37zXZ\0 ", 7, "can be unpacked only"},
        {"\x04\x22\x4d\x18 ", 5, "it ends early"},
        {"BZh91AY", 7, "bzip2 -d"},
        {"\x02\x21\x4c\x18 ", 5, "lz4 -d"},
    };
    for (size_t i = 0; i < COUNT(files); i++) {
        write_file(in_folder("other"), files[i].bytes, files[i].size);
        assert_error(open_fails(in_folder("other")), AD_ERROR_UNUSABLE, files[i].part);
    }
    assert_error(open_fails("/proc/self/exe"), AD_ERROR_UNUSABLE, "is a program");
    assert_error(open_fails(in_folder("nothing")), AD_ERROR_NOT_FOUND, "no such file");
    assert_error(open_fails(unit_folder), AD_ERROR_UNUSABLE, "a directory");
    assert_error(open_fails("/dev/null"), AD_ERROR_UNUSABLE, "a device");
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    assert_error(open_fails(in_folder("fifo")), AD_ERROR_UNUSABLE, "a FIFO");
}

static void other_machines_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint8_t class, data;
        uint16_t type, machine, entry_size;
        const char *part;
    } cases[] = {
        {ELFCLASS32, ELFDATA2LSB, ET_CORE, EM_386, 56, "32-bit"},
        {ELFCLASS64, ELFDATA2MSB, ET_CORE, EM_S390, 56, "big-endian"},
        {ELFCLASS64, ELFDATA2LSB, ET_CORE, EM_RISCV, 56, "another machine (ELF machine 243)"},
        {ELFCLASS64, ELFDATA2LSB, ET_REL, EM_X86_64, 56, "object file"},
        {ELFCLASS64, ELFDATA2LSB, ET_EXEC, EM_X86_64, 56, "is a program"},
        {ELFCLASS64, ELFDATA2LSB, ET_CORE, EM_X86_64, 32, "unknown size"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct core_writer writer;
        core_writer_init(&writer);
        core_writer_load(&writer, 0x1000, PF_R, page('a'), PAGE, PAGE);
        writer.header.e_ident[EI_CLASS] = cases[i].class;
        writer.header.e_ident[EI_DATA] = cases[i].data;
        writer.header.e_type = cases[i].type;
        writer.header.e_machine = cases[i].machine;
        writer.header.e_phentsize = cases[i].entry_size;
        core_writer_save(&writer, in_folder("machine"));
        assert_error(open_fails(in_folder("machine")), AD_ERROR_UNUSABLE, cases[i].part);
    }
}

/* ---- memory ----------------------------------------------------------------------------------- */

static void memory_that_was_left_out_is_not_zero(void **state)
{
    (void)state;
    struct core_writer writer;
    core_writer_init(&writer);
    core_writer_load(&writer, 0x20000, PF_R | PF_X, NULL, 0, 4 * PAGE);
    core_writer_load(&writer, 0x10000, PF_R, page('a'), PAGE, 2 * PAGE);
    core_writer_load(&writer, 0x12000, PF_R | PF_W, page('b'), PAGE, PAGE);
    core_writer_save(&writer, in_folder("sparse"));
    struct ad_target *target = open_core("sparse");
    char bytes[3 * 4096];
    assert_int_equal(target->region_count, 3);
    assert_int_equal(target->regions[0].range.start, 0x10000);
    assert_false(target->regions[0].in_dump);
    assert_true(target->regions[1].in_dump);
    assert_int_equal(target->regions[1].protection, AD_REGION_READ | AD_REGION_WRITE);
    assert_false(target->regions[2].in_dump);
    assert_int_equal(target->regions[2].protection, AD_REGION_READ | AD_REGION_EXECUTE);
    assert_int_equal(ad_target_read_some(target, 0x10000, bytes, sizeof(bytes)), PAGE);
    assert_int_equal(ad_target_read_some(target, 0x11000, bytes, sizeof(bytes)), 0);
    assert_int_equal(ad_target_read_some(target, 0x11800, bytes, sizeof(bytes)), 0);
    assert_int_equal(ad_target_read_some(target, 0x20000, bytes, 1), 0);
    assert_int_equal(ad_target_read_some(target, 0x12800, bytes, sizeof(bytes)), 0x800);
    assert_false(target->truncated);
    assert_int_equal(target->skipped, 0);
    ad_target_destroy(target);
}

static void neighbours_are_read_as_one(void **state)
{
    (void)state;
    struct core_writer writer;
    core_writer_init(&writer);
    for (uint64_t i = 0; i < 6; i++)
        core_writer_load(&writer, 0x10000 + i * PAGE, PF_R, page((char)('a' + i)), PAGE, PAGE);
    core_writer_save(&writer, in_folder("row"));
    struct ad_target *target = open_core("row");
    char bytes[6 * 4096];
    for (size_t size = 1; size < sizeof(bytes) - 100; size += 997) {
        assert_int_equal(ad_target_read_some(target, 0x10000 + 100, bytes, size), size);
        for (size_t i = 0; i < size; i++)
            if (bytes[i] != (char)('a' + (100 + i) / PAGE))
                fail_msg("byte %zu of %zu is wrong", i, size);
    }
    ad_target_destroy(target);
}

/* Segments over each other: the later header wins, whatever the order of addresses. */
static void later_headers_win(void **state)
{
    (void)state;
    static const struct {
        struct {
            uint64_t first, pages;
        } segments[3]; /* pages of 'a', 'b', 'c' */
        const char *seen; /* one letter for each page; '.' nothing */
    } table[] = {
        {{{0, 2}, {2, 2}, {4, 1}}, "aabbc..."}, {{{0, 6}, {1, 2}, {4, 1}}, "abbaca.."},
        {{{2, 2}, {0, 6}, {7, 1}}, "bbbbbb.c"}, {{{0, 4}, {2, 4}, {3, 1}}, "aabcbb.."},
        {{{3, 4}, {1, 4}, {0, 2}}, "ccbbbaa."}, {{{1, 3}, {1, 3}, {1, 3}}, ".ccc...."},
        {{{4, 0}, {4, 2}, {5, 0}}, "....bb.."},
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        struct core_writer writer;
        core_writer_init(&writer);
        for (int s = 0; s < 3; s++) {
            char bytes[8 * 4096];
            memset(bytes, 'a' + s, sizeof(bytes));
            for (uint64_t p = 0; p < 8; p++) /* which page of the address space it is */
                bytes[p * PAGE] = (char)('0' + table[i].segments[s].first + p);
            core_writer_load(&writer, 0x10000 + table[i].segments[s].first * PAGE, PF_R, bytes,
                             table[i].segments[s].pages * PAGE, table[i].segments[s].pages * PAGE);
        }
        core_writer_save(&writer, in_folder("overlap"));
        struct ad_target *target = open_core("overlap");
        for (uint64_t at = 0; at < 8; at++) {
            char seen = letter_at(target, 0x10000 + at * PAGE + 7);
            assert_int_equal(seen ? seen : '.', table[i].seen[at]);
            assert_int_equal(letter_at(target, 0x10000 + at * PAGE), seen ? '0' + at : 0);
        }
        for (size_t r = 1; r < target->region_count; r++)
            assert_true(target->regions[r - 1].range.end <= target->regions[r].range.start);
        ad_target_destroy(target);
    }
}

static void nonsense_segments_are_counted(void **state)
{
    (void)state;
    struct core_writer writer;
    core_writer_init(&writer);
    core_writer_load(&writer, 0x10000, PF_R, page('a'), PAGE, PAGE);
    core_writer_load(&writer, UINT64_MAX - PAGE, PF_R, page('b'), PAGE, 2 * PAGE);
    core_writer_load(&writer, 0x30000, PF_R, page('c'), PAGE, 16);
    core_writer_load(&writer, 0x40000, PF_R, page('d'), PAGE, PAGE);
    core_writer_last(&writer)->p_offset = UINT64_MAX - 0x10000;
    core_writer_save(&writer, in_folder("nonsense"));
    struct ad_target *target = open_core("nonsense");
    assert_int_equal(letter_at(target, 0x10000), 'a');
    assert_int_equal(letter_at(target, UINT64_MAX - PAGE), 0);
    assert_int_equal(letter_at(target, 0x3000f), 'c');
    assert_int_equal(letter_at(target, 0x30010), 0);
    assert_int_equal(letter_at(target, 0x40000), 0);
    assert_int_equal(target->skipped, 2);
    assert_true(target->truncated);
    assert_int_equal(target->missing_bytes, PAGE);
    ad_target_destroy(target);
}

/* gcore puts the bytes wherever it likes. */
static void offsets_need_not_be_aligned(void **state)
{
    (void)state;
    char bytes[3 * 4096 + 5];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 7 + i / 251);
    struct core_writer writer;
    core_writer_init(&writer);
    core_writer_load(&writer, 0x50000, PF_R, bytes, 5, 5);
    core_writer_load(&writer, 0x10000, PF_R, bytes + 5, sizeof(bytes) - 5, sizeof(bytes) - 5);
    core_writer_save(&writer, in_folder("unaligned"));
    struct ad_target *target = open_core("unaligned");
    char read[sizeof(bytes)];
    for (size_t at = 0; at < 3 * 4096; at += 61)
        for (size_t size = 1; at + size <= 3 * 4096; size = size * 3 + 1) {
            assert_int_equal(ad_target_read_some(target, 0x10000 + at, read, size), size);
            assert_memory_equal(read, bytes + 5 + at, size);
        }
    ad_target_destroy(target);
}

static void write_many(const char *name, uint64_t count, bool extended)
{
    struct core_writer writer;
    core_writer_init(&writer);
    core_writer_thread(&writer, 4, 6, 1, 2);
    for (uint64_t i = 0; i < count; i++)
        core_writer_load(&writer, 0x100000 + 2 * i * PAGE, PF_R, &i, sizeof(i), PAGE);
    writer.extended = extended;
    core_writer_save(&writer, in_folder(name));
}

static void more_segments_than_the_header_counts(void **state)
{
    (void)state;
    uint64_t count = 80000, last = 0x100000 + 2 * (count - 1) * PAGE, value;
    write_many("many", count, true);
    struct ad_target *target = open_core("many");
    assert_int_equal(target->region_count, count);
    assert_false(target->truncated);
    assert_ok(ad_target_read(target, last, &value, sizeof(value), "the last"));
    assert_int_equal(value, count - 1);
    uint64_t seed = 5;
    for (int i = 0; i < 3000; i++) { /* far more places than a reader may keep at hand */
        uint64_t index = random_next(&seed) % count;
        assert_ok(ad_target_read(target, 0x100000 + 2 * index * PAGE, &value, sizeof(value), "any"));
        assert_int_equal(value, index);
    }
    ad_target_destroy(target);

    /* A segment without bytes has no place: it does not tell where the headers end. */
    int fd = open(in_folder("many"), O_WRONLY);
    const Elf64_Phdr empty = {.p_type = PT_LOAD, .p_offset = 4096, .p_vaddr = 0x100000, .p_memsz = PAGE};
    assert_int_equal(pwrite(fd, &empty, sizeof(empty), sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr)), sizeof(empty));
    close(fd);

    /* Without section header 0, and then without the last segments too. */
    struct stat status;
    assert_int_equal(stat(in_folder("many"), &status), 0);
    assert_int_equal(truncate(in_folder("many"), status.st_size - 64), 0);
    target = open_core("many");
    assert_int_equal(target->region_count, count);
    assert_ok(ad_target_read(target, last, &value, sizeof(value), "the last"));
    assert_int_equal(target->thread_count, 1);
    ad_target_destroy(target);
    assert_int_equal(truncate(in_folder("many"), status.st_size - 64 - 80), 0);
    target = open_core("many");
    assert_int_equal(target->region_count, count);
    assert_true(target->truncated);
    assert_int_equal(target->missing_bytes, 80);
    assert_int_equal(letter_at(target, last), 0);
    assert_ok(ad_target_read(target, 0x100000 + 2 * 70000 * PAGE, &value, sizeof(value), "one beyond 65,535"));
    assert_int_equal(value, 70000);
    ad_target_destroy(target);
}

static void limits_are_kept(void **state)
{
    (void)state;
    struct ad_limits limits = ad_limits_default;
    struct ad_target *target;
    limits.regions = 10;
    limits.threads = 1;
    struct core_writer writer;
    core_writer_init(&writer);
    for (int i = 0; i < 3; i++)
        core_writer_thread(&writer, 4 + i, 6, 1, 2);
    for (uint64_t i = 0; i < 20; i++)
        core_writer_load(&writer, 0x100000 + i * PAGE, PF_R, "x", 1, PAGE);
    core_writer_save(&writer, in_folder("limited"));
    assert_ok(ad_core_open(in_folder("limited"), &limits, &target));
    assert_int_equal(target->region_count, 9); /* the tenth header is the notes' */
    assert_int_equal(target->thread_count, 1);
    assert_int_equal(target->skipped, 11 + 2);
    ad_target_destroy(target);
}

/* ---- notes ------------------------------------------------------------------------------------ */

static void notes_tell_of_the_process(void **state)
{
    (void)state;
    uint8_t info[136] = {0};
    int32_t pid = 1234;
    const uint64_t auxv[] = {AT_PHDR, 0x10040, AT_NULL, 0};
    const struct core_file_entry files[] = {
        {0x10000, 0x11000, 0, "/bin/svc"},        {0x11000, 0x13000, 0x1000, "/bin/svc"},
        {0x20000, 0x22000, 0x5000, "/lib/a b.so"}, {0x40000, 0x41000, 0, "/gone (deleted)"},
    };
    struct core_writer writer;
    core_writer_init(&writer);
    memcpy(info + 24, &pid, sizeof(pid));
    memcpy(info + 40, "a-name-of-sixteen", 16);
    core_writer_thread(&writer, 1235, SIGSEGV, 0x11004, 0x30100);
    core_writer_note(&writer, "CORE", NT_PRPSINFO, info, sizeof(info));
    core_writer_note(&writer, "LINUX", 0x205, "unknown", 7);
    core_writer_auxv(&writer, auxv, 2);
    core_writer_files(&writer, files, COUNT(files));
    core_writer_thread(&writer, 1234, 0, 0x11008, 0x31100);
    core_writer_load(&writer, 0x10000, PF_R, page('e'), PAGE, PAGE);
    core_writer_load(&writer, 0x11000, PF_R | PF_X, NULL, 0, 2 * PAGE);
    core_writer_load(&writer, 0x21000, PF_R | PF_W, page('d'), PAGE, 3 * PAGE);
    core_writer_save(&writer, in_folder("core.1234"));
    struct ad_target *target = open_core("core.1234");
    assert_string_equal(target->description, "core.1234");
    assert_int_equal(target->kind, AD_TARGET_CORE);
    assert_int_equal(target->machine, EM_X86_64);
    assert_int_equal(target->pid, 1234);
    assert_string_equal(target->command, "a-name-of-sixte");
    assert_int_equal(target->signal, SIGSEGV);
    assert_string_equal(target->executable, "/bin/svc");
    assert_true(target->realtime > UINT64_C(1600000000) * 1000000000);
    assert_int_equal(target->thread_count, 2);
    assert_int_equal(target->threads[0].tid, 1235);
    assert_true(target->threads[0].crashed && !target->threads[1].crashed);
    assert_int_equal(target->threads[0].registers.value[AD_REG_PC], 0x11004);
    assert_int_equal(target->threads[1].registers.value[AD_REG_SP], 0x31100);
    assert_true(target->threads[0].system_call == UINT64_MAX);
    static const struct ad_region expected[] = {
        {{0x10000, 0x11000}, 0, "/bin/svc", AD_REGION_READ, true},
        {{0x11000, 0x13000}, 0x1000, "/bin/svc", AD_REGION_READ | AD_REGION_EXECUTE, false},
        {{0x20000, 0x21000}, 0x5000, "/lib/a b.so", 0, false},
        {{0x21000, 0x22000}, 0x6000, "/lib/a b.so", AD_REGION_READ | AD_REGION_WRITE, true},
        {{0x22000, 0x24000}, 0, NULL, AD_REGION_READ | AD_REGION_WRITE, false},
        {{0x40000, 0x41000}, 0, "/gone (deleted)", 0, false},
    };
    assert_int_equal(target->region_count, COUNT(expected));
    for (size_t i = 0; i < COUNT(expected); i++) {
        const struct ad_region *region = &target->regions[i];
        assert_memory_equal(&region->range, &expected[i].range, sizeof(region->range));
        assert_int_equal(region->file_offset, expected[i].file_offset);
        assert_int_equal(region->protection, expected[i].protection);
        assert_int_equal(region->in_dump, expected[i].in_dump);
        assert_int_equal(!region->path, !expected[i].path);
        if (region->path)
            assert_string_equal(region->path, expected[i].path);
    }
    ad_target_destroy(target);
}

static void broken_notes_cost_only_themselves(void **state)
{
    (void)state;
    uint64_t many[5] = {UINT64_MAX / 24, 4096, 0x1000, 0x2000, 0};
    uint64_t wrap[6] = {1, UINT64_MAX, 0x1000, 0x2000, 2, 0};
    uint64_t backwards[6] = {1, 4096, 0x2000, 0x1000, 0, 0};
    struct core_writer writer;
    core_writer_init(&writer);
    core_writer_thread(&writer, 7, SIGABRT, 1, 2);
    core_writer_note(&writer, "CORE", NT_FILE, many, sizeof(many));
    core_writer_note(&writer, "CORE", NT_FILE, wrap, sizeof(wrap));
    core_writer_note(&writer, "CORE", NT_FILE, backwards, sizeof(backwards));
    core_writer_note(&writer, "CORE", NT_FILE, many, 3);
    core_writer_note(&writer, "CORE", NT_PRSTATUS, many, 20);
    core_writer_note(&writer, "CORE", NT_PRPSINFO, many, 20);
    core_writer_note(&writer, "CORE", NT_AUXV, many, 0);
    uint32_t endless[3] = {5, UINT32_MAX, NT_PRSTATUS};
    core_bytes_add(&writer.notes, endless, sizeof(endless));
    core_writer_load(&writer, 0x10000, PF_R, page('e'), PAGE, PAGE);
    core_writer_save(&writer, in_folder("notes"));
    struct ad_target *target = open_core("notes");
    assert_int_equal(target->thread_count, 1);
    assert_int_equal(target->pid, 7);
    assert_int_equal(target->region_count, 1);
    assert_true(target->skipped >= 6);
    ad_target_destroy(target);
}

static void other_registers_are_not_guessed(void **state)
{
    (void)state;
    struct core_writer writer;
    core_writer_init(&writer);
    writer.header.e_machine = EM_AARCH64;
    core_writer_thread(&writer, 7, SIGABRT, 1, 2);
    core_writer_load(&writer, 0x10000, PF_R, page('e'), PAGE, PAGE);
    core_writer_save(&writer, in_folder("aarch64"));
    struct ad_target *target = open_core("aarch64");
    assert_int_equal(target->machine, EM_AARCH64);
    assert_int_equal(target->threads[0].tid, 7);
    assert_int_equal(target->threads[0].registers.valid, 0);
    assert_int_equal(letter_at(target, 0x10000), 'e');
    ad_target_destroy(target);
}

/* Cut everywhere, and changed everywhere: an error or a target, and what it has can be asked for. */
static void use(const char *name)
{
    struct ad_target *target;
    struct ad_error *error = ad_core_open(in_folder(name), &ad_limits_default, &target);
    ad_error_destroy(error);
    if (error)
        return;
    char bytes[64];
    for (size_t i = 0; i < target->region_count; i++) {
        assert_true(target->regions[i].range.start < target->regions[i].range.end);
        ad_target_read_some(target, target->regions[i].range.start, bytes, sizeof(bytes));
        ad_target_read_some(target, target->regions[i].range.end - 1, bytes, sizeof(bytes));
    }
    ad_target_destroy(target);
}

static void hostile_cores_do_no_harm(void **state)
{
    (void)state;
    const struct core_file_entry files[] = {{0x10000, 0x11000, 0, "/bin/svc"}, {0x12000, 0x13000, 0, "/x"}};
    const uint64_t auxv[] = {AT_PHDR, 0x10040, AT_EXECFN, 0x12000, AT_NULL, 0};
    struct core_writer writer;
    core_writer_init(&writer);
    core_writer_thread(&writer, 7, SIGABRT, 1, 2);
    core_writer_auxv(&writer, auxv, 3);
    core_writer_files(&writer, files, COUNT(files));
    core_writer_load(&writer, 0x10000, PF_R, page('e'), PAGE, PAGE);
    core_writer_load(&writer, 0x12000, PF_R, page('f'), PAGE, 2 * PAGE);
    uint64_t headers = core_writer_data_offset(&writer);
    core_writer_save(&writer, in_folder("seed"));
    size_t size;
    char *bytes = read_whole(in_folder("seed"), &size);
    for (size_t cut = 0; cut < size; cut += cut < headers ? 3 : 509) {
        write_file(in_folder("cut"), bytes, cut);
        use("cut");
    }
    uint64_t seed = 7;
    static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff, 0xfe};
    for (int round = 0; round < 3000; round++) {
        char *changed = malloc(size);
        memcpy(changed, bytes, size);
        for (uint64_t i = 0; i <= random_next(&seed) % 4; i++) {
            uint64_t at = random_next(&seed) % headers, run = random_next(&seed) % 9;
            memset(changed + at, values[random_next(&seed) % sizeof(values)], run < size - at ? run : 1);
        }
        write_file(in_folder("changed"), changed, size);
        use("changed");
        free(changed);
    }
    free(bytes);
}

/* ---- cores of real programs, judged by others ------------------------------------------------- */

/* Every PT_LOAD of readelf is there, with its flags. */
static void agrees_with_readelf(struct ad_target *target, const char *name)
{
    if (!have_tool("readelf"))
        return;
    char *out = output_of(text("readelf -lW %s/%s", unit_folder, name));
    size_t loads = 0;
    for (char *line = strtok(out, "\n"); line; line = strtok(NULL, "\n")) {
        unsigned long offset, vaddr, physical, file_size, memory_size;
        int end;
        if (sscanf(line, " LOAD 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx%n", &offset, &vaddr, &physical, &file_size,
                   &memory_size, &end) != 5)
            continue;
        const char *flags = line + end + 1;
        loads++;
        const struct ad_region *region = ad_target_region(target, vaddr);
        assert_non_null(region);
        assert_int_equal(region->range.start, vaddr);
        assert_int_equal(region->range.end, vaddr + memory_size);
        assert_int_equal(region->in_dump, file_size == memory_size);
        assert_int_equal(!!(region->protection & AD_REGION_READ), flags[0] == 'R');
        assert_int_equal(!!(region->protection & AD_REGION_WRITE), flags[1] == 'W');
        assert_int_equal(!!(region->protection & AD_REGION_EXECUTE), flags[2] == 'E');
        char byte;
        assert_int_equal(ad_target_read_some(target, vaddr, &byte, 1), file_size != 0);
    }
    assert_true(loads > 10);
    free(out);
}

/* GDB's registers of each thread are ours. */
static void agrees_with_gdb(struct ad_target *target, const char *name)
{
    if (!have_tool("gdb"))
        return;
    char *out = output_of(text("gdb -nx -batch -ex 'thread apply all -ascending printf \"R %%d %%lx %%lx %%lx %%lx\\n\", "
                               "$_thread, $rip, $rsp, $rbx, $r15' %s/hang %s/%s 2>/dev/null",
                               unit_folder, unit_folder, name));
    size_t seen = 0;
    for (char *line = strtok(out, "\n"); line; line = strtok(NULL, "\n")) {
        unsigned number;
        unsigned long pc, sp, rbx, r15;
        if (sscanf(line, "R %u %lx %lx %lx %lx", &number, &pc, &sp, &rbx, &r15) != 5)
            continue;
        assert_in_range(number, 1, target->thread_count);
        const uint64_t *value = target->threads[number - 1].registers.value;
        assert_int_equal(value[AD_REG_PC], pc);
        assert_int_equal(value[AD_REG_SP], sp);
        assert_int_equal(value[AD_REG_RBX], rbx);
        assert_int_equal(value[15], r15);
        seen++;
    }
    assert_int_equal(seen, target->thread_count);
    free(out);
}

static bool has_thread(const struct ad_target *target, long tid)
{
    for (size_t i = 0; i < target->thread_count; i++)
        if (target->threads[i].tid == tid)
            return target->threads[i].system_call == 34; /* pause */
    return false;
}

static void check_real(const char *name, const struct hang *hang, int signal)
{
    struct ad_target *target = open_core(name);
    char marker[64];
    assert_int_equal(target->pid, hang->pid);
    assert_string_equal(target->command, "hang");
    assert_int_equal(target->signal, signal);
    assert_int_equal(target->threads[0].tid, hang->pid);
    assert_int_equal(target->threads[0].crashed, signal != 0);
    assert_int_equal(target->thread_count, 3);
    assert_true(has_thread(target, hang->threads[0]) && has_thread(target, hang->threads[1]));
    assert_string_equal(target->executable, in_folder("hang"));
    assert_int_equal(target->skipped, 0);
    assert_false(target->truncated);
    assert_ok(ad_target_read_text(target, hang->marker, marker, sizeof(marker), "marker"));
    assert_string_equal(marker, "the marker of a hanging program");
    agrees_with_readelf(target, name);
    agrees_with_gdb(target, name);
    ad_target_destroy(target);
}

static void kernel_core_is_read(void **state)
{
    (void)state;
    struct hang hang;
    if (!hang_kernel_core("hang", &hang, "core.kernel"))
        skip();
    check_real("core.kernel", &hang, SIGABRT);
}

static void gcore_core_is_read(void **state)
{
    (void)state;
    struct hang hang;
    if (!hang_gcore("hang", &hang, "core.gcore"))
        skip();
    check_real("core.gcore", &hang, 0);
}

/* What is left of a core decides: never more memory than the whole one had, and never an error. */
static void half_a_core_is_read(void **state)
{
    (void)state;
    struct hang hang;
    if (!hang_kernel_core("hang", &hang, "core.cut"))
        skip();
    struct stat status;
    assert_int_equal(stat(in_folder("core.cut"), &status), 0);
    off_t size = status.st_size;
    uint64_t missing = 0;
    for (int part = 7; part > 0; part--) {
        assert_int_equal(truncate(in_folder("core.cut"), size / 8 * part), 0);
        struct ad_target *target = open_core("core.cut");
        assert_true(target->truncated);
        assert_true(target->missing_bytes > missing);
        assert_true(target->missing_bytes >= (uint64_t)(size - size / 8 * part));
        missing = target->missing_bytes;
        assert_int_equal(target->thread_count, 3);
        assert_string_equal(target->executable, in_folder("hang"));
        ad_target_destroy(target);
    }
}

static int make_program(void **state)
{
    if (make_folder(state))
        return -1;
    hang_compile("hang", "");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(other_machines_are_refused),
        cmocka_unit_test(memory_that_was_left_out_is_not_zero),
        cmocka_unit_test(neighbours_are_read_as_one),
        cmocka_unit_test(later_headers_win),
        cmocka_unit_test(nonsense_segments_are_counted),
        cmocka_unit_test(offsets_need_not_be_aligned),
        cmocka_unit_test(more_segments_than_the_header_counts),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(notes_tell_of_the_process),
        cmocka_unit_test(broken_notes_cost_only_themselves),
        cmocka_unit_test(other_registers_are_not_guessed),
        cmocka_unit_test(hostile_cores_do_no_harm),
        cmocka_unit_test(kernel_core_is_read),
        cmocka_unit_test(gcore_core_is_read),
        cmocka_unit_test(half_a_core_is_read),
    };
    return cmocka_run_group_tests(tests, make_program, remove_folder);
}
