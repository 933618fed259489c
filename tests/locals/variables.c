/* SPDX-License-Identifier: MIT */
/* Tasks that wait for ever in the middle of their variables, which they have printed, in the words of a debugger:
 * one line of JSON, [{"task", "function", "name", "value"}, ..., null], which ends when all of them wait. */
#include <complex.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uchar.h>
#include <wchar.h>

#include <async.h>

#define NOINLINE __attribute__((noinline))
#define INLINE static inline __attribute__((always_inline))

static struct async_promise *never;
static volatile int sink;

/* Prints a variable of the running task; `format` makes its value. */
#define TELL(name, ...) (tell_start(__func__, #name), printf(__VA_ARGS__), tell_end())

static void tell_start(const char *function, const char *name)
{
    printf("{\"task\": \"%s\", \"function\": \"%s\", \"name\": \"%s\", \"value\": \"",
           async_task_name(async_self()), function, name);
}

static void tell_end(void)
{
    fputs("\"}, ", stdout);
}

/* A use that the compiler cannot see through. */
#define KEEP(value) (__extension__({ __asm__ volatile("" : : "g"(value) : "memory"); }))
#define KEEP_AT(pointer) (__extension__({ __asm__ volatile("" : : "r"(pointer) : "memory"); }))

static int await(void)
{
    return async_promise_await(never, NULL);
}

/* ---- Numbers ---- */

NOINLINE static int numbers(void)
{
    signed char c = -100;
    char letter = 'q';
    unsigned char byte = 200;
    short s = -30000;
    unsigned short us = 60000;
    int i = -2000000000;
    unsigned u = 4000000000u;
    long l = -5000000000L;
    unsigned long ul = 18000000000000000000ul;
    bool yes = true, no = false;
    __int128 wide = ((__int128)1 << 100) + 7;
    float f = 1.5f, third = 1.0f / 3.0f;
    double d = -0.1, huge = 1e300;
    long double ld = 2.25L;
    double complex z = 1.5 + 2.5 * I;
    wchar_t w = L'w';
    char16_t u16 = u'x';
    TELL(c, "-100 '\\\\234'");
    TELL(letter, "113 'q'");
    TELL(byte, "200 '\\\\310'");
    TELL(s, "%d", s);
    TELL(us, "%d", us);
    TELL(i, "%d", i);
    TELL(u, "%u", u);
    TELL(l, "%ld", l);
    TELL(ul, "%lu", ul);
    TELL(yes, "true");
    TELL(no, "false");
    TELL(wide, "1267650600228229401496703205383");
    TELL(f, "%.9g", f);
    TELL(third, "%.9g", third);
    TELL(d, "%.17g", d);
    TELL(huge, "%.17g", huge);
    TELL(ld, "%.18Lg", ld);
    TELL(z, "1.5 + 2.5i");
    TELL(w, "119 L'w'");
    TELL(u16, "120 u'x'");
    int error = await();
    KEEP(c), KEEP(letter), KEEP(byte), KEEP(s), KEEP(us), KEEP(i), KEEP(u), KEEP(l), KEEP(ul), KEEP(yes), KEEP(no);
    KEEP_AT(&wide), KEEP_AT(&f), KEEP_AT(&third), KEEP_AT(&d), KEEP_AT(&huge), KEEP_AT(&ld), KEEP_AT(&z);
    KEEP(w), KEEP(u16);
    return error;
}

/* ---- Structures ---- */

enum color { RED, GREEN = 5, BLUE };
enum mode { MODE_READ = 1, MODE_WRITE = 2, MODE_EXECUTE = 4 };
enum level { LOW = -3, HIGH = 3 };

struct point {
    int x, y;
};

typedef struct {
    struct point from, to;
    const char *name;
    enum color color;
} line_t;

struct flags {
    unsigned ready : 1, count : 7;
    int delta : 5;
    unsigned long big : 40;
    bool on : 1;
};

union number {
    int i;
    float f;
    unsigned char bytes[4];
};

struct mixed {
    char tag;
    struct {
        int inner;
    };
    union {
        long whole;
        short half;
    } part;
    double values[3];
    char text[12];
    int (*function)(void *);
    struct mixed *next;
    int rest[];
};

static int task_numbers(void *argument);

