# SPDX-License-Identifier: MIT
"""The corpus, run once for all tests."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest

from corpus import Run, ask_cores, ask_live, end_all, start_all
from harness import kernel_core_refusal


@pytest.fixture(scope="session")
def runs(build: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Run]]:
    """Every service and its twin, asked through every door; the live one first: cores end them."""
    started = start_all(build, tmp_path_factory.mktemp("corpus"))
    try:
        ask_live(build, started)
        if not kernel_core_refusal():
            ask_cores(build, started)
        yield started
    finally:
        end_all(started)
