# SPDX-License-Identifier: MIT
"""A process that cannot be read: one clear line, the right exit status, and no harm to it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Iterator, Sequence

import pytest

from command import Asyncdump
from harness import Kvd, Program, eventually

TRACER = """
import ctypes, sys, time
SEIZE = 0x4206
libc = ctypes.CDLL(None, use_errno=True)
assert libc.ptrace(SEIZE, int(sys.argv[1]), None, None) == 0, ctypes.get_errno()
print("traced", flush=True)
time.sleep(600)
"""

Launch = Callable[[Sequence[str]], Program]


@pytest.fixture
def sleeper(launch: Launch) -> Program:
    """A process without any runtime."""
    return launch(["/bin/sleep", "600"])


@pytest.fixture
def ended() -> int:
    """The id of a process that is no more."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


@pytest.fixture
def zombie() -> Iterator[int]:
    """A process that has ended and that nobody asked for."""
    with subprocess.Popen(["true"]) as process:
        stat = Path(f"/proc/{process.pid}/stat")
        while stat.read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z":
            time.sleep(0.01)
        yield process.pid


def test_a_process_that_does_not_exist(asyncdump: Asyncdump, ended: int) -> None:
    words = asyncdump("-p", ended).refused(4)
    assert str(ended) in words


@pytest.mark.parametrize("pid", ["0", "-1", "abc", "12x", "", "99999999999999999999", "4294967297"])
def test_what_is_no_process_id(asyncdump: Asyncdump, pid: str) -> None:
    assert "--help" in asyncdump(f"--pid={pid}").refused(2)


def test_itself(asyncdump: Asyncdump) -> None:
    shell = Asyncdump(asyncdump.program, ["/bin/sh", "-c", 'exec "$0" -p $$'])
    assert "itself" in shell().refused(4)


def test_a_zombie(asyncdump: Asyncdump, zombie: int) -> None:
    words = asyncdump("-p", zombie).refused(4)
    assert str(zombie) in words


def test_a_kernel_thread(asyncdump: Asyncdump) -> None:
    comm = Path("/proc/2/comm")
    if not comm.exists() or comm.read_text(encoding="utf-8").strip() != "kthreadd":
        pytest.skip("no kernel thread is seen from here")
    assert "2" in asyncdump("-p", 2).refused(4, 5)


def test_a_process_that_another_debugger_holds(
    asyncdump: Asyncdump, kvd: Callable[..., Kvd], launch: Launch
) -> None:
    server = kvd()
    tracer = launch([sys.executable, "-c", TRACER, str(server.pid)])
    assert tracer.read_line() == "traced"
    words = asyncdump("-p", server.pid).refused(4)
    assert str(tracer.pid) in words, "the debugger that holds it is named"
    tracer.kill()
    assert asyncdump("-p", server.pid).status == 0


def test_a_process_of_another_user(
    asyncdump: Asyncdump, kvd: Callable[..., Kvd], open_folder: Path
) -> None:
    server = kvd()
    pid = server.pid if os.geteuid() == 0 else 1
    words = asyncdump.as_nobody(open_folder)("-p", pid).refused(5)
    assert str(pid) in words and "root" in words
    assert server.client().call("PING") == "PONG"


def test_a_process_without_a_runtime(asyncdump: Asyncdump, sleeper: Program) -> None:
    words = asyncdump("-p", sleeper.pid).refused(4)
    assert "runtime" in words
    eventually("its sleep", lambda: sleeper.state() == "S")
    assert sleeper.process.poll() is None


def test_a_thread_is_not_a_process(asyncdump: Asyncdump, launch: Launch) -> None:
    words = "import threading, time; threading.Thread(target=time.sleep, args=[600]).start()"
    program = launch(["/usr/bin/python3", "-c", words + "; print('ready', flush=True)"])
    assert program.read_line() == "ready"
    (other,) = {int(path.name) for path in Path(f"/proc/{program.pid}/task").iterdir()} - {
        program.pid
    }
    # Either way one line: what it is, or that the process it belongs to has no runtime.
    asyncdump("-p", other).refused(4)
    assert program.process.poll() is None and program.state() == "S"