NOINLINE static int structures(void)
{
    struct point point = {3, -4};
    line_t line = {{1, 2}, {3, 4}, "diagonal", GREEN};
    struct flags flags = {1, 99, -7, 123456789012, true};
    union number number = {.i = 0x3f800000};
    struct mixed mixed = {'m', {17}, {-9}, {0.5, 1, 1.5}, "mixed", task_numbers, &mixed};
    enum color color = BLUE, odd = (enum color)77;
    enum mode mode = MODE_READ | MODE_EXECUTE, stray = (enum mode)(MODE_WRITE | 16), none = (enum mode)0;
    enum level level = LOW;
    const volatile struct point pinned = {8, 9};
    TELL(point, "{x = 3, y = -4}");
    TELL(line, "{from = {x = 1, y = 2}, to = {x = 3, y = 4}, name = %p \\\"diagonal\\\", color = GREEN}",
         (const void *)line.name);
    TELL(flags, "{ready = 1, count = 99, delta = -7, big = 123456789012, on = true}");
    TELL(number, "{i = 1065353216, f = 1, bytes = \\\"\\\\000\\\\000\\\\200?\\\"}");
    TELL(mixed, "{tag = 109 'm', {inner = 17}, part = {whole = -9, half = -9}, values = {0.5, 1, 1.5}, "
         "text = \\\"mixed\\\\000\\\\000\\\\000\\\\000\\\\000\\\\000\\\", function = %p <task_numbers>, next = %p, "
         "rest = %p}", (void *)(uintptr_t)task_numbers, (void *)&mixed, (void *)mixed.rest);
    TELL(color, "BLUE");
    TELL(odd, "77");
    TELL(mode, "(MODE_READ | MODE_EXECUTE)");
    TELL(stray, "(MODE_WRITE | unknown: 0x10)");
    TELL(none, "0");
    TELL(level, "LOW");
    TELL(pinned, "{x = 8, y = 9}");
    int error = await();
    KEEP_AT(&point), KEEP_AT(&line), KEEP_AT(&flags), KEEP_AT(&number), KEEP_AT(&mixed), KEEP_AT(&pinned);
    KEEP(color), KEEP(odd), KEEP(mode), KEEP(stray), KEEP(none), KEEP(level);
    return error;
}

/* ---- Arrays and texts ---- */

NOINLINE static int arrays(int length)
{
    int row[4] = {1, 2, 3, 4};
    int grid[2][3] = {{1, 2, 3}, {4, 5, 6}};
    int zeros[30] = {0}, runs[25] = {7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 1, 2};
    int many[300], ten[11] = {5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 6};
    struct point points[3] = {{1, 1}, {2, 2}, {3, 3}};
    char word[8] = "word", full[4] = {'f', 'u', 'l', 'l'}, big[64] = "big", empty[4] = "";
    char raw[] = "tab\t quote\" back\\ bell\a esc\033[1m \3111";
    const char *none = NULL, *text = "a text", *utf8 = "Gr\303\274\303\237e \342\202\254", *bad = (const char *)16;
    char long_text[301], *long_pointer = long_text;
    wchar_t wide[6] = L"wide";
    const char *words[3] = {"one", "two", NULL};
    char *heap = strdup("on the heap");
    int varying[length];
    char varying_text[length];
    for (int i = 0; i < 300; i++)
        many[i] = i;
    for (int i = 0; i < length; i++)
        varying[i] = i * i;
    memset(varying_text, 'v', (size_t)length);
    for (int i = 0; i < 300; i++)
        long_text[i] = (char)('a' + i % 26);
    long_text[300] = '\0';
    TELL(row, "{1, 2, 3, 4}");
    TELL(grid, "{{1, 2, 3}, {4, 5, 6}}");
    TELL(zeros, "{0 <repeats 30 times>}");
    TELL(runs, "{7 <repeats 12 times>, 1, 2, 0 <repeats 11 times>}");
    TELL(ten, "{5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 6}");
    TELL(points, "{{x = 1, y = 1}, {x = 2, y = 2}, {x = 3, y = 3}}");
    TELL(word, "\\\"word\\\\000\\\\000\\\\000\\\"");
    TELL(full, "\\\"full\\\"");
    TELL(big, "\\\"big\\\", '\\\\000' <repeats 60 times>");
    TELL(none, "0x0");
    TELL(text, "%p \\\"a text\\\"", (const void *)text);
    TELL(bad, "0x10 <unreadable at 0x10>");
    TELL(varying, "{0, 1, 4, 9, 16, 25, 36}");
    TELL(varying_text, "\\\"vvvvvvv\\\"");
    TELL(length, "%d", length);
    TELL(heap, "%p \\\"on the heap\\\"", (void *)heap);
    int error = await();
    KEEP_AT(row), KEEP_AT(grid), KEEP_AT(zeros), KEEP_AT(runs), KEEP_AT(many), KEEP_AT(ten), KEEP_AT(points), KEEP_AT(word);
    KEEP_AT(full), KEEP_AT(big), KEEP_AT(empty), KEEP_AT(raw), KEEP(none), KEEP(text), KEEP(utf8), KEEP(bad);
    KEEP_AT(long_text), KEEP(long_pointer), KEEP_AT(wide), KEEP_AT(words), KEEP_AT(varying), KEEP_AT(varying_text);
    KEEP(heap);
    free(heap);
    return error;
}

