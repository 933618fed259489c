# SPDX-License-Identifier: MIT
"""--snapshot FILE: a small core that asyncdump, gdb and lldb open later, and see what they see in gcore's."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Callable, Iterator

import pytest

from command import Asyncdump, Said
from conftest import Herd, timeless

PATIENCE = 120
COMPARED = ["tasks", "workers", "threads", "findings", "verdict", "tally", "deadlocks", "losses"]


class Pair:
    """Of a herd that stands still: a snapshot, and gcore's core."""

    def __init__(self, asyncdump: Asyncdump, herd: Herd, folder: Path) -> None:
        self.program = herd.program
        self.snapshot = folder / "snapshot"
        herd.freeze()
        self.said = asyncdump("-p", herd.pid, "--snapshot", self.snapshot, "--json")
        assert (self.said.status, self.said.err) == (0, "")
        command = ["gcore", "-o", folder / "gcore", str(herd.pid)]
        subprocess.run(list(map(str, command)), check=True, capture_output=True)
        self.gcore = folder / f"gcore.{herd.pid}"


@pytest.fixture(scope="module")
def pair(build: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    herd = Herd(build / "fixtures" / "herd", 100, 0, 2)
    try:
        asyncdump = Asyncdump(build / "analyzer" / "asyncdump")
        yield Pair(asyncdump, herd, tmp_path_factory.mktemp("pair"))
    finally:
        herd.end()


def assert_same(ours: Said, theirs: Said) -> None:
    for key in COMPARED:
        assert timeless(ours.json[key]) == timeless(theirs.json[key]), key


def test_it_is_small_and_nobody_elses(pair: Pair) -> None:
    found = pair.snapshot.stat()
    assert found.st_size < 1 << 20 < pair.gcore.stat().st_size
    assert stat.S_IMODE(found.st_mode) == 0o600


def test_asyncdump_sees_what_it_saw_of_the_process(asyncdump: Asyncdump, pair: Pair) -> None:
    later = asyncdump(pair.snapshot, "--json")
    assert (later.status, later.err) == (0, "")
    assert len(later.json["tasks"]) == 101
    assert all(task["stack"] and not task["stack_end"] for task in later.json["tasks"])
    assert_same(later, pair.said)
    # Ages are as they were: the moment is in the file.
    assert later.json["target"]["now_ns"] == pair.said.json["target"]["now_ns"]
    assert later.json["target"]["time_ns"] == pair.said.json["target"]["time_ns"]


def test_asyncdump_sees_what_it_sees_in_a_core(asyncdump: Asyncdump, pair: Pair) -> None:
    assert_same(asyncdump(pair.snapshot, "--json"), asyncdump(pair.gcore, "--json"))


def test_a_snapshot_of_a_core_is_the_same(asyncdump: Asyncdump, pair: Pair, tmp_path: Path) -> None:
    small, smaller = tmp_path / "small", tmp_path / "smaller"
    whole = asyncdump(pair.gcore, "--snapshot", small, "--json")
    again = asyncdump(small, "--snapshot", smaller, "--json")
    for said in (whole, again, asyncdump(smaller, "--json")):
        assert (said.status, said.err) == (0, "")
        assert_same(said, pair.said)
    assert small.stat().st_size < 1 << 20


def gdb(pair: Pair, core: Path, engine: Path, command: str, *more: str) -> str:
    settings = ["auto-load safe-path /", "debuginfod enabled off", "width 0", "style enabled off"]
    argv = ["gdb", "-nx", "-nh", "-q", "-batch"]
    for setting in settings:
        argv += ["-iex", f"set {setting}"]
    for words in (*more, command):
        argv += ["-ex", words]
    result = subprocess.run(
        [*argv, str(pair.program), str(core)],
        env={**os.environ, "ASYNCDUMP": str(engine), "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    return result.stdout


def frames(words: str) -> list[str]:
    """Threads or tasks, and their frames; how gdb names a thread depends on its thread library."""
    lines = [
        re.sub(r"Thread 0x[0-9a-f]+ \((LWP \d+)\)", r"\1", line) for line in words.splitlines()
    ]
    return [line for line in lines if re.match(r"#\d+ |Thread \d|.*async task \d", line)]


def from_threads(words: str) -> list[str]:
    """Without what comes before the first one."""
    lines = frames(words)
    return lines[next(i for i, line in enumerate(lines) if line.startswith("Thread ")) :]


def test_gdb_sees_the_same_threads(asyncdump: Asyncdump, pair: Pair) -> None:
    ours, theirs = (
        from_threads(gdb(pair, core, asyncdump.program, "thread apply all bt"))
        for core in (pair.snapshot, pair.gcore)
    )
    assert ours == theirs
    assert sum(line.startswith("Thread ") for line in ours) == 4
    assert sum("epoll_wait" in line for line in ours) == 2
    assert sum(" main (" in line for line in ours) == 1, "the main thread's stack is whole"


def test_gdb_sees_the_same_tasks(asyncdump: Asyncdump, pair: Pair, repository: Path) -> None:
    source = f"source {repository / 'gdb' / 'asyncdump-gdb.py'}"
    command = "async-task apply all bt"
    ours, theirs = (
        gdb(pair, core, asyncdump.program, command, source) for core in (pair.snapshot, pair.gcore)
    )
    assert frames(ours) == frames(theirs)
    assert len(re.findall(r"^#\d+ .*\bpark_deep \(depth=", ours, re.MULTILINE)) >= 100
    assert len(re.findall(r"^#\d+ .* async_entry \(\)", ours, re.MULTILINE)) == 101


def lldb(pair: Pair, core: Path) -> list[str]:
    command = ["lldb", "--no-lldbinit", "--batch", "-o", "thread backtrace all"]
    result = subprocess.run(
        [*command, "-c", str(core), str(pair.program)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    return [line for line in result.stdout.splitlines() if re.match(r"[ *]*(thread|frame) #", line)]


def test_lldb_sees_the_same_threads(pair: Pair) -> None:
    if not shutil.which("lldb"):
        pytest.skip("lldb is not installed")
    ours, theirs = lldb(pair, pair.snapshot), lldb(pair, pair.gcore)
    assert ours == theirs
    assert sum("thread #" in line for line in ours) == 4
    assert sum("`epoll_wait" in line for line in ours) == 2
    assert sum("`main(" in line for line in ours) == 1


def test_nothing_is_overwritten(
    asyncdump: Asyncdump, herd: Callable[..., Herd], tmp_path: Path
) -> None:
    target = herd(1)
    there = tmp_path / "there"
    there.write_text("mine", encoding="utf-8")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("there", "link"):
        words = asyncdump("-p", target.pid, "--snapshot", tmp_path / name).refused(2)
        assert name in words and "not overwritten" in words
    assert there.read_text(encoding="utf-8") == "mine"
    assert not (tmp_path / "nowhere").exists()


def test_what_cannot_be_written_leaves_no_file(
    asyncdump: Asyncdump, herd: Callable[..., Herd], tmp_path: Path
) -> None:
    target = herd(1)
    absent = tmp_path / "absent" / "snapshot"
    assert str(absent) in asyncdump("-p", target.pid, "--snapshot", absent).refused(2, 4)
    # The disk is full after some pages: SIGXFSZ is ignored as under a shell's limit.
    small = tmp_path / "small"
    limit = ["/bin/sh", "-c", 'trap "" XFSZ; ulimit -f 8; exec "$0" "$@"']
    words = Asyncdump(asyncdump.program, limit)("-p", target.pid, "--snapshot", small).refused(4)
    assert str(small) in words and not small.exists()


def test_a_busy_process_has_snapshots_too(
    asyncdump: Asyncdump, herd: Callable[..., Herd], tmp_path: Path
) -> None:
    target = herd(100, 50, 2)
    said = asyncdump("-p", target.pid, "--snapshot", tmp_path / "snapshot", "--json")
    later = asyncdump(tmp_path / "snapshot", "--json")
    # The torn mark is of those who compared copies; the copies themselves are in the file.
    assert said.status == later.status == 0, said.err + later.err
    assert timeless(later.json["tasks"]) == timeless(said.json["tasks"])
