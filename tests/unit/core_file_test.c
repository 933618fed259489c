/* SPDX-License-Identifier: MIT */
/* Cores in compressed files and pipes: whatever they come in, the same bytes. The tools are the judges. */
#include "../support/core_writer.h"
#include "../support/unit.h"

#include "target/core.h"
#include "target/core_file.h"

#define PAGE UINT64_C(4096)
#define MIB (UINT64_C(1) << 20)

static const struct {
    const char *name, *tool, *magic;
    size_t magic_size;
} formats[] = {
    {"zst", "zstd -q", "\x28\xb5\x2f\xfd", 4},
    {"lz4", "lz4 -q", "\x04\x22\x4d\x18", 4},
    {"xz", "xz", "\xfd\x37zXZ", 6},
    {"gz", "gzip", "\x1f\x8b", 2},
};

static struct ad_limits limits;

/* A core of `hole` zero bytes between two megabytes that no tool can make much smaller. */
static void write_core(const char *name, uint64_t hole)
{
    struct core_writer writer;
    uint64_t seed = 11, *noise = malloc(MIB);
    core_writer_init(&writer);
    core_writer_thread(&writer, 7, 6, 1, 2);
    for (int i = 0; i < 2; i++) {
        for (size_t k = 0; k < MIB / 8; k++)
            noise[k] = random_next(&seed) & UINT64_C(0x0f0f0f0f0f0f0f0f);
        core_writer_load(&writer, 0x100000 + (uint64_t)i * (MIB + hole), PF_R, noise, MIB, MIB);
        if (!i && hole)
            core_writer_load(&writer, 0x100000 + MIB, PF_R, NULL, hole, hole);
    }
    core_writer_save(&writer, in_folder(name));
    free(noise);
}

static void pack(const char *tool, const char *from, const char *to)
{
    run_command(text("%s -c <%s/%s >%s/%s", tool, unit_folder, from, unit_folder, to));
}

static struct ad_error *open_path(const char *name, struct ad_core_file *file)
{
    return ad_core_file_open(&(struct ad_core_source){.path = in_folder(name)}, &limits, file);
}

/* The first `size` bytes of the file are those of `name`. */
static void same_bytes(const struct ad_core_file *file, const char *name, uint64_t size)
{
    size_t whole;
    char *expected = read_whole(in_folder(name), &whole), *got = malloc(size + 1);
    assert_true(size <= whole);
    assert_int_equal(file->size, size);
    assert_int_equal(pread(file->fd, got, size, 0), size);
    assert_memory_equal(got, expected, size);
    free(expected);
    free(got);
}

static void every_format_gives_the_same(void **state)
{
    (void)state;
    size_t size;
    write_core("core", 0);
    free(read_whole(in_folder("core"), &size));
    for (size_t i = 0; i < COUNT(formats); i++) {
        struct ad_core_file file;
        pack(formats[i].tool, "core", "misnamed.txt");
        assert_ok(open_path("misnamed.txt", &file));
        assert_null(file.damage);
        assert_true(file.realtime > UINT64_C(1600000000) * 1000000000);
        same_bytes(&file, "core", size);
        ad_core_file_deinit(&file);
    }
}

/* As pzstd and pigz make them, and cat. */
static void streams_behind_each_other_are_one(void **state)
{
    (void)state;
    size_t size;
    write_core("core", 0);
    free(read_whole(in_folder("core"), &size));
    run_command(text("cd %s && split -n 3 core part.", unit_folder));
    for (size_t i = 0; i < COUNT(formats); i++) {
        struct ad_core_file file;
        run_command(text("cd %s && for part in part.a?; do %s -c <$part; done >joined", unit_folder, formats[i].tool));
        assert_ok(open_path("joined", &file));
        assert_null(file.damage);
        same_bytes(&file, "core", size);
        ad_core_file_deinit(&file);
    }
}

/* Cut anywhere: what could be decoded is right, and that there was more is said. */
static void streams_that_end_early_give_what_they_have(void **state)
{
    (void)state;
    write_core("core", 0);
    for (size_t i = 0; i < COUNT(formats); i++) {
        struct stat status;
        uint64_t before = UINT64_MAX;
        pack(formats[i].tool, "core", "cut");
        assert_int_equal(stat(in_folder("cut"), &status), 0);
        for (int part = 15; part > 3; part -= 2) {
            struct ad_core_file file;
            assert_int_equal(truncate(in_folder("cut"), status.st_size / 16 * part), 0);
            assert_ok(open_path("cut", &file));
            assert_non_null(file.damage);
            assert_non_null(strstr(file.damage, "it ends early"));
            assert_true(file.size > 64 && file.size <= before);
            before = file.size;
            same_bytes(&file, "core", file.size);
            ad_core_file_deinit(&file);
        }
        assert_int_equal(truncate(in_folder("cut"), (off_t)formats[i].magic_size), 0);
        struct ad_core_file none;
        assert_error(open_path("cut", &none), AD_ERROR_UNUSABLE, "it ends early");
        ad_core_file_deinit(&none);
    }
}

