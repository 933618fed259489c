/* SPDX-License-Identifier: MIT */
/* What C++ has and C has not: references, classes inside of classes, methods, templates, names in namespaces. */
extern "C" int park(void);
extern "C" int classes_task(void *argument);

#define KEEP(pointer) (__extension__({ __asm__ volatile("" : : "r"(pointer) : "memory"); }))

namespace shop {

enum class color : unsigned char { red = 1, green = 2 };
enum plain { zero, one };

struct base {
    int id = 7;
    static int count;
};

int base::count = 3;

struct other {
    char tag = 'o';
};

struct item : base, other {
    double price = 2.5;
    color tint = color::green;
    bool sold = true;
    const char *name = "item";
};

struct empty {};

struct with_empty : empty {
    empty nothing;
    int last = 4;
};

struct shape {
    virtual ~shape() {}
    virtual int area() const { return 0; }
    int sides = 0;
};

struct square : shape {
    explicit square(int side) : side(side) { sides = 4; }
    int area() const override;
    int side;
};

template <typename type, int size> struct box {
    type items[size];
    int sum(type extra) const;
};

int __attribute__((noinline)) square::area() const
{
    int result = side * side;
    int error = park();
    KEEP(&result), KEEP(this);
    return result + error;
}

template <typename type, int size> int __attribute__((noinline)) box<type, size>::sum(type extra) const
{
    type total = extra;
    for (const type &one : items)
        total += one;
    square four(4);
    const shape &seen = four;
    int error = seen.area();
    KEEP(&total), KEEP(this), KEEP(&seen);
    return (int)total + error;
}

static int __attribute__((noinline)) sell(item &sold, const item &other, item &&moved, int *const &pointer)
{
    with_empty hollow;
    empty nothing;
    plain which = one;
    box<long, 3> longs = {{1, 2, 3}};
    const bool yes = true;
    auto add = [&hollow, &which](int more) { return hollow.last + more + which; };
    int error = longs.sum(10);
    KEEP(&sold), KEEP(&other), KEEP(&moved), KEEP(&pointer), KEEP(&hollow), KEEP(&nothing), KEEP(&which);
    KEEP(&longs), KEEP(&add), KEEP(&yes);
    return error;
}

} // namespace shop

int classes_task(void *argument)
{
    shop::item first, second;
    int number = 5, *pointer = &number;
    second.id = 8;
    int error = shop::sell(first, second, static_cast<shop::item &&>(first), pointer);
    KEEP(&first), KEEP(&second), KEEP(&number), KEEP(argument);
    return error;
}
