/* SPDX-License-Identifier: MIT */
#include "../support/core_writer.h"
#include "../support/hang.h"

#include <sys/mman.h>

#include "async_debug.h"
#include "module/module.h"
#include "target/core.h"
#include "target/fake.h"
#include "target/live.h"

static const struct ad_module_options no_options;

/* A target with its modules, files opened. */
struct view {
    struct ad_target *target;
    struct ad_modules *modules;
};

static struct view view_of(struct ad_target *target, const struct ad_module_options *options)
{
    struct view view = {target, NULL};
    assert_ok(ad_modules_create(target, &ad_limits_default, &view.modules));
    assert_ok(ad_target_release(target));
    assert_ok(ad_modules_open_files(view.modules, options));
    return view;
}

static struct view view_core(const char *name, const struct ad_module_options *options)
{
    struct ad_target *target;
    assert_ok(ad_core_open(in_folder(name), &ad_limits_default, &target));
    return view_of(target, options);
}

static struct view view_live(pid_t pid)
{
    struct ad_target *target;
    assert_ok(ad_live_open(pid, &ad_limits_default, &target));
    return view_of(target, &no_options);
}

static void close_view(struct view *view)
{
    ad_modules_destroy(view->modules);
    assert_null(view->target->backing);
    ad_target_destroy(view->target);
}

static struct ad_module *named(struct view *view, const char *name)
{
    for (size_t i = 0; i < ad_modules_count(view->modules); i++)
        if (strcmp(ad_modules_get(view->modules, i)->name, name) == 0)
            return ad_modules_get(view->modules, i);
    return NULL;
}

static void assert_status(const struct ad_module *module, enum ad_module_status status, const char *problem)
{
    assert_non_null(module);
    if (module->status != status)
        fail_msg("%s is %s: %s", module->name, ad_module_status_text(module->status), module->problem);
    assert_int_equal(!module->problem, !problem);
    if (problem && !strstr(module->problem, problem))
        fail_msg("expected '%s', got '%s'", problem, module->problem);
    assert_int_equal(!module->file, status != AD_MODULE_OK && status != AD_MODULE_UNPROVEN);
}

/* The main program is found, proven, placed rightly, and stands behind the target's memory. */
static void check_program(struct view *view, const struct hang *hang)
{
    struct ad_module *program = ad_modules_executable(view->modules);
    struct ad_elf_symbol symbol;
    char constant[64];
    assert_status(program, AD_MODULE_OK, NULL);
    assert_ptr_equal(ad_modules_find(view->modules, hang->function), program);
    assert_true(ad_module_symbol_at(program, hang->function + 3, &symbol));
    assert_string_equal(symbol.name, "hang_here");
    assert_int_equal(symbol.value, hang->function);
    assert_true(ad_module_symbol_named(program, "marker", &symbol));
    assert_int_equal(symbol.value, hang->marker);
    assert_ok(ad_target_read_text(view->target, hang->constant, constant, sizeof(constant), "constant"));
    assert_string_equal(constant, "a constant of a hanging program");
    assert_true(program->build_id.size > 0);
    assert_ptr_equal(program->debug, program->file);
}

static void check_order(struct view *view)
{
    for (size_t i = 0; i < ad_modules_count(view->modules); i++) {
        struct ad_module *module = ad_modules_get(view->modules, i);
        assert_true(module->range.start < module->range.end);
        if (i)
            assert_true(ad_modules_get(view->modules, i - 1)->range.end <= module->range.start);
        assert_ptr_equal(ad_modules_find(view->modules, module->range.start), module);
        assert_ptr_equal(ad_modules_find(view->modules, module->range.end - 1), module);
    }
    assert_null(ad_modules_find(view->modules, 0));
    assert_null(ad_modules_find(view->modules, UINT64_MAX));
}

/* ---- real targets, judged by others ------------------------------------------------------------- */

