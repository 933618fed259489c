# SPDX-License-Identifier: MIT
"""Fixtures for every pytest folder. What they start, they end.

    def test_something(hung_kvd, core_of):
        hung = hung_kvd(12)                     # two transfers wait for each other, 12 more wait behind
        hung.pid, hung.port, hung.truth         # the server's own account of its tasks
        core = core_of(hung.kvd, "kernel")      # or "gcore", after which the server lives on

The build folder is taken from the environment variable ASYNCDUMP_BUILD; without it, ./build.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Callable, Iterator, Sequence

import pytest

from command import Asyncdump
from harness import Hung, Kvd, Program, gcore_core, hang, kernel_core, kernel_core_refusal

# Debian's profile sets it, and no test asks a server on the internet.
os.environ.pop("DEBUGINFOD_URLS", None)

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    """The top of the source tree."""
    return REPOSITORY


@pytest.fixture(scope="session")
def build() -> Path:
    """The build folder whose programs are tested."""
    path = Path(os.environ.get("ASYNCDUMP_BUILD", REPOSITORY / "build")).resolve()
    if not (path / "CMakeCache.txt").exists():
        pytest.exit(f"{path} is not a build folder; build first or set ASYNCDUMP_BUILD", 2)
    return path


@pytest.fixture(scope="session")
def asyncdump(build: Path) -> Asyncdump:
    """asyncdump(*arguments) runs the build folder's command; see command.py."""
    return Asyncdump(build / "analyzer" / "asyncdump")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A temporary folder that every user can reach, which tmp_path is not."""
    folder = Path(tempfile.mkdtemp(prefix="asyncdump-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[[Sequence[str]], Program]]:
    """launch(argv) starts any program in a folder of its own, with cores allowed."""
    started: list[Program] = []

    def start(argv: Sequence[str]) -> Program:
        started.append(Program(list(argv), tmp_path / f"program{len(started)}"))
        return started[-1]

    yield start
    for program in started:
        program.kill()


@pytest.fixture
def kvd(build: Path, tmp_path: Path) -> Iterator[Callable[..., Kvd]]:
    """kvd(*arguments, executable=None) starts a server on a free port; it is killed at the end.

    `executable` names another kvd than the build folder's, such as a stripped copy.
    """
    started: list[Kvd] = []

    def start(*arguments: str, executable: Path | None = None) -> Kvd:
        path = executable or build / "fixtures" / "kvd"
        started.append(Kvd(path, tmp_path / f"kvd{len(started)}", arguments))
        return started[-1]

    yield start
    for server in started:
        server.kill()


@pytest.fixture
def hung_kvd(kvd: Callable[..., Kvd]) -> Callable[..., Hung]:
    """hung_kvd(waiters=3, keys=("alice", "bob"), executable=None) starts a server and deadlocks it.

    Returns a Hung: .kvd (the server), .pid, .port, .truth (see truth.h for its shape), .cycle().
    """

    def start(
        waiters: int = 3,
        keys: Sequence[str] = ("alice", "bob"),
        executable: Path | None = None,
    ) -> Hung:
        return hang(kvd("--transfer-delay", "300", executable=executable), waiters, keys)

    return start


@pytest.fixture
def core_of() -> Callable[[Program, str], Path]:
    """core_of(program, kind="kernel") returns the path of a core of a started program.

    "kernel": the program is aborted and ends; skips where the kernel sends cores elsewhere.
    "gcore": gdb's gcore; the program lives on.
    """

    def make(program: Program, kind: str = "kernel") -> Path:
        if kind == "gcore":
            return gcore_core(program)
        refusal = kernel_core_refusal()
        if refusal:
            pytest.skip(refusal)
        return kernel_core(program)

    return make
