# SPDX-License-Identifier: MIT
"""Builds of variables.c, each hung once; its word about its variables, and a core of it.

    def test_something(parked):
        parked.program, parked.core, parked.truth, parked.pid
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

import pytest

from harness import Program, gcore_core

HERE = Path(__file__).resolve().parent

BUILDS = {
    "gcc -O0": ["gcc", "-O0"],
    "gcc -O2": ["gcc", "-O2"],
    "gcc -O3 -fno-plt": ["gcc", "-O3", "-fno-plt"],
    "gcc -O2 -gdwarf-4": ["gcc", "-O2", "-gdwarf-4"],
    "clang -O0": ["clang", "-O0"],
    "clang -O2": ["clang", "-O2"],
    "clang -O2 -gdwarf-4": ["clang", "-O2", "-gdwarf-4"],
}


@dataclass(frozen=True)
class Parked:
    """A program whose tasks all wait; it lives on."""

    build: str
    program: Path
    pid: int
    core: Path
    truth: list[dict[str, str]]
    """{"task", "function", "name", "value"} of what it printed."""


def compile_variables(build: Path, command: list[str], program: Path) -> None:
    """Links variables.c with the build folder's runtime. Skips where there is no such compiler."""
    if not shutil.which(command[0]):
        pytest.skip(f"there is no {command[0]}")
    include = HERE.parents[1] / "runtime" / "include"
    library = build / "runtime" / "libasyncrt.a"
    options = ["-g", "-Wall", "-Wextra", "-Werror", "-fno-optimize-sibling-calls", f"-I{include}"]
    argv = [*command, *options, HERE / "variables.c", library, "-luv", "-lpthread"]
    subprocess.run([*map(str, argv), "-o", str(program)], check=True)


@pytest.fixture(scope="session", params=BUILDS)
def parked(
    request: pytest.FixtureRequest, build: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Parked]:
    folder = tmp_path_factory.mktemp("variables")
    program = folder / "variables"
    compile_variables(build, BUILDS[request.param], program)
    running = Program([str(program)], folder)
    try:
        truth = json.loads(running.read_line())[:-1]
        core = gcore_core(running)
        yield Parked(request.param, program, running.pid, core, truth)
    finally:
        running.kill()
