/* SPDX-License-Identifier: MIT */
#include <sys/stat.h>
#include <sys/syscall.h>

#include "handle.h"
#include "io_test.h"

static char directory[64];
static char path[128];

static const char *path_of(const char *name)
{
    if (!directory[0]) {
        strcpy(directory, "/tmp/async-file-XXXXXX");
        CHECK(mkdtemp(directory));
    }
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

static void clean_up(void)
{
    unlink(path);
    CHECK_EQUAL(rmdir(directory), 0);
}

static struct async_file *make_file(const char *name)
{
    struct async_file *file;
    CHECK_EQUAL(async_file_open(&file, path_of(name), O_RDWR | O_CREAT | O_EXCL, 0600), 0);
    return file;
}

/* ---- A kernel that takes little at once: it stands before libc's ------------------------------------- */

static size_t most_at_once = SIZE_MAX;

ssize_t pwrite(int fd, const void *buffer, size_t size, off_t offset)
{
    return syscall(SYS_pwrite64, fd, buffer, size < most_at_once ? size : most_at_once, offset);
}

/* ---- What is written can be read ---------------------------------------------------------------------- */

TEST(at_offsets)
{
    struct async_file *file = make_file("file");
    char buffer[16] = "";
    CHECK_EQUAL(async_file_write(file, "world", 5, 6), 0);
    CHECK_EQUAL(async_file_write(file, "hello ", 6, 0), 0);
    CHECK_EQUAL(async_file_read(file, buffer, sizeof(buffer), 0), 11);
    CHECK(strcmp(buffer, "hello world") == 0);
    CHECK_EQUAL(async_file_read(file, buffer, 3, 8), 3);
    CHECK(memcmp(buffer, "rld", 3) == 0);
    CHECK_EQUAL(async_file_read(file, buffer, 3, 11), 0);
    CHECK_EQUAL(async_file_sync(file), 0);
    CHECK_EQUAL(async_file_close(file), 0);
    clean_up();
}

TEST(one_after_the_other)
{
    struct async_file *file = make_file("file");
    char buffer[16];
    CHECK_EQUAL(async_file_write(file, "one", 3, ASYNC_FILE_NEXT), 0);
    CHECK_EQUAL(async_file_write(file, "two", 3, ASYNC_FILE_NEXT), 0);
    CHECK_EQUAL(async_file_close(file), 0);
    CHECK_EQUAL(async_file_open(&file, path, O_RDONLY, 0), 0);
    CHECK_EQUAL(async_file_read(file, buffer, 4, ASYNC_FILE_NEXT), 4);
    CHECK(memcmp(buffer, "onet", 4) == 0);
    CHECK_EQUAL(async_file_read(file, buffer, 4, ASYNC_FILE_NEXT), 2);
    CHECK_EQUAL(async_file_read(file, buffer, 4, ASYNC_FILE_NEXT), 0);
    CHECK_EQUAL(async_file_close(file), 0);
    clean_up();
}

TEST(stat_and_truncate)
{
    struct async_file *file = make_file("file");
    struct stat stat;
    CHECK_EQUAL(async_file_truncate(file, 1000), 0);
    CHECK_EQUAL(async_file_stat(file, &stat), 0);
    CHECK_EQUAL(stat.st_size, 1000);
    CHECK_EQUAL(async_file_truncate(file, 3), 0);
    CHECK_EQUAL(async_stat(path, &stat), 0);
    CHECK_EQUAL(stat.st_size, 3);
    CHECK(S_ISREG(stat.st_mode));
    CHECK_EQUAL(fcntl(((struct async_handle *)file)->fd, F_GETFD), FD_CLOEXEC);
    CHECK_EQUAL(async_file_close(file), 0);
    clean_up();
}

enum { LARGE = 3000000 };

TEST(large)
{
    struct async_file *file = make_file("file");
    char *written = malloc(LARGE), *read = malloc(LARGE);
    for (int i = 0; i < LARGE; i++)
        written[i] = (char)(i * 7 >> 4);
    most_at_once = 70000;
    CHECK_EQUAL(async_file_write(file, written, LARGE, 0), 0);
    CHECK_EQUAL(async_file_read(file, read, LARGE, 0), LARGE);
    CHECK(memcmp(written, read, LARGE) == 0);
    free(written);
    free(read);
    CHECK_EQUAL(async_file_close(file), 0);
    clean_up();
}

/* ---- Paths
 * -------------------------------------------------------------------------------------------------- */

static void touch(const char *name)
{
    CHECK_EQUAL(async_file_close(make_file(name)), 0);
}

TEST(directories)
{
    char old[128], **names;
    struct stat stat;
    strcpy(old, path_of("sub"));
    CHECK_EQUAL(async_mkdir(old, 0700), 0);
    CHECK_EQUAL(async_mkdir(old, 0700), UV_EEXIST);
    touch("b");
    touch("c");
    touch("a");
    CHECK_EQUAL(async_list_directory(directory, &names), 4);
    CHECK(strcmp(names[0], "a") == 0 && strcmp(names[1], "b") == 0);
    CHECK(strcmp(names[2], "c") == 0 && strcmp(names[3], "sub") == 0 && !names[4]);
    free(names);
    CHECK_EQUAL(async_list_directory(old, &names), 0);
    CHECK(!names[0]);
    free(names);
    strcpy(old, path_of("a"));
    CHECK_EQUAL(async_rename(old, path_of("d")), 0);
    CHECK_EQUAL(async_stat(old, &stat), UV_ENOENT);
    CHECK_EQUAL(async_rmdir(directory), UV_ENOTEMPTY);
    CHECK_EQUAL(async_unlink(path_of("b")), 0);
    CHECK_EQUAL(async_unlink(path_of("c")), 0);
    CHECK_EQUAL(async_unlink(path_of("d")), 0);
    CHECK_EQUAL(async_unlink(path_of("d")), UV_ENOENT);
    CHECK_EQUAL(async_rmdir(path_of("sub")), 0);
    clean_up();
}

/* ---- Errors
 * ------------------------------------------------------------------------------------------------- */

TEST(file_errors)
{
    struct async_file *file = make_file("file"), *second = NULL;
    struct stat stat;
    char byte, **names = NULL;
    CHECK_EQUAL(async_file_open(&second, path, O_CREAT | O_EXCL, 0600), UV_EEXIST);
    CHECK_EQUAL(async_file_open(&second, "/nowhere/file", O_RDONLY, 0), UV_ENOENT);
    CHECK_EQUAL(async_file_open(&second, NULL, O_RDONLY, 0), UV_EINVAL);
    CHECK_EQUAL(async_file_open(NULL, path, O_RDONLY, 0), UV_EINVAL);
    CHECK_EQUAL(async_file_read(file, NULL, 1, 0), UV_EINVAL);
    CHECK_EQUAL(async_file_read(file, &byte, 1, -2), UV_EINVAL);
    CHECK_EQUAL(async_file_write(file, NULL, 1, 0), UV_EINVAL);
    CHECK_EQUAL(async_file_write(file, NULL, 0, 0), 0);
    CHECK_EQUAL(async_file_stat(file, NULL), UV_EINVAL);
    CHECK_EQUAL(async_file_truncate(file, -1), UV_EINVAL);
    CHECK_EQUAL(async_file_sync(NULL), UV_EINVAL);
    CHECK_EQUAL(async_file_close(NULL), UV_EINVAL);
    CHECK_EQUAL(async_stat(NULL, &stat), UV_EINVAL);
    CHECK_EQUAL(async_rename(path, NULL), UV_EINVAL);
    CHECK_EQUAL(async_unlink(NULL), UV_EINVAL);
    CHECK_EQUAL(async_list_directory(path, &names), UV_ENOTDIR);
    CHECK_EQUAL(async_list_directory(path, NULL), UV_EINVAL);
    struct rlimit before = test_use_up_files();
    CHECK_EQUAL(async_file_open(&second, path, O_RDONLY, 0), UV_EMFILE);
    CHECK_EQUAL(async_list_directory(directory, &names), UV_EMFILE);
    test_give_files_back(before);
    CHECK_EQUAL(async_file_close(file), 0);
    CHECK(!second && !names);
    CHECK_EQUAL(async_file_open(&second, path, O_RDONLY, 0), 0);
    CHECK_EQUAL(async_file_write(second, "x", 1, 0), UV_EBADF);
    CHECK_EQUAL(async_file_close(second), 0);
    CHECK_EQUAL(async_file_open(&second, "/dev/null", O_RDWR, 0), 0);
    CHECK_EQUAL(async_file_sync(second), UV_EINVAL); /* it has no disk */
    CHECK_EQUAL(async_file_close(second), 0);
    clean_up();
}

PLAIN(files_outside_a_task)
{
    struct async_file *file;
    CHECK_EQUAL(async_file_open(&file, "/dev/null", O_RDONLY, 0), UV_EINVAL);
    CHECK_EQUAL(async_unlink("/nowhere"), UV_EINVAL);
}

/* ---- Waits that end early
 * ------------------------------------------------------------------------------------ */

static int read_one(void *file)
{
    char byte;
    return (int)async_file_read(file, &byte, 1, 0);
}

static int write_one(void *file)
{
    return async_file_write(file, "x", 1, 0);
}

static int open_it(void *file_ret)
{
    return async_file_open((struct async_file **)file_ret, path, O_RDONLY, 0);
}

static int stat_it(void *stat_ret)
{
    return async_stat(path, stat_ret);
}

TEST(taken_back_while_queued)
{
    struct test_pool pool;
    struct stat stat;
    struct async_file *second = NULL;
    struct async_file *file = make_file("file");
    CHECK_EQUAL(async_file_close(file), 0);
    CHECK_EQUAL(async_file_open(&file, path, O_RDWR, 0), 0);
    test_pool_fill(&pool, 4);
    test_interrupt(ASYNC_FUTURE_FILE, read_one, file);
    test_interrupt(ASYNC_FUTURE_FILE, write_one, file);
    test_interrupt(ASYNC_FUTURE_FILE, open_it, &second);
    test_interrupt(ASYNC_FUTURE_FILE, stat_it, &stat);
    test_pool_let_go(&pool);
    CHECK(!second);
    CHECK_EQUAL(async_file_stat(file, &stat), 0);
    CHECK_EQUAL(stat.st_size, 0);
    CHECK_EQUAL(async_file_close(file), 0);
    clean_up();
}

/* A FIFO is opened when its other end is. */
static int open_and_sleep(void *unused)
{
    (void)unused;
    struct async_file *file;
    CHECK_EQUAL(async_file_open(&file, path, O_RDONLY, 0), 0);
    CHECK_EQUAL(async_sleep(100000), UV_ECANCELED);
    return async_file_close(file);
}

TEST(cancellation_is_put_off_while_running)
{
    CHECK_EQUAL(mkfifo(path_of("fifo"), 0600), 0);
    struct async_task *task = test_spawn("opens", open_and_sleep, NULL);
    const struct async_future *future = test_until_waits(task, ASYNC_FUTURE_FILE);
    while (__atomic_load_n(&future->state, __ATOMIC_ACQUIRE) != ASYNC_FUTURE_RUNNING)
        async_sleep(1);
    CHECK(__atomic_load_n(&future->thread, __ATOMIC_RELAXED) && strcmp(future->name, path) == 0);
    CHECK(strcmp(future->site->file, __FILE__) == 0);
    CHECK_EQUAL(async_cancel(task), 0);
    async_sleep(3);
    CHECK_EQUAL(task->state, ASYNC_TASK_WAITING);
    int fd = open(path, O_WRONLY);
    CHECK(fd >= 0);
    CHECK_EQUAL(test_join(task), 0);
    close(fd);
    clean_up();
}

static int close_it(void *file)
{
    return async_file_close(file);
}

static int read_next(void *file)
{
    char byte;
    return (int)async_file_read(file, &byte, 1, ASYNC_FILE_NEXT);
}

/* Another task's operation has the descriptor: it is not taken away under its hands. */
TEST(close_waits_for_others)
{
    struct async_file *file;
    int fds[2];
    char name[64];
    CHECK_EQUAL(pipe2(fds, O_CLOEXEC), 0);
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fds[0]);
    CHECK_EQUAL(async_file_open(&file, name, O_RDONLY, 0), 0);
    int fd = ((struct async_handle *)file)->fd;
    struct async_task *readers[2];
    for (int i = 0; i < 2; i++) {
        readers[i] = test_spawn("reader", read_next, file);
        test_until_waits(readers[i], ASYNC_FUTURE_FILE);
    }
    struct async_task *closer = test_spawn("closer", close_it, file);
    CHECK_EQUAL(test_until_waits(closer, ASYNC_FUTURE_CLOSE)->fd, fd);
    CHECK_EQUAL(async_file_close(file), UV_EALREADY);
    CHECK_EQUAL(async_file_sync(file), UV_EBADF);
    CHECK_EQUAL(async_cancel(closer), 0); /* nothing interrupts it */
    async_sleep(2);
    CHECK_EQUAL(closer->state, ASYNC_TASK_WAITING);
    CHECK(fcntl(fd, F_GETFD) >= 0);
    CHECK_EQUAL(write(fds[1], "12", 2), 2);
    for (int i = 0; i < 2; i++)
        CHECK_EQUAL(test_join(readers[i]), 1);
    CHECK_EQUAL(test_join(closer), 0);
    CHECK(fcntl(fd, F_GETFD) < 0);
    close(fds[0]);
    close(fds[1]);
}

