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

from command import NOBODY, Asyncdump
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


def test_a_debugger_that_holds_it_is_named(
    asyncdump: Asyncdump, sleeper: Program, launch: Launch
) -> None:
    script = "python import time; print('traced', flush=True); time.sleep(600)"
    debugger = launch(["gdb", "-nx", "-nh", "-q", "-p", str(sleeper.pid), "-ex", script])
    while debugger.read_line() != "traced":
        pass
    words = asyncdump("-p", sleeper.pid).refused(4)
    debugger.kill()  # first, or nobody could end what it holds
    assert f"already traced by process {debugger.pid} (gdb)" in words


def test_a_32_bit_program(asyncdump: Asyncdump, launch: Launch, tmp_path: Path) -> None:
    """It needs no library: it calls pause() for good."""
    source, program = tmp_path / "narrow.c", tmp_path / "narrow"
    call = 'for (;;) __asm__ volatile("int $0x80" : : "a"(29));'
    source.write_text(f"void _start(void) {{ {call} }}", encoding="utf-8")
    command = ["cc", "-m32", "-static", "-nostdlib", "-fno-pie", "-no-pie", "-o", program, source]
    subprocess.run(list(map(str, command)), check=True)
    try:
        pid = launch([str(program)]).pid
    except OSError:
        pytest.skip("this kernel runs no 32-bit programs")
    for said in (asyncdump("-p", pid), asyncdump("-p", pid, "--no-stop")):
        words = said.refused(4)
        assert words == f"process {pid} is a 32-bit program; only 64-bit ones are understood"


# ---- What the kernel does not permit: the reason, and what helps ----

AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
HIDE = """
import ctypes, time
assert ctypes.CDLL(None).prctl(4, 0) == 0  # PR_SET_DUMPABLE
print("ready", flush=True)
time.sleep(600)
"""
# Runs its arguments where ptrace fails with EPERM, as container engines have it.
FILTERED = """
import ctypes, os, struct, sys
def step(code, true, false, value):
    return struct.pack("HBBI", code, true, false, value)
steps = step(0x20, 0, 0, 0) + step(0x15, 0, 1, 101) + step(6, 0, 0, 0x50001) + step(6, 0, 0, 0x7FFF0000)
libc, room = ctypes.CDLL(None), ctypes.create_string_buffer(steps)
program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", 4, ctypes.addressof(room)))
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can take rights away")


def denied(asyncdump: Asyncdump, pid: int, *options: str) -> str:
    words = asyncdump("-p", pid, *options).refused(5)
    start = f"process {pid} may not be read: "
    assert words.startswith(start)
    return words[len(start) :]


@needs_root
@pytest.mark.parametrize("options", [[], ["--no-stop"]], ids=["stop", "no-stop"])
def test_root_without_the_capability(
    asyncdump: Asyncdump, sleeper: Program, options: list[str]
) -> None:
    bare = Asyncdump(asyncdump.program, ["setpriv", "--bounding-set=-sys_ptrace"])
    words = denied(bare, sleeper.pid, *options)
    assert words.startswith("root has no CAP_SYS_PTRACE here") and "--cap-add=SYS_PTRACE" in words
    assert sleeper.state() == "S"


@needs_root
def test_a_process_that_hides(asyncdump: Asyncdump, launch: Launch, open_folder: Path) -> None:
    hidden = launch([*AS_NOBODY, "/usr/bin/python3", "-c", HIDE])
    assert hidden.read_line() == "ready"
    assert "asked not to be dumped" in denied(asyncdump.as_nobody(open_folder), hidden.pid)
    # Root may: it only has no runtime.
    assert "no coroutine runtime" in asyncdump("-p", hidden.pid).refused(4)


@needs_root
def test_a_process_with_more_rights(
    asyncdump: Asyncdump, launch: Launch, open_folder: Path
) -> None:
    rights = ["--inh-caps=+net_raw", "--ambient-caps=+net_raw"]
    able = launch([*AS_NOBODY, *rights, "/bin/sleep", "600"])
    eventually("its sleep", lambda: "sleep" in Path(f"/proc/{able.pid}/comm").read_text("utf-8"))
    assert "has capabilities that this command lacks" in denied(
        asyncdump.as_nobody(open_folder), able.pid
    )


@needs_root
def test_root_of_another_user_namespace(asyncdump: Asyncdump, sleeper: Program) -> None:
    inside = ["unshare", "--user", "--map-root-user"]
    if subprocess.run([*inside, "true"], check=False).returncode != 0:
        pytest.skip("no user namespace can be made here")
    words = denied(Asyncdump(asyncdump.program, inside), sleeper.pid)
    assert words.startswith("it is in another user namespace")


def test_a_filter_around_the_command(asyncdump: Asyncdump, kvd: Callable[..., Kvd]) -> None:
    server = kvd()
    prefix = ["/usr/bin/python3", "-c", FILTERED]
    words = denied(Asyncdump(asyncdump.program, prefix), server.pid)
    assert server.client().call("PING") == "PONG"
    if os.geteuid() == 0:
        assert words.startswith("a seccomp filter around this command forbids it")


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
