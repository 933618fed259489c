# SPDX-License-Identifier: MIT
"""parked: tasks that all wait, up to 1,000,000 in one process: their memory, and the time of each."""

from __future__ import annotations

import statistics
import subprocess
from dataclasses import dataclass
from pathlib import Path

from contest import BUILD, CORE, Effort, Figure, pinned, ratios, spread

COUNTS = (10_000, 100_000, 1_000_000)
RECORD = 512
"""What a task may take beside the pages of its frames."""
NEEDED = 6000
"""Bytes of free memory for each task, its page tables included."""
# The cost of mappings for guard pages falls on the first 8,192 tasks, which would flatter the larger
# numbers. So the times are compared without guards (of one task only).
GUARDS = {"guards as usual": 0, "no guards": 1}


@dataclass(frozen=True)
class Lot:
    """One process's parked tasks; all for each task."""

    spawn_ns: float
    resident: float
    frames: float
    tables: float

    @property
    def memory(self) -> float:
        """Resident bytes, in units of what is allowed before the goal's factor."""
        return self.resident / (self.frames + RECORD)


def park(count: int, guards: int) -> Lot:
    command = pinned([BUILD / "parked", count, guards], CORE)
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return Lot(*(float(word) / count for word in output.split()))


def memory_available() -> int:
    for line in Path("/proc/meminfo").read_text("ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def counts() -> list[int]:
    """Those for which there is memory."""
    room = memory_available()
    for count in COUNTS:
        if count * NEEDED > room:
            print(f"\nparked: {count} tasks are left out: no {count * NEEDED >> 20} MiB are free")
    return [count for count in COUNTS if count * NEEDED <= room]


def print_lots(lots: dict[int, list[Lot]], title: str) -> None:
    print(f"\nparked: {title}, for each task")
    print(
        f"  {'tasks':>10} {'ns':>9} {'resident':>9} {'frames':>8} {'page tables':>12}   memory ratio"
    )
    for count, some in lots.items():
        ns = statistics.median(lot.spawn_ns for lot in some)
        lot = some[0]
        ratio = spread([lot.memory for lot in some])
        print(
            f"  {count:10} {ns:9.0f} {lot.resident:9.0f} {lot.frames:8.0f} {lot.tables:12.0f} {ratio}",
            flush=True,
        )


def measure_guards(numbers: list[int], guards: int, rounds: int) -> dict[int, list[Lot]]:
    lots: dict[int, list[Lot]] = {count: [] for count in numbers}
    for number in range(rounds + 1):
        for count in numbers:
            lot = park(count, guards)
            if number:  # in the first round a virtual machine may get its memory from its host
                lots[count].append(lot)
    return lots


def measure(effort: Effort) -> list[Figure]:
    numbers = counts()
    figures = []
    for title, guards in GUARDS.items():
        lots = measure_guards(numbers, guards, min(effort.rounds, 5))
        print_lots(lots, title)
    # What is left in `lots` is that without guards.
    for count in numbers:
        memory = statistics.median(lot.memory for lot in lots[count])
        figures.append(Figure(f"parked-memory-{count}", memory, 1.25))
    few, many = ([lot.spawn_ns for lot in lots[count]] for count in (numbers[0], numbers[-1]))
    figures.append(Figure("parked-linear", ratios(many, few).median, 1.25))
    return figures
