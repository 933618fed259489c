/* SPDX-License-Identifier: MIT */
#include "../support/unit.h"

#include "base/cursor.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/pool.h"
#include "base/range.h"
#include "base/splice.h"
#include "base/vector.h"

static void ranges_cannot_wrap(void **state)
{
    (void)state;
    struct ad_range range;
    assert_true(ad_range_init(&range, 16, 16));
    assert_true(ad_range_holds(range, 16, 16));
    assert_false(ad_range_holds(range, 17, 16));
    assert_false(ad_range_holds(range, 20, UINT64_MAX));
    assert_true(ad_range_contains(range, 31));
    assert_false(ad_range_contains(range, 32));
    assert_true(ad_range_init(&range, UINT64_MAX, 0));
    assert_false(ad_range_init(&range, UINT64_MAX - 1, 2 + 1));
    assert_int_equal(ad_range_size(range), 0);
}

static void cursor_stops_at_the_end(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {1, 2, 3, 0xe5, 0x8e, 0x26, 0x7f, 'h', 'i', 0, 9};
    struct ad_cursor cursor;
    ad_cursor_init(&cursor, bytes, sizeof(bytes));
    assert_int_equal(ad_cursor_u16(&cursor), 0x0201);
    assert_int_equal(ad_cursor_u8(&cursor), 3);
    assert_int_equal(ad_cursor_uleb(&cursor), 624485);
    assert_int_equal(ad_cursor_sleb(&cursor), -1);
    assert_string_equal(ad_cursor_text(&cursor), "hi");
    assert_int_equal(ad_cursor_left(&cursor), 1);
    assert_int_equal(ad_cursor_u32(&cursor), 0);
    assert_true(cursor.failed);
    assert_null(ad_cursor_bytes(&cursor, 0));
    ad_cursor_init(&cursor, bytes, 2);
    assert_null(ad_cursor_text(&cursor));
    ad_cursor_init(&cursor, NULL, 5);
    assert_int_equal(ad_cursor_left(&cursor), 0);
}

static void leb_without_end_is_an_error(void **state)
{
    (void)state;
    uint8_t bytes[40];
    memset(bytes, 0xff, sizeof(bytes));
    struct ad_cursor cursor;
    ad_cursor_init(&cursor, bytes, sizeof(bytes));
    ad_cursor_uleb(&cursor);
    assert_true(cursor.failed);
}

static void errors_carry_their_story(void **state)
{
    (void)state;
    struct ad_error *error = ad_error_fault(0x1234, "a task");
    assert_int_equal(error->address, 0x1234);
    error = ad_error_wrap(error, "worker %d", 3);
    assert_string_equal(error->message, "worker 3: a task at 0x1234 cannot be read");
    assert_int_equal(error->address, 0x1234);
    assert_int_equal(ad_error_exit_status(error), 4);
    ad_error_destroy(error);
    assert_null(ad_error_wrap(NULL, "nothing"));
    assert_ptr_equal(ad_error_wrap(&ad_error_nomem, "still"), &ad_error_nomem);
    error = ad_error_system(EACCES, "file %s", "x");
    assert_int_equal(ad_error_exit_status(error), 5);
    assert_error(error, AD_ERROR_PERMISSION, "file x: ");
    ad_error_destroy(&ad_error_nomem);
    ad_error_destroy(NULL);
}

static void vectors_and_pools_grow(void **state)
{
    (void)state;
    struct ad_vector vector = AD_VECTOR(uint64_t);
    struct ad_pool pool = {0};
    const char *first = ad_pool_text(&pool, "first", 5);
    for (uint64_t i = 0; i < 10000; i++) {
        assert_ok(ad_vector_push(&vector, &i));
        uint8_t *bytes = ad_pool_alloc(&pool, i % 300);
        assert_non_null(bytes);
        assert_int_equal((uintptr_t)bytes % 16, 0);
        memset(bytes, 0xff, i % 300);
    }
    for (uint64_t i = 0; i < 10000; i++)
        assert_int_equal(AD_ITEMS(uint64_t, &vector)[i], i);
    assert_string_equal(first, "first");
    uint8_t *large = ad_pool_alloc(&pool, 1 << 20);
    assert_int_equal(large[0] | large[(1 << 20) - 1], 0);
    ad_vector_deinit(&vector);
    ad_pool_deinit(&pool);
}

static void map_finds_what_was_put(void **state)
{
    (void)state;
    struct ad_map map = {0};
    assert_int_equal(ad_map_get(&map, 5, 77), 77);
    for (uint64_t i = 0; i < 5000; i++)
        assert_ok(ad_map_put(&map, i << 40 | i, (uint32_t)i));
    assert_ok(ad_map_put(&map, 3ull << 40 | 3, UINT32_MAX));
    assert_int_equal(map.count, 5000);
    for (uint64_t i = 0; i < 5000; i++)
        assert_int_equal(ad_map_get(&map, i << 40 | i, 0), i == 3 ? UINT32_MAX : i);
    assert_true(ad_map_has(&map, 0));
    assert_false(ad_map_has(&map, 1));
    ad_map_deinit(&map);
}

static void count_limit(const char *name, uint64_t value, const char *meaning, void *context)
{
    assert_true(name[0] && meaning[0] && value);
    ++*(size_t *)context;
}

