/* SPDX-License-Identifier: MIT */
#include "../support/unit.h"

#include <elf.h>

#include "target/fake.h"
#include "target/maps.h"
#include "target/page_cache.h"
#include "target/registers.h"

static struct ad_target *two_memories(void)
{
    static const char low[] = "0123456789abcdef", high[] = "ghijklmnop";
    const struct ad_fake_memory memory[] = {{0x2000, high, 10}, {0x1000, low, 16}};
    struct ad_target *target;
    assert_ok(ad_fake_create(memory, 2, &ad_limits_default, &target));
    return target;
}

static void reads_stop_where_memory_does(void **state)
{
    (void)state;
    struct ad_target *target = two_memories();
    char bytes[32] = "";
    assert_int_equal(ad_target_read_some(target, 0x1004, bytes, sizeof(bytes)), 12);
    assert_memory_equal(bytes, "456789abcdef", 12);
    assert_int_equal(ad_target_read_some(target, 0x0fff, bytes, 4), 0);
    assert_int_equal(ad_target_read_some(target, UINT64_MAX, bytes, 32), 0);
    assert_ok(ad_target_read(target, 0x2006, bytes, 4, "a record"));
    struct ad_error *error = ad_target_read(target, 0x2006, bytes, 5, "a record");
    assert_non_null(error);
    assert_int_equal(error->address, 0x200a);
    assert_error(error, AD_ERROR_FAULT, "a record at 0x200a");
    ad_target_destroy(target);
    ad_target_destroy(NULL);
}

static size_t letters(void *context, uint64_t address, void *buffer, size_t size)
{
    if (address < 0x1800 || address >= 0x1900)
        return 0;
    ++*(int *)context;
    size = size < 0x1900 - address ? size : 0x1900 - address;
    memset(buffer, 'z', size);
    return size;
}

static void backing_is_asked_only_for_what_is_missing(void **state)
{
    (void)state;
    struct ad_target *target = two_memories();
    int asked = 0;
    char bytes[512];
    target->backing = letters;
    target->backing_context = &asked;
    assert_int_equal(ad_target_read_some(target, 0x1000, bytes, 16), 16);
    assert_int_equal(asked, 0);
    assert_int_equal(ad_target_read_some(target, 0x18f0, bytes, 512), 16);
    assert_int_equal(asked, 1);
    assert_memory_equal(bytes, "zzzzzzzzzzzzzzzz", 16);
    ad_target_destroy(target);
}

static size_t asked_for;

static size_t read_all_you_ask(struct ad_target *target, uint64_t address, void *buffer, size_t size)
{
    (void)target, (void)address;
    memset(buffer, 'x', size);
    asked_for += size;
    return size;
}

static void nothing_is_read_past_the_last_address(void **state)
{
    (void)state;
    static const struct ad_target_ops ops = {.read = read_all_you_ask};
    struct ad_target target = {.ops = &ops};
    char bytes[64];
    assert_int_equal(ad_target_read_some(&target, UINT64_MAX - 10, bytes, sizeof(bytes)), 10);
    assert_int_equal(asked_for, 10);
}

static void texts_end_or_are_cut(void **state)
{
    (void)state;
    char memory[300], buffer[301];
    memset(memory, 'a', sizeof(memory));
    memory[100] = '\0';
    const struct ad_fake_memory part = {0x1000, memory, sizeof(memory)};
    struct ad_target *target;
    assert_ok(ad_fake_create(&part, 1, &ad_limits_default, &target));
    assert_ok(ad_target_read_text(target, 0x1000, buffer, sizeof(buffer), "name"));
    assert_int_equal(strlen(buffer), 100);
    assert_ok(ad_target_read_text(target, 0x1000, buffer, 11, "name"));
    assert_string_equal(buffer, "aaaaaaaaaa");
    assert_error(ad_target_read_text(target, 0x1000 + 101, buffer, sizeof(buffer), "name"), AD_ERROR_FAULT,
                 "name at 0x112c");
    assert_int_equal(strlen(buffer), 199);
    assert_ok(ad_target_read_text(target, 0x1000 + 101, buffer, 200, "name"));
    assert_ok(ad_target_read_text(target, 0x9000, buffer, 1, "name"));
    assert_string_equal(buffer, "");
    ad_target_destroy(target);
}

static void regions_are_found(void **state)
{
    (void)state;
    struct ad_target *target = two_memories();
    assert_null(ad_target_region(target, 0xfff));
    assert_ptr_equal(ad_target_region(target, 0x1000), &target->regions[0]);
    assert_null(ad_target_region(target, 0x1010));
    assert_ptr_equal(ad_target_region(target, 0x2009), &target->regions[1]);
    assert_null(ad_target_region(target, UINT64_MAX));
    ad_target_destroy(target);
    const struct ad_fake_memory overlap[] = {{0x1000, "ab", 2}, {0x1001, "ab", 2}};
    assert_error(ad_fake_create(overlap, 2, &ad_limits_default, &target), AD_ERROR_USAGE, "overlap");
}