/* "START+SIZE BUILD-ID@ADDRESS ..." for each module */
static void agrees_with_elfutils(struct view *view, const char *core)
{
    if (!have_tool("eu-unstrip"))
        return;
    char *out = output_of(text("eu-unstrip -n --core=%s/%s", unit_folder, core));
    size_t seen = 0;
    for (char *line = strtok(out, "\n"); line; line = strtok(NULL, "\n")) {
        unsigned long start, size;
        char id[2 * AD_BUILD_ID_MAX + 1], own[2 * AD_BUILD_ID_MAX + 1];
        if (sscanf(line, "0x%lx+0x%lx %128[0-9a-f]@", &start, &size, id) != 3)
            continue;
        struct ad_module *module = ad_modules_find(view->modules, start);
        assert_non_null(module);
        assert_int_equal(module->range.start, start);
        assert_in_range(module->range.end, start + size, (start + size + 4095) / 4096 * 4096);
        ad_build_id_text(&module->build_id, own);
        assert_string_equal(own, id);
        seen++;
    }
    assert_int_equal(seen, ad_modules_count(view->modules));
    free(out);
}

static void check_libraries(struct view *view)
{
    struct ad_elf_symbol symbol;
    struct ad_module *libc = named(view, "libc.so.6"), *vdso = named(view, "[vdso]");
    assert_status(libc, AD_MODULE_OK, NULL);
    assert_true(ad_module_symbol_named(libc, "pause", &symbol));
    assert_ptr_equal(ad_modules_find(view->modules, symbol.value), libc);
    assert_status(named(view, "ld-linux-x86-64.so.2"), AD_MODULE_OK, NULL);
    assert_status(vdso, AD_MODULE_OK, NULL);
    assert_true(vdso->is_vdso && !libc->is_vdso && !libc->is_executable);
    assert_true(ad_module_symbol_named(vdso, "__vdso_gettimeofday", &symbol));
    assert_ptr_equal(ad_modules_find(view->modules, symbol.value), vdso);
    assert_true(ad_elf_has_section(vdso->file, ".eh_frame"));
    check_order(view);
}

static void modules_of_a_kernel_core(void **state)
{
    (void)state;
    struct hang hang;
    if (!hang_kernel_core("hang", &hang, "core.kernel"))
        skip();
    struct view view = view_core("core.kernel", &no_options);
    check_program(&view, &hang);
    check_libraries(&view);
    agrees_with_elfutils(&view, "core.kernel");
    close_view(&view);
}

static void modules_of_a_gcore_core(void **state)
{
    (void)state;
    struct hang hang;
    if (!hang_gcore("hang", &hang, "core.gcore"))
        skip();
    struct view view = view_core("core.gcore", NULL);
    check_program(&view, &hang);
    check_libraries(&view);
    agrees_with_elfutils(&view, "core.gcore");
    close_view(&view);
}

static void modules_of_a_live_process(void **state)
{
    (void)state;
    struct hang hang = hang_start("hang", "wait");
    struct view view = view_live(hang.pid);
    check_program(&view, &hang);
    check_libraries(&view);
    close_view(&view);
    hang_stop(&hang);
}

/* However the linker lays it out: code not at offset 0, no first page of headers only, fixed addresses. */
static void programs_of_every_layout(void **state)
{
    (void)state;
    static const char *const options[] = {
        "-no-pie", "-static", "-static-pie", "-Wl,-z,noseparate-code", "-Wl,-z,max-page-size=2097152",
        "-no-pie -Wl,-Ttext-segment=0x10000000", "-fuse-ld=gold", "-fuse-ld=lld", "-fuse-ld=lld -Wl,--no-rosegment",
    };
    for (size_t i = 0; i < COUNT(options); i++) {
        bool bfd = !strstr(options[i], "fuse-ld") ||
                   system(text("command -v ld.%s >/dev/null 2>&1", strstr(options[i], "gold") ? "gold" : "lld")) == 0;
        struct hang hang;
        if (!bfd) {
            print_message("skipped: no linker for %s\n", options[i]);
            continue;
        }
        hang_compile("layout", options[i]);
        hang = hang_start("layout", "wait");
        struct view view = view_live(hang.pid);
        check_program(&view, &hang);
        check_order(&view);
        close_view(&view);
        hang_stop(&hang);
        if (!hang_kernel_core("layout", &hang, "core.layout"))
            continue;
        view = view_core("core.layout", &no_options);
        check_program(&view, &hang);
        close_view(&view);
    }
}