static void use(const char *name)
{
    struct ad_target *target;
    struct ad_error *error = ad_core_open(in_folder(name), &limits, &target);
    if (!error)
        ad_target_destroy(target);
    ad_error_destroy(error);
}

/* Random bytes behind each magic, and good streams with some bytes changed. */
static void hostile_streams_do_no_harm(void **state)
{
    (void)state;
    uint64_t seed = 3;
    limits.unpacked_bytes = limits.unpacked_disk = 8 * MIB;
    limits.unpack_memory = 16 * MIB;
    struct core_writer writer;
    core_writer_init(&writer);
    core_writer_load(&writer, 0x10000, PF_R, NULL, 100000, 100000);
    core_writer_save(&writer, in_folder("small"));
    for (size_t i = 0; i < COUNT(formats); i++) {
        size_t size;
        pack(formats[i].tool, "small", "good");
        char *good = read_whole(in_folder("good"), &size);
        for (int round = 0; round < 400; round++) {
            char bytes[600];
            for (size_t k = 0; k < sizeof(bytes); k++)
                bytes[k] = (char)random_next(&seed);
            memcpy(bytes, formats[i].magic, formats[i].magic_size);
            write_file(in_folder("random"), bytes, sizeof(bytes));
            use("random");
            char *changed = memcpy(malloc(size), good, size);
            for (uint64_t k = 0; k <= random_next(&seed) % 3; k++)
                changed[random_next(&seed) % size] ^= (char)(1u << random_next(&seed) % 8);
            write_file(in_folder("changed"), changed, size);
            use("changed");
            free(changed);
        }
        free(good);
    }
}

/* ---- bounds ----------------------------------------------------------------------------------- */

static void bombs_are_refused_by_the_limit(void **state)
{
    (void)state;
    write_core("core", 64 * MIB);
    for (size_t i = 0; i < COUNT(formats); i++) {
        struct ad_core_file file;
        pack(formats[i].tool, "core", "bomb");
        limits.unpacked_bytes = 65 * MIB;
        assert_error(open_path("bomb", &file), AD_ERROR_LIMIT, "unpacks to more than 68157440 bytes, the limit");
        ad_core_file_deinit(&file);
        limits = ad_limits_default;
        limits.unpacked_disk = MIB;
        assert_error(open_path("bomb", &file), AD_ERROR_LIMIT, "1048576 bytes that are not zero, the limit");
        ad_core_file_deinit(&file);
        limits.unpacked_disk = 3 * MIB;
        assert_ok(open_path("bomb", &file));
        assert_null(file.damage);
        ad_core_file_deinit(&file);
        limits = ad_limits_default;
    }
}

static void decoders_that_need_much_memory_are_refused(void **state)
{
    (void)state;
    struct ad_core_file file;
    write_core("core", 64 * MIB);
    limits.unpack_memory = 32 * MIB;
    pack("zstd -q --long=27 --no-check", "core", "large");
    assert_error(open_path("large", &file), AD_ERROR_UNUSABLE, "too much memory");
    pack("xz -0 --lzma2=preset=0,dict=64MiB", "core", "large");
    assert_error(open_path("large", &file), AD_ERROR_UNUSABLE, "more memory than the limit unpack_memory");
    limits = ad_limits_default;
    assert_ok(open_path("large", &file));
    ad_core_file_deinit(&file);
}

static void count_progress(void *context, uint64_t taken, uint64_t whole)
{
    uint64_t *seen = context;
    assert_true(taken >= seen[0] && taken <= whole);
    seen[0] = taken;
}

/* A gigabyte of zeros is no core: its first block is enough to say so. */
static void what_is_no_core_is_not_read_on(void **state)
{
    (void)state;
    run_command(text("head -c 300M /dev/zero | gzip -1 >%s/zeros", unit_folder));
    uint64_t seen[1] = {0};
    struct ad_target *target;
    const char *path = in_folder("zeros");
    struct ad_core_source source = {.path = path, .progress = count_progress, .context = seen};
    assert_error(ad_core_open_source(&source, &limits, &target), AD_ERROR_UNUSABLE, "not an ELF file");
    assert_in_range(seen[0], 1, 100000);
    pack("gzip", "zeros", "twice");
    use("twice");
    assert_error(ad_core_open(in_folder("twice"), &limits, &target), AD_ERROR_UNUSABLE, "gzip -d");
}

