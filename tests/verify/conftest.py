# SPDX-License-Identifier: MIT
"""Builds of shapes.c, each parked once: what it tells of its stacks, and a core.

    def test_something(parked):
        parked.program, parked.core, parked.returns["plain"], parked.told["tasks"]
"""

from __future__ import annotations

import json
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Iterator, Sequence

import pytest

from command import Asyncdump
from harness import Program, eventually, gcore_core, kernel_core, kernel_core_refusal

HERE = Path(__file__).resolve().parent
COMPILERS = {"gcc": ["gcc"], "clang": ["clang"]}
LEVELS = ["-O0", "-O2", "-O3"]
FRAME_POINTERS = ["-fomit-frame-pointer", "-fno-omit-frame-pointer"]
DEBUG_FRAME = "-fno-asynchronous-unwind-tables"

BUILDS: list[list[str]] = [
    *([cc, level, pointer] for cc in COMPILERS for level in LEVELS for pointer in FRAME_POINTERS),
    *([cc, level, DEBUG_FRAME] for cc in COMPILERS for level in ("-O0", "-O2")),
    ["gcc", "-O2", "-static"],
    ["clang", "-O2", "-static"],
    ["gcc", "-O2", "-flto"],
    ["clang", "-O2", "-flto", "-fuse-ld=lld"],
    ["gcc", "-O2", "-no-pie", "-fno-pie", "-mavx2"],
]


@dataclass(frozen=True)
class Parked:
    """A program whose tasks all waited when its core was made."""

    options: Sequence[str]
    program: Path
    core: Path
    returns: dict[str, list[int]]
    """By task: where its functions return to, innermost first, as they have told."""
    asyncdump: Asyncdump

    @cached_property
    def told(self) -> dict[str, Any]:
        """Everything that is read of the core."""
        said = self.asyncdump(self.core, self.program, "--json")
        assert (said.status, said.err) == (0, ""), said.out + said.err
        return said.json

    def stacks(self) -> dict[str, list[int]]:
        """By task: the pc of each frame, innermost first; a function that is inlined has no frame."""
        return {
            task["name"]: [int(line["pc"], 16) for line in task["stack"] if not line["inlined"]]
            for task in self.told["tasks"]
        }


def compile_shapes(build: Path, program: Path, options: Sequence[str]) -> None:
    """Skips where there is no such compiler or linker."""
    needed = [options[0], *(word.rpartition("=")[2] for word in options if "-fuse-ld" in word)]
    for tool in needed:
        if not shutil.which(tool):
            pytest.skip(f"there is no {tool}")
    libuv = "libuv-static" if "-static" in options else "libuv"
    libraries = subprocess.check_output(["pkg-config", "--libs", libuv], text=True).split()
    words: list[object] = [*options, "-g", "-Wall", "-Wextra", "-Werror"]
    words += [f"-I{HERE.parents[1] / 'runtime' / 'include'}", HERE / "shapes.c", "-o", program]
    words += [build / "runtime" / "libasyncrt.a", *libraries, "-lpthread", "-ldl"]
    subprocess.run([str(word) for word in words], check=True)


def avx2() -> bool:
    return "avx2" in Path("/proc/cpuinfo").read_text(encoding="ascii").split()


@contextmanager
def park(
    build: Path, folder: Path, asyncdump: Asyncdump, options: Sequence[str]
) -> Iterator[Parked]:
    program = folder / "shapes"
    compile_shapes(build, program, options)
    running = Program([str(program)], folder / "cores")
    try:
        account = json.loads(running.read_line())
        eventually("the event loop", lambda: running.state() == "S")
        core = gcore_core(running) if kernel_core_refusal() else kernel_core(running)
        returns = {shape["name"]: shape["returns"] for shape in account}
        yield Parked(options, program, core, returns, asyncdump)
    finally:
        running.kill()
        shutil.rmtree(folder)


@pytest.fixture(scope="session", params=BUILDS, ids=" ".join)
def parked(
    request: pytest.FixtureRequest,
    build: Path,
    asyncdump: Asyncdump,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Parked]:
    """Each of BUILDS."""
    if "-mavx2" in request.param and not avx2():
        pytest.skip("this processor has no AVX2")
    with park(build, tmp_path_factory.mktemp("shapes"), asyncdump, request.param) as one:
        yield one


@pytest.fixture(scope="session")
def ordinary(
    build: Path, asyncdump: Asyncdump, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Parked]:
    """One build, as many programs are made."""
    with park(build, tmp_path_factory.mktemp("ordinary"), asyncdump, ["gcc", "-O2"]) as one:
        yield one
