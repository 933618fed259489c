# SPDX-License-Identifier: MIT
"""The options that choose tasks, on a server's core, held against what the server says of itself."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any, Callable

import pytest

from command import Asyncdump
from harness import Hung, TruthTask

WAITERS = 5
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def hung(hung_kvd: Callable[..., Hung]) -> Hung:
    return hung_kvd(WAITERS)


@pytest.fixture
def core(hung: Hung, core_of: Callable[..., Path]) -> Path:
    return core_of(hung.kvd, "gcore")


def told(hung: Hung, keep: Callable[[TruthTask], Any]) -> list[int]:
    return sorted(task["id"] for task in hung.truth["tasks"] if keep(task))


def ids(text: str) -> list[int]:
    return sorted(int(id_) for id_ in re.findall(r"^#(\d+) ", text, re.MULTILINE))


def test_conditions_agree_with_the_server(asyncdump: Asyncdump, hung: Hung, core: Path) -> None:
    def of_mutex(task: TruthTask) -> bool:
        return bool(task["waits_for"] and task["waits_for"]["kind"] == "mutex")

    cases = {
        "kind == mutex": told(hung, of_mutex),
        "frame == lock_entry": told(hung, lambda task: "lock_entry" in task["functions"]),
        'name ~ "^transfer"': told(hung, lambda task: task["name"].startswith("transfer")),
        "!(kind == mutex) && age >= 0s": told(hung, lambda task: not of_mutex(task)),
    }
    for condition, expected in cases.items():
        said = asyncdump(core, "--tasks", "--where", condition)
        assert (said.status, said.err) == (0, ""), condition
        assert expected and ids(said.out) == expected, condition
        found = asyncdump(core, "--json", "--where", condition).json
        assert sorted(task["id"] for task in found["tasks"]) == expected
        assert found["selection"] == {"passed": len(expected), "shown": len(expected)}


def test_short_forms_say_the_same(asyncdump: Asyncdump, hung: Hung, core: Path) -> None:
    holder = next(
        task["waits_for"]["owner"]
        for task in hung.truth["tasks"]
        if task["waits_for"] and task["waits_for"]["owner"]
    )
    pairs = [
        (["--state", "waiting,ready"], "state == waiting || state == ready"),
        (["--in", "lock_"], 'frame ~ "lock_"'),
        (["--waits-on", f"#{holder}"], f"owner == {holder}"),
        (["--waits-on", "key bob"], 'wait ~ "key bob"'),
        (["--older-than", "1ms"], "age > 1ms"),
    ]
    for short, condition in pairs:
        one = asyncdump(core, "--tasks", *short).out
        assert one and one == asyncdump(core, "--tasks", "--where", condition).out, short


def test_sort_and_limit(asyncdump: Asyncdump, hung: Hung, core: Path) -> None:
    every = len(hung.truth["tasks"])
    said = asyncdump(core, "--tasks", "--sort=-id", "--limit", "3").out
    assert re.findall(r"^#(\d+)", said, re.MULTILINE) == [
        str(id_) for id_ in sorted(told(hung, lambda _: True), reverse=True)[:3]
    ]
    assert said.endswith(f"\n{every - 3} more tasks (--limit {every} shows them)\n")


def test_the_screen_of_some(asyncdump: Asyncdump, hung: Hung, core: Path) -> None:
    said = asyncdump(core, "--where", 'name ~ "transfer"').out
    every = len(hung.truth["tasks"])
    assert f"\n2 of {every} tasks selected:\nCOUNT" in said
    assert "\nHUNG: 1 deadlock" in said


def test_what_does_not_parse(asyncdump: Asyncdump) -> None:
    """Said before anything is read."""
    words = asyncdump("/nowhere", "--where", "sate == waiting").refused(2)
    assert "--where: HERE> sate == waiting: that is no field; there are id, name, state" in words
    words = asyncdump("/nowhere", "--where", "state == waiting & torn").refused(2)
    assert "state == waiting HERE> & torn: &&, || or the end could stand here" in words
    assert "could stand here" in asyncdump("/nowhere", "--older-than", "soon").refused(2)


def test_gdb_takes_the_same_words(asyncdump: Asyncdump, build: Path, core: Path) -> None:
    condition = '!(kind == mutex) && frame ~ "accept"'
    argv = ["gdb", "-nx", "-nh", "-q", "-batch", "-iex", "set debuginfod enabled off"]
    argv += ["-ex", "set width 0", "-ex", "set style enabled off"]
    argv += ["-ex", f"source {REPOSITORY / 'gdb' / 'asyncdump-gdb.py'}"]
    argv += ["-ex", f"set asyncdump engine {build / 'analyzer' / 'asyncdump'}"]
    argv += ["-ex", f"info async-tasks --tasks --where '{condition}'"]
    argv += ["-ex", "info async-tasks --where 'sate == 1'"]
    argv += [str(build / "fixtures" / "kvd"), str(core)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
    expected = asyncdump(core, "--tasks", "--where", condition).out
    assert expected and expected in done.stdout
    assert "--where: HERE> sate == 1: that is no field" in done.stderr
