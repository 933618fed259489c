# SPDX-License-Identifier: MIT
"""dwarf: the same tasks in the same units, beside 600 MB of debug information of units that are not hit."""

# Each unit is the same object file under another name, so that those that are hit cost the same in both programs.

from __future__ import annotations

import statistics
import subprocess
import tempfile
from pathlib import Path

from bench_engine import OURS, Turn, run
from contest import BUILD, Effort, Figure

HIT = 8
TOTAL = 600 << 20
"""Bytes of debug information of the large program."""
FUNCTIONS, TYPES = 50, 12000
"""Of each unit. Code has costs of its own (symbols, unwind information), so there is little of it."""
SITTINGS = 3
RUNTIME = Path(__file__).resolve().parents[2] / "runtime" / "include"

TYPE = """
struct shape_{n} {{ int kind; struct shape_{n} *next; double sides[{n} % 7 + 1]; union {{ long l; char c[8]; }} u; }};
"""
FUNCTION = """
static __attribute__((noinline)) int work_{n}(struct shape_{n} *shape, int depth)
{{
    long total = depth + shape->kind;
    for (int i = 0; i < {n}; i++) {{
        struct shape_{n} *each = shape->next;
        total += each->u.l * i;
    }}
    return (int)total;
}}
"""
ENTRY = """
int unit_entry(int (*wait)(void), void *shapes)
{
    int answer = wait();
    int (*const all[])(void *, int) = {ALL};
    for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        answer += all[i](shapes, answer);
    return answer;
}
"""
MAIN = """
#include <async.h>
#include <stdio.h>
DECLARATIONS
static int (*const units[])(int (*)(void), void *) = {NAMES};
static struct async_promise *never;
static int await(void) { return async_promise_await(never, NULL); }
static int task(void *unit) { return units[(long)unit](await, NULL); }
static int start(void *unused)
{
    (void)unused;
    async_promise_create(&never, "never");
    for (long i = 0; i < HIT; i++)
        async_spawn(NULL, "task", task, (void *)i);
    async_yield();
    puts("ready");
    fflush(stdout);
    return await();
}
int main(void) { return async_run(start, NULL, NULL); }
"""


def tool(*words: object) -> None:
    subprocess.run(
        list(map(str, words)), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def debug_bytes(program: Path) -> int:
    """Of all sections of debug information."""
    listed = subprocess.check_output(["size", "-A", str(program)], text=True).splitlines()
    return sum(int(line.split()[1]) for line in listed if line.startswith(".debug_"))


def make_unit(folder: Path) -> Path:
    source = folder / "unit.c"
    names = ", ".join(f"(int (*)(void *, int))work_{n}" for n in range(FUNCTIONS))
    text = "".join(TYPE.format(n=n) for n in range(TYPES))
    text += "".join(FUNCTION.format(n=n) for n in range(FUNCTIONS)) + ENTRY.replace("ALL", names)
    source.write_text(text, encoding="ascii")
    tool(
        "gcc",
        "-g",
        "-O1",
        "-fno-eliminate-unused-debug-types",
        "-c",
        source,
        "-o",
        source.with_suffix(".o"),
    )
    return source.with_suffix(".o")


def make_program(folder: Path, name: str, unit: Path, units: int) -> Path:
    copies = [folder / f"unit_{number}.o" for number in range(units)]
    for number, copy in enumerate(copies):
        if not copy.exists():
            tool("objcopy", "--redefine-sym", f"unit_entry=unit_{number}", unit, copy)
    main, program = folder / "main.c", folder / name
    hit = [f"unit_{number}" for number in range(HIT)]
    text = MAIN.replace("NAMES", ", ".join(hit)).replace("HIT", str(HIT))
    declared = "".join(f"int {one}(int (*)(void), void *);\n" for one in hit)
    main.write_text(text.replace("DECLARATIONS", declared), encoding="ascii")
    library = next(BUILD.rglob("libasyncrt.a"))
    parts: list[object] = ["gcc", "-g", f"-I{RUNTIME}", main, *copies, library]
    tool(*parts, "-luv", "-lpthread", "-o", program)
    return program


def make_core(program: Path) -> Path:
    with subprocess.Popen([str(program)], stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout and running.stdout.readline()
            tool("gcore", "-o", program, running.pid)
        finally:
            running.kill()
    return Path(f"{program}.{running.pid}")


def show(title: str, size: int, turns: list[Turn]) -> tuple[float, float]:
    seconds = statistics.median(turn.seconds for turn in turns)
    memory = statistics.median(turn.memory for turn in turns)
    print(f"  {title:32} {size / 1e6:9.1f} {seconds * 1000:9.1f} {memory / 1e6:9.1f}", flush=True)
    return seconds, memory


def measure(effort: Effort) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="bench-dwarf-") as name:
        folder = Path(name)
        unit = make_unit(folder)
        small = make_program(folder, "small", unit, HIT)
        each = debug_bytes(small) // HIT
        large = make_program(folder, "large", unit, TOTAL // each)
        cases = {program: make_core(program) for program in (small, large)}
        commands = {program: [OURS, core, program] for program, core in cases.items()}
        titles = {small: "only the units that are hit", large: "all"}
        turns: dict[Path, list[Turn]] = {program: [] for program in commands}
        for _ in range(max(SITTINGS, effort.sittings * effort.rounds // 5)):
            for program, command in commands.items():
                turns[program].append(run([*command, "--tasks", "--locals"]))
        print(f"\ndwarf: {HIT} tasks, each in a unit of its own, with functions, lines and locals")
        print(f"  {'debug information':32} {'MB':>9} {'ms':>9} {'peak MB':>9}")
        sizes = {small: debug_bytes(small), large: debug_bytes(large)}
        shown = {
            program: show(titles[program], sizes[program], turns[program]) for program in turns
        }
        return [
            Figure("dwarf-time", shown[large][0] / shown[small][0], 1.5),
            Figure("dwarf-memory", shown[large][1] / shown[small][1], 3),
        ]
