# SPDX-License-Identifier: MIT
"""spawn: spawn and join of a task, beside a goroutine with a WaitGroup and a plain callback."""

from __future__ import annotations

from contest import BUILD, CORES, Effort, Entry, Figure, print_table, race, ratios

OURS = "libasyncrt"
GO_ONE = "Go, GOMAXPROCS=1"
GO = "Go, all cores"
# The goal is told against the same run queue; a bare list, which tells nobody anything, is in the table too.
QUEUED = "callback, libasyncrt's run queue"
BARE = "callback, bare list, record from malloc"


def entries(batch: int) -> list[Entry]:
    go = [BUILD / "spawn_go", batch]
    callback = [BUILD / "spawn_callback", batch]
    return [
        Entry(OURS, [BUILD / "spawn_asyncrt", batch]),
        Entry(GO_ONE, go, environment={"GOMAXPROCS": "1"}),
        Entry(GO, go, cores=CORES),
        Entry(QUEUED, [BUILD / "spawn_queue", batch]),
        Entry(BARE, [*callback, "malloc"]),
        Entry("callback, bare list, record from a pool", [*callback, "pool"]),
    ]


def measure(effort: Effort) -> list[Figure]:
    figures = []
    for batch in (1, 1000):
        costs = race(entries(batch), effort, step=batch)
        print_table(f"spawn: {batch} at a time, then joined", costs)
        goals = (("go1", GO_ONE, 1), ("go", GO, 1), ("callback", QUEUED, 2))
        for name, title, goal in goals:
            ratio = ratios(costs[OURS], costs[title]).median
            figures.append(Figure(f"spawn-{name}-{batch}", ratio, goal))
    return figures
