# SPDX-License-Identifier: MIT
"""Builds of variables.c and classes.cpp, each hung once; their word about their variables, and a core.

    def test_something(parked):             or classes
        parked.program, parked.core, parked.truth, parked.pid
"""

from __future__ import annotations

import json
import shutil
import subprocess
from contextlib import contextmanager
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


CLASSES = {
    "gcc -O0": ["gcc", "g++", "-O0"],
    "gcc -O2": ["gcc", "g++", "-O2"],
    "clang -O0": ["clang", "clang++", "-O0"],
    "clang -O2": ["clang", "clang++", "-O2"],
}
OPTIONS = ["-g", "-Wall", "-Wextra", "-Werror", "-fno-optimize-sibling-calls"]


def run(*words: object) -> None:
    """Runs a compiler. Skips where there is no such one."""
    if not shutil.which(str(words[0])):
        pytest.skip(f"there is no {words[0]}")
    include = HERE.parents[1] / "runtime" / "include"
    subprocess.run([*map(str, words), *OPTIONS, f"-I{include}"], check=True)


def libraries(build: Path) -> list[object]:
    return [build / "runtime" / "libasyncrt.a", "-luv", "-lpthread"]


@contextmanager
def park(name: str, program: Path, folder: Path) -> Iterator[Parked]:
    """Starts a program, and takes a core of it when it has said what it has to say."""
    running = Program([str(program)], folder)
    try:
        truth = json.loads(running.read_line())[:-1]
        yield Parked(name, program, running.pid, gcore_core(running), truth)
    finally:
        running.kill()


@pytest.fixture(scope="session", params=BUILDS)
def parked(
    request: pytest.FixtureRequest, build: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Parked]:
    """variables.c"""
    folder = tmp_path_factory.mktemp("variables")
    program = folder / "variables"
    run(*BUILDS[request.param], HERE / "variables.c", *libraries(build), "-o", program)
    with park(request.param, program, folder) as one:
        yield one


@pytest.fixture(scope="session", params=CLASSES)
def classes(
    request: pytest.FixtureRequest, build: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Parked]:
    """classes.cpp"""
    folder = tmp_path_factory.mktemp("classes")
    program, main = folder / "classes", folder / "classes_main.o"
    c_compiler, compiler, level = CLASSES[request.param]
    run(c_compiler, level, "-c", HERE / "classes_main.c", "-o", main)
    run(compiler, level, HERE / "classes.cpp", main, *libraries(build), "-o", program)
    with park(request.param, program, folder) as one:
        yield one
