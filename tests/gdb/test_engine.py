# SPDX-License-Identifier: MIT
"""The engine as a child process, without gdb: framing, memory, and everything that can go wrong."""

from __future__ import annotations

import json
import os
import signal
import struct
import sys
import time
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "gdb"))

from asyncdump_gdb.engine import (  # noqa: E402  pylint: disable=wrong-import-position
    Engine,
    EngineError,
    EngineGone,
    answer_ranges,
    find_engine,
)

FAKE = Path(__file__).with_name("fake_engine.py")


def memory(address: int, size: int) -> bytes:
    """Readable up to 0x1010."""
    return bytes(i & 0xFF for i in range(address, min(address + size, 0x1010)))


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Engine]]:
    """start(request=answer...) starts the fake engine."""
    started = []

    def begin(**script: Any) -> Engine:
        monkeypatch.setenv("FAKE_ENGINE", json.dumps(script))
        started.append(Engine(str(FAKE), memory, 60.0))
        return started[-1]

    yield begin
    for engine in started:
        engine.stop()


def pid_of(engine: Engine) -> int:
    return engine._child.pid


def test_answers_belong_to_their_requests(start: Callable[..., Engine]) -> None:
    engine = start(tasks={"tasks": []})
    assert engine.version == "0.1.0"
    for number in range(20):
        assert engine.request({"request": "tasks", "n": number})["heard"]["n"] == number


def test_memory_is_handed_over_as_far_as_it_is_readable(start: Callable[..., Engine]) -> None:
    engine = start(read=[[0x1000, 4], [0x100C, 8], [0x2000, 16], [1 << 63, 1], [0x1001, 0]])
    answer = engine.request({"request": "tasks"})
    assert answer["memory"] == ["00010203", "0c0d0e0f", "", "", ""]


def test_large_memory_and_large_requests_do_not_block(start: Callable[..., Engine]) -> None:
    engine = start(read=[[0, 4 << 20]])
    engine._read_memory = lambda address, size: b"\x5a" * size
    answer = engine.request({"request": "tasks", "filler": "x" * (4 << 20)})
    assert answer["memory"] == ["5a" * (4 << 20)]


def test_an_error_is_raised_with_its_status_and_the_engine_lives_on(
    start: Callable[..., Engine],
) -> None:
    engine = start(task={"error": "no task 99\x1b[0m", "status": 2})
    with pytest.raises(EngineError) as caught:
        engine.request({"request": "task", "id": 99})
    assert (str(caught.value), caught.value.status) == ("no task 99\\x1b[0m", 2)
    assert engine.alive and engine.request({"request": "tasks"})


@pytest.mark.parametrize(
    "how, words",
    [
        (
            "die",
            r"ended unexpectedly with status 7: the engine's last words: \\x1b\[31m\. The next",
        ),
        ("kill", "ended unexpectedly, killed by signal 9. The next command starts it again"),
        ("garbage", "not understood"),
        ("unknown frame", "not understood"),
        ("not an object", "not understood"),
    ],
)
def test_a_failing_engine_is_one_message(
    start: Callable[..., Engine], how: str, words: str
) -> None:
    engine = start(tasks=how)
    with pytest.raises(EngineGone, match=words) as caught:
        engine.request({"request": "tasks"})
    assert "\n" not in str(caught.value)
    assert not engine.alive


def test_a_silent_engine_is_ended(start: Callable[..., Engine]) -> None:
    engine = start(tasks="silent")
    engine._patience = 0.3  # not before it runs: a busy machine starts it late
    pid = pid_of(engine)
    with pytest.raises(EngineGone, match="silent"):
        engine.request({"request": "tasks"})
    assert not Path(f"/proc/{pid}").exists()


def test_a_dead_engine_raises_no_sigpipe(start: Callable[..., Engine]) -> None:
    before = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        engine = start()
        os.kill(pid_of(engine), signal.SIGKILL)
        while Path(f"/proc/{pid_of(engine)}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
            time.sleep(0.01)
        with pytest.raises(EngineGone):
            engine.request({"request": "tasks", "filler": "x" * (1 << 20)})
    finally:
        signal.signal(signal.SIGPIPE, before)


def test_a_reader_that_fails_ends_the_engine(start: Callable[..., Engine]) -> None:
    engine = start(read=[[0, 8]])

    def interrupted(_address: int, _size: int) -> bytes:
        raise KeyboardInterrupt

    engine._read_memory = interrupted
    with pytest.raises(KeyboardInterrupt):
        engine.request({"request": "tasks"})
    assert not engine.alive


def test_another_protocol_is_refused(start: Callable[..., Engine]) -> None:
    with pytest.raises(EngineError, match="version 9.9 and speaks protocol 2.*needs protocol 1"):
        start(hello={"engine": "9.9", "protocol": 2})


@pytest.mark.parametrize("program", ["/bin/true", "/bin/cat", "/dev/null", "/nonexistent/engine"])
def test_another_program_is_no_engine(program: str) -> None:
    with pytest.raises(EngineError) as caught:
        Engine(program, memory, 5.0)
    assert program in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\1\0",
        struct.pack("<I", 1),
        struct.pack("<IQI", 2, 0, 8),
        struct.pack("<IQIB", 1, 0, 8, 0),
    ],
)
def test_torn_memory_requests_are_refused(payload: bytes) -> None:
    with pytest.raises(EngineError, match="not understood"):
        answer_ranges(payload, memory)


def test_too_much_memory_is_refused() -> None:
    payload = struct.pack("<IQIQI", 2, 0, 1 << 29, 0, (1 << 29) + 1)
    with pytest.raises(EngineError, match="more than"):
        answer_ranges(payload, lambda address, size: b"")


def test_where_the_engine_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def program(path: Path) -> str:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
        return str(path)

    beside = str(tmp_path / "tree" / "gdb")
    installed = str(tmp_path / "usr" / "share" / "asyncdump" / "gdb")
    monkeypatch.delenv("ASYNCDUMP", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(EngineError, match="set asyncdump engine PATH"):
        find_engine(None, beside)
    in_path = program(tmp_path / "bin" / "asyncdump")
    assert find_engine(None, beside) == in_path
    near = program(tmp_path / "tree" / "build" / "analyzer" / "asyncdump")
    assert find_engine(None, beside) == near
    prefix = program(tmp_path / "usr" / "bin" / "asyncdump")
    assert find_engine(None, installed) == prefix
    monkeypatch.setenv("ASYNCDUMP", in_path)
    assert find_engine("", beside) == in_path
    assert find_engine(prefix, beside) == prefix
    with pytest.raises(EngineError, match=r"No engine to run at /no/such.*set asyncdump engine"):
        find_engine("/no/such", beside)
