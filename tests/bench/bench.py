#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The command line of the benchmarks; run.sh builds what they need first."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Callable

import bench_dwarf
import bench_echo
import bench_engine
import bench_kvd
import bench_live
import bench_parked
import bench_spawn
import bench_switch
import bench_times
from contest import CORES, QUICK, THOROUGH, Effort, Figure

BENCHMARKS: dict[str, Callable[[Effort], list[Figure]]] = {
    "switch": bench_switch.measure,
    "spawn": bench_spawn.measure,
    "kvd": bench_kvd.measure,
    "echo": bench_echo.measure,
    "parked": bench_parked.measure,
    "times": bench_times.measure,
    "live": bench_live.measure,
    "engine": bench_engine.measure,
    "dwarf": bench_dwarf.measure,
}
ABOUT = {
    "switch": bench_switch.__doc__,
    "spawn": bench_spawn.__doc__,
    "kvd": bench_kvd.__doc__,
    "echo": bench_echo.__doc__,
    "parked": bench_parked.__doc__,
    "times": bench_times.__doc__,
    "live": bench_live.__doc__,
    "engine": bench_engine.__doc__,
    "dwarf": bench_dwarf.__doc__,
}
EXAMPLES = """
Examples:
  tests/bench/run.sh                    all of them, about fifteen minutes
  tests/bench/run.sh switch spawn       two of them
  tests/bench/run.sh --quick kvd        few rounds: does it run, and about how fast

Installs what is missing (Debian), builds into build/bench, and measures libasyncrt beside others in many
short rounds, and asyncdump beside others and alone. A ratio is of two turns of the same round; the table
shows the median of all rounds and in brackets between which values eight of ten lie. The figures are told at
the end as `bench NAME: ratio R, goal <= G`; those of `live` are in ms. The status is 0 when everything ran,
whatever the ratios are.
"""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tests/bench/run.sh",
        description="Measures the runtime beside its peers, and asyncdump.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="a benchmark (see --list)")
    parser.add_argument("--list", action="store_true", help="print the benchmarks and end")
    parser.add_argument("--quick", action="store_true", help="only a few rounds")
    given = parser.parse_args()
    for name in given.names:
        if name not in BENCHMARKS:
            parser.error(f"no benchmark is called {name!r}; see --list")
    return given


def main() -> int:
    given = arguments()
    if given.list:
        print("\n".join(str(ABOUT[name]) for name in BENCHMARKS))
        return 0
    if len(CORES) < 2:
        print("note: only one core; servers and their load share it")
    if os.getloadavg()[0] > 1:
        print("note: the machine is busy; kvd and echo, which need two cores, will suffer most")
    figures: list[Figure] = []
    for name in given.names or BENCHMARKS:
        figures += BENCHMARKS[name](QUICK if given.quick else THOROUGH)
    print()
    for figure in figures:
        print(figure)
    return 0


if __name__ == "__main__":
    sys.exit(main())
