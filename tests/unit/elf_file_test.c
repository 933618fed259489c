/* SPDX-License-Identifier: MIT */
#include "../support/hang.h"

#include "module/elf_file.h"

static struct ad_elf_file *open_file(const char *name)
{
    struct ad_elf_file *file;
    assert_ok(ad_elf_open(in_folder(name), &ad_limits_default, &file));
    return file;
}

static struct ad_error *open_fails(const char *path)
{
    struct ad_elf_file *file;
    return ad_elf_open(path, &ad_limits_default, &file);
}

static struct ad_error *data_fails(struct ad_elf_file *file, const char *name)
{
    const void *data;
    size_t size;
    return ad_elf_section_data(file, ad_elf_section(file, name), &data, &size);
}

/* ---- against readelf, objcopy and nm ----------------------------------------------------------- */

static void build_id_is_readelfs(void **state)
{
    (void)state;
    static const char *const names[] = {"hang", "hang.stripped", "hang.debug"};
    char *out = output_of(text("readelf -n %s/hang", unit_folder)), *id = strstr(out, "Build ID: ") + 10;
    id[strcspn(id, "\n")] = '\0';
    for (size_t i = 0; i < COUNT(names); i++) {
        struct ad_elf_file *file = open_file(names[i]);
        char hex[2 * AD_BUILD_ID_MAX + 1];
        ad_build_id_text(ad_elf_build_id(file), hex);
        assert_string_equal(hex, id);
        ad_elf_close(file);
    }
    free(out);
    struct ad_elf_file *none = open_file("hang.noid");
    assert_int_equal(ad_elf_build_id(none)->size, 0);
    ad_elf_close(none);
}

static void headers_are_readelfs(void **state)
{
    (void)state;
    struct ad_elf_file *file = open_file("hang");
    size_t sections, segments, seen = 0;
    ad_elf_sections(file, &sections);
    const Elf64_Phdr *segment = ad_elf_segments(file, &segments);
    char *out = output_of(text("readelf -SlW %s/hang", unit_folder));
    for (char *line = strtok(out, "\n"); line; line = strtok(NULL, "\n")) {
        char name[64], type[32];
        unsigned number;
        unsigned long address, offset, size;
        int fields = sscanf(line, " [%u] %63s %31s %lx %lx %lx", &number, name, type, &address, &offset, &size);
        if (fields == 6 && number) {
            const struct ad_elf_section *section = ad_elf_section(file, name);
            assert_non_null(section);
            assert_int_equal(section->header.sh_addr, address);
            assert_int_equal(section->header.sh_offset, offset);
            assert_int_equal(section->header.sh_size, size);
            seen++;
        } else if (sscanf(line, " %31[A-Z_] 0x%lx 0x%lx", type, &offset, &address) == 3) {
            assert_int_equal(segment->p_offset, offset);
            assert_int_equal(segment->p_vaddr, address);
            segment++;
        }
    }
    assert_int_equal(seen, sections - 1);
    assert_int_equal(segment - ad_elf_segments(file, &segments), segments);
    assert_null(ad_elf_section(file, ".nothing"));
    free(out);
    ad_elf_close(file);
}

static void compressed_sections_are_inflated(void **state)
{
    (void)state;
    static const char *const ways[] = {"none", "zlib", "zlib-gnu", "zstd"};
    static const char *const names[] = {".debug_info", ".debug_line", ".debug_str", ".debug_abbrev", ".text"};
    struct ad_elf_file *plain = open_file("hang");
    for (size_t w = 0; w < COUNT(ways); w++) {
        if (system(text("objcopy --compress-debug-sections=%s %s/hang %s/packed 2>/dev/null", ways[w], unit_folder,
                        unit_folder))) {
            print_message("skipped: this objcopy cannot compress by %s\n", ways[w]);
            continue;
        }
        struct ad_elf_file *packed = open_file("packed");
        for (size_t i = 0; i < COUNT(names); i++) {
            const void *expected, *data, *again;
            size_t expected_size, size;
            assert_ok(ad_elf_section_data(plain, ad_elf_section(plain, names[i]), &expected, &expected_size));
            assert_true(ad_elf_has_section(packed, names[i]));
            assert_ok(ad_elf_section_data(packed, ad_elf_section(packed, names[i]), &data, &size));
            assert_int_equal(size, expected_size);
            assert_memory_equal(data, expected, size);
            assert_ok(ad_elf_section_data(packed, ad_elf_section(packed, names[i]), &again, &size));
            assert_ptr_equal(again, data);
        }
        if (strncmp(ways[w], "z", 1) == 0 && strcmp(ways[w], "zlib-gnu") != 0)
            assert_true(ad_elf_section(packed, ".debug_info")->header.sh_flags & SHF_COMPRESSED);
        ad_elf_close(packed);
    }
    ad_elf_close(plain);
}

