# SPDX-License-Identifier: MIT
"""echo: messages there and back over 50 TCP connections, beside a server of plain libuv callbacks."""

from __future__ import annotations

from contextlib import ExitStack

from contest import (
    BUILD,
    LOAD_CORE,
    Contestant,
    Costs,
    Effort,
    Entry,
    Figure,
    calibrate,
    print_table,
    ratios,
)
from server import Server

CONNECTIONS = 50
TURN_NS = 30e6
OURS = "libasyncrt, a task for each connection"
UV = "libuv callbacks"
PROGRAMS = {OURS: "echo_asyncrt", UV: "echo_uv"}


def load(server: Server, title: str, size: int) -> Contestant:
    """The clients of one server; a count is messages."""
    command = [BUILD / "echo_client", server.port, size, CONNECTIONS]
    return Contestant(Entry(f"load on {title}", command, cores=LOAD_CORE))


def sit(rounds: int, size: int, wall: Costs, cpu: Costs) -> None:
    with ExitStack() as stack:
        servers = {
            title: stack.enter_context(Server([BUILD / program]))
            for title, program in PROGRAMS.items()
        }
        loads = {
            title: stack.enter_context(load(server, title, size))
            for title, server in servers.items()
        }
        count = max(calibrate(one, CONNECTIONS, TURN_NS) for one in loads.values())
        for number in range(rounds):
            for title in list(PROGRAMS) if number % 2 else reversed(PROGRAMS):
                before = servers[title].cpu_ns()
                wall[title].append(loads[title].turn(count) / count)
                cpu[title].append((servers[title].cpu_ns() - before) / count)


def measure(effort: Effort) -> list[Figure]:
    figures = []
    for size in (64, 4096):
        wall: Costs = {title: [] for title in PROGRAMS}
        cpu: Costs = {title: [] for title in PROGRAMS}
        for _ in range(effort.sittings):
            sit(effort.rounds, size, wall, cpu)
        what = f"echo: {CONNECTIONS} connections, {size} bytes there and back"
        print_table(f"{what}: time", wall)
        print_table(f"{what}: the server's CPU time", cpu)
        # Of throughputs: theirs took so much longer.
        ratio = ratios(wall[UV], wall[OURS]).median
        figures.append(Figure(f"echo-{size}", ratio, 0.95, at_least=True))
    return figures
