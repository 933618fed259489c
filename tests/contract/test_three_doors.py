# SPDX-License-Identifier: MIT
"""All doors to one hung server say the same, and what the server says of itself.

The doors: the engine on a kernel core, on a core of gcore, on the live process; GDB on the core and on the
live process, by the engine inside it and by its own frames. For programs and engines of each compiler
and optimization that ASYNCDUMP_BUILDS lists as build folders (by default the one build folder).
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterator

import pytest

from command import Asyncdump
from doors import BUILDS, DOORS, sound, through_gdb
from harness import Hung, Kvd, TruthTask, gcore_core, hang, kernel_core, kernel_core_refusal

WAITERS = 6

# What differs from door to door although nothing moved: the time of the reading and the ticker's work.
MOVING = {"age_ns", "held_ns", "deadline_ns", "created_ns", "times", "resumes", "wait"}

Task = dict[str, Any]

GDB_SCRIPT = """
from inside import *
listed = run("info async-tasks --json")
say(json=listed)
stacks = {}
for task in json.loads(listed)["tasks"]:
    run("async-task " + str(task["id"]))
    stacks[task["id"]] = stack()
say(stacks=stacks, finished=True)
"""


@dataclass
class Doors:
    """What each door said of one server, and what that said of itself."""

    build: Path
    truth: list[TruthTask]
    said: dict[str, dict[str, Any]] = field(default_factory=dict)
    frames: dict[str, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)
    """By GDB's door and task id: the frames that GDB walked itself, innermost first."""

    def tasks(self, door: str) -> list[Task]:
        if door not in self.said:
            pytest.skip(str(kernel_core_refusal()))
        tasks: list[Task] = self.said[door]["tasks"]
        return sorted(tasks, key=lambda task: int(task["id"]))


def ask_every_door(build: Path, hung: Hung, folder: Path) -> Doors:
    """The live doors first: a kernel core ends the server."""
    doors = Doors(build, sorted(hung.truth["tasks"], key=lambda task: int(task["id"])))
    asyncdump = Asyncdump(build / "analyzer" / "asyncdump")
    program = hung.kvd.executable

    def gdb_door(name: str, *arguments: object) -> None:
        told = through_gdb(build, folder, GDB_SCRIPT, *arguments)
        doors.said[name] = json.loads(told["json"])
        doors.frames[name] = told["stacks"]

    doors.said["live"] = sound(asyncdump("-p", hung.pid, "--json"))
    gdb_door("gdb live", program, "-p", hung.pid)
    gcore = gcore_core(hung.kvd)
    doors.said["gcore core"] = sound(asyncdump(gcore, "--json"))
    gdb_door("gdb gcore core", program, gcore)
    if kernel_core_refusal() is None:
        core = kernel_core(hung.kvd)
        doors.said["kernel core"] = sound(asyncdump(core, "--json"))
        gdb_door("gdb kernel core", program, core)
    return doors


@pytest.fixture(scope="module", params=BUILDS, ids=lambda build: str(build.name))
def doors(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Doors]:
    build: Path = request.param
    folder = tmp_path_factory.mktemp("doors")
    server = Kvd(build / "fixtures" / "kvd", folder, ("--transfer-delay", "300"))
    try:
        yield ask_every_door(build, hang(server, WAITERS), folder)
    finally:
        server.kill()


def awaited(task: Task) -> tuple[Any, ...]:
    """What a task waits for, as the server would say it: kind, name, owner."""
    future = task["awaits"]
    if future is None:
        return (None, None, None)
    return (future["kind"], future["name"] or future["peer"], future["owner"])


def own_functions(task: Task) -> list[str]:
    """The program's own functions, outermost first."""
    return [line["function"] for line in reversed(task["stack"]) if not line["hidden"]]


@pytest.mark.parametrize("door", DOORS)
def test_the_same_tasks_states_and_awaited_objects(doors: Doors, door: str) -> None:
    found = [
        (task["id"], task["name"], task["state"], *awaited(task)) for task in doors.tasks(door)
    ]
    wanted = []
    for task in doors.truth:
        waits = task["waits_for"] or {"kind": None, "object": None, "owner": None}
        head = (task["id"], task["name"], task["state"])
        wanted.append((*head, waits["kind"], waits["object"], waits["owner"]))
    assert found == wanted


@pytest.mark.parametrize("door", DOORS)
def test_the_same_functions(doors: Doors, door: str) -> None:
    found = {task["name"]: own_functions(task) for task in doors.tasks(door)}
    assert found == {task["name"]: task["functions"] for task in doors.truth}


@pytest.mark.parametrize("door", DOORS)
def test_stacks_are_complete(doors: Doors, door: str) -> None:
    """They end in the trampoline, which is hidden as all of the runtime is; nothing is below."""
    for task, true in zip(doors.tasks(door), doors.truth):
        assert task["stack_end"] is None, task["stack_end"]
        lines = task["stack"]
        visible = [i for i, line in enumerate(lines) if not line["hidden"]]
        assert lines[visible[-1]]["function"] == true["functions"][0]
        assert lines[-1]["function"] == "async_entry" and lines[-1]["hidden"]
        below = [line["function"] for line in lines[visible[-1] + 1 :]]
        assert all(function.startswith("async_") for function in below), below
        assert all(line["file"] and line["line"] for line in lines if not line["hidden"])


