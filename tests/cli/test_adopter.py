# SPDX-License-Identifier: MIT
"""A program that says by hand everything the contract can carry; see adopter.c for its story."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any, Callable, Sequence

import pytest

from command import Asyncdump
from harness import Program


@pytest.fixture(params=["live", "gcore"])
def where(
    request: pytest.FixtureRequest,
    repository: Path,
    tmp_path: Path,
    launch: Callable[[Sequence[str]], Program],
    core_of: Callable[[Program, str], Path],
) -> list[str]:
    """What the command is to read: the program, or a core of it."""
    source, program = repository / "tests" / "cli" / "adopter.c", tmp_path / "adopter"
    include = repository / "runtime" / "include"
    options = ["-g", "-O0", "-fno-omit-frame-pointer", "-Wall", "-Wextra", "-Werror"]
    subprocess.run(["cc", *options, f"-I{include}", source, "-o", program], check=True)
    running = launch([str(program)])
    assert running.read_line() == "ready"
    if request.param == "live":
        return ["-p", str(running.pid)]
    return [str(core_of(running, "gcore"))]


def test_only_what_is_stuck_is_a_deadlock(asyncdump: Asyncdump, where: list[str]) -> None:
    """A writer behind two readers is one; neither a cycle under a timeout nor a select with a way out is."""
    said = asyncdump(*where)
    assert (said.status, said.err) == (0, "")
    assert "\nHUNG: 1 deadlock; no other task waits on it\n" in said.out
    rows = re.findall(r'^(?:DEADLOCK|        )  #(\d+) "(.*?)" +waits for (.*?) *$', said.out, re.M)
    assert [row[:2] for row in rows] == [("1", "writer"), ("2", "stuck reader")]
    assert rows[0][2] == "rwlock cache (to write), held by #2 and #3"
    assert re.fullmatch(r"mutex index, held by #1 for \d+m\d\ds", rows[1][2])
    assert re.search(
        r"which waits for mutex b, held by #5 for \d+m\d\ds, timeout in \d+[hm]\d\d", said.out
    )
    assert ", 1 of them the runtime's own    workers 2, all idle" in said.out
    assert len(said.out.encode()) < 4096


def test_what_is_known_of_each_task(asyncdump: Asyncdump, where: list[str]) -> None:
    said = asyncdump(*where, "--tasks")
    assert said.status == 0
    for words in (
        "its turn on worker 0, next, started as serve_request adopter.c:",
        "its turn on worker 0, behind 1 other, ",
        "its turn on worker 1, in its inbox, ",
        "first of 2: mutex b, held by #5; event stop, on worker 0, ",
        ", failed: no such key at app/store.c:40, started as serve_request adopter.c:",
        ", spawned in refresh_cache adopter.c:",
        " ago at app/stop.c:4 in stop_all\n  labels request=17 user=bob\n  in task group requests\n",
        "\n  detached\n  on the CPU 250ms, longest step 100ms\n  failed in:\n  #0  tell_of_the_rest  at ",
    ):
        assert words in said.out
    assert "housekeeping" not in said.out
    assert said.out.endswith("\n1 task of the runtime's own left out (--system shows them)\n")
    assert '#11 "housekeeping"' in asyncdump(*where, "--tasks", "--system").out


def test_all_of_it_for_programs(asyncdump: Asyncdump, where: list[str]) -> None:
    said = asyncdump(*where, "--json")
    found: dict[str, Any] = said.json
    tasks = {task["name"]: task for task in found["tasks"]}
    assert found["losses"] == []
    assert tasks["timed"]["deadline_ns"] > 0 and tasks["writer"]["deadline_ns"] is None
    holders = tasks["writer"]["awaits"]["holders"]
    assert [holder["task"] for holder in holders] == [2, 3]
    assert all(holder["held_ns"] >= 59 * 10**9 for holder in holders)
    parts = tasks["select"]["awaits"]["children"]
    assert [(part["kind_class"], part["owner"]) for part in parts] == [
        ("mutex", 5),
        ("event", None),
    ]
    assert tasks["second"]["ready"] == {"worker": 0, "position": 1}
    assert tasks["woken"]["ready"] == {"worker": 1, "position": None}
    assert tasks["woken"]["state_class"] == "ready" and tasks["woken"]["state"] == "parked"
    failed = tasks["failed"]
    assert failed["labels"] == [
        {"key": "request", "value": "17"},
        {"key": "user", "value": "bob"},
    ]
    assert (failed["cancel"]["state"], failed["cancel"]["by"]) == ("delivered", 1)
    assert failed["error"]["name"] == "ENOENT"
    functions = [line["function"] for line in failed["error_stack"]]
    assert functions[:2] == ["tell_of_the_rest", "main"]
    assert failed["start"]["function"] == "serve_request"
    assert [(worker["ready"], worker["inbox"]) for worker in found["workers"]] == [(2, 0), (0, 1)]
    assert [ended["id"] for ended in found["finished"]] == [105, 104, 103, 102]
    assert found["finished"][0]["error"]["name"] == "ETIMEDOUT"
    assert [(handle["kind"], handle["fd"]) for handle in found["handles"]] == [
        ("tcp", 9),
        ("timer", None),
    ]
    counters = {line["start"]["function"]: line for line in found["functions"]}
    assert counters["serve_request"]["spawned"] == 50
    assert counters["refresh_cache"]["failed"] == 1
    (runtime,) = found["target"]["runtimes"]
    assert (runtime["debug_flags"], runtime["history_count"]) == (1, 6)