/* Beyond 65,536 mappings the kernel leaves NT_FILE out; here its note gets another type. */
static void modules_without_the_list_of_files(void **state)
{
    (void)state;
    struct hang hang;
    size_t size;
    if (!hang_kernel_core("hang", &hang, "core.nofile"))
        skip();
    char *bytes = read_whole(in_folder("core.nofile"), &size);
    char *note = memmem(bytes, 0x10000, "ELIFCORE", 8);
    assert_non_null(note);
    memset(note, 'x', 4);
    write_file(in_folder("core.nofile"), bytes, size);
    free(bytes);
    struct ad_target *target;
    assert_ok(ad_core_open(in_folder("core.nofile"), &ad_limits_default, &target));
    for (size_t i = 0; i < target->region_count; i++)
        assert_null(target->regions[i].path);
    assert_string_equal(target->executable, "./hang"); /* AT_EXECFN: relative to its own folder */
    const struct ad_module_options options = {.executable = in_folder("hang")};
    struct view view = view_of(target, &options);
    check_program(&view, &hang);
    check_libraries(&view);
    agrees_with_elfutils(&view, "core.nofile");
    close_view(&view);
}

/* ---- which file is taken ------------------------------------------------------------------------ */

/* A core of the program `name`, whose file may then be changed; false: no kernel cores here. */
static bool core_of(const char *name, const char *options, struct hang *hang)
{
    run_command(text("rm -f %s/%s", unit_folder, name));
    hang_compile(name, options);
    return hang_kernel_core(name, hang, "core.change");
}

static void program_may_be_elsewhere(void **state)
{
    (void)state;
    struct hang hang;
    char byte;
    if (!core_of("moved", "", &hang))
        skip();
    run_command(text("mv %s/moved %s/moved.away", unit_folder, unit_folder));
    struct view view = view_core("core.change", &no_options);
    struct ad_module *program = ad_modules_executable(view.modules);
    assert_status(program, AD_MODULE_MISSING, "no such file");
    assert_int_equal(program->build_id.size, 20);
    assert_string_equal(program->path, in_folder("moved"));
    assert_int_equal(ad_target_read_some(view.target, hang.constant, &byte, 1), 0);
    assert_int_equal(ad_target_read_some(view.target, hang.marker, &byte, 1), 1);
    close_view(&view);

    struct ad_module_options options = {.executable = in_folder("moved.away")};
    view = view_core("core.change", &options);
    check_program(&view, &hang);
    assert_string_equal(ad_elf_path(ad_modules_executable(view.modules)->file), in_folder("moved.away"));
    assert_int_equal(ad_target_read_some(view.target, hang.constant, &byte, 1), 1);
    /* What the process could have written is not taken from the file. */
    ((struct ad_region *)ad_target_region(view.target, hang.constant))->protection |= AD_REGION_WRITE;
    assert_int_equal(ad_target_read_some(view.target, hang.constant, &byte, 1), 0);
    close_view(&view);

    options.executable = "/bin/true";
    view = view_core("core.change", &options);
    program = ad_modules_executable(view.modules);
    assert_status(program, AD_MODULE_DIFFERENT, "/bin/true has build-id ");
    char id[2 * AD_BUILD_ID_MAX + 1];
    ad_build_id_text(&program->build_id, id);
    assert_non_null(strstr(program->problem, text("the process ran build-id %.8s", id)));
    assert_int_equal(ad_target_read_some(view.target, hang.constant, &byte, 1), 0);
    assert_status(named(&view, "libc.so.6"), AD_MODULE_OK, NULL);
    close_view(&view);
}

static void sysroot_stands_before_all(void **state)
{
    (void)state;
    struct hang hang;
    if (!core_of("rooted", "", &hang))
        skip();
    run_command(text("mkdir -p %s/root%s && mv %s/rooted %s/root%s/", unit_folder, unit_folder, unit_folder,
                     unit_folder, unit_folder));
    const struct ad_module_options options = {.sysroot = in_folder("root")};
    struct view view = view_core("core.change", &options);
    check_program(&view, &hang);
    assert_status(named(&view, "libc.so.6"), AD_MODULE_MISSING, "root/usr/lib");
    assert_status(named(&view, "[vdso]"), AD_MODULE_OK, NULL);
    close_view(&view);
}

