# SPDX-License-Identifier: MIT
"""Side by side: contestants that take short turns on one core, and the ratios of what each turn cost.

A machine's speed drifts, by its load, its clock and its neighbours. So nothing is compared but turns that
follow each other: a round is one turn of each contestant, and what is told of a round is a ratio. The
median of many rounds is the result. A program's luck with addresses lasts as long as it runs: after some
rounds, a sitting, all contestants are started anew.
"""

from __future__ import annotations

import os
import statistics
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterable, Mapping, Optional, Sequence

BUILD = Path(__file__).resolve().parents[2] / "build" / "bench"
CORES = sorted(os.sched_getaffinity(0))
# What is measured has the last core to itself, since kernels like the first for their own work.
CORE = CORES[-1:]
LOAD_CORE = CORES[:1]


@dataclass(frozen=True)
class Effort:
    """How much is done for a result."""

    sittings: int
    rounds: int
    turn_ns: float = 10e6


THOROUGH = Effort(sittings=7, rounds=15)
QUICK = Effort(sittings=2, rounds=3)


@dataclass(frozen=True)
class Figure:
    """A ratio, or what has a unit, mostly with a goal."""

    name: str
    ratio: float
    goal: Optional[float]
    at_least: bool = False
    unit: str = ""

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        value = f"{self.ratio:.2f} {self.unit}" if self.unit else f"ratio {self.ratio:.3f}"
        goal = "" if self.goal is None else f", goal {sign} {self.goal:g}"
        return f"bench {self.name}: {value}{goal}"


def pinned(command: Iterable[object], cores: Sequence[int]) -> list[str]:
    return ["taskset", "-c", ",".join(map(str, cores)), *map(str, command)]


@dataclass(frozen=True)
class Entry:
    """How to start a contestant; see contest.h for what it then says."""

    title: str
    command: Sequence[object]
    cores: Sequence[int] = field(default_factory=lambda: CORE)
    environment: Mapping[str, str] = field(default_factory=dict)
    stderr: Optional[int] = None
    """As subprocess.Popen takes it."""


class Contestant:
    """A running one."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.process = subprocess.Popen(
            pinned(entry.command, entry.cores),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=entry.stderr,
            text=True,
            env={**os.environ, **entry.environment},
        )

    def __enter__(self) -> Contestant:
        return self

    def __exit__(self, *_: object) -> None:
        """It ends with its input; one that hangs is ended."""
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.close()
            self.process.wait(10)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def turn(self, count: int) -> float:
        """Nanoseconds for `count` times the thing."""
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write(f"{count}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it has no answer then
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.entry.title} has ended with status {self.process.wait()}")
        return float(answer)


def calibrate(contestant: Contestant, step: int, turn_ns: float) -> int:
    """How often the thing is done in a turn, a multiple of `step`; warms the contestant.

    What comes first may take long once, such as the first run of a thousand tasks: so each trial
    begins with what the last one found.
    """
    count = step
    for _ in range(3):
        while (took := contestant.turn(count)) < turn_ns / 4:
            count *= 2
        count = max(round(count * turn_ns / took / step), 1) * step
    return count


Costs = dict[str, list[float]]
"""By title, what the thing cost in each round."""


def sit(entries: Sequence[Entry], effort: Effort, step: int, costs: Costs) -> None:
    with ExitStack() as stack:
        contestants = [stack.enter_context(Contestant(entry)) for entry in entries]
        counts = [calibrate(one, step, effort.turn_ns) for one in contestants]
        turns = list(zip(contestants, counts))
        for number in range(effort.rounds):
            # Back and forth, so that nobody always follows the same neighbour.
            for contestant, count in turns if number % 2 else reversed(turns):
                cost = contestant.turn(count) / count
                costs[contestant.entry.title].append(cost)


def race(entries: Sequence[Entry], effort: Effort, step: int = 1) -> Costs:
    """Nanoseconds for each time, `effort.sittings * effort.rounds` of them for each entry."""
    costs: Costs = {entry.title: [] for entry in entries}
    for _ in range(effort.sittings):
        sit(entries, effort, step, costs)
    return costs


@dataclass(frozen=True)
class Spread:
    """Of many ratios: the median, and between which values eight of ten lie."""

    low: float
    median: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:7.3f}  ({self.low:.3f} to {self.high:.3f})"


def spread(values: Sequence[float]) -> Spread:
    if len(values) < 2:
        return Spread(values[0], values[0], values[0])
    tenths = statistics.quantiles(values, n=10, method="inclusive")
    return Spread(tenths[0], statistics.median(values), tenths[-1])


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Round by round."""
    return spread([a / b for a, b in zip(ours, theirs, strict=True)])


def print_table(heading: str, costs: Costs, unit: str = "ns each") -> None:
    """One line for each contestant; ratios are of the first one to it."""
    ours = next(iter(costs))
    print(f"\n{heading}")
    print(f"  {'':40} {unit:>12}   {'ours / theirs (8 of 10 rounds)'}")
    for title, values in costs.items():
        ratio = "" if title == ours else str(ratios(costs[ours], values))
        print(f"  {title:40} {statistics.median(values):12.1f}   {ratio}".rstrip(), flush=True)
