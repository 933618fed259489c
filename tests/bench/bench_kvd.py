# SPDX-License-Identifier: MIT
"""kvd: requests a second under redis-benchmark, beside redis-server."""

from __future__ import annotations

import csv
import subprocess
import tempfile
from dataclasses import dataclass

from contest import (
    BUILD,
    LOAD_CORE,
    Costs,
    Effort,
    Figure,
    pinned,
    print_table,
    ratios,
)
from server import Server, free_port

CLIENTS = 50
OURS = "kvd"
REDIS = "redis-server"
# Requests of one turn, by pipeline: about a third of a second.
REQUESTS = {1: 20_000, 16: 150_000}


@dataclass(frozen=True)
class Turn:
    """What one run of redis-benchmark did to a server."""

    wall_us: float
    cpu_us: float
    """The server's, each for a request."""


def turn(server: Server, test: str, pipeline: int) -> Turn:
    command = ["redis-benchmark", "-p", server.port, "-c", CLIENTS, "-P", pipeline, "--csv"]
    command += ["-n", REQUESTS[pipeline], "-t", test]
    before = server.cpu_ns()
    output = subprocess.run(
        pinned(command, LOAD_CORE), check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    cpu = server.cpu_ns() - before
    rows = list(csv.DictReader(output.splitlines()))
    if len(rows) != 1:
        raise SystemExit(f"redis-benchmark said {output!r}")
    return Turn(1e6 / float(rows[0]["rps"]), cpu / 1e3 / REQUESTS[pipeline])


def start_redis(folder: str) -> Server:
    port = free_port()
    options = ["--port", port, "--bind", "127.0.0.1", "--dir", folder, "--logfile", "log"]
    return Server(["redis-server", *options, "--save", "", "--appendonly", "no"], port)


def sit(rounds: int, test: str, pipeline: int, wall: Costs, cpu: Costs) -> None:
    with tempfile.TemporaryDirectory() as folder:
        with Server([BUILD / "kvd", "--port", 0]) as kvd, start_redis(folder) as redis:
            contestants = [(OURS, kvd), (REDIS, redis)]
            for number in range(rounds + 1):
                for title, server in contestants if number % 2 else reversed(contestants):
                    if number == 0:  # warms, and makes the key that will be got
                        turn(server, "set", pipeline)
                        continue
                    took = turn(server, test, pipeline)
                    wall[title].append(took.wall_us)
                    cpu[title].append(took.cpu_us)


def measure(effort: Effort) -> list[Figure]:
    figures = []
    for pipeline in (1, 16):
        for test in ("get", "set"):
            wall: Costs = {OURS: [], REDIS: []}
            cpu: Costs = {OURS: [], REDIS: []}
            for _ in range(min(effort.sittings, 3)):
                sit(effort.rounds // 2, test, pipeline, wall, cpu)
            what = f"kvd: {test} of {CLIENTS} clients, {pipeline} in a pipeline"
            print_table(f"{what}: time", wall, "us each")
            print_table(f"{what}: the server's CPU time", cpu, "us each")
            # Of requests a second: theirs took so much longer.
            ratio = ratios(wall[REDIS], wall[OURS]).median
            figures.append(Figure(f"kvd-{test}-{pipeline}", ratio, 0.9, at_least=True))
    return figures