/* What stands where the program was, and what is said of it. */
static void files_of_a_core_are_not_trusted(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        enum ad_module_status status;
        const char *problem;
    } cases[] = {
        {"cp /bin/true trap", AD_MODULE_DIFFERENT, "trap has build-id"},
        {"mkfifo trap", AD_MODULE_UNREADABLE, "is a FIFO"},
        {"mkdir trap", AD_MODULE_UNREADABLE, "is a directory"},
        {"ln -s original trap", AD_MODULE_UNREADABLE, "symbolic link"},
        {"ln -s /dev/zero trap", AD_MODULE_UNREADABLE, "symbolic link"},
        {"echo text > trap", AD_MODULE_UNREADABLE, "is not an ELF file"},
        {"head -c 100 original > trap", AD_MODULE_UNREADABLE, "program headers"},
        {"objcopy --remove-section=.note.gnu.build-id original trap", AD_MODULE_DIFFERENT, "no build-id"},
        {"cp original trap", AD_MODULE_OK, NULL},
        {"cp original trap && strip trap", AD_MODULE_OK, NULL},
    };
    struct hang hang;
    if (!core_of("trap", "", &hang))
        skip();
    run_command(text("cd %s && mv trap original", unit_folder));
    for (size_t i = 0; i < COUNT(cases); i++) {
        run_command(text("cd %s && rm -rf trap && %s", unit_folder, cases[i].command));
        struct view view = view_core("core.change", &no_options);
        assert_status(ad_modules_executable(view.modules), cases[i].status, cases[i].problem);
        close_view(&view);
    }
}

static void without_a_build_id_the_headers_speak(void **state)
{
    (void)state;
    struct hang hang;
    char constant[64];
    if (!core_of("noid", "-Wl,--build-id=none", &hang))
        skip();
    struct view view = view_core("core.change", &no_options);
    assert_status(ad_modules_executable(view.modules), AD_MODULE_UNPROVEN, "has no build-id");
    assert_ok(ad_target_read_text(view.target, hang.constant, constant, sizeof(constant), "constant"));
    assert_string_equal(constant, "a constant of a hanging program");
    close_view(&view);
    hang_compile("noid", "-Wl,--build-id=none -O3 -Wl,-z,norelro");
    view = view_core("core.change", &no_options);
    assert_status(ad_modules_executable(view.modules), AD_MODULE_DIFFERENT, "other program headers");
    close_view(&view);
}

static void deleted_programs_live_on(void **state)
{
    (void)state;
    hang_compile("deleted", "");
    struct hang hang = hang_start("deleted", "wait");
    run_command(text("rm %s/deleted", unit_folder));
    struct view view = view_live(hang.pid);
    assert_string_equal(view.target->executable, in_folder("deleted"));
    assert_string_equal(ad_modules_executable(view.modules)->path, in_folder("deleted"));
    assert_string_equal(ad_modules_executable(view.modules)->name, "deleted");
    check_program(&view, &hang);
    close_view(&view);
    assert_ok(ad_live_open(hang.pid, &ad_limits_default, &view.target));
    assert_ok(ad_modules_create(view.target, &ad_limits_default, &view.modules));
    assert_ok(ad_target_release(view.target));
    hang_stop(&hang); /* but not longer than the process */
    assert_ok(ad_modules_open_files(view.modules, &no_options));
    assert_status(ad_modules_executable(view.modules), AD_MODULE_MISSING, "deleted while in use");
    close_view(&view);
}

/* Half a core lacks the libraries' first pages: they may be used, and it is said. */
static void half_a_core_proves_less(void **state)
{
    (void)state;
    struct hang hang;
    struct stat status;
    if (!hang_kernel_core("hang", &hang, "core.half"))
        skip();
    assert_int_equal(stat(in_folder("core.half"), &status), 0);
    assert_int_equal(truncate(in_folder("core.half"), status.st_size / 2), 0);
    struct view view = view_core("core.half", &no_options);
    struct ad_elf_symbol symbol;
    struct ad_module *libc = named(&view, "libc.so.6");
    check_program(&view, &hang);
    assert_status(libc, AD_MODULE_UNPROVEN, "first page is not in the dump");
    assert_int_equal(libc->build_id.size, 0);
    assert_true(ad_module_symbol_at(libc, view.target->threads[1].registers.value[AD_REG_PC], &symbol));
    assert_non_null(strstr(symbol.name, "pause"));
    close_view(&view);
}