/* ---- What a debugger sees
 * -------------------------------------------------------------------------------------- */

TEST(file_tells_the_truth)
{
    struct test_pool pool;
    uint32_t line = __LINE__ + 2;
    struct async_file *file;
    CHECK_EQUAL(async_file_open(&file, path_of("file"), O_RDWR | O_CREAT, 0600), 0);
    const struct async_handle *handle = (const struct async_handle *)file;
    CHECK(strcmp(handle->kind, "file") == 0 && strcmp(handle->name, path) == 0);
    CHECK(test_is_site(handle->site, __FILE__, line));
    CHECK(handle->fd >= 0);
    CHECK_EQUAL(handle->task, async_self()->id);
    test_pool_fill(&pool, 4);
    struct async_task *task = test_spawn("reader", read_one, file);
    const struct async_future *future = test_until_waits(task, ASYNC_FUTURE_FILE);
    CHECK(future->fd == handle->fd && future->size == 1 && future->object == file);
    CHECK(strcmp(future->name, path) == 0);
    CHECK_EQUAL(future->state, ASYNC_FUTURE_QUEUED);
    CHECK(test_is_site(future->site, __FILE__, line));
    test_pool_let_go(&pool);
    CHECK_EQUAL(test_join(task), 0);
    CHECK_EQUAL(async_file_close(file), 0);
    clean_up();
}