static void auxv_is_bounded(void **state)
{
    (void)state;
    struct ad_target *target = two_memories();
    uint64_t auxv[] = {AT_PHDR, 0x40, AT_ENTRY, 0x50, AT_NULL, 0, AT_BASE, 0x60}, value = 1;
    target->auxv = auxv;
    target->auxv_size = sizeof(auxv);
    assert_true(ad_target_auxv(target, AT_ENTRY, &value));
    assert_int_equal(value, 0x50);
    assert_false(ad_target_auxv(target, AT_BASE, &value));
    target->auxv_size = 3 * sizeof(uint64_t);
    assert_false(ad_target_auxv(target, AT_ENTRY, &value));
    target->auxv = NULL;
    assert_false(ad_target_auxv(target, AT_ENTRY, &value));
    ad_target_destroy(target);
}

static size_t parse_maps(const char *maps, struct ad_region *regions, size_t room, uint64_t *skipped)
{
    static struct ad_pool pool;
    struct ad_vector vector = AD_VECTOR(struct ad_region);
    *skipped = 0;
    assert_ok(ad_maps_parse(maps, &ad_limits_default, &pool, &vector, skipped));
    for (size_t i = 0; i < vector.count && i < room; i++) {
        regions[i] = AD_ITEMS(struct ad_region, &vector)[i];
        if (regions[i].path)
            regions[i].path = text("%s", regions[i].path);
    }
    size_t count = vector.count;
    ad_vector_deinit(&vector);
    ad_pool_deinit(&pool);
    return count;
}

static void maps_become_regions(void **state)
{
    (void)state;
    struct ad_region regions[8];
    uint64_t skipped;
    size_t count = parse_maps("5557e83d7000-5557e83d8000 r--p 00002000 08:01 123      /tmp/a b (deleted)\n"
                              "5557e83d8000-5557e83d9000 r-xp 00003000 08:01 123      /tmp/x\\012y\n"
                              "7f5e0d46a000-7f5e0d46b000 ---p 00000000 00:00 0 \n"
                              "7f5e0e664000-7f5e0e666000 rw-p 00000000 00:00 0        [heap]\n"
                              "7f5e0e666000-7f5e0e668000 r-xp 00000000 00:00 0        [vdso]\n"
                              "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0  [vsyscall]",
                              regions, 8, &skipped);
    assert_int_equal(count, 6);
    assert_int_equal(skipped, 0);
    assert_int_equal(regions[0].range.start, 0x5557e83d7000);
    assert_int_equal(regions[0].file_offset, 0x2000);
    assert_int_equal(regions[0].protection, AD_REGION_READ);
    assert_string_equal(regions[0].path, "/tmp/a b (deleted)");
    assert_string_equal(regions[1].path, "/tmp/x\ny");
    assert_int_equal(regions[2].protection, 0);
    assert_null(regions[2].path);
    assert_null(regions[3].path);
    assert_string_equal(regions[4].path, "[vdso]");
    assert_int_equal(regions[5].range.end, 0xffffffffff601000);
    assert_int_equal(regions[5].protection, AD_REGION_EXECUTE);
}

static void broken_maps_are_counted(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "\n", "x\n", "1000-\n", "1000-2000\n", "1000-2000 rw", "2000-1000 r--p 0 0:0 0 /a\n",
        "1000-1000 r--p 0 0:0 0\n", "11111111111111111-2 r--p 0 0:0 0\n", "-\n",
        "1000-2000 r--p zz 0:0 0\n", "1000 2000 r--p 0 0:0 0\n", "1-10000000000000002 r--p 0 0:0 0\n",
    };
    struct ad_region regions[2];
    uint64_t skipped;
    for (size_t i = 0; i < COUNT(lines); i++) {
        assert_int_equal(parse_maps(lines[i], regions, 2, &skipped), 0);
        assert_int_equal(skipped, 1);
    }
    assert_int_equal(parse_maps("1000-3000 r--p 0 0:0 0\n2000-4000 r--p 0 0:0 0\n", regions, 2, &skipped), 1);
    assert_int_equal(skipped, 1);
    assert_int_equal(parse_maps("1000-3000 r--p 0 0:0\n", regions, 2, &skipped), 1);
    assert_int_equal(parse_maps("", regions, 2, &skipped), 0);
}