/* ---- debug files --------------------------------------------------------------------------------- */

static void check_debug(const char *core, const char *debug_dir, const char *expected)
{
    const struct ad_module_options options = {.debug_dirs = &debug_dir, .debug_dir_count = 1};
    struct view view = view_core(core, &options);
    struct ad_module *program = ad_modules_executable(view.modules);
    struct ad_elf_symbol symbol;
    if (!expected) {
        assert_null(program->debug);
    } else {
        assert_non_null(program->debug);
        assert_string_equal(ad_elf_path(program->debug), expected);
        assert_true(ad_module_symbol_named(program, "hang_here", &symbol));
    }
    close_view(&view);
}

static void debug_files_are_found(void **state)
{
    (void)state;
    struct hang hang;
    if (!core_of("bare", "", &hang))
        skip();
    run_command(text("cd %s && cp bare full && objcopy --only-keep-debug bare bare.debug && strip bare && "
                     "objcopy --add-gnu-debuglink=bare.debug bare", unit_folder));
    char *debug_dir = strdup(in_folder("debug"));
    check_debug("core.change", debug_dir, in_folder("bare.debug"));
    run_command(text("cd %s && mkdir .debug && mv bare.debug .debug/", unit_folder));
    check_debug("core.change", debug_dir, in_folder(".debug/bare.debug"));
    run_command(text("cd %s && mkdir -p debug%s && mv .debug/bare.debug debug%s/", unit_folder, unit_folder,
                     unit_folder));
    check_debug("core.change", debug_dir, text("%s%s/bare.debug", debug_dir, unit_folder));
    char *out = output_of(text("readelf -n %s/full", unit_folder)), *id = strstr(out, "Build ID: ") + 10;
    char *by_id = strdup(text("%s/.build-id/%.2s/%.38s.debug", debug_dir, id, id + 2));
    run_command(text("mkdir -p %s/.build-id/%.2s && mv %s%s/bare.debug %s", debug_dir, id, debug_dir, unit_folder,
                     by_id));
    check_debug("core.change", debug_dir, by_id);
    /* Even when the program itself is gone; but never a file of another build-id. */
    run_command(text("mv %s/bare %s/bare.away", unit_folder, unit_folder));
    check_debug("core.change", debug_dir, by_id);
    hang_compile("other", "-O3");
    run_command(text("cp %s/other %s", unit_folder, by_id));
    check_debug("core.change", debug_dir, NULL);
    free(by_id);
    free(debug_dir);
    free(out);
}

static void debug_links_are_checked(void **state)
{
    (void)state;
    struct hang hang;
    if (!core_of("linked", "-Wl,--build-id=none", &hang))
        skip();
    run_command(text("cd %s && objcopy --only-keep-debug linked linked.debug && strip linked && "
                     "objcopy --add-gnu-debuglink=linked.debug linked", unit_folder));
    check_debug("core.change", in_folder("debug"), in_folder("linked.debug"));
    run_command(text("cd %s && printf x >> linked.debug", unit_folder)); /* now its CRC is another */
    check_debug("core.change", in_folder("debug"), NULL);
}

/* ---- images -------------------------------------------------------------------------------------- */

static void note_of_the_runtime_is_found(void **state)
{
    (void)state;
    static const char note[] = "#include \"async_debug.h\"\n"
                               "char published[64] = \"the descriptor\";\n"
                               "ASYNC_DEBUG_NOTE(published);\n";
    write_file(in_folder("note.h"), note, sizeof(note) - 1);
    hang_compile("noted", text("-I%s/../../../runtime/include -include %s/note.h", UNIT_SAMPLES, unit_folder));
    struct hang hang = hang_start("noted", "wait");
    struct view view = view_live(hang.pid);
    struct ad_module *program = ad_modules_executable(view.modules);
    struct async_debug_note payload;
    struct ad_elf_symbol symbol;
    assert_true(program->note != 0);
    assert_int_equal(named(&view, "libc.so.6")->note, 0);
    assert_ok(ad_target_read(view.target, program->note, &payload, sizeof(payload), "note"));
    assert_int_equal(payload.abi, ASYNC_DEBUG_ABI);
    assert_true(ad_module_symbol_named(program, "published", &symbol));
    uint64_t field = program->note + offsetof(struct async_debug_note, offset);
    assert_int_equal(field + (uint64_t)payload.offset, symbol.value);
    close_view(&view);
    hang_stop(&hang);
}