static void sections_without_bytes_are_not_found(void **state)
{
    (void)state;
    struct ad_elf_file *debug = open_file("hang.debug"), *stripped = open_file("hang.stripped");
    assert_false(ad_elf_has_section(debug, ".text"));
    assert_true(ad_elf_has_section(debug, ".debug_info"));
    assert_false(ad_elf_has_section(stripped, ".debug_info"));
    assert_error(data_fails(debug, ".text"), AD_ERROR_NOT_FOUND, ".text");
    assert_error(data_fails(stripped, ".bss"), AD_ERROR_NOT_FOUND, ".bss");
    assert_error(data_fails(stripped, ".nothing"), AD_ERROR_NOT_FOUND, "(none)");
    ad_elf_close(debug);
    ad_elf_close(stripped);
}

/* Each function of nm that has a size is found at its start, inside, and at its last byte. */
static void symbols_are_nms(void **state)
{
    (void)state;
    struct ad_elf_file *file = open_file("labels");
    char *out = output_of(text("nm -S %s/labels | grep -i ' t '", unit_folder));
    size_t seen = 0;
    for (char *line = strtok(out, "\n"); line; line = strtok(NULL, "\n")) {
        unsigned long value, size;
        char kind, name[128];
        if (sscanf(line, "%lx %lx %c %127s", &value, &size, &kind, name) != 4 || strcmp(name, "whole") == 0)
            continue;
        struct ad_elf_symbol symbol, by_name;
        assert_true(ad_elf_symbol_named(file, name, &by_name));
        assert_int_equal(by_name.value, value);
        for (uint64_t at = value; at < value + size; at += size > 1 ? size - 1 : 1) {
            assert_true(ad_elf_symbol_at(file, at, &symbol));
            assert_int_equal(symbol.value, value);
            assert_int_equal(symbol.size, size);
        }
        seen++;
    }
    assert_true(seen >= 3);
    free(out);
    ad_elf_close(file);
}

static uint64_t value_of(struct ad_elf_file *file, const char *name)
{
    struct ad_elf_symbol symbol;
    if (!ad_elf_symbol_named(file, name, &symbol))
        fail_msg("there is no %s", name);
    return symbol.value;
}

static void assert_at(struct ad_elf_file *file, uint64_t address, const char *name)
{
    struct ad_elf_symbol symbol;
    bool found = ad_elf_symbol_at(file, address, &symbol);
    if (!name)
        assert_false(found);
    else
        assert_string_equal(found ? symbol.name : "(none)", name);
}

/* The text of labels.S, where one byte is one nop. */
static void labels_reach_to_the_next_symbol(void **state)
{
    (void)state;
    struct ad_elf_file *file = open_file("labels");
    uint64_t at = value_of(file, "outer");
    assert_at(file, at, "outer");
    assert_at(file, at + 4, "inner");       /* a sized one inside a larger one */
    assert_at(file, at + 7, "inner");
    assert_at(file, at + 8, "outer");       /* behind it the larger one again */
    assert_at(file, at + 12, "outer");      /* a label inside a sized one is not seen */
    assert_at(file, at + 16, "bare");       /* a label behind it is, up to the next label */
    assert_at(file, at + 19, "bare");
    assert_at(file, at + 20, "bare2");
    assert_at(file, at + 24, "sized");      /* and up to the next sized one */
    assert_at(file, at + 28, NULL);         /* but not beyond that */
    assert_at(file, at + 32, "last_label");
    assert_at(file, at + 35, "last_label"); /* to the end of its section */
    const struct ad_elf_section *section = ad_elf_section(file, ".text.odd");
    assert_at(file, section->header.sh_addr + section->header.sh_size, NULL);
    assert_at(file, value_of(file, "twin"), "twin"); /* the global of two names */
    assert_at(file, value_of(file, "whole"), "part"); /* of two with one start the smaller, as far as it goes */
    assert_at(file, value_of(file, "whole") + 3, "part");
    assert_at(file, value_of(file, "whole") + 4, "whole");
    struct ad_elf_symbol symbol;
    assert_false(ad_elf_symbol_named(file, "nothing", &symbol));
    assert_false(ad_elf_symbol_named(file, "printf", &symbol));
    assert_true(ad_elf_symbol_named(file, "an_object", &symbol));
    assert_int_equal(symbol.size, 8);
    assert_at(file, symbol.value, NULL);
    ad_elf_close(file);
}