static void own_maps_are_read(void **state)
{
    (void)state;
    struct ad_region regions[512];
    uint64_t skipped;
    char *maps = output_of("cat /proc/self/maps");
    size_t lines = 0, count = parse_maps(maps, regions, COUNT(regions), &skipped);
    for (const char *at = maps; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(count, lines);
    assert_int_equal(skipped, 0);
    free(maps);
}

static void pages_are_kept(void **state)
{
    (void)state;
    struct ad_page_cache cache;
    ad_page_cache_init(&cache, 8 << 20);
    uint64_t base = 0x7f0000000000;
    struct ad_range ranges[] = {{base + 4096 * 3 + 10, base + 4096 * 5 + 1}, {base, base + 1},
                                {base + 4096 * 4, base + 4096 * 4}, {base + 4096 * 4, base + 4096 * 5}};
    struct ad_vector missing = AD_VECTOR(uint64_t);
    assert_ok(ad_page_cache_missing(&cache, ranges, COUNT(ranges), &missing));
    assert_int_equal(missing.count, 4);
    const uint64_t *addresses = missing.items;
    assert_int_equal(addresses[0], base);
    assert_int_equal(ad_page_run(addresses, 4), 1);
    assert_int_equal(ad_page_run(addresses + 1, 3), 3);
    size_t got;
    uint8_t *bytes = ad_page_cache_reserve(&cache, 3, &got);
    assert_int_equal(got, 3);
    memset(bytes, 'a', 4096);
    memset(bytes + 4096, 'b', 4096);
    assert_ok(ad_page_cache_add(&cache, addresses[1], bytes, 4096));
    assert_ok(ad_page_cache_add(&cache, addresses[2], bytes + 4096, 100));
    assert_ok(ad_page_cache_add(&cache, addresses[3], NULL, 0));
    char buffer[8192];
    assert_int_equal(ad_page_cache_read(&cache, addresses[1] + 4000, buffer, sizeof(buffer)), 196);
    assert_int_equal(buffer[95], 'a');
    assert_int_equal(buffer[96], 'b');
    assert_int_equal(ad_page_cache_read(&cache, addresses[3], buffer, 1), 0);
    assert_true(ad_page_cache_knows(&cache, addresses[3] + 4095));
    assert_false(ad_page_cache_knows(&cache, addresses[3] + 4096));
    missing.count = 0;
    assert_ok(ad_page_cache_missing(&cache, ranges, COUNT(ranges), &missing));
    assert_int_equal(missing.count, 1);
    struct ad_range all = {0, UINT64_MAX};
    assert_error(ad_page_cache_missing(&cache, &all, 1, &missing), AD_ERROR_LIMIT, "more memory");
    ad_vector_deinit(&missing);
    ad_page_cache_deinit(&cache);
}

static void page_cache_keeps_its_limit(void **state)
{
    (void)state;
    struct ad_page_cache cache;
    size_t got, total = 0;
    ad_page_cache_init(&cache, 5 << 20);
    while (ad_page_cache_reserve(&cache, 100, &got))
        total += got;
    assert_int_equal(total * AD_PAGE_SIZE, 4 << 20);
    ad_page_cache_deinit(&cache);
}

static void registers_have_dwarf_numbers(void **state)
{
    (void)state;
    uint64_t block[27];
    struct ad_thread thread = {0};
    for (size_t i = 0; i < COUNT(block); i++)
        block[i] = 1000 + i; /* as struct user_regs_struct: r15 r14 r13 r12 rbp rbx r11 ... */
    ad_registers_decode_x86_64(block, &thread);
    static const uint64_t expected[AD_REG_COUNT] = {1010, 1012, 1011, 1005, 1013, 1014, 1004, 1019, 1009,
                                                    1008, 1007, 1006, 1003, 1002, 1001, 1000, 1016};
    assert_memory_equal(thread.registers.value, expected, sizeof(expected));
    assert_int_equal(thread.registers.valid, (1u << AD_REG_COUNT) - 1);
    assert_int_equal(thread.system_call, 1015);
    block[15] = (uint64_t)-1;
    ad_registers_decode_x86_64(block, &thread);
    assert_true(thread.system_call == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_stop_where_memory_does),
        cmocka_unit_test(backing_is_asked_only_for_what_is_missing),
        cmocka_unit_test(nothing_is_read_past_the_last_address),
        cmocka_unit_test(texts_end_or_are_cut),
        cmocka_unit_test(regions_are_found),
        cmocka_unit_test(auxv_is_bounded),
        cmocka_unit_test(maps_become_regions),
        cmocka_unit_test(broken_maps_are_counted),
        cmocka_unit_test(own_maps_are_read),
        cmocka_unit_test(pages_are_kept),
        cmocka_unit_test(page_cache_keeps_its_limit),
        cmocka_unit_test(registers_have_dwarf_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
