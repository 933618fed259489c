#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes grove_levels.c: functions by the thousand, so that tasks can wait on thousands of distinct stacks.

There are WIDTHS[level] functions on each level, and each calls one of the next level: which, says the number of
the task's stack. On the last level each stack has a function of its own, which waits. Each function has two
others inlined around its call.
"""

from __future__ import annotations

import argparse
from pathlib import Path

STACKS = 2000
WIDTHS = [8, 120, STACKS]

HEAD = """/* Made by grove.py. */
#include "grove.h"
"""
FUNCTION = """
static inline __attribute__((always_inline)) int look_{name}(const struct grove_walk *walk)
{{
    return {call} + 1;
}}

static inline __attribute__((always_inline)) int step_{name}(const struct grove_walk *walk)
{{
    volatile char room[{room}] = {{0}};
    return look_{name}(walk) + room[0];
}}

static __attribute__((noinline)) int walk_{name}(const struct grove_walk *walk)
{{
    int number = (int)walk->stack;
    return step_{name}(walk) + number;
}}
"""

ENTRY = """
int grove_enter(void *argument)
{{
    const struct grove_walk *walk = argument;
    return level_0[walk->stack % {width}](walk) < 0;
}}
"""


def function(level: int, number: int) -> str:
    call = "grove_wait(walk)"
    if level + 1 < len(WIDTHS):
        call = f"level_{level + 1}[walk->stack % {WIDTHS[level + 1]}](walk)"
    return FUNCTION.format(name=f"{level}_{number}", call=call, room=224 + 8 * (number % 5))


def table(level: int) -> str:
    names = "".join(f"    walk_{level}_{number},\n" for number in range(WIDTHS[level]))
    return (
        f"\nstatic int (*const level_{level}[])(const struct grove_walk *walk) = {{\n{names}}};\n"
    )


def source() -> str:
    parts = [HEAD]
    for level in reversed(range(len(WIDTHS))):
        parts += [function(level, number) for number in range(WIDTHS[level])]
        parts.append(table(level))
    parts.append(ENTRY.format(width=WIDTHS[0]))
    return "".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes grove_levels.c.")
    parser.add_argument("file", type=Path)
    parser.parse_args().file.write_text(source(), encoding="ascii")


if __name__ == "__main__":
    main()