static void stripped_files_have_dynamic_symbols(void **state)
{
    (void)state;
    struct ad_elf_file *file = open_file("stripped.so");
    uint64_t at = value_of(file, "exported");
    struct ad_elf_symbol symbol;
    assert_at(file, at, "exported");
    assert_false(ad_elf_symbol_named(file, "hidden", &symbol));
    assert_at(file, at + symbol.size + 64, NULL);
    ad_elf_close(file);
    file = open_file("hang.stripped");
    assert_false(ad_elf_symbol_named(file, "main", &symbol));
    ad_elf_close(file);
}

static void segments_are_read_by_address(void **state)
{
    (void)state;
    struct ad_elf_file *file = open_file("hang");
    uint64_t constant = value_of(file, "constant"), marker = value_of(file, "marker");
    char bytes[64];
    assert_int_equal(ad_elf_read(file, constant, bytes, 32), 32);
    assert_string_equal(bytes, "a constant of a hanging program");
    assert_int_equal(ad_elf_read(file, marker, bytes, 32), 32);
    assert_string_equal(bytes, "the marker of a hanging program");
    assert_int_equal(ad_elf_read_constant(file, constant, bytes, 32), 32);
    assert_int_equal(ad_elf_read_constant(file, marker, bytes, 32), 0);
    assert_int_equal(ad_elf_read(file, UINT64_MAX, bytes, 32), 0);
    assert_int_equal(ad_elf_read(file, 0, bytes, 4), 4);
    assert_memory_equal(bytes, ELFMAG, 4);
    ad_elf_close(file);
}

static void images_are_read_like_files(void **state)
{
    (void)state;
    size_t size;
    char *bytes = read_whole(in_folder("hang"), &size);
    struct ad_elf_file *file;
    assert_ok(ad_elf_open_image("[image]", bytes, size, &ad_limits_default, &file));
    assert_int_equal(ad_elf_fd(file), -1);
    assert_string_equal(ad_elf_path(file), "[image]");
    assert_int_equal(ad_elf_build_id(file)->size, 20);
    char text_bytes[32];
    assert_int_equal(ad_elf_read(file, value_of(file, "constant"), text_bytes, 32), 32);
    assert_string_equal(text_bytes, "a constant of a hanging program");
    ad_elf_close(file);
    /* Without its section headers, as a loader may leave it. */
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)bytes;
    size_t count;
    assert_ok(ad_elf_open_image("[cut]", bytes, header->e_shoff, &ad_limits_default, &file));
    assert_null(ad_elf_sections(file, &count));
    assert_int_equal(count, 0);
    assert_int_equal(ad_elf_build_id(file)->size, 20);
    ad_elf_close(file);
    free(bytes);
}

/* ---- what is no ELF file, or a hostile one ------------------------------------------------------ */

static void other_files_are_refused(void **state)
{
    (void)state;
    struct ad_elf_file *file;
    write_file(in_folder("text"), "not an ELF file at all; longer than a header is, so that it counts....", 70);
    assert_error(open_fails(in_folder("text")), AD_ERROR_UNUSABLE, "is not an ELF file");
    assert_error(open_fails(in_folder("none")), AD_ERROR_NOT_FOUND, "no such file");
    assert_error(open_fails("/dev/zero"), AD_ERROR_UNUSABLE, "a device");
    assert_error(open_fails(unit_folder), AD_ERROR_UNUSABLE, "a directory");
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    assert_error(open_fails(in_folder("fifo")), AD_ERROR_UNUSABLE, "a FIFO");
    assert_int_equal(symlink("hang", in_folder("link")), 0);
    assert_error(ad_elf_open_named(in_folder("link"), &ad_limits_default, &file), AD_ERROR_UNUSABLE, "symbolic");
    assert_ok(ad_elf_open(in_folder("link"), &ad_limits_default, &file));
    ad_elf_close(file);
    assert_ok(ad_elf_open_named(in_folder("hang"), &ad_limits_default, &file));
    ad_elf_close(file);
    ad_elf_close(NULL);
    static const char small[64] = "\177ELF\1\1\1";
    assert_error(ad_elf_open_image("small", small, 64, &ad_limits_default, &file), AD_ERROR_UNUSABLE, "64-bit");
    assert_error(ad_elf_open_image("small", small, 63, &ad_limits_default, &file), AD_ERROR_UNUSABLE, "not an ELF");
    assert_error(ad_elf_open_image("empty", small, 0, &ad_limits_default, &file), AD_ERROR_UNUSABLE, "not an ELF");
}

