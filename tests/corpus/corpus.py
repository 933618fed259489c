# SPDX-License-Identifier: MIT
"""The corpus: every service and its healthy twin, started together, and what is found in each."""

from __future__ import annotations

import json
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from command import Asyncdump
from harness import Program, kernel_core

Finding = dict[str, Any]

SETTLED = 6.5
"""Seconds after which what is to be found has lasted long enough: the engine's "long" is five."""

GRAVE = ("error", "warning")


@dataclass(frozen=True)
class Service:
    """What is to be found in a service; as `corpus --list` says it."""

    name: str
    code: str
    severity: str
    culprit: str
    story: str


def services(build: Path) -> list[Service]:
    listed = subprocess.run(
        [str(build / "fixtures" / "corpus"), "--list"], capture_output=True, text=True, check=True
    )
    return [Service(**json.loads(line)) for line in listed.stdout.splitlines()]


@dataclass
class Run:
    """One started program, and by door what was found in it."""

    service: Service
    healthy: bool
    program: Program
    said: dict[str, dict[str, Any]] = field(default_factory=dict)

    def findings(self, door: str) -> list[Finding]:
        found: list[Finding] = self.said[door]["findings"]
        return found

    def severity(self, door: str) -> str:
        """A core whose only worker computes does not tell for how long it has."""
        return (
            "note"
            if (self.service.name, door) == ("computation", "core")
            else self.service.severity
        )

    def complaint(self, door: str) -> str:
        """What is wrong with what was found; "" when nothing is."""
        found = self.findings(door)
        if self.healthy:
            grave = [f"{f['code']}: {f['sentence']}" for f in found if f["severity"] in GRAVE]
            wrong = grave + [
                f["code"] for f in found if f["code"] == self.service.code != "blocker"
            ]
            return "; ".join(wrong)
        if not found:
            return "nothing was found"
        first = found[0]
        as_told = (first["code"], first["severity"]) == (self.service.code, self.severity(door))
        if as_told and self.service.culprit in first["sentence"]:
            return ""
        return f"first is {first['severity']} {first['code']}: {first['sentence']}"


def start_all(build: Path, folder: Path) -> list[Run]:
    """All at once: they need time, not work."""
    runs: list[Run] = []
    try:
        for service in services(build):
            for healthy in (False, True):
                argv = [str(build / "fixtures" / "corpus"), service.name]
                program = Program(
                    [*argv, "--healthy"] if healthy else argv,
                    folder / f"{service.name}-{'healthy' if healthy else 'sick'}",
                )
                runs.append(Run(service, healthy, program))
        for run in runs:
            run.program.read_line()
        time.sleep(SETTLED)
    except BaseException:
        end_all(runs)
        raise
    return runs


def end_all(runs: list[Run]) -> None:
    for run in runs:
        run.program.kill()


def ask(asyncdump: Asyncdump, *target: object) -> dict[str, Any]:
    said = asyncdump(*target, "--json")
    assert (said.status, said.err) == (0, ""), said.err
    return said.json


def ask_live(build: Path, runs: list[Run]) -> None:
    asyncdump = Asyncdump(build / "analyzer" / "asyncdump")

    def look(run: Run) -> None:
        run.said["live"] = ask(asyncdump, "-p", run.program.pid)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(look, runs))


def ask_cores(build: Path, runs: list[Run]) -> None:
    """Ends them."""
    asyncdump = Asyncdump(build / "analyzer" / "asyncdump")

    def look(run: Run) -> None:
        core = kernel_core(run.program)
        run.said["core"] = ask(asyncdump, core)
        core.unlink()

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(look, runs))
