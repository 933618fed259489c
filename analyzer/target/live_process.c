/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "target/live_internal.h"
#include "target/maps.h"

/* The path below /proc/PID of a file of one thread. */
struct path {
    char text[64];
};

static struct path thread_file(pid_t tid, const char *name)
{
    struct path path;
    snprintf(path.text, sizeof(path.text), "task/%d/%s", (int)tid, name);
    return path;
}

/* Of a thread that tells of the memory. */
static struct path memory_file(const struct ad_live *live, const char *name)
{
    return thread_file(live->thread, name);
}

/* A small file; NULL when it cannot be read. */
static char *read_small(const struct ad_live *live, const char *path, size_t *size_ret)
{
    char *text = NULL;
    struct ad_error *error = ad_read_file(live->proc_fd, path, live->target.limits->notes_bytes, &text, size_ret);
    ad_error_destroy(error);
    return error ? NULL : text;
}

/* A thread's or process's short name, without the newline that ends it. */
static void read_comm(const struct ad_live *live, const char *path, char name[16])
{
    size_t size = 0;
    ad_auto_free char *text = read_small(live, path, &size);
    size = size && text[size - 1] == '\n' ? size - 1 : size;
    if (text)
        memcpy(name, text, size < 15 ? size : 15);
}

/* ---- The process ------------------------------------------------------------------------------------ */

static struct ad_error *read_executable(struct ad_live *live)
{
    static const char deleted[] = " (deleted)";
    char path[4096]; /* PATH_MAX of Linux */
    ssize_t length = readlinkat(live->proc_fd, memory_file(live, "exe").text, path, sizeof(path));
    if (length < 0)
        return errno == ENOENT ? NULL : ad_error_system(errno, "cannot read the name of its program");
    size_t used = (size_t)length, suffix = sizeof(deleted) - 1;
    if (used > suffix && memcmp(path + used - suffix, deleted, suffix) == 0)
        used -= suffix;
    live->target.executable = ad_pool_text(&live->pool, path, used);
    return live->target.executable ? NULL : &ad_error_nomem;
}

struct ad_error *ad_live_read_sizes(const struct ad_live *live, uint64_t sizes[2])
{
    ad_auto_free char *text = NULL;
    size_t size;
    unsigned long long total = 0, data = 0;
    AD_TRY(ad_read_file(live->proc_fd, memory_file(live, "statm").text, live->target.limits->text, &text,
                        &size));
    (void)sscanf(text, "%llu %*u %*u %*u %*u %llu", &total, &data);
    sizes[0] = total;
    sizes[1] = data;
    return NULL;
}

static struct ad_error *read_regions(struct ad_live *live)
{
    ad_auto_free char *text = NULL;
    size_t size;
    AD_TRY(ad_live_read_sizes(live, live->sizes));
    AD_TRY(ad_read_file(live->proc_fd, memory_file(live, "maps").text, live->target.limits->live_bytes, &text,
                        &size));
    ad_vector_deinit(&live->regions);
    AD_TRY(ad_maps_parse(text, live->target.limits, &live->pool, &live->regions, &live->target.skipped));
    live->target.regions = live->regions.items;
    live->target.region_count = live->regions.count;
    return NULL;
}

struct ad_error *ad_live_refresh_regions(struct ad_live *live)
{
    uint64_t sizes[2];
    AD_TRY(ad_live_read_sizes(live, sizes));
    bool same = memcmp(sizes, live->sizes, sizeof(sizes)) == 0 && live->regions.count;
    return same ? NULL : read_regions(live);
}

static bool same_namespace(const struct ad_live *live)
{
    struct stat theirs, ours;
    return fstatat(live->proc_fd, "ns/pid", &theirs, 0) != 0 || stat("/proc/self/ns/pid", &ours) != 0 ||
           (theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev);
}

/* Being allowed to open it is being allowed to read the memory, and to stop it. */
static struct ad_error *open_memory(struct ad_live *live)
{
    live->copier.tid = live->thread;
    live->copier.mem_fd = openat(live->proc_fd, memory_file(live, "mem").text, O_RDONLY | O_CLOEXEC);
    if (live->copier.mem_fd < 0 && (errno == EACCES || errno == EPERM))
        return ad_error_system(errno, "cannot read its memory");
    return NULL;
}

