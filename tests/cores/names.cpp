/* SPDX-License-Identifier: MIT */
/* Tasks that wait in functions whose names linkers know mangled: of C++, and as Rust's compiler makes them. */
#include <async.h>

#include <cstdio>

static struct async_mutex *the_lock;
static int waiting;

static int wait_here()
{
    waiting++;
    int result = async_mutex_lock(the_lock);
    asm volatile("");
    return result;
}

namespace bank {
struct Account {
    int amount;
    __attribute__((noinline)) int take(int more)
    {
        int result = wait_here() + amount + more;
        return result;
    }
};
template <typename T> __attribute__((noinline)) int hold(T value)
{
    Account account = {3};
    int result = account.take(4) + (int)value;
    return result;
}
} // namespace bank

namespace {
__attribute__((noinline)) int run(int value)
{
    int result = bank::hold<long>(value) + 1;
    return result;
}
} // namespace

extern "C" {
int rust_v0(void *unused) __asm__("_RNvNtCs1234_4bank7account4take");
int rust_legacy(void *unused) __asm__("_ZN4bank7account5store17h0123456789abcdefE");

int rust_v0(void *)
{
    return run(1) + 1;
}

int rust_legacy(void *)
{
    return run(2) + 1;
}
}

static int start(void *)
{
    async_mutex_create(&the_lock, "the lock");
    async_mutex_lock(the_lock);
    async_spawn(NULL, "v0", rust_v0, NULL);
    async_spawn(NULL, "legacy", rust_legacy, NULL);
    while (waiting < 2)
        async_yield();
    printf("ready\n");
    fflush(stdout);
    for (;;)
        async_sleep(3600 * 1000);
}

int main()
{
    return async_run(start, NULL, NULL);
}