static void bombs_meet_the_limit(void **state)
{
    (void)state;
    struct ad_limits limits = ad_limits_default;
    struct ad_elf_file *file;
    limits.section_bytes = 1 << 20;
    run_command(text("cd %s && head -c 4000000 /dev/zero > zeros && objcopy --add-section .debug_zeros=zeros "
                     "hang zeros.elf && objcopy --compress-debug-sections=zlib zeros.elf bomb", unit_folder));
    assert_ok(ad_elf_open(in_folder("bomb"), &limits, &file));
    assert_true(ad_elf_section(file, ".debug_zeros")->header.sh_size < 10000);
    assert_error(data_fails(file, ".debug_zeros"), AD_ERROR_LIMIT, "4000000 bytes");
    ad_elf_close(file);
    assert_ok(ad_elf_open(in_folder("zeros.elf"), &limits, &file));
    assert_error(data_fails(file, ".debug_zeros"), AD_ERROR_LIMIT, "4000000 bytes");
    ad_elf_close(file);
    limits.elf_sections = 5;
    assert_error(ad_elf_open(in_folder("hang"), &limits, &file), AD_ERROR_LIMIT, "sections");
}

/* A compressed section that says it is longer than it is would leave bytes that nobody wrote. */
static void false_sizes_are_refused(void **state)
{
    (void)state;
    static const int64_t lies[] = {1, 100, -1};
    run_command(text("objcopy --compress-debug-sections=zlib %s/hang %s/liar", unit_folder, unit_folder));
    struct ad_elf_file *file = open_file("liar");
    uint64_t offset = ad_elf_section(file, ".debug_info")->header.sh_offset + offsetof(Elf64_Chdr, ch_size), size;
    assert_int_equal(ad_elf_read_at(file, offset, &size, sizeof(size)), sizeof(size));
    ad_elf_close(file);
    for (size_t i = 0; i < COUNT(lies); i++) {
        uint64_t lie = size + (uint64_t)lies[i];
        int fd = open(in_folder("liar"), O_WRONLY);
        assert_int_equal(pwrite(fd, &lie, sizeof(lie), (off_t)offset), sizeof(lie));
        close(fd);
        file = open_file("liar");
        assert_error(data_fails(file, ".debug_info"), AD_ERROR_FORMAT, "cannot be decompressed");
        assert_null(data_fails(file, ".text"));
        ad_elf_close(file);
    }
}

/* Everything a caller can do with a file; whatever it says, nothing may break. */
static void use(struct ad_elf_file *file)
{
    size_t count, size;
    const void *data;
    struct ad_elf_symbol symbol;
    char bytes[64];
    const struct ad_elf_section *sections = ad_elf_sections(file, &count);
    for (size_t i = 0; i < count; i++) {
        ad_elf_section(file, sections[i].name);
        ad_error_destroy(ad_elf_section_data(file, &sections[i], &data, &size));
        if (ad_elf_symbol_at(file, sections[i].header.sh_addr, &symbol))
            assert_true(strlen(symbol.name) < 1 << 20);
    }
    ad_elf_symbol_named(file, "main", &symbol);
    const Elf64_Phdr *segments = ad_elf_segments(file, &count);
    for (size_t i = 0; i < count; i++)
        ad_elf_read(file, segments[i].p_vaddr, bytes, sizeof(bytes));
    ad_elf_read(file, UINT64_MAX - 8, bytes, sizeof(bytes));
}

