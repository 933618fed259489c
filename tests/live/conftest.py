# SPDX-License-Identifier: MIT
"""Herds (fixtures/herd) to read, which end with their test."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from harness import eventually

SYS_EPOLL_WAIT = "232"


class Herd:
    """A started herd: many tasks, of which some never rest."""

    def __init__(self, program: Path, *numbers: int) -> None:
        self.program = program
        self.process = subprocess.Popen(
            [str(program), *map(str, numbers)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        assert self.process.stdout.readline() == f"ready {self.pid}\n"

    @property
    def pid(self) -> int:
        return self.process.pid

    def freeze(self) -> None:
        """Stops it for good while its first worker is idle, so that it is the same for all who look."""
        eventually("an idle worker", lambda: self.system_call() == SYS_EPOLL_WAIT)
        os.kill(self.pid, signal.SIGSTOP)
        eventually("the stop", lambda: self.states() == {"T"})

    def system_call(self) -> str:
        """The number of the one that the first thread is in, or "running"."""
        return Path(f"/proc/{self.pid}/syscall").read_text("ascii").split()[0]

    def states(self) -> set[str]:
        stats = Path(f"/proc/{self.pid}/task").glob("*/stat")
        return {stat.read_text("utf-8", "replace").rpartition(")")[2].split()[0] for stat in stats}

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def herd(build: Path) -> Iterator[Callable[..., Herd]]:
    """herd(parked, restless=0, workers=1, spinning=0) starts one."""
    started: list[Herd] = []

    def start(*numbers: int) -> Herd:
        started.append(Herd(build / "fixtures" / "herd", *numbers))
        return started[-1]

    yield start
    for one in started:
        one.end()


def timeless(value: Any) -> Any:
    """JSON of asyncdump without what changes with the moment or the door: ages, words with ages, names of threads."""
    if isinstance(value, list):
        return [timeless(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {key: timeless(item) for key, item in value.items() if not key.endswith("_ns")}
    kept.pop("wait", None)
    if "own_tid" in kept:
        del kept["name"]
    return kept