/* A file that cannot be read tells nothing: the registers will. */
static struct ad_error *refuse_32_bit(const struct ad_live *live)
{
    unsigned char head[EI_CLASS + 1] = {0};
    int fd = openat(live->proc_fd, memory_file(live, "exe").text, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return NULL;
    bool is = ad_pread(fd, head, sizeof(head), 0) == sizeof(head) && head[EI_CLASS] == ELFCLASS32;
    close(fd);
    return is ? ad_live_narrow(live->target.pid) : NULL;
}

struct ad_error *ad_live_read_process(struct ad_live *live)
{
    AD_TRY(read_executable(live));
    AD_TRY(refuse_32_bit(live));
    AD_TRY(ad_read_file(live->proc_fd, memory_file(live, "auxv").text, live->target.limits->notes_bytes,
                        &live->auxv, &live->target.auxv_size));
    live->target.auxv = live->auxv;
    read_comm(live, "comm", live->target.command);
    live->same_namespace = same_namespace(live);
    AD_TRY(open_memory(live));
    return read_regions(live);
}

/* ---- Its threads ------------------------------------------------------------------------------------ */

/* What the process itself calls the thread: the last of the numbers in "NSpid:\t4711\t17" (proc(5)). */
static pid_t own_number(const struct ad_live *live, pid_t tid)
{
    size_t size = 0;
    ad_auto_free char *text = read_small(live, thread_file(tid, "status").text, &size);
    const char *line = text ? strstr(text, "\nNSpid:") : NULL;
    if (!line)
        return tid;
    const char *end = strchr(line + 1, '\n'), *last = end;
    while (last && last > line && last[-1] != '\t')
        last--;
    long number = last ? strtol(last, NULL, 10) : 0;
    return number > 0 ? (pid_t)number : tid;
}

void ad_live_name_threads(struct ad_live *live)
{
    struct ad_thread *threads = live->threads.items;
    for (size_t i = 0; i < live->threads.count; i++) {
        read_comm(live, thread_file(threads[i].tid, "comm").text, threads[i].name);
        threads[i].own_tid = live->same_namespace ? threads[i].tid : own_number(live, threads[i].tid);
    }
}

/* "232 0x3 0x7f.. ... SP PC": in a system call; "-1 SP PC": waiting otherwise; "running" (proc(5)). */
void ad_live_read_place(const struct ad_live *live, struct ad_thread *thread)
{
    /* rdi rsi rdx r10 r8 r9, by their DWARF numbers */
    static const uint8_t arguments[] = {5, 4, 1, 10, 8, 9};
    size_t size = 0;
    ad_auto_free char *text = read_small(live, thread_file(thread->tid, "syscall").text, &size);
    const char *last = text ? strrchr(text, ' ') : NULL, *before = last;
    while (before && before > text && *--before != ' ')
        ;
    if (!before || before == last)
        return;
    long number = strtol(text, NULL, 10);
    if (number >= 0)
        thread->system_call = (uint64_t)number;
    const char *word = text;
    for (size_t i = 0; number >= 0 && i < sizeof(arguments) && (word = strchr(word, ' ')); i++)
        ad_registers_set(&thread->registers, arguments[i], strtoull(++word, NULL, 16));
    ad_registers_set(&thread->registers, AD_REG_SP, strtoull(before, NULL, 16));
    ad_registers_set(&thread->registers, AD_REG_PC, strtoull(last, NULL, 16));
}

struct ad_error *ad_live_glance_threads(struct ad_live *live)
{
    int fd = openat(live->proc_fd, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    if (!directory) {
        if (fd >= 0)
            close(fd);
        return ad_error_create(AD_ERROR_UNUSABLE, "process %d has ended", (int)live->target.pid);
    }
    struct ad_error *error = NULL;
    struct dirent *entry;
    live->threads.count = 0;
    while (!error && (entry = readdir(directory)) && live->threads.count < live->target.limits->threads) {
        struct ad_thread thread = {.tid = (pid_t)strtol(entry->d_name, NULL, 10), .system_call = UINT64_MAX};
        if (thread.tid <= 0)
            continue;
        ad_live_read_place(live, &thread);
        error = ad_vector_push(&live->threads, &thread);
    }
    closedir(directory);
    return error;
}