static int use_from_elsewhere(void *file)
{
    CHECK_EQUAL(read_one(file), UV_EXDEV);
    CHECK_EQUAL(async_file_close(file), UV_EXDEV);
    return 0;
}

static int write_and_read(void *number)
{
    char name[128], buffer[16];
    struct async_file *file;
    snprintf(name, sizeof(name), "%s/%d", directory, (int)(intptr_t)number);
    CHECK_EQUAL(async_file_open(&file, name, O_RDWR | O_CREAT, 0600), 0);
    for (int i = 0; i < 20; i++) {
        CHECK_EQUAL(async_file_write(file, name, 10, i * 10), 0);
        CHECK_EQUAL(async_file_read(file, buffer, 10, i * 10), 10);
        CHECK(memcmp(name, buffer, 10) == 0);
    }
    CHECK_EQUAL(async_file_close(file), 0);
    return async_unlink(name);
}

static int on_three_workers(void *unused)
{
    (void)unused;
    struct async_task *tasks[9];
    struct async_file *file = make_file("file");
    CHECK_EQUAL(async_spawn_on(&tasks[0], 1, "elsewhere", use_from_elsewhere, file), 0);
    CHECK_EQUAL(test_join(tasks[0]), 0);
    for (uint32_t i = 0; i < 9; i++)
        CHECK_EQUAL(async_spawn_on(&tasks[i], i % 3, "task", write_and_read, (void *)(intptr_t)i), 0);
    for (int i = 0; i < 9; i++)
        CHECK_EQUAL(test_join(tasks[i]), 0);
    CHECK_EQUAL(async_file_close(file), 0);
    return 0;
}

PLAIN(several_workers)
{
    test_run_on_workers(3, on_three_workers);
    clean_up();
}

TEST(left_open)
{
    make_file("file");
    clean_up();
}
