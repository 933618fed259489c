# SPDX-License-Identifier: MIT
"""engine: a core of up to 1,000,000 tasks, whole first screen, beside what reading alone costs and beside Delve."""

# The limit model: 0.50 us for each task (one read of its used stack and its record) + 12 ns for each frame (one
# unwind step) + 3 us for each distinct pc + 3 ms. The first two are measured anew in every round by engine_floor,
# which does just that and nothing else; the other two are scaled as its unwind step is to 12 ns.

from __future__ import annotations

import os
import resource
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional, Sequence

import grove
from contest import BUILD, Effort, Figure, ratios, spread
from bench_parked import memory_available

FEW, TASKS, MANY = 10_000, 100_000, 1_000_000
FRAMES = 9
# Beside the generated ones: three of the runtime's, the start function, task_main and the entry trampoline.
PCS = sum(grove.WIDTHS) + 6
MEMORY = 64 << 20
MEMORY_EACH = 16
NEEDED = 14_000
"""Bytes of memory and of disk for each task of the largest core: the program's, and then the core's pages."""
OURS = BUILD / "asyncdump"


@dataclass(frozen=True)
class Turn:
    """One run of a program."""

    seconds: float
    memory: int
    """Most resident bytes of the program, or of any that it started."""


def run(command: Sequence[object], stdin: Optional[str] = None) -> Turn:
    begun = time.monotonic()
    process = subprocess.Popen(
        [str(word) for word in command],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin and process.stderr
    process.stdin.write(stdin or "")
    process.stdin.close()
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} has ended with status {process.returncode}: {errors}")
    return Turn(time.monotonic() - begun, usage.ru_maxrss * 1024)


# ---- Cores ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Core:
    path: Path
    count: int
    record: int = 0
    """Bytes of a task's record, which is grove's."""

    @property
    def account(self) -> Path:
        return self.path.parent / "account"


def allow_core() -> None:
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def by_kernel(process: subprocess.Popen[str], folder: Path) -> Path:
    process.send_signal(signal.SIGABRT)
    process.wait()
    return next(folder.glob("core*"))


