# SPDX-License-Identifier: MIT
"""Programs with one and the same code, and debug information of every kind.

A plain build hangs once and leaves a core. Other builds have the same code and, by --build-id, the same name of
it, so what they say of that core must be what the plain one says; tests/locals compares that with gdb.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Sequence

import pytest

from command import Asyncdump, Said
from harness import Program, gcore_core

LOCALS = Path(__file__).resolve().parents[1] / "locals"
PATIENCE = 60
COMMON = [
    "-O2",
    "-fno-optimize-sibling-calls",
    "-I",
    str(LOCALS.parents[1] / "runtime" / "include"),
]
LINK = "-Wl,--build-id=0x0123456789abcdef0123456789abcdef01234567"
COMPILERS = {
    "gcc -gdwarf-5": ("gcc", "g++", "-gdwarf-5"),
    "gcc -gdwarf-4": ("gcc", "g++", "-gdwarf-4"),
    "clang -gdwarf-5": ("clang", "clang++", "-gdwarf-5"),
    "clang -gdwarf-4": ("clang", "clang++", "-gdwarf-4"),
}
SOURCES = {"variables": ["variables.c"], "classes": ["classes_main.c", "classes.cpp"]}


def run(*words: object, status: int = 0) -> None:
    """Runs a tool that makes debug information. Skips where there is no such one."""
    if not shutil.which(str(words[0])):
        pytest.skip(f"there is no {words[0]}")
    done = subprocess.run(
        list(map(str, words)), capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == status, f"{words}\n{done.stdout}{done.stderr}"


def meaning(said: Said) -> list[str]:
    """What was said of each task's functions, lines and variables, one thing a line."""
    assert said.status in (0, 3), said.err
    lines = []
    for task in said.json["tasks"]:
        for frame, variables in zip(task["stack"], task["variables"]):
            lines.append(f"{task['name']}: {frame}")
            lines += [f"{task['name']}: {frame['function']}: {variable}" for variable in variables]
    return lines


def losses(said: Said) -> list[str]:
    return [str(loss["what"]) for loss in said.json["losses"]]


@dataclass(frozen=True)
class Plain:
    """A program with plain debug information that has hung, and what is known of it."""

    compiler: str
    name: str
    library: Path
    program: Path
    core: Path
    truth: list[str]

    def compile(self, folder: Path, *options: str) -> list[Path]:
        """The program's object files, from within their folder, where .dwo files are put too."""
        folder.mkdir(parents=True, exist_ok=True)
        c, cpp, version = COMPILERS[self.compiler]
        objects = []
        for source in SOURCES[self.name]:
            objects.append(folder / f"{source}.o")
            words: list[object] = [cpp if source.endswith("pp") else c, version, *COMMON, *options]
            run(*words, "-c", LOCALS / source, "-o", objects[-1])
        return objects

    def link(self, objects: Sequence[Path], program: Path, *options: str) -> Path:
        cpp = COMPILERS[self.compiler][1]
        run(cpp, *objects, *options, LINK, self.library, "-luv", "-lpthread", "-o", program)
        return program

    def make(self, folder: Path, *options: str) -> Path:
        """The program built with more options."""
        return self.link(self.compile(folder, *options), folder / "program")

    def ask(self, asyncdump: Asyncdump, program: Path) -> Said:
        return asyncdump(self.core, program, "--json", "--locals")


def hang(program: Path, folder: Path) -> Path:
    running = Program([str(program)], folder)
    try:
        running.read_line()
        return gcore_core(running)
    finally:
        running.kill()


CASES = [(compiler, name) for compiler in COMPILERS for name in SOURCES]
if not os.environ.get("ASYNCDUMP_NIGHTLY"):
    CASES = [
        ("gcc -gdwarf-5", "classes"),
        ("gcc -gdwarf-4", "variables"),
        ("clang -gdwarf-5", "variables"),
        ("clang -gdwarf-4", "classes"),
    ]


@pytest.fixture(scope="session", params=CASES, ids=lambda case: f"{case[1]} {case[0]}")
def plain(
    request: pytest.FixtureRequest,
    asyncdump: Asyncdump,
    build: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Plain]:
    """Each program by each compiler; in short, each of them once and twice."""
    compiler, name = request.param
    folder = tmp_path_factory.mktemp(name)
    library = build / "runtime" / "libasyncrt.a"
    unknown = Plain(compiler, name, library, folder / "program", folder, [])
    program = unknown.make(folder)
    core = hang(program, folder / "run")
    said = asyncdump(core, program, "--json", "--locals")
    assert said.status == 0 and not losses(said), said.out
    yield Plain(compiler, name, library, program, core, meaning(said))