/* Files that are only read, ELF or not, are no modules. */
static void mapped_data_is_no_module(void **state)
{
    (void)state;
    int fd = open(in_folder("hang"), O_RDONLY);
    assert_ptr_not_equal(mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, fd, 0), MAP_FAILED);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        for (;;)
            pause();
    struct view view = view_live(pid);
    assert_null(named(&view, "hang"));
    assert_non_null(ad_modules_executable(view.modules));
    assert_non_null(named(&view, "libc.so.6"));
    close_view(&view);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(fd);
}

/* An image of the program in a fake target, with mappings as a loader makes them. */
static void use_image(char *bytes, size_t size, bool nameless)
{
    const struct ad_fake_memory memory[] = {{0x400000, bytes, 0x1000},
                                            {0x401000, bytes + 0x1000, 0x1000},
                                            {0x402000, bytes + 0x2000, size - 0x2000},
                                            {0x800000, bytes, 0x1000}};
    struct ad_target *target;
    struct ad_modules *modules;
    uint64_t auxv[] = {3, 0x400040, 0, 0};
    assert_ok(ad_fake_create(memory, COUNT(memory), &ad_limits_default, &target));
    struct ad_region *regions = (struct ad_region *)target->regions;
    for (size_t i = 0; i < target->region_count; i++) {
        regions[i].file_offset = regions[i].range.start % 0x100000;
        regions[i].path = nameless ? NULL : i == 3 ? "/tmp/none (deleted)" : "/tmp/none";
        regions[i].protection = AD_REGION_READ | AD_REGION_EXECUTE;
    }
    target->auxv = auxv;
    target->auxv_size = sizeof(auxv);
    assert_ok(ad_modules_create(target, &ad_limits_default, &modules));
    assert_ok(ad_modules_open_files(modules, &no_options));
    for (size_t i = 1; i < ad_modules_count(modules); i++)
        assert_true(ad_modules_get(modules, i - 1)->range.end <= ad_modules_get(modules, i)->range.start);
    for (size_t i = 0; i < ad_modules_count(modules); i++)
        assert_true(ad_modules_get(modules, i)->range.start < ad_modules_get(modules, i)->range.end);
    ad_modules_destroy(modules);
    ad_target_destroy(target);
}

static void hostile_images_do_no_harm(void **state)
{
    (void)state;
    size_t size;
    char *bytes = read_whole(in_folder("hang"), &size);
    static const uint8_t values[] = {0, 1, 0x40, 0x7f, 0x80, 0xff, 0xfe};
    uint64_t seed = 11;
    for (int round = 0; round < 3000; round++) {
        char *changed = malloc(size);
        memcpy(changed, bytes, size);
        for (uint64_t i = 0; i <= random_next(&seed) % 5; i++)
            memset(changed + random_next(&seed) % 0x400, values[random_next(&seed) % sizeof(values)],
                   1 + random_next(&seed) % 8);
        use_image(changed, size, round % 2);
        free(changed);
    }
    free(bytes);
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
        cmocka_unit_test(modules_of_a_kernel_core),
        cmocka_unit_test(modules_of_a_gcore_core),
        cmocka_unit_test(modules_of_a_live_process),
        cmocka_unit_test(programs_of_every_layout),
        cmocka_unit_test(modules_without_the_list_of_files),
        cmocka_unit_test(program_may_be_elsewhere),
        cmocka_unit_test(sysroot_stands_before_all),
        cmocka_unit_test(files_of_a_core_are_not_trusted),
        cmocka_unit_test(without_a_build_id_the_headers_speak),
        cmocka_unit_test(deleted_programs_live_on),
        cmocka_unit_test(half_a_core_proves_less),
        cmocka_unit_test(debug_files_are_found),
        cmocka_unit_test(debug_links_are_checked),
        cmocka_unit_test(note_of_the_runtime_is_found),
        cmocka_unit_test(mapped_data_is_no_module),
        cmocka_unit_test(hostile_images_do_no_harm),
    };
    return cmocka_run_group_tests(tests, make_program, remove_folder);
}