def by_gcore(process: subprocess.Popen[str], folder: Path) -> Path:
    command = ["gcore", "-o", str(folder / "core"), str(process.pid)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    process.kill()
    process.wait()
    return folder / f"core.{process.pid}"


def kernel_writes() -> bool:
    pattern = Path("/proc/sys/kernel/core_pattern").read_text("utf-8")
    return pattern.startswith("core") and resource.getrlimit(resource.RLIMIT_CORE)[1] != 0


def make_core(
    program: str, count: int, folder: Path, write: Callable[[subprocess.Popen[str], Path], Path]
) -> Core:
    """Starts the program, has it dumped when it is ready, and waits until the core is on the disk."""
    folder.mkdir()
    process = subprocess.Popen(
        [str(BUILD / program), str(count), "account"],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=allow_core,
    )
    assert process.stdout
    words = process.stdout.readline().split()
    if not words or words[0] != "ready":
        raise SystemExit(f"{program} said {words}")
    path = write(process, folder)
    process.stdout.close()
    os.sync()
    return Core(path, count, int(words[1]) if len(words) > 1 else 0)


def forget(core: Core) -> None:
    """Drops the core's pages from memory, and its place in the file system stays known."""
    file = os.open(core.path, os.O_RDONLY)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(file)


# ---- What it costs at least -------------------------------------------------------------------------


@dataclass(frozen=True)
class Floor:
    task_ns: float
    frame_ns: float
    read: int
    """Bytes."""


def floor(core: Core, *words: str) -> Floor:
    command = [BUILD / "engine_floor", core.path, core.account, core.record, *words]
    output = subprocess.run(
        [str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.split()
    return Floor(float(output[0]), float(output[1]), int(output[2]))


def limit(core: Core, least: Floor) -> float:
    """Seconds, by the model."""
    scale = least.frame_ns / 12
    each = least.task_ns + FRAMES * least.frame_ns
    return core.count * each / 1e9 + scale * (PCS * 3e-6 + 3e-3)


# ---- The contests -----------------------------------------------------------------------------------


def tell(what: str, values: Sequence[float], unit: str) -> None:
    print(f"  {what:52} {spread(values)} {unit}", flush=True)


def against_limit(core: Core, effort: Effort) -> tuple[list[Figure], list[Turn]]:
    floor(core)  # warms the pages
    least, turns = [], []
    for _ in range(effort.rounds):
        least.append(floor(core))
        turns.append(run([OURS, core.path]))
    limits = [limit(core, one) for one in least]
    seconds = [turn.seconds for turn in turns]
    print(f"\nengine: {core.count} tasks, {FRAMES} frames each, {grove.STACKS} stacks, {PCS} pcs")
    tell("a task, at least", [one.task_ns for one in least], "ns")
    tell("a frame, at least", [one.frame_ns for one in least], "ns")
    tell("the limit", limits, "s")
    tell("asyncdump", seconds, "s")
    tell("asyncdump / limit", [a / b for a, b in zip(seconds, limits)], "")
    tell("its memory", [turn.memory / 2**20 for turn in turns], "MiB")
    name = f"engine-limit-{core.count}"
    return [Figure(name, ratios(seconds, limits).median, 2.0)], turns


def against_delve(ours: list[Turn], folder: Path, effort: Effort) -> list[Figure]:
    core = make_core("parked_go", TASKS, folder, by_gcore)
    figures = []
    seconds = statistics.median(turn.seconds for turn in ours)
    memory = statistics.median(turn.memory for turn in ours)
    print(f"\nengine: Delve, {TASKS} goroutines, {FRAMES} frames each")
    for name, command, goal in (
        ("group", "goroutines -group userloc", 20),
        ("stacks", "goroutines -t", 60),
    ):
        script = folder / name
        script.write_text(f"{command}\nexit\n", "ascii")
        dlv = ["dlv", "core", BUILD / "parked_go", core.path, "--init", script]
        dlv.append("--allow-non-terminal-interactive=true")
        turns = [run(dlv) for _ in range(min(effort.sittings, 3))]
        tell(command, [turn.seconds for turn in turns], "s")
        tell("its memory", [turn.memory / 2**20 for turn in turns], "MiB")
        theirs = statistics.median(turn.seconds for turn in turns)
        figures.append(Figure(f"engine-delve-{name}", theirs / seconds, goal, at_least=True))
        if name == "group":
            their_memory = statistics.median(turn.memory for turn in turns)
            figures.append(Figure("engine-delve-memory", memory / their_memory, 0.25))
    return figures


def cold(core: Core, effort: Effort) -> list[Figure]:
    least, seconds = [], []
    for _ in range(min(effort.rounds, 5)):
        forget(core)
        least.append(core.count * floor(core, "cold").task_ns / 1e9)
        forget(core)
        seconds.append(run([OURS, core.path]).seconds)
    print(f"\nengine: {core.count} tasks, no page of the core in memory")
    tell("reading what is needed", least, "s")
    tell("asyncdump", seconds, "s")
    return [Figure("engine-cold", ratios(seconds, least).median, 1.5)]


def growth(few: Core, many: Core, effort: Effort) -> list[Figure]:
    """Ten thousand and a million, in turns."""
    costs: dict[Core, list[Turn]] = {few: [], many: []}
    for number in range(min(effort.rounds, 3) + 1):
        for core in (few, many):
            turn = run([OURS, core.path])
            if number:  # the first warms the pages
                costs[core].append(turn)
    print()
    each = {}
    for core, turns in costs.items():
        each[core] = [turn.seconds / core.count * 1e9 for turn in turns]
        tell(f"engine: {core.count} tasks, each", each[core], "ns")
        tell("memory", [turn.memory / 2**20 for turn in turns], "MiB")
    memory = statistics.median(turn.memory for turn in costs[many])
    return [
        Figure("engine-linear", statistics.median(each[many]) / statistics.median(each[few]), 1.3),
        Figure("engine-memory", memory / (MEMORY + MEMORY_EACH * many.count), 1),
    ]


def has_room(folder: Path, count: int) -> bool:
    free = min(memory_available(), shutil.disk_usage(folder).free)
    if kernel_writes() and free > count * NEEDED:
        return True
    print(
        f"\nengine: {count} tasks are left out: they need a core of the kernel's, and {count * NEEDED >> 30} GiB"
    )
    return False


def measure(effort: Effort) -> list[Figure]:
    write = by_kernel if kernel_writes() else by_gcore
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        core = make_core("grove", TASKS, folder / "tasks", write)
        figures, turns = against_limit(core, effort)
        figures += cold(core, effort)
        core.path.unlink()
        figures += against_delve(turns, folder / "go", effort)
        if has_room(folder, MANY):
            few = make_core("grove", FEW, folder / "few", write)
            figures += growth(few, make_core("grove", MANY, folder / "many", write), effort)
    return figures
