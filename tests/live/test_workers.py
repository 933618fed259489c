# SPDX-License-Identifier: MIT
"""What each worker does, in which system call, on which stack: through every door, with gdb as the judge."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from command import Asyncdump
from harness import Program, eventually, gcore_core, kernel_core, kernel_core_refusal

HERE = Path(__file__).resolve().parent
DOORS = ["live", "running", "snapshot", "gcore", "kernel"]
SYS_READ, SYS_EPOLL_WAIT = 0, 232


def gdb(command: list[str], *words: str) -> str:
    settings = ["auto-load safe-path /", "debuginfod enabled off", "width 0", "style enabled off"]
    argv = ["gdb", "-nx", "-nh", "-q", "-batch"]
    for setting in settings:
        argv += ["-iex", f"set {setting}"]
    for one in words:
        argv += ["-ex", one]
    result = subprocess.run(
        [*argv, *command], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    return result.stdout


@dataclass
class Workers:
    """The program of workers.c with every worker in its place, and how each door reaches it."""

    program: Program
    fd: int
    arguments: dict[str, list[object]]

    def judged(self) -> dict[int, tuple[int, int, list[str]]]:
        """By thread, as gdb sees it in gcore's core: orig_rax, rdi, the functions of its stack."""
        core = str(self.arguments["gcore"][0])
        words = "echo @\\n", 'printf "%ld %ld\\n", $orig_rax, $rdi', "bt"
        listed = gdb([self.program.argv[0], core], "info threads")
        threads = re.findall(r"^[* ] (\d+) .*LWP (\d+)\)?", listed, re.MULTILINE)
        judged = {}
        for number, tid in threads:
            said = gdb([self.program.argv[0], core], f"thread {number}", *words)
            numbers = re.search(r"^(-?\d+) (-?\d+)$", said, re.MULTILINE)
            assert numbers, said
            lines = said[said.index("\n@\n") :].splitlines()
            frames = [re.match(r"#\d+ +(?:0x\w+ in )?([\w.?]+)", line) for line in lines]
            judged[int(tid)] = (
                int(numbers[1]),
                int(numbers[2]),
                [frame[1] for frame in frames if frame],
            )
        return judged


@pytest.fixture(scope="module")
def executable(build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("workers") / "workers"
    include = HERE.parents[1] / "runtime" / "include"
    library = build / "runtime" / "libasyncrt.a"
    command = ["cc", "-g", "-O1", "-I", include, "-o", program, HERE / "workers.c", library]
    subprocess.run([*map(str, command), "-luv", "-lpthread"], check=True)
    return program


def await_places(asyncdump: Asyncdump, pid: int) -> None:
    def there() -> bool:
        workers = asyncdump("-p", pid, "--json").json["workers"]
        return [worker["system_call"] for worker in workers] == ["epoll_wait", "read", None]

    eventually("the workers in their places", there)


@pytest.fixture(scope="module")
def workers(
    executable: Path, build: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workers]:
    folder = tmp_path_factory.mktemp("doors")
    asyncdump = Asyncdump(build / "analyzer" / "asyncdump")
    program, victim = (Program([str(executable)], folder / name) for name in ("program", "victim"))
    try:
        ready = [one.read_line() for one in (program, victim)]
        assert ready[0] == ready[1]
        for one in (program, victim):
            await_places(asyncdump, one.pid)
        arguments: dict[str, list[object]] = {
            "live": ["-p", program.pid],
            "running": ["-p", program.pid, "--no-stop"],
            "snapshot": [folder / "snapshot"],
            "gcore": [gcore_core(program)],
        }
        made = asyncdump("-p", program.pid, "--snapshot", folder / "snapshot")
        assert made.status == 0, made.err
        if not kernel_core_refusal():
            arguments["kernel"] = [kernel_core(victim)]
        yield Workers(program, int(ready[0].split()[1]), arguments)
    finally:
        program.kill()
        victim.kill()


def shown(stack: list[dict[str, Any]]) -> list[str]:
    return [line["function"] for line in stack if not line["hidden"]]


@pytest.mark.parametrize("door", DOORS)
def test_each_worker_and_its_system_call(asyncdump: Asyncdump, workers: Workers, door: str) -> None:
    if door not in workers.arguments:
        pytest.skip(str(kernel_core_refusal()))
    said = asyncdump(*workers.arguments[door], "--json")
    assert (said.status, said.err) == (0, "")
    idle, reads, computes = said.json["workers"]
    names = {task["id"]: task["name"] for task in said.json["tasks"]}
    assert (idle["state_class"], idle["current"], idle["system_call"]) == (
        "polling",
        None,
        "epoll_wait",
    )
    assert (reads["state_class"], names[reads["current"]]) == ("task", "reads")
    assert (reads["system_call"], reads["system_call_fd"]) == ("read", workers.fd)
    assert [int(word, 16) for word in reads["system_call_arguments"][::2]][:2] == [workers.fd, 5]
    assert (computes["state_class"], names[computes["current"]]) == ("task", "computes")
    assert computes["system_call"] is computes["system_call_arguments"] is None
    stacks = {thread["worker"]: shown(thread["stack"] or []) for thread in said.json["threads"]}
    assert stacks[reads["id"]][-1] == "read_forever"
    assert "main" in stacks[idle["id"]]
    # Where one that runs is, nobody knows without a stop.
    assert stacks[computes["id"]] == ([] if door == "running" else ["compute", "compute_forever"])


@pytest.mark.parametrize("door", DOORS)
def test_the_words_for_it(asyncdump: Asyncdump, workers: Workers, door: str) -> None:
    if door not in workers.arguments:
        pytest.skip(str(kernel_core_refusal()))
    first = asyncdump(*workers.arguments[door]).out
    pattern = rf"workers 3, 1 idle in epoll_wait, 2 running task #\d+ in read\(fd {workers.fd}, 5 b"
    assert re.search(pattern, first)


def test_gdb_agrees(asyncdump: Asyncdump, workers: Workers) -> None:
    said = asyncdump(*workers.arguments["gcore"], "--json")
    judged = workers.judged()
    assert judged.keys() == {thread["tid"] for thread in said.json["threads"]}
    numbers = {"read": SYS_READ, "epoll_wait": SYS_EPOLL_WAIT}
    for thread in said.json["threads"]:
        call, first, functions = judged[thread["tid"]]
        assert numbers.get(thread["system_call"], -1) == call, thread
        if thread["system_call"]:
            assert int(thread["system_call_arguments"][0], 16) == first
        own = [line["function"] for line in thread["stack"]]
        # Each has its own word for glibc's aliases and for what has no name.
        known = [name for name in functions if name != "??" and not name.startswith("__")]
        assert [name for name in own if name in known] == known
        assert own[len(functions) :] == [] or functions[-1] == "main", "gdb ends where main begins"