static void limits_are_all_told(void **state)
{
    (void)state;
    size_t count = 0;
    ad_limits_visit(&ad_limits_default, count_limit, &count);
    assert_int_equal(count, sizeof(struct ad_limits) / sizeof(uint64_t));
}

/* Compares with painting every address, one range after the other. */
static void check_splice(const struct ad_range *ranges, size_t count, uint64_t top)
{
    struct ad_piece *pieces = NULL;
    size_t piece_count;
    size_t *painted = calloc(top, sizeof(*painted));
    for (size_t i = 0; i < count; i++)
        for (uint64_t at = ranges[i].start; at < ranges[i].end; at++)
            painted[at] = i + 1;
    assert_ok(ad_splice(ranges, count, &pieces, &piece_count));
    assert_true(piece_count <= 2 * count);
    for (size_t i = 1; i < piece_count; i++)
        assert_true(pieces[i - 1].range.end <= pieces[i].range.start);
    for (uint64_t at = 0; at < top; at++) {
        const struct ad_piece *piece = ad_piece_find(pieces, piece_count, at);
        assert_int_equal(piece ? piece->index + 1 : 0, painted[at]);
    }
    free(painted);
    free(pieces);
}

static void later_ranges_cover_earlier(void **state)
{
    (void)state;
    static const struct ad_range table[][3] = {
        {{0, 10}, {3, 5}, {20, 30}}, {{3, 5}, {0, 10}, {4, 12}}, {{5, 5}, {1, 9}, {1, 9}},
        {{0, 9}, {9, 18}, {8, 10}},  {{20, 30}, {10, 20}, {0, 10}},
    };
    for (size_t i = 0; i < COUNT(table); i++)
        check_splice(table[i], 3, 40);
    check_splice(NULL, 0, 4);
    uint64_t seed = 42;
    for (int round = 0; round < 2000; round++) {
        struct ad_range ranges[12];
        for (size_t i = 0; i < COUNT(ranges); i++) {
            ranges[i].start = random_next(&seed) % 60;
            ranges[i].end = ranges[i].start + random_next(&seed) % 20;
        }
        check_splice(ranges, random_next(&seed) % (COUNT(ranges) + 1), 100);
    }
}

static void splice_is_not_quadratic(void **state)
{
    (void)state;
    size_t count = 200000, piece_count;
    struct ad_range *ranges = calloc(count, sizeof(*ranges));
    struct ad_piece *pieces;
    for (size_t i = 0; i < count; i++)
        ranges[i] = (struct ad_range){count - i, 2 * count + i};
    assert_ok(ad_splice(ranges, count, &pieces, &piece_count));
    assert_true(piece_count >= 1 && piece_count <= 2 * count);
    free(ranges);
    free(pieces);
}

static void only_regular_files_are_opened(void **state)
{
    (void)state;
    int fd = -1;
    uint64_t size;
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    write_file(in_folder("file"), "12345", 5);
    assert_int_equal(symlink("file", in_folder("link")), 0);
    assert_error(ad_open_regular(in_folder("fifo"), 0, &fd, &size), AD_ERROR_UNUSABLE, "is a FIFO");
    assert_error(ad_open_regular("/dev/zero", 0, &fd, &size), AD_ERROR_UNUSABLE, "is a device");
    assert_error(ad_open_regular("/", 0, &fd, &size), AD_ERROR_UNUSABLE, "is a directory");
    assert_error(ad_open_regular(in_folder("none"), 0, &fd, &size), AD_ERROR_NOT_FOUND, "no such file");
    assert_error(ad_open_regular(in_folder("link"), O_NOFOLLOW, &fd, &size), AD_ERROR_UNUSABLE, "symbolic link");
    assert_int_equal(fd, -1);
    assert_ok(ad_open_regular(in_folder("link"), 0, &fd, &size));
    assert_int_equal(size, 5);
    char bytes[8];
    assert_int_equal(ad_pread(fd, bytes, sizeof(bytes), 3), 2);
    assert_int_equal(ad_pread(fd, bytes, sizeof(bytes), UINT64_MAX), 0);
    close(fd);
}

static void whole_files_are_bounded(void **state)
{
    (void)state;
    char *bytes;
    size_t size;
    char *large = malloc(100000);
    memset(large, 'x', 100000);
    write_file(in_folder("large"), large, 100000);
    assert_ok(ad_read_file(AT_FDCWD, in_folder("large"), 100000, &bytes, &size));
    assert_int_equal(size, 100000);
    assert_int_equal(bytes[size], 0);
    assert_memory_equal(bytes, large, size);
    free(bytes);
    assert_error(ad_read_file(AT_FDCWD, in_folder("large"), 99999, &bytes, &size), AD_ERROR_LIMIT, "longer");
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_cannot_wrap),
        cmocka_unit_test(cursor_stops_at_the_end),
        cmocka_unit_test(leb_without_end_is_an_error),
        cmocka_unit_test(errors_carry_their_story),
        cmocka_unit_test(vectors_and_pools_grow),
        cmocka_unit_test(map_finds_what_was_put),
        cmocka_unit_test(limits_are_all_told),
        cmocka_unit_test(later_ranges_cover_earlier),
        cmocka_unit_test(splice_is_not_quadratic),
        cmocka_unit_test(only_regular_files_are_opened),
        cmocka_unit_test(whole_files_are_bounded),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
