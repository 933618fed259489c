# SPDX-License-Identifier: MIT
"""live: how long a process stands still while asyncdump -p reads 100,000 tasks of it, as its own heart feels it."""

from __future__ import annotations

import re
import statistics
import subprocess
import time
from dataclasses import dataclass, field
from typing import Iterator, Optional

from contest import BUILD, CORE, LOAD_CORE, Effort, Figure, pinned, spread

PARKED = 100_000
RESTLESS = 200
"""Of a busy target: tasks that never sleep longer than 30 ms."""


@dataclass(frozen=True)
class Gaps:
    """What the heart of a herd (fixtures/herd/beat.h) felt in a while, in ms."""

    median: float
    p99: float
    largest: float

    @property
    def stop(self) -> float:
        """How long it was kept from beating."""
        return self.largest - self.median


class Herd:
    """A running target."""

    def __init__(self, *numbers: int) -> None:
        self.process = subprocess.Popen(
            pinned([BUILD / "herd", *numbers], CORE),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if not self.line().startswith("ready"):
            raise SystemExit("herd does not begin")

    def line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline()

    def gaps(self) -> Gaps:
        """Since the last time."""
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        _, *some = (int(word) / 1e6 for word in self.line().split())
        return Gaps(*some)

    def __enter__(self) -> Herd:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream
            stream.close()


@dataclass
class Felt:
    """Of all rounds."""

    alone: list[Gaps] = field(default_factory=list)
    read: list[Gaps] = field(default_factory=list)
    told: list[float] = field(default_factory=list)
    """How long asyncdump itself says that the process was stopped, ms."""


def told_stop(words: str) -> Optional[float]:
    """None: it was not stopped."""
    found = re.search(r"note: .* was stopped .*?([\d.]+) (ms|s)(?: at most)?$", words, re.MULTILINE)
    return float(found[1]) * (1000 if found[2] == "s" else 1) if found else None


def read_once(herd: Herd, options: list[str], felt: Felt) -> float:
    """Seconds that it took."""
    herd.gaps()
    begun = time.monotonic()
    command = pinned([BUILD / "asyncdump", "-p", herd.process.pid, *options], LOAD_CORE)
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    took = time.monotonic() - begun
    felt.read.append(herd.gaps())
    told = told_stop(done.stdout)
    if done.returncode not in (0, 3) or (told is None) != ("--no-stop" in options):
        raise SystemExit(f"asyncdump has failed: {done.returncode} {done.stdout}")
    felt.told.append(told or 0)
    return took


def measure_herd(herd: Herd, rounds: int, options: list[str]) -> Felt:
    read_once(herd, options, Felt())  # warms the caches of the files
    felt = Felt()
    for _ in range(rounds):
        took = read_once(herd, options, felt)
        herd.gaps()
        time.sleep(took)
        felt.alone.append(herd.gaps())
    return felt


def lines(felt: Felt) -> Iterator[str]:
    for title, some in (("undisturbed", felt.alone), ("read by asyncdump", felt.read)):
        stops = spread([gaps.stop for gaps in some])
        p99 = statistics.median(gaps.p99 for gaps in some)
        yield f"  {title:20} {p99:8.2f} {stops}"
    yield f"  {'as it says itself':20} {'':8} {spread(felt.told)}"


def show(felt: Felt, title: str) -> None:
    print(f"\nlive: {title}; in ms, the median of {len(felt.read)} rounds (8 of 10 of them)")
    print(f"  {'':20} {'p99 gap':>8} {'longest gap beyond a beat':>26}")
    print("\n".join(lines(felt)), flush=True)


def measure(effort: Effort) -> list[Figure]:
    rounds = min(effort.rounds, 9)
    with Herd(PARKED) as herd:
        quiet = measure_herd(herd, rounds, [])
    show(quiet, f"{PARKED} tasks that wait")
    with Herd(PARKED, RESTLESS) as herd:
        busy = measure_herd(herd, rounds, [])
        never = measure_herd(herd, rounds, ["--no-stop"])
    show(busy, f"{PARKED} tasks that wait, {RESTLESS} that never rest")
    show(never, "the same, --no-stop")
    stop = statistics.median(gaps.stop for gaps in quiet.read)
    p99 = statistics.median(gaps.p99 for gaps in busy.read)
    alone = statistics.median(gaps.p99 for gaps in busy.alone)
    return [
        Figure(f"live-stop-{PARKED}", stop, 5, unit="ms"),
        Figure("live-busy-p99-gap", p99, None, unit="ms"),
        Figure("live-busy-p99-gap-undisturbed", alone, None, unit="ms"),
    ]