/* ---- Arguments ---- */

NOINLINE static int many_arguments(int a, long b, char c, const char *d, unsigned e, struct point f, double g,
                                   short h, long i, struct point *j, line_t k, int l)
{
    TELL(a, "%d", a);
    TELL(b, "%ld", b);
    TELL(e, "%u", e);
    TELL(i, "%ld", i);
    TELL(l, "%d", l);
    int error = await();
    KEEP(a), KEEP(b), KEEP(c), KEEP(d), KEEP(e), KEEP_AT(&f), KEEP_AT(&g), KEEP(h), KEEP(i), KEEP(j), KEEP_AT(&k);
    KEEP(l);
    return error;
}

/* Nothing is used behind the wait: at -O2 only the caller knows what some of them were. */
NOINLINE static int spent_arguments(int first, long second, const char *third, int fourth)
{
    sink = first + (int)second + third[0] + fourth;
    int error = await();
    sink = 1;
    return error + sink;
}

NOINLINE static int spends(int base)
{
    const char *third = "third";
    int error = spent_arguments(base + 1, base * 2L, third, 44);
    KEEP(base);
    return error;
}

NOINLINE static int variadic(int count, ...)
{
    va_list list;
    int sum = 0;
    va_start(list, count);
    for (int i = 0; i < count; i++)
        sum += va_arg(list, int);
    TELL(count, "%d", count);
    TELL(sum, "%d", sum);
    int error = await();
    KEEP(count), KEEP(sum);
    va_end(list);
    return error;
}

static int recursive(int depth, int *below)
{
    int here = depth * 10 + *below;
    if (depth == 0) {
        TELL(depth, "0");
        int error = await();
        KEEP(here);
        return error;
    }
    int error = recursive(depth - 1, &here);
    KEEP_AT(&here);
    return error;
}

/* ---- Scopes ---- */

NOINLINE static int scopes(int outer)
{
    static int calls = 41;
    static const char *const label = "static";
    int value = outer + 1, error = 0;
    calls++;
    TELL(calls, "%d", calls);
    for (int i = 0; i < 3; i++) {
        int value = i * 100;
        if (i == 1) {
            int value = outer * 7;
            const char *inner = "inner";
            error = await();
            KEEP(value), KEEP(inner);
        }
        KEEP(value), KEEP(i);
    }
    {
        int later = 5;
        KEEP(later);
    }
    KEEP(value), KEEP(label);
    return error;
}

/* ---- Inlined calls ---- */

INLINE int innermost(int depth, const char *name)
{
    int twice = depth * 2;
    TELL(twice, "%d", twice);
    int error = await();
    KEEP(twice), KEEP(name);
    return error;
}

INLINE int middle(struct point *where, int add)
{
    int sum = where->x + where->y + add;
    {
        int nested = sum + 1;
        int error = innermost(nested, "from the middle");
        KEEP(nested);
        return error + sum - sum;
    }
}

NOINLINE static int inlines(int seed)
{
    struct point where = {seed, seed + 1};
    long after = seed * 1000L;
    int error = middle(&where, 10);
    KEEP(after), KEEP_AT(&where);
    return error;
}

