# SPDX-License-Identifier: MIT
"""Each foreign runtime is started once, and shown to every door (office.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Iterator

import pytest

from harness import Program, eventually
from office import RUNTIMES, Office, in_pause, visit


@pytest.fixture(scope="session", params=RUNTIMES)
def office(
    request: pytest.FixtureRequest, build: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    name: str = request.param
    program = build / "fixtures" / name
    folder = tmp_path_factory.mktemp(name)
    running = Program([str(program)], folder)
    try:
        told = Office(name, program, json.loads(running.read_line())["fibers"])
        eventually("the manager's stall", lambda: in_pause(running.pid))
        visit(told, running, build, folder)
        yield told
    finally:
        running.kill()
