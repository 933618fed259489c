# SPDX-License-Identifier: MIT
"""GDB in batch mode, and one hung kvd's cores for all tests of this folder.

    def test_something(gdb_run, hung_cores):
        told = gdb_run("say(tasks=run('info async-tasks'))", program, core)
        told["tasks"]

A script is Python inside gdb, after inside.py; the extension is loaded unless `load` is false.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

import pytest

from harness import (
    Hung,
    Kvd,
    Truth,
    TruthTask,
    eventually,
    gcore_core,
    hang,
    kernel_core,
    kernel_core_refusal,
)

HERE = Path(__file__).resolve().parent
EXTENSION = HERE.parents[1] / "gdb" / "asyncdump-gdb.py"
PATIENCE = 120
QUIET = ["auto-load safe-path /", "debuginfod enabled off"]
PLAIN = [
    "width 0",
    "height 0",
    "pagination off",
    "style enabled off",
    "confirm off",
    "print null-stop on",
]


def gdb_argv(script: Path, *arguments: object, load: bool = True) -> list[str]:
    """gdb without anybody's settings, on `arguments`, with the extension and then the script."""
    argv = ["gdb", "-nx", "-nh", "-q", "-batch"]
    for setting in QUIET:
        argv += ["-iex", f"set {setting}"]
    for setting in PLAIN:
        argv += ["-ex", f"set {setting}"]
    if load:
        argv += ["-ex", f"source {EXTENSION}"]
    argv += ["-ex", f"source {HERE / 'inside.py'}", "-ex", f"source {script}"]
    return argv + [str(argument) for argument in arguments]


def gdb_environment(engine: Path, **more: str) -> dict[str, str]:
    """Nobody's home, no colours, and the engine to use."""
    kept = {name: os.environ[name] for name in ("PATH", "ASAN_OPTIONS") if name in os.environ}
    plain = {"LC_ALL": "C.UTF-8", "TERM": "dumb", "HOME": "/nonexistent", "ASYNCDUMP": str(engine)}
    return {**kept, **plain, **more}


def told_in(output: str) -> dict[str, Any]:
    """What the script said, after a look for anything that must not be printed."""
    for bad in ("Traceback", "Python Exception", "internal-error", "\x1b"):
        assert bad not in output, output
    told: dict[str, Any] = {}
    for line in re.findall(r"^@@(.*)$", output, re.MULTILINE):
        told.update(json.loads(line))
    assert told.get("finished"), f"the script did not come to its end:\n{output}"
    told["output"] = output
    return told


@pytest.fixture
def engine(build: Path) -> Path:
    """The real engine."""
    return build / "analyzer" / "asyncdump"


GdbRun = Callable[..., dict[str, Any]]


@pytest.fixture
def gdb_run(engine: Path, tmp_path: Path) -> GdbRun:
    """gdb_run(script, *gdb arguments, load=True, **environment) -> what the script said."""

    def start(script: str, *arguments: object, load: bool = True, **more: str) -> dict[str, Any]:
        path = tmp_path / "script.py"
        path.write_text(script + "\nsay(finished=True)\n", encoding="utf-8")
        result = subprocess.run(
            gdb_argv(path, *arguments, load=load),
            env=gdb_environment(engine, **more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE,
            check=False,
            cwd=tmp_path,
        )
        return told_in(result.stdout.decode("utf-8", "replace"))

    return start


@pytest.fixture(scope="session")
def tasks_program(build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of tasks.c: one task of each sort."""
    program = tmp_path_factory.mktemp("tasks") / "tasks"
    include = HERE.parents[1] / "runtime" / "include"
    library = build / "runtime" / "libasyncrt.a"
    command = ["cc", "-g", "-O1", "-I", include, "-o", program, HERE / "tasks.c", library]
    subprocess.run([*map(str, command), "-luv", "-lpthread"], check=True)
    return program


def state_of(task: TruthTask) -> str:
    """A task's state in the engine's words."""
    waits = task["waits_for"]
    return "sleeping" if waits and waits["kind"] == "timer" else str(task["state"])


@dataclass
class HungCores:
    """One hung server: its account of itself and a core of either kind."""

    executable: Path
    truth: Truth
    cores: dict[str, Optional[Path]]

    def core(self, kind: str) -> Path:
        path = self.cores[kind]
        if path is None:
            pytest.skip(str(kernel_core_refusal()))
        return path

    def task(self, name: str) -> dict[str, Any]:
        """The truth about the first task whose name starts so."""
        return next(task for task in self.truth["tasks"] if task["name"].startswith(name))


@pytest.fixture(scope="session")
def hung_cores(build: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HungCores]:
    """A deadlock of two transfers with 5 clients behind, as cores."""
    executable = build / "fixtures" / "kvd"
    server = Kvd(executable, tmp_path_factory.mktemp("hung"), ("--transfer-delay", "300"))
    try:
        hung = hang(server, 5)
        cores: dict[str, Optional[Path]] = {"gcore": gcore_core(server), "kernel": None}
        if kernel_core_refusal() is None:
            cores["kernel"] = kernel_core(server)
        yield HungCores(executable, hung.truth, cores)
    finally:
        server.kill()


class LaunchedKvd(Kvd):
    """A kvd started by gdb's `run`; `pid` is the server's, `process` is gdb."""

    # pylint: disable=super-init-not-called
    def __init__(
        self, script: Path, executable: Path, cwd: Path, environment: dict[str, str]
    ) -> None:
        self.truth_file = cwd / "truth.json"
        self.clients = []
        arguments = ["--port", "0", "--truth", str(self.truth_file), "--transfer-delay", "300"]
        self.argv = gdb_argv(script, "--args", executable, *arguments)
        self.log = cwd / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(  # type: ignore[assignment]
                self.argv,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=cwd,
            )
        self.inferior = 0
        self.port = self._read_port()

    @property
    def pid(self) -> int:
        return self.inferior

    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def _read_port(self) -> int:
        def ready() -> Optional[re.Match[str]]:
            found = re.search(r"kvd ready on 127\.0\.0\.1:(\d+) pid (\d+)", self.output())
            assert found or self.process.poll() is None, self.output()
            return found

        found = eventually("kvd under gdb", ready)
        self.inferior = int(found[2])
        return int(found[1])

    def finish(self) -> dict[str, Any]:
        """Waits for the end of gdb's script."""
        self.process.wait(PATIENCE)
        return told_in(self.output())


@pytest.fixture
def launched_kvd(
    engine: Path, build: Path, tmp_path: Path
) -> Iterator[Callable[[str], tuple[LaunchedKvd, Hung]]]:
    """launched_kvd(script): gdb runs kvd, which is driven into the deadlock; then it is the test's turn to
    interrupt it, and the script goes on after its run()."""
    started: list[LaunchedKvd] = []

    def start(script: str) -> tuple[LaunchedKvd, Hung]:
        path = tmp_path / "script.py"
        path.write_text(script + "\nsay(finished=True)\n", encoding="utf-8")
        environment = gdb_environment(engine)
        started.append(LaunchedKvd(path, build / "fixtures" / "kvd", tmp_path, environment))
        return started[-1], hang(started[-1], 3)

    yield start
    for server in started:
        server.kill()


def own_functions(stack: list[dict[str, Any]]) -> list[str]:
    """The program's own functions, outermost first: they lie between the frames that begin a task and the
    runtime's call that it waits in, whatever that calls."""
    names = [entry["function"] for entry in reversed(stack)]
    begun = itertools.dropwhile(lambda name: name.startswith("async_"), names)
    return list(itertools.takewhile(lambda name: not name.startswith("async_"), begun))