static void use_bytes(const char *bytes, size_t size)
{
    struct ad_limits limits = ad_limits_default;
    struct ad_elf_file *file;
    limits.section_bytes = 16 << 20;
    struct ad_error *error = ad_elf_open_image("hostile", bytes, size, &limits, &file);
    if (!error)
        use(file);
    if (!error)
        ad_elf_close(file);
    ad_error_destroy(error);
}

static void hostile_files_do_no_harm(void **state)
{
    (void)state;
    size_t size;
    char *bytes = read_whole(in_folder("packed"), &size);
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)bytes;
    uint64_t sections = header->e_shoff, seed = 3;
    for (size_t cut = 0; cut <= size; cut += 211)
        use_bytes(bytes, cut);
    static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff, 0xfe};
    for (int round = 0; round < 3000; round++) {
        char *changed = malloc(size);
        memcpy(changed, bytes, size);
        for (uint64_t i = 0; i <= random_next(&seed) % 5; i++) {
            /* Mostly in the headers: of the file, its segments and its sections. */
            uint64_t kind = random_next(&seed) % 4, run = 1 + random_next(&seed) % 8;
            uint64_t start = kind == 0 ? 0 : kind < 3 ? sections : random_next(&seed) % size;
            uint64_t at = (start + random_next(&seed) % 1000) % (size - run);
            memset(changed + at, values[random_next(&seed) % sizeof(values)], run);
        }
        use_bytes(changed, size);
        free(changed);
    }
    free(bytes);
}

static const char labels_source[] =
    ".text\n.globl main, twin, outer, inner, sized\n"
    ".type main, @function\nmain: xorl %eax, %eax\nret\n.size main, .-main\n"
    ".type twin, @function\n.type local_twin, @function\n"
    "local_twin:\ntwin: nop\nret\n.size twin, .-twin\n.size local_twin, .-local_twin\n"
    ".type whole, @function\n.type part, @function\n"
    "part:\nwhole: .fill 4, 1, 0x90\n.size part, .-part\n.fill 4, 1, 0x90\n.size whole, .-whole\n"
    ".section .text.odd, \"ax\"\n"
    ".type outer, @function\nouter: .fill 4, 1, 0x90\n"
    ".type inner, @function\ninner: .fill 4, 1, 0x90\n.size inner, .-inner\n"
    ".fill 4, 1, 0x90\nhidden_label: .fill 4, 1, 0x90\n.size outer, .-outer\n"
    "bare: .fill 4, 1, 0x90\nbare2: .fill 4, 1, 0x90\n"
    ".type sized, @function\nsized: .fill 4, 1, 0x90\n.size sized, .-sized\n"
    ".fill 4, 1, 0x90\nlast_label: .fill 4, 1, 0x90\n"
    ".data\n.globl an_object\n.type an_object, @object\nan_object: .quad 1\n.size an_object, 8\n"
    ".section .note.GNU-stack, \"\", @progbits\n";

static int make_files(void **state)
{
    if (make_folder(state))
        return -1;
    hang_compile("hang", "");
    hang_compile("hang.noid", "-Wl,--build-id=none");
    write_file(in_folder("labels.S"), labels_source, sizeof(labels_source) - 1);
    static const char shared[] = "static int hidden(int x) { return x * 3; }\nint exported(int x) { return hidden(x); }\n";
    write_file(in_folder("shared.c"), shared, sizeof(shared) - 1);
    run_command(text("cd %s && objcopy --only-keep-debug hang hang.debug && strip -o hang.stripped hang && "
                     "cc -nostartfiles -Wl,-e,main -Wl,--unique=.text.odd -o labels labels.S && "
                     "cc -shared -fPIC -O0 -o stripped.so shared.c && strip stripped.so", unit_folder));
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(build_id_is_readelfs),
        cmocka_unit_test(headers_are_readelfs),
        cmocka_unit_test(compressed_sections_are_inflated),
        cmocka_unit_test(sections_without_bytes_are_not_found),
        cmocka_unit_test(symbols_are_nms),
        cmocka_unit_test(labels_reach_to_the_next_symbol),
        cmocka_unit_test(stripped_files_have_dynamic_symbols),
        cmocka_unit_test(segments_are_read_by_address),
        cmocka_unit_test(images_are_read_like_files),
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(bombs_meet_the_limit),
        cmocka_unit_test(false_sizes_are_refused),
        cmocka_unit_test(hostile_files_do_no_harm),
    };
    return cmocka_run_group_tests(tests, make_files, remove_folder);
}
