# SPDX-License-Identifier: MIT
"""One waits program for each build folder, and all doors' words on it."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest

from doors import BUILDS
from waits import Waits, ask_every_door, start


@pytest.fixture(scope="session", params=BUILDS, ids=lambda build: str(build.name))
def waits(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Waits]:
    """Started, asked through every door, and by then perhaps ended."""
    folder = tmp_path_factory.mktemp("waits")
    started = start(request.param, folder)
    try:
        ask_every_door(started, folder)
        yield started
    finally:
        started.program.kill()


@pytest.fixture
def busy(build: Path, tmp_path: Path) -> Iterator[Waits]:
    """One whose second worker computes; it lives."""
    started = start(build, tmp_path, "--busy")
    try:
        yield started
    finally:
        started.program.kill()
