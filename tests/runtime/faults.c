/* SPDX-License-Identifier: MIT */
#include "faults.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <uv.h>

#include "task.h"

static uint64_t state;
static unsigned rate, made;
static long memory, mappings;
static bool named[1024]; /* by descriptor */

bool faults_held;

void faults_begin(uint64_t seed, unsigned one_in)
{
    state = seed;
    rate = one_in;
    made = 0;
    memset(named, 0, sizeof(named));
}

void faults_name_file(int fd)
{
    if (fd >= 0 && (size_t)fd < sizeof(named))
        named[fd] = true;
}

void faults_end(void)
{
    rate = 0;
}

unsigned faults_made(void)
{
    return made;
}

long faults_memory(void)
{
    return __atomic_load_n(&memory, __ATOMIC_RELAXED);
}

long faults_mappings(void)
{
    return mappings;
}

static bool fails(void)
{
    const struct async_task *self = async_self();
    if (!rate || (faults_held && self && self->main) || random_below(&state, rate) != 0)
        return false;
    made++;
    return true;
}

/* ---- Memory: the pool's threads allocate too ----------------------------------------------------- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *pointer);
void *__real_mmap(void *address, size_t size, int rights, int flags, int fd, off_t offset);
int __real_munmap(void *address, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);
void __wrap_free(void *pointer);
void *__wrap_mmap(void *address, size_t size, int rights, int flags, int fd, off_t offset);
int __wrap_munmap(void *address, size_t size);

static void *count(void *given)
{
    if (given)
        __atomic_fetch_add(&memory, 1, __ATOMIC_RELAXED);
    return given;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : count(__real_malloc(size));
}

void *__wrap_calloc(size_t number, size_t size)
{
    return fails() ? NULL : count(__real_calloc(number, size));
}

void *__wrap_realloc(void *old, size_t size)
{
    if (fails())
        return NULL;
    return old ? __real_realloc(old, size) : count(__real_malloc(size));
}

char *__wrap_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = __wrap_malloc(size);
    return copy ? memcpy(copy, text, size) : NULL;
}

void __wrap_free(void *pointer)
{
    if (pointer)
        __atomic_fetch_sub(&memory, 1, __ATOMIC_RELAXED);
    __real_free(pointer);
}

/* libuv enlarges its tables by this, and cannot do without. */
static void *enlarge(void *old, size_t size)
{
    return old ? __real_realloc(old, size) : count(__real_malloc(size));
}

void *__wrap_mmap(void *address, size_t size, int rights, int flags, int fd, off_t offset)
{
    if (fails()) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    void *mapping = __real_mmap(address, size, rights, flags, fd, offset);
    mappings += mapping != MAP_FAILED;
    return mapping;
}

int __wrap_munmap(void *address, size_t size)
{
    mappings--;
    return __real_munmap(address, size);
}

void faults_install(void)
{
    uv_replace_allocator(__wrap_malloc, enlarge, __wrap_calloc, __wrap_free);
}

/* ---- The kernel: these stand before libc's, for libuv too ---------------------------------------- */

static bool interrupted(void)
{
    if (!fails())
        return false;
    errno = EINTR;
    return true;
}

static bool is_named(int fd)
{
    return fd >= 0 && (size_t)fd < sizeof(named) && named[fd];
}

static bool fails_for_once(int fd)
{
    if (!is_named(fd) || !fails())
        return false;
    errno = random_below(&state, 2) ? EAGAIN : EINTR;
    return true;
}

/* How much a write takes. */
static size_t less(int fd, size_t size)
{
    return size > 1 && is_named(fd) && fails() ? 1 + random_below(&state, size < 64 ? (unsigned)size : 64)
                                               : size;
}

ssize_t read(int fd, void *buffer, size_t size)
{
    return fails_for_once(fd) ? -1 : syscall(SYS_read, fd, buffer, size);
}

ssize_t readv(int fd, const struct iovec *pieces, int number)
{
    return fails_for_once(fd) ? -1 : syscall(SYS_readv, fd, pieces, number);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    return fails_for_once(fd) ? -1 : syscall(SYS_recvmsg, fd, message, flags);
}

ssize_t write(int fd, const void *buffer, size_t size)
{
    return fails_for_once(fd) ? -1 : syscall(SYS_write, fd, buffer, less(fd, size));
}

ssize_t writev(int fd, const struct iovec *pieces, int number)
{
    struct iovec first = pieces[0];
    if (fails_for_once(fd))
        return -1;
    first.iov_len = less(fd, first.iov_len);
    if (first.iov_len < pieces[0].iov_len)
        return syscall(SYS_writev, fd, &first, 1);
    return syscall(SYS_writev, fd, pieces, number);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    return fails_for_once(fd) ? -1 : syscall(SYS_sendmsg, fd, message, flags);
}

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    int accepted = interrupted() ? -1 : (int)syscall(SYS_accept4, fd, address, size, flags);
    faults_name_file(accepted);
    return accepted;
}

int epoll_pwait(int fd, struct epoll_event *events, int most, int timeout, const sigset_t *mask)
{
    return interrupted() ? -1 : (int)syscall(SYS_epoll_pwait, fd, events, most, timeout, mask, 8);
}

int epoll_wait(int fd, struct epoll_event *events, int most, int timeout)
{
    return epoll_pwait(fd, events, most, timeout, NULL);
}