static void holes_stay_holes(void **state)
{
    (void)state;
    write_core("core", 256 * MIB);
    pack("zstd -q", "core", "packed");
    struct ad_core_file file;
    struct stat status;
    assert_ok(open_path("packed", &file));
    assert_int_equal(fstat(file.fd, &status), 0);
    assert_true((uint64_t)status.st_size > 258 * MIB);
    assert_in_range(status.st_blocks, 2 * MIB / 512, 3 * MIB / 512);
    assert_int_equal(status.st_nlink, 0);
    assert_int_equal(status.st_mode & 077, 0);
    ad_core_file_deinit(&file);
}

/* ---- pipes ------------------------------------------------------------------------------------ */

static int pipe_from(const char *command)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    if (fork() == 0) {
        dup2(ends[1], 1);
        close(ends[0]);
        close(ends[1]);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    return ends[0];
}

static void pipes_are_read_to_their_end(void **state)
{
    (void)state;
    static const char *const commands[] = {"cat", "zstd -q -c", "gzip -c"};
    size_t size;
    write_core("core", 4 * MIB);
    free(read_whole(in_folder("core"), &size));
    for (size_t i = 0; i < COUNT(commands); i++) {
        struct ad_core_source source = {.fd = pipe_from(text("%s <%s/core", commands[i], unit_folder)), .name = "pipe"};
        struct ad_core_file file;
        struct stat status;
        assert_int_equal(fcntl(source.fd, F_SETFL, O_NONBLOCK), 0); /* as a shell or ssh may leave it */
        assert_ok(ad_core_file_open(&source, &limits, &file));
        assert_null(file.damage);
        assert_int_equal(file.realtime, 0);
        same_bytes(&file, "core", size);
        assert_int_equal(fstat(file.fd, &status), 0);
        assert_in_range(status.st_blocks, 2 * MIB / 512, 3 * MIB / 512);
        ad_core_file_deinit(&file);
        close(source.fd);
        wait(NULL);
    }
}

static void files_on_a_descriptor_are_used_as_they_are(void **state)
{
    (void)state;
    write_core("core", 0);
    write_file(in_folder("hello.txt"), "hello\n", 6);
    struct ad_core_source source = {.fd = open(in_folder("core"), O_RDONLY), .name = "standard input"};
    struct ad_core_file file;
    struct stat there, here;
    assert_ok(ad_core_file_open(&source, &limits, &file));
    assert_int_equal(fstat(source.fd, &there), 0);
    assert_int_equal(fstat(file.fd, &here), 0);
    assert_int_equal(there.st_ino, here.st_ino);
    ad_core_file_deinit(&file);
    close(source.fd);
    run_command(text("cd %s && cat hello.txt core >shifted", unit_folder));
    source.fd = open(in_folder("shifted"), O_RDONLY);
    assert_int_equal(lseek(source.fd, 6, SEEK_SET), 6); /* from where it stands */
    assert_ok(ad_core_file_open(&source, &limits, &file));
    same_bytes(&file, "core", (uint64_t)there.st_size);
    ad_core_file_deinit(&file);
    close(source.fd);
}

static void damage_becomes_the_targets(void **state)
{
    (void)state;
    struct ad_target *target;
    struct stat status;
    write_core("core", 0);
    pack("zstd -q", "core", "cut");
    assert_int_equal(stat(in_folder("cut"), &status), 0);
    assert_int_equal(truncate(in_folder("cut"), status.st_size / 2), 0);
    assert_ok(ad_core_open(in_folder("cut"), &limits, &target));
    assert_non_null(target->damage);
    assert_true(target->truncated && target->missing_bytes > MIB / 2);
    ad_target_destroy(target);
}

static void nowhere_to_unpack_is_said(void **state)
{
    (void)state;
    struct ad_core_file file;
    write_core("core", 0);
    pack("gzip", "core", "packed");
    setenv("TMPDIR", "/nonexistent", 1);
    assert_error(open_path("packed", &file), AD_ERROR_SYSTEM, "set TMPDIR");
    unsetenv("TMPDIR");
}

static int reset_limits(void **state)
{
    (void)state;
    limits = ad_limits_default;
    return 0;
}

#define fresh_test(function) cmocka_unit_test_setup(function, reset_limits)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh_test(every_format_gives_the_same),
        fresh_test(streams_behind_each_other_are_one),
        fresh_test(streams_that_end_early_give_what_they_have),
        fresh_test(hostile_streams_do_no_harm),
        fresh_test(bombs_are_refused_by_the_limit),
        fresh_test(decoders_that_need_much_memory_are_refused),
        fresh_test(what_is_no_core_is_not_read_on),
        fresh_test(holes_stay_holes),
        fresh_test(pipes_are_read_to_their_end),
        fresh_test(files_on_a_descriptor_are_used_as_they_are),
        fresh_test(damage_becomes_the_targets),
        fresh_test(nowhere_to_unpack_is_said),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
