# SPDX-License-Identifier: MIT
"""echo: messages there and back over 50 TCP connections, beside a server of plain libuv callbacks."""

from __future__ import annotations

from contest import BUILD, LOAD_CORE, Costs, Effort, Entry, Figure, print_table, race, ratios
from server import Server

CONNECTIONS = 50
OURS = "libasyncrt, a task for each connection"
UV = "libuv callbacks"


def load(title: str, server: Server, size: int) -> Entry:
    return Entry(title, [BUILD / "echo_client", server.port, size, CONNECTIONS], cores=LOAD_CORE)


def measure_size(effort: Effort, size: int) -> Costs:
    costs: Costs = {OURS: [], UV: []}
    for _ in range(effort.sittings):
        with Server([BUILD / "echo_asyncrt"]) as ours, Server([BUILD / "echo_uv"]) as uv:
            entries = [load(OURS, ours, size), load(UV, uv, size)]
            single = Effort(1, effort.rounds, turn_ns=50e6)
            for title, values in race(entries, single).items():
                costs[title] += values
    return costs


def measure(effort: Effort) -> list[Figure]:
    figures = []
    for size in (64, 4096):
        costs = measure_size(effort, size)
        print_table(f"echo: {CONNECTIONS} connections, {size} bytes there and back", costs)
        # Of throughputs: theirs took so much longer.
        ratio = ratios(costs[UV], costs[OURS]).median
        figures.append(Figure(f"echo-{size}", ratio, 0.95, at_least=True))
    return figures
