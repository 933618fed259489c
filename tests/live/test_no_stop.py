# SPDX-License-Identifier: MIT
"""Reading a process whose tasks never rest, with and without a stop: what is told as right is right.

A restless task of a herd is in rest_odd() after an odd number of resumes and in rest_even() after an even one:
a count of one moment with a stack of another is found out.
"""

from __future__ import annotations

import os
from typing import Any, Callable

import pytest

from command import Asyncdump, Said
from conftest import Herd

NIGHTLY = bool(os.environ.get("ASYNCDUMP_NIGHTLY"))
READINGS = 200 if NIGHTLY else 8
PARKED, RESTLESS = 300, 100
ALWAYS = 1 + PARKED + RESTLESS

HerdStart = Callable[..., Herd]


def assert_right(task: dict[str, Any]) -> None:
    """A task that is not marked as torn; one that is ready or runs may have its old stack or its thread's."""
    functions = [line["function"] for line in task["stack"] or [] if not line["hidden"]]
    if task["name"] == "parked":
        assert functions.count("park_deep") >= 4 and set(functions) <= {"park", "park_deep"}, task
        assert not task["stack_end"]
    if task["name"] == "restless" and task["state_class"] in ("waiting", "sleeping"):
        rest = "rest_odd" if task["resumes"] % 2 else "rest_even"
        other = "rest_even" if task["resumes"] % 2 else "rest_odd"
        assert functions[-1:] == ["never_rest"] and not task["stack_end"], task
        assert rest in functions and other not in functions, task


def assert_believable(said: Said) -> int:
    """How many tasks are marked as torn."""
    assert said.status in (0, 3) and said.err == "", said.err
    tasks = said.json["tasks"]
    torn = [task for task in tasks if task["torn"]]
    for task in tasks:
        if not task["torn"]:
            assert_right(task)
    names = [task["name"] for task in tasks]
    for name, count in (("parked", PARKED), ("restless", RESTLESS), ("spawner", 4)):
        assert names.count(name) == count, name
    losses = [loss for loss in said.json["losses"] if loss["partial"]]
    assert said.status == (3 if losses else 0)
    if torn:
        assert any(loss["count"] == len(torn) and "changed" in loss["what"] for loss in losses)
    return len(torn)


@pytest.mark.parametrize("options", [[], ["--no-stop"]], ids=["stopped", "running"])
def test_what_is_told_as_right_is_right(
    asyncdump: Asyncdump, herd: HerdStart, options: list[str]
) -> None:
    target = herd(PARKED, RESTLESS, 2)
    torn = checked = 0
    for _ in range(READINGS):
        said = asyncdump("-p", target.pid, "--json", "--all-frames", *options)
        torn += assert_believable(said)
        checked += RESTLESS
        note = said.json["target"]["stop_note"]
        assert ("was not stopped" in note) == bool(options)
    print(f"{torn} torn of {checked}")
    assert torn < checked / 2, "most must be whole, or nothing was tested"


def test_what_changes_whenever_it_is_read_is_marked(asyncdump: Asyncdump, herd: HerdStart) -> None:
    target = herd(20, 0, 2, 300)
    torn: set[str] = set()
    for _ in range(50):
        said = asyncdump("-p", target.pid, "--no-stop", "--json")
        torn = {task["name"] for task in said.json["tasks"] if task["torn"]}
        assert torn <= {"spinning"}, "what rests is not torn"
        assert said.status == 3 or not torn
        if torn:
            break
    assert torn, "nobody was seen to change"
    shown = asyncdump("-p", target.pid, "--no-stop", "--tasks")
    for block in shown.out.split("\n#"):
        if "\n  torn: " in block:
            assert '"spinning"' in block.splitlines()[0]


def test_it_is_not_stopped(asyncdump: Asyncdump, herd: HerdStart) -> None:
    """Nor traced: a tracer of its own does not disturb, and what is stopped stays so."""
    target = herd(10, 5)
    said = asyncdump("-p", target.pid, "--no-stop")
    assert said.status in (0, 3) and "was not stopped" in said.out
    target.freeze()
    said = asyncdump("-p", target.pid, "--no-stop", "--json")
    assert said.status == 0, "what stands still is not torn"
    assert not any(task["torn"] for task in said.json["tasks"])
    assert target.states() == {"T"}


def test_no_stop_is_for_live_processes(asyncdump: Asyncdump) -> None:
    assert "-p PID" in asyncdump("--no-stop", "core").refused(2)
