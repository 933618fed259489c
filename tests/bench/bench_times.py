# SPDX-License-Identifier: MIT
"""times: what it costs to count the CPU and wall time of each step, and what debug mode costs."""

from __future__ import annotations

from subprocess import DEVNULL

from contest import BUILD, Effort, Entry, Figure, print_table, race

# The first is what the others are compared with; elsewhere "ours / theirs" reads "off / on".
MODES = {
    "off": {"ASYNCRT_TIMES": "0", "ASYNCRT_DEBUG": "0"},
    "times": {"ASYNCRT_TIMES": "1", "ASYNCRT_DEBUG": "0"},
    "debug mode": {"ASYNCRT_TIMES": "0", "ASYNCRT_DEBUG": "1"},
}
WORK = {
    "2 tasks that do nothing but yield": ("switch_asyncrt", 2),
    "spawn and join, 1 at a time": ("spawn_asyncrt", 1),
}


def measure(effort: Effort) -> list[Figure]:
    for title, (program, step) in WORK.items():
        entries = [
            # Debug mode has something to say: the wait for the next count is a slow step.
            Entry(mode, [BUILD / program, step], environment=environment, stderr=DEVNULL)
            for mode, environment in MODES.items()
        ]
        print_table(f"times: {title}", race(entries, effort, step))
    return []  # it has no goal
