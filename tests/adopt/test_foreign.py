# SPDX-License-Identifier: MIT
"""Fibers on makecontext and on Boost.Context, read in full: by asyncdump and by GDB, on a live process and
on cores, against the fibers' own account and against GDB led to each context by hand."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from office import DOORS, GDB_DOORS, RUNTIMES, Json, Office

CLASSES = {
    "new": "created",
    "ready": "ready",
    "running": "running",
    "waiting": "waiting",
    "done": "returned",
}
KINDS = {"lock": "mutex", "channel": "channel_receive", "clock": "timer", None: None}
OUTERMOST = {"adopt_ucontext": "__start_context", "adopt_boost": "make_fcontext"}
LONGEST = 60  # lines in which a runtime can be published


def functions(fiber: Json) -> list[str]:
    """Its own, outermost first."""
    return [frame["function"] for frame in fiber["frames"]]


def own_lines(office: Office, task: Json) -> list[Json]:
    """The lines of the program's own functions, outermost first: neither the runtime's nor libc's."""
    mine = [line for line in task["stack"] if line["module"] == office.name and not line["hidden"]]
    return mine[::-1]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_page_is_enough_to_publish(repository: Path, build: Path, runtime: str) -> None:
    lines = (repository / "fixtures" / runtime / "publish.c").read_text().splitlines()
    assert len(lines) <= LONGEST
    assert max(map(len, lines)) <= 110
    included = re.findall(r'#include [<"](.*)[>"]', "\n".join(lines))
    assert included[0] == "async_debug.h" and len(included) == 2
    symbols = subprocess.run(
        ["nm", build / "fixtures" / runtime], capture_output=True, text=True, check=True
    ).stdout
    assert re.findall(r"\basync_\w+", symbols) == ["async_debug_descriptor"]


def test_the_page_quotes_what_there_is(repository: Path) -> None:
    page = (repository / "runtime" / "ADOPTING.md").read_text()
    quoted = re.findall(r"`([\w./]+\.[ch])`", page)
    assert {f"fixtures/{runtime}/publish.c" for runtime in RUNTIMES} < set(quoted)
    for path in quoted:
        assert (repository / path).exists() or (repository / "runtime" / path).exists(), path


@pytest.mark.parametrize("door", DOORS)
def test_tasks_states_and_what_they_wait_for(office: Office, door: str) -> None:
    office.need(door)
    found = []
    for task in office.said[door]["tasks"]:
        future = task["awaits"] or {"kind_class": None, "name": None, "owner": None}
        waits = (future["kind_class"], future["name"], future["owner"])
        found.append((task["id"], task["name"], task["state_class"], *waits))
    wanted = [
        (
            fiber["id"],
            fiber["name"],
            "sleeping" if fiber["kind"] == "clock" else CLASSES[fiber["state"]],
            KINDS[fiber["kind"]],
            fiber["object"],
            fiber["owner"] or None,
        )
        for fiber in office.truth
    ]
    assert found == wanted
    assert {task[2] for task in found} == {*CLASSES.values(), "sleeping"}


@pytest.mark.parametrize("door", DOORS)
def test_who_is_to_blame(office: Office, door: str) -> None:
    office.need(door)
    said = office.said[door]
    tellers = [office.fiber("teller out")["id"], office.fiber("teller in")["id"]]
    assert said["verdict"] == "hung" and said["losses"] == []
    deadlocks = [one["tasks"] for one in said["findings"] if one["code"] == "deadlock"]
    assert [sorted(tasks) for tasks in deadlocks] == [tellers]


@pytest.mark.parametrize("door", DOORS)
def test_each_stack_has_its_functions_and_an_end(office: Office, door: str) -> None:
    for fiber in office.truth:
        task = office.task(door, fiber["id"])
        if fiber["state"] == "done":
            assert task["stack"] is None
            continue
        assert task["stack_end"] is None
        if fiber["state"] != "new":
            lines = own_lines(office, task)
            assert [line["function"] for line in lines] == functions(fiber)
            assert all(line["file"] == "fixtures/adopt/office.c" for line in lines)
        assert task["stack"][-1]["function"] == OUTERMOST[office.name]
        assert task["stack"][-1]["hidden"]


@pytest.mark.parametrize("door", DOORS)
def test_one_that_never_ran_says_where_it_would_begin(office: Office, door: str) -> None:
    """libc goes to the start function itself, Boost to its trampoline first."""
    task = office.task(door, office.fiber("apprentice")["id"])
    stack = [line["function"] for line in task["stack"]]
    if office.name == "adopt_ucontext":
        assert stack == ["apprentice", "__start_context"]
    else:
        assert stack == ["make_fcontext"]
    assert task["stack"][0]["offset"] == (0 if office.name == "adopt_ucontext" else 0x2C)


@pytest.mark.parametrize("door", DOORS)
def test_gdb_led_by_hand_sees_the_same_frames(office: Office, door: str) -> None:
    assert len(office.by_hand) == len(office.parked()) == 6
    for fiber in office.parked():
        walked = office.by_hand[str(fiber["id"])]
        assert walked["locals"] == {frame["function"]: frame["locals"] for frame in fiber["frames"]}
        # A frame with a return address; the innermost one is at an exact place for GDB.
        theirs = [(f["function"], f["line"]) for f in walked["stack"][1:] if f["function"]]
        lines = [line for line in office.task(door, fiber["id"])["stack"] if not line["inlined"]]
        ours = [(line["function"], line["line"]) for line in lines[1:-1]]
        assert [place for place in theirs if place in ours] == ours


@pytest.mark.parametrize("door", GDB_DOORS)
def test_gdb_shows_frames_and_locals(office: Office, door: str) -> None:
    office.need(door)
    for fiber in office.parked():
        seen = office.gdb[door][str(fiber["id"])]
        assert f'async task {fiber["id"]} "{fiber["name"]}"' in seen["printed"]
        assert seen["selected"][1] == functions(fiber)[-1], "the first that is not the runtime's"
        assert seen["locals"] == {frame["function"]: frame["locals"] for frame in fiber["frames"]}
        # The line of the call, as the engine has it, though the frame may be the innermost one.
        line = own_lines(office, office.task("live", fiber["id"]))[-1]
        assert f'{line["file"]}:{line["line"]}' in seen["printed"]


@pytest.mark.parametrize("door", GDB_DOORS)
def test_gdb_ends_where_the_engine_does(office: Office, door: str) -> None:
    office.need(door)
    bridged = office.name == "adopt_boost" and "bridge" not in door
    for fiber in office.truth:
        if fiber["state"] in ("done", "running"):
            continue
        seen = office.gdb[door][str(fiber["id"])]
        lines = [line for line in office.task("live", fiber["id"])["stack"] if not line["inlined"]]
        physical = [frame for frame in seen["stack"] if not frame["inlined"]]
        assert [frame["signal"] for frame in physical].count(True) == bridged
        mine = physical[1 + bridged :]
        names = [frame["function"] or "__start_context" for frame in mine]
        assert names == [line["function"] for line in lines]
        assert mine[-1]["end"] and len(mine) == len(lines)
        assert seen["bt"].splitlines()[-1].startswith(f"#{mine[-1]['level']} ")
        assert seen["outermost"] == mine[-1]["function"]