/* Split into registers, one of them with a constant in half of it. */
NOINLINE static int pieces(int seed)
{
    struct point split = {seed * 3, 12};
    struct {
        int a, b;
    } pair = {seed + 1, seed + 2};
    int unused = seed * 99, constant = 1234;
    double half = seed / 2.0;
    int error = await();
    sink = split.x + split.y + pair.a + pair.b + (int)half;
    (void)unused, (void)constant;
    return error;
}

/* ---- Pointers ---- */

static struct point global_point = {100, 200};

NOINLINE static int pointers(void)
{
    struct point here = {1, 2}, *to_here = &here, *to_global = &global_point;
    int (*function)(void *) = task_numbers;
    void *nothing = NULL, *code = (char *)(uintptr_t)task_numbers + 1;
    int **deep = NULL, *below = &here.x;
    const struct point *const constant = &here;
    volatile int *shared = &here.y;
    int(*to_array)[2] = (int(*)[2])(void *)&here;
    deep = &below;
    TELL(to_here, "%p", (void *)to_here);
    TELL(function, "%p <task_numbers>", (void *)(uintptr_t)function);
    TELL(code, "%p <task_numbers+1>", code);
    TELL(nothing, "0x0");
    TELL(below, "%p", (void *)below);
    int error = await();
    KEEP_AT(&here), KEEP(to_here), KEEP(to_global), KEEP(function), KEEP(nothing), KEEP(code), KEEP(deep);
    KEEP(below), KEEP(constant), KEEP(shared), KEEP(to_array);
    return error;
}

/* ---- All of them ---- */

static _Thread_local int per_thread = 9;

static int task_numbers(void *argument)
{
    int error = numbers();
    KEEP(argument);
    return error;
}

static int task_structures(void *argument)
{
    int error = structures();
    KEEP(argument);
    return error;
}

static int task_arrays(void *argument)
{
    int error = arrays(7);
    KEEP(argument);
    return error;
}

static int task_arguments(void *argument)
{
    struct point point = {5, 6};
    line_t line = {{9, 8}, {7, 6}, "argument", RED};
    int error = many_arguments(1, 2, 'c', "d", 5, point, 7.5, 8, 9, &point, line, 12);
    KEEP(argument);
    return error;
}

static int task_spent(void *argument)
{
    int error = spends((int)(intptr_t)argument);
    KEEP(argument);
    return error;
}

static int task_variadic(void *argument)
{
    int error = variadic(3, 10, 20, 30);
    KEEP(argument);
    return error;
}

static int task_recursive(void *argument)
{
    int start = 7, error = recursive(3, &start);
    KEEP(argument);
    return error;
}

static int task_scopes(void *argument)
{
    static _Thread_local int own = 3;
    int error = scopes((int)(intptr_t)argument + own + per_thread);
    KEEP(argument);
    return error;
}

static int task_inlines(void *argument)
{
    int error = inlines((int)(intptr_t)argument);
    KEEP(argument);
    return error;
}

static int task_pieces(void *argument)
{
    int error = pieces((int)(intptr_t)argument);
    KEEP(argument);
    return error;
}

static int task_pointers(void *argument)
{
    int error = pointers();
    KEEP(argument);
    return error;
}

static int say_ready(void *argument)
{
    (void)argument;
    async_sleep(10);
    puts("null]");
    fflush(stdout);
    return await();
}

static int start(void *argument)
{
    static const struct {
        const char *name;
        int (*function)(void *);
    } tasks[] = {
        {"numbers", task_numbers},     {"structures", task_structures}, {"arrays", task_arrays},
        {"arguments", task_arguments}, {"spent", task_spent},           {"variadic", task_variadic},
        {"recursive", task_recursive}, {"scopes", task_scopes},         {"inlines", task_inlines},
        {"pieces", task_pieces},       {"pointers", task_pointers},     {"ready", say_ready},
    };
    async_promise_create(&never, "never");
    for (size_t i = 0; i < sizeof(tasks) / sizeof(*tasks); i++)
        if (async_spawn(NULL, tasks[i].name, tasks[i].function, (void *)(intptr_t)(i + 20)))
            return 1;
    KEEP(argument);
    return await();
}

int main(void)
{
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    putchar('[');
    return async_run(start, NULL, NULL) ? 1 : 0;
}