@pytest.mark.parametrize("door", DOORS[1:])
def test_the_doors_agree_in_every_word(doors: Doors, door: str) -> None:
    def still(task: Task) -> Task:
        future = task["awaits"]
        kept = future and {key: value for key, value in future.items() if key not in MOVING}
        return {**{key: task[key] for key in task.keys() - MOVING}, "awaits": kept}

    found = {task["id"]: still(task) for task in doors.tasks(door)}
    assert found == {task["id"]: still(task) for task in doors.tasks("live")}
    assert doors.said[door]["verdict"] == doors.said["live"]["verdict"] == "hung"
    assert doors.said[door]["findings"][0]["tasks"] == doors.said["live"]["findings"][0]["tasks"]


@pytest.mark.parametrize("door", [door for door in DOORS if door.startswith("gdb")])
def test_the_frames_that_gdb_walks_are_the_engines(doors: Doors, door: str) -> None:
    for task in doors.tasks(door):
        frames = doors.frames[door][str(task["id"])]
        bridge = next(i for i, frame in enumerate(frames) if frame["function"] == "async_bridge")
        mine = [line["function"] for line in task["stack"] if line["function"]]
        assert [frame["function"] for frame in frames[bridge + 1 :] if frame["function"]] == mine
        # The frame next to the bridge is the runtime's; GDB shows its line as after an interruption.
        places = [(line["function"], line["line"]) for line in task["stack"] if line["line"]]
        walked = [(frame["function"], frame["line"]) for frame in frames if frame["line"]]
        assert walked[-len(places) + 1 :] == places[1:]
        assert frames[-1]["function"] == "async_entry" and frames[-1]["end"] == "outermost"


# ---- What is left when files are lost ----


@dataclass
class Bereft:
    """A server whose program is a copy that the test may spoil."""

    hung: Hung
    program: Path
    asyncdump: Asyncdump

    def core(self) -> Path:
        kernel = kernel_core_refusal() is None
        return kernel_core(self.hung.kvd) if kernel else gcore_core(self.hung.kvd)

    def assert_told_in_full(self, found: dict[str, Any]) -> None:
        """Names, states and awaited objects, all of them."""
        truth = sorted(self.hung.truth["tasks"], key=lambda task: int(task["id"]))
        for task, true in zip(found["tasks"], truth, strict=True):
            assert (task["id"], task["name"], task["state"]) == (
                true["id"],
                true["name"],
                true["state"],
            )
            waits = true["waits_for"]
            assert awaited(task) == (waits["kind"], waits["object"], waits["owner"])
        assert found["verdict"] == "hung"
        assert sorted(found["findings"][0]["tasks"]) == sorted(t["id"] for t in self.hung.cycle())


@pytest.fixture(params=BUILDS, ids=lambda build: str(build.name))
def bereft(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bereft]:
    """Not yet spoiled, but for being stripped when the test is named so."""
    build: Path = request.param
    program = tmp_path / "kvd"
    shutil.copy(build / "fixtures" / "kvd", program)
    if "stripped" in request.node.name:
        subprocess.run(["strip", program], check=True)
    server = Kvd(program, tmp_path / "run", ("--transfer-delay", "300"))
    try:
        yield Bereft(hang(server, WAITERS), program, Asyncdump(build / "analyzer" / "asyncdump"))
    finally:
        server.kill()


def losses(found: dict[str, Any]) -> str:
    return "\n".join(loss["what"] for loss in found["losses"] if loss["partial"])


def test_a_stripped_program(bereft: Bereft) -> None:
    core = bereft.core()
    said = bereft.asyncdump(core, "--json")
    assert (said.status, said.err) == (3, "")
    bereft.assert_told_in_full(said.json)
    assert "kvd" in losses(said.json) and "function" in losses(said.json)
    # Its unwind tables are still there, so its stacks are too, without names.
    assert all(task["stack_end"] is None for task in said.json["tasks"])
    assert all(line["module"] for task in said.json["tasks"] for line in task["stack"])
    screen = bereft.asyncdump(core)
    assert screen.status == 3 and "DEADLOCK" in screen.out and "lost:" in screen.out


def test_a_stripped_program_live(bereft: Bereft) -> None:
    said = bereft.asyncdump("-p", bereft.hung.pid, "--json")
    assert (said.status, said.err) == (3, "")
    bereft.assert_told_in_full(said.json)
    assert "kvd" in losses(said.json)


def test_a_program_that_is_missing(bereft: Bereft) -> None:
    core = bereft.core()
    bereft.program.rename(bereft.program.with_name("elsewhere"))
    said = bereft.asyncdump(core, "--json")
    assert (said.status, said.err) == (3, "")
    bereft.assert_told_in_full(said.json)
    assert "kvd" in losses(said.json)
    screen = bereft.asyncdump(core)
    assert screen.status == 3 and "DEADLOCK" in screen.out
    assert "binary missing" in screen.out.splitlines()[0]
    # Named on the command line, it is found again.
    again = bereft.asyncdump(core, bereft.program.with_name("elsewhere"), "--json")
    assert (again.status, again.err) == (0, ""), losses(again.json)
    assert own_functions(again.json["tasks"][0])


def test_a_program_that_was_replaced(bereft: Bereft) -> None:
    """Built anew since: its build-id differs, and it must not be believed."""
    core = bereft.core()
    bereft.program.unlink()
    shutil.copy("/bin/true", bereft.program)
    said = bereft.asyncdump(core, "--json")
    assert (said.status, said.err) == (3, "")
    bereft.assert_told_in_full(said.json)
    assert "build-id" in losses(said.json)
    assert "binary differs" in bereft.asyncdump(core).out.splitlines()[0]
