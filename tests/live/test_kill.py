# SPDX-License-Identifier: MIT
"""A live process goes on as it was, however asyncdump ends."""

from __future__ import annotations

import os
import random
import signal
import statistics
import time
from pathlib import Path
from typing import Callable, Iterator

import pytest

from command import Asyncdump
from harness import Hung, Kvd, eventually

NIGHTLY = bool(os.environ.get("ASYNCDUMP_NIGHTLY"))
KILLS = 2000 if NIGHTLY else 200
SIGNALS = 200 if NIGHTLY else 25

HungKvd = Callable[..., Hung]


def status_field(path: Path, name: str) -> str:
    """A field of a status file in /proc: "State" is "S (sleeping)"."""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith(f"{name}:"):
            return line.partition(":")[2].strip()
    raise AssertionError(f"{path} has no {name}")


def threads(pid: int, field: str) -> set[str]:
    """This field of every thread."""
    return {status_field(path, field) for path in Path(f"/proc/{pid}/task").glob("*/status")}


def tracer(pid: int) -> int:
    return int(status_field(Path(f"/proc/{pid}/status"), "TracerPid"))


def states(pid: int) -> set[str]:
    return {state[0] for state in threads(pid, "State")}


def assert_goes_on(server: Kvd) -> None:
    """No thread is stopped or traced, and it serves."""
    # A thread that was let go is on its way for a moment.
    eventually("running threads", lambda: not states(server.pid) & {"T", "t"}, patience=5)
    assert threads(server.pid, "TracerPid") == {"0"}
    client = server.clients[-1]
    assert client.call("PING") == "PONG"


@pytest.fixture
def hung(hung_kvd: HungKvd) -> Hung:
    """A hung server; its last client is idle."""
    started = hung_kvd(8)
    assert started.kvd.client().call("PING") == "PONG"
    return started


@pytest.fixture
def chance() -> Iterator[random.Random]:
    """Random delays; the seed is printed when a test fails, and ASYNCDUMP_SEED repeats it."""
    seed = int(os.environ.get("ASYNCDUMP_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"ASYNCDUMP_SEED={seed}")
    yield random.Random(seed)


def duration(asyncdump: Asyncdump, pid: int) -> float:
    """Seconds that a whole run takes."""
    times = []
    for _ in range(5):
        start = time.monotonic()
        said = asyncdump("-p", pid)
        assert said.status == 0, said.err
        times.append(time.monotonic() - start)
    return statistics.median(times)


def signal_after(asyncdump: Asyncdump, pid: int, delay: float, number: signal.Signals) -> int:
    """Starts a run, sends the signal after the delay; how the run ended."""
    process = asyncdump.start("-p", pid)
    time.sleep(delay)
    process.send_signal(number)
    process.communicate(timeout=60)
    return process.returncode


def signal_when_stopped(asyncdump: Asyncdump, pid: int, number: signal.Signals) -> bool:
    """Starts a run, sends the signal as soon as it has the process; whether it had it."""
    process = asyncdump.start("-p", pid)
    held = False
    while not held and process.poll() is None:
        held = tracer(pid) != 0
    process.send_signal(number)
    process.communicate(timeout=60)
    return held


@pytest.mark.parametrize("view", ["--groups=5", "--tasks", "--json"])
def test_goes_on_after_a_run(asyncdump: Asyncdump, hung: Hung, view: str) -> None:
    said = asyncdump("-p", hung.pid, view)
    assert (said.status, said.err) == (0, "")
    assert said.out
    assert_goes_on(hung.kvd)


def test_goes_on_when_killed_at_any_moment(
    asyncdump: Asyncdump, hung: Hung, chance: random.Random
) -> None:
    whole = duration(asyncdump, hung.pid)
    killed = 0
    for _ in range(KILLS):
        status = signal_after(asyncdump, hung.pid, chance.uniform(0, whole), signal.SIGKILL)
        killed += status == -signal.SIGKILL
        assert_goes_on(hung.kvd)
    assert killed > KILLS / 2, "most of the kills must come before the end"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_goes_on_when_killed_while_it_is_held(
    asyncdump: Asyncdump, hung: Hung, number: signal.Signals
) -> None:
    held = 0
    for _ in range(SIGNALS):
        held += signal_when_stopped(asyncdump, hung.pid, number)
        assert_goes_on(hung.kvd)
    assert held > 0, "no signal came while the process was held"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_goes_on_when_interrupted(
    asyncdump: Asyncdump, hung: Hung, chance: random.Random, number: signal.Signals
) -> None:
    whole = duration(asyncdump, hung.pid)
    for _ in range(SIGNALS):
        status = signal_after(asyncdump, hung.pid, chance.uniform(0, whole), number)
        assert status in (0, -number, 128 + number)
        assert_goes_on(hung.kvd)


def test_leaves_no_process_behind_when_killed(
    asyncdump: Asyncdump, hung: Hung, chance: random.Random
) -> None:
    mark = f"ASYNCDUMP_TRIAL={os.getpid()}.{chance.random()}".encode()
    name, _, value = mark.decode().partition("=")
    whole = duration(asyncdump, hung.pid)

    def marked() -> list[str]:
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if mark in path.read_bytes():
                    found.append(path.parent.name)
            except OSError:
                pass
        return found

    for _ in range(SIGNALS):
        process = asyncdump.start("-p", hung.pid, env={**os.environ, name: value})
        time.sleep(chance.uniform(0, whole))
        process.kill()
        process.communicate(timeout=60)
    eventually("the end of all its children", lambda: not marked(), patience=20)


def test_a_stopped_process_stays_stopped(asyncdump: Asyncdump, hung: Hung) -> None:
    names = {task["name"] for task in hung.kvd.truth()["tasks"]}
    os.kill(hung.pid, signal.SIGSTOP)
    eventually("the stop", lambda: states(hung.pid) == {"T"})
    said = asyncdump("-p", hung.pid, "--json")
    assert said.status == 0, said.err
    assert {task["name"] for task in said.json["tasks"]} == names
    time.sleep(0.2)
    assert states(hung.pid) == {"T"} and tracer(hung.pid) == 0
    os.kill(hung.pid, signal.SIGCONT)
    assert_goes_on(hung.kvd)


def test_a_stopped_process_stays_stopped_when_killed(asyncdump: Asyncdump, hung: Hung) -> None:
    os.kill(hung.pid, signal.SIGSTOP)
    eventually("the stop", lambda: states(hung.pid) == {"T"})
    held = 0
    for _ in range(SIGNALS):
        held += signal_when_stopped(asyncdump, hung.pid, signal.SIGKILL)
        eventually("the stop to stay", lambda: states(hung.pid) == {"T"}, patience=5)
    assert held > 0
    os.kill(hung.pid, signal.SIGCONT)
    assert_goes_on(hung.kvd)


def test_a_process_that_ends_meanwhile_is_no_hang(
    asyncdump: Asyncdump, kvd: Callable[..., Kvd], chance: random.Random
) -> None:
    whole = duration(asyncdump, kvd().pid)
    for _ in range(SIGNALS):
        server = kvd()
        process = asyncdump.start("-p", server.pid)
        time.sleep(chance.uniform(0, whole))
        server.kill()
        _, words = process.communicate(timeout=60)
        assert process.returncode in (0, 3, 4), words
        assert words.count("\n") == (1 if process.returncode == 4 else 0), words
