# SPDX-License-Identifier: MIT
"""What each door says of the waits program is, field by field, what that knows of itself."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from doors import DOORS
from waits import Task, Waits

Field = tuple[Callable[[Task], Any], Callable[[Task, dict[str, Any]], Any]]


def place(of: Any) -> Any:
    """File and line: a site has no function."""
    return of and (of["file"], of["line"])


def deadline(left: Any, dump: dict[str, Any]) -> Any:
    """A time left, as a point in time."""
    return None if left is None else left + dump["target"]["now_ns"]


def cancelled_at(cancel: Any, site: str) -> Any:
    return cancel and (cancel["state"], cancel["by"], place(cancel[site]))


def failed_at(error: Any, site: str) -> Any:
    return error and (error["code"], error["text"], place(error[site]))


# Of every task: what the account has, and the same from the dump.
TASK: dict[str, Field] = {
    "name": (lambda true: true["name"], lambda task, _: task["name"]),
    "state": (lambda true: true["state"], lambda task, _: task["state"]),
    "worker": (lambda true: true["worker"], lambda task, _: task["worker"]),
    "spawn site": (lambda true: place(true["spawned"]), lambda task, _: place(task["spawn_site"])),
    "start": (lambda true: true["start"], lambda task, _: task["start"]["function"]),
    "timeout": (lambda true: true["timeout"], lambda t, dump: deadline(t["deadline_ns"], dump)),
    "ready": (lambda true: true["ready"], lambda task, _: task["ready"]),
    "flags": (lambda true: true["flags"], lambda task, _: sorted(task["flags"])),
    "labels": (
        lambda true: true["labels"],
        lambda task, _: sorted(task["labels"], key=lambda label: str(label["key"])),
    ),
    "locals": (lambda true: true["locals"], lambda task, _: task["locals"] is not None),
    "cancel": (
        lambda true: cancelled_at(true["cancel"], "place"),
        lambda task, _: cancelled_at(task["cancel"], "site"),
    ),
    "error": (
        lambda true: failed_at(true["error"], "place"),
        lambda task, _: failed_at(task["error"], "site"),
    ),
}

# Of what every waiting task waits for.
WAIT: dict[str, Field] = {
    "kind": (lambda true: true["kind"], lambda wait, _: wait["kind"]),
    "state": (lambda true: true["state"], lambda wait, _: wait["state"]),
    "object": (lambda true: true["object"], lambda wait, _: wait["name"]),
    "peer": (lambda true: true["peer"], lambda wait, _: wait["peer"]),
    "fd": (lambda true: true["fd"], lambda wait, _: wait["fd"]),
    "site": (lambda true: place(true["made"]), lambda wait, _: place(wait["site"])),
    "owner": (lambda true: true["owner"], lambda wait, _: wait["owner"]),
    "deadline": (lambda true: true["deadline"], lambda w, dump: deadline(w["deadline_ns"], dump)),
    "size": (lambda true: true["size"], lambda wait, _: wait["size"]),
    "capacity": (lambda true: true["capacity"], lambda wait, _: wait["capacity"]),
    "count": (lambda true: true["count"], lambda wait, _: wait["count"]),
    "senders": (lambda true: true["senders"], lambda wait, _: wait["senders"]),
    "receivers": (lambda true: true["receivers"], lambda wait, _: wait["receivers"]),
    "worker": (lambda true: true["worker"], lambda wait, _: wait["worker"]),
    "thread": (lambda true: true["thread"], lambda wait, _: wait["thread"]),
    "waiters": (lambda true: true["waiters"], lambda wait, _: wait["waiters"]),
    "holders": (
        lambda true: true["holders"],
        lambda wait, _: [holder["task"] for holder in wait["holders"]],
    ),
    "parts": (
        lambda true: true["parts"],
        lambda wait, _: [
            {key: part[key] for key in ("kind", "name", "owner")} for part in wait["children"]
        ],
    ),
}


@pytest.mark.parametrize("field", TASK)
@pytest.mark.parametrize("door", DOORS)
def test_tasks(waits: Waits, door: str, field: str) -> None:
    told, read = TASK[field]
    true = {id_: told(task) for id_, task in waits.here().items()}
    assert {id_: read(task, waits.dump(door)) for id_, task in waits.tasks(door).items()} == true


@pytest.mark.parametrize("field", WAIT)
@pytest.mark.parametrize("door", DOORS)
def test_what_they_wait_for(waits: Waits, door: str, field: str) -> None:
    told, read = WAIT[field]
    tasks = waits.tasks(door)
    true = {task["name"]: told(task["wait"]) for task in waits.waiting().values()}
    found = {
        tasks[id_]["name"]: read(tasks[id_]["awaits"], waits.dump(door)) for id_ in waits.waiting()
    }
    assert found == true
    assert all(tasks[id_]["awaits"] is None for id_ in tasks.keys() - waits.waiting().keys())


@pytest.mark.parametrize("door", DOORS)
def test_parents(waits: Waits, door: str) -> None:
    """A parent that is gone is told as no task."""
    here = waits.here()
    true = {i: t["parent"] if t["parent"] in here else None for i, t in here.items()}
    assert {id_: task["parent"] for id_, task in waits.tasks(door).items()} == true
    assert sum(parent is None for parent in true.values()) < 7


@pytest.mark.parametrize("door", DOORS)
def test_groups(waits: Waits, door: str) -> None:
    """The group of its children is what the task that made it waits for."""
    tasks = waits.tasks(door)
    groups = {
        t["wait"]["object"]: i for i, t in waits.waiting().items() if t["wait"]["kind"] == "group"
    }
    assert len(groups) == 1
    for id_, true in waits.here().items():
        wanted = true["group"] and tasks[groups[true["group"]]]["awaits"]["address"]
        assert tasks[id_]["group"] == wanted


@pytest.mark.parametrize("door", DOORS)
def test_stacks(waits: Waits, door: str) -> None:
    """The first frame that is shown is the task's own, at the line of the call that waits, and the last one is
    its start function; the runtime's frames, static functions too, are hidden."""
    for id_, true in waits.here().items():
        lines = waits.tasks(door)[id_]["stack"] or []
        shown = [line for line in lines if not line["hidden"]]
        if true["at"] is None:
            assert not shown, (true["name"], shown)
            unbegun = waits.tasks(door)[id_]["stack_end"] == "it has not begun"
            assert unbegun != bool(true["ended"]), true["name"]
            continue
        own = [line for line in shown if "fixtures/waits/" in (line["file"] or "")]
        assert own == shown or true["state"] == "running", (true["name"], shown)
        assert (own[0]["function"], *place(own[0])) == (true["at"]["function"], *place(true["at"]))
        assert shown[-1]["function"] == true["start"]
        assert waits.tasks(door)[id_]["stack_end"] is None


@pytest.mark.parametrize("door", DOORS)
def test_spawn_stacks(waits: Waits, door: str) -> None:
    """As recorded in debug mode."""
    for id_, true in waits.here().items():
        shown = [line for line in waits.tasks(door)[id_]["spawn_stack"] if not line["hidden"]]
        if true["spawned"]:
            assert place(shown[0]) == place(true["spawned"]), true["name"]
            assert shown[0]["function"] == true["spawned"]["function"]


@pytest.mark.parametrize("door", DOORS)
def test_error_stacks(waits: Waits, door: str) -> None:
    failed = 0
    for id_, true in waits.here().items():
        stack = waits.tasks(door)[id_]["error_stack"]
        assert (stack is not None) == bool(true["error"] and true["error"]["place"])
        if stack:
            own = next(line for line in stack if not line["hidden"])
            assert place(own) == place(true["error"]["place"])
            failed += 1
    assert failed == 1


@pytest.mark.parametrize("door", DOORS)
def test_stack_sizes(waits: Waits, door: str) -> None:
    """What is in use at least is what the task itself knows of."""
    deep = 0
    for id_, true in waits.here().items():
        task = waits.tasks(door)[id_]
        if true["at"] is None:
            assert task["stack_used_max"] is None or true["ended"], true["name"]
            continue
        deep += true["depth"] > 20000
        if true["state"] != "running":  # not measured yet, perhaps
            assert true["depth"] <= task["stack_used_max"] < task["stack_size"]
            assert 65536 - 4096 < task["stack_size"] <= 65536
            assert task["stack_used_max"] < true["depth"] + 16384
    assert deep == 1


@pytest.mark.parametrize("door", DOORS)
def test_times(waits: Waits, door: str) -> None:
    age = waits.dump(door)["target"]["runtimes"][0]["started_ns"]
    for id_, true in waits.here().items():
        times = waits.tasks(door)[id_]["times"]
        if true["at"] is None and not true["ended"]:
            assert times is None
        elif true["state"] != "running":
            assert 0 < times["longest_step_ns"] <= times["wall_ns"] <= age
            assert 0 <= times["cpu_ns"] <= times["wall_ns"]
    counted = [task["times"] for task in waits.tasks(door).values() if task["times"]]
    assert sum(times["cpu_ns"] for times in counted) > 0


@pytest.mark.parametrize("door", DOORS)
def test_ages(waits: Waits, door: str) -> None:
    """Each thing that has happened did so while the program ran."""
    dump = waits.dump(door)
    ages: dict[str, list[Any]] = {
        "task": [task["age_ns"] for task in dump["tasks"]],
        "cancel": [task["cancel"]["at_ns"] for task in dump["tasks"] if task["cancel"]],
        "handle": [handle["age_ns"] for handle in dump["handles"]],
        "finished": [task["age_ns"] + task["life_ns"] for task in dump["finished"]],
    }
    futures = [task["awaits"] for task in dump["tasks"] if task["awaits"]]
    ages["future"] = [future["created_ns"] for future in futures]
    owned = ("mutex", "rwlock read", "promise")
    ages["owner"] = [future["held_ns"] for future in futures if future["kind"] in owned]
    ages["holder"] = [holder["held_ns"] for f in futures for holder in f["holders"]]
    for what, found in ages.items():
        assert found and all(age is not None for age in found), what
        assert all(0 <= age <= dump["target"]["runtimes"][0]["started_ns"] for age in found), what


@pytest.mark.parametrize("door", DOORS)
def test_workers(waits: Waits, door: str) -> None:
    here = waits.here().values()
    for worker in waits.dump(door)["workers"]:
        mine = [task for task in here if task["worker"] == worker["id"]]
        ready = [task for task in mine if task["state"] == "ready"]
        current = next(task for task in mine if task["state"] == "running")
        assert worker["tasks"] == len(mine)
        assert worker["current"] == current["id"]
        assert worker["thread"] == current["thread"]
        assert {task["thread"] for task in mine if task["thread"]} == {worker["thread"]}
        assert worker["ready"] == sum(task["ready"]["position"] is not None for task in ready)
        assert worker["inbox"] == sum(task["ready"]["position"] is None for task in ready)
        assert (worker["state"], worker["state_class"]) == ("task", "task")
        sleeps = [task["wait"]["deadline"] for task in mine if task["wait"]]
        due = sorted(at for at in [*sleeps, *(task["timeout"] for task in mine)] if at)
        assert deadline(worker["next_timer_ns"], waits.dump(door)) == due[0]
        assert worker["timers"] >= len(due)
    assert len(waits.dump(door)["workers"]) == 2


@pytest.mark.parametrize("door", DOORS)
def test_history(waits: Waits, door: str) -> None:
    """The newest first; of tasks that are still on record the record itself tells."""
    released = [task for task in waits.account["tasks"] if task["released"]]
    true = sorted(released, key=lambda task: -int(task["ended"]))
    found = waits.dump(door)["finished"]
    assert [
        (t["id"], t["name"], t["state"], t["parent"], t["start"]["function"]) for t in found
    ] == [(t["id"], t["name"], t["state"], t["parent"], t["start"]) for t in true]
    for task, told in zip(found, true):
        assert place(task["spawn_site"]) == place(told["spawned"])
        assert task["error"] is None
        assert told["steps"] in (task["resumes"], None)
        assert ("detached" in task["flags"]) == ("detached" in told["flags"])
    assert len(found) == 5


@pytest.mark.parametrize("door", DOORS)
def test_counts(waits: Waits, door: str) -> None:
    runtime = waits.dump(door)["target"]["runtimes"][0]
    tasks = waits.account["tasks"]
    ended = [task for task in tasks if task["ended"]]
    assert runtime["tasks_spawned"] == len(tasks)
    assert runtime["tasks_finished"] == len(ended)
    assert runtime["tasks_read"] == runtime["tasks_declared"] == len(waits.here())
    assert (runtime["debug_flags"], runtime["slow_step_ns"]) == (3, 60_000_000_000)
    assert runtime["pid"] == waits.account["pid"]
    assert not runtime["changing"]
    for id_, task in waits.tasks(door).items():
        steps = waits.here()[id_]["steps"]
        assert steps in (task["resumes"], None)


@pytest.mark.parametrize("door", DOORS)
def test_functions(waits: Waits, door: str) -> None:
    """What all tasks of one function did together."""
    found = {one["start"]["function"]: one for one in waits.dump(door)["functions"]}
    tasks = waits.account["tasks"]
    assert found.keys() == {task["start"] for task in tasks}
    for name, one in found.items():
        mine = [task for task in tasks if task["start"] == name]
        ended = [task for task in mine if task["ended"]]
        assert one["spawned"] == len(mine)
        assert one["finished"] == len(ended)
        assert one["failed"] == sum(task["state"] == "failed" for task in ended)
        if all(task["steps"] for task in ended):
            assert one["resumes"] == sum(task["steps"] for task in ended)
        if all(task["at"] or task["ended"] for task in mine) and mine[0]["state"] != "running":
            assert 0 < one["longest_step_ns"], name
            assert one["longest_step_ns"] <= one["wall_ns"]
            assert one["longest_task"] in {task["id"] for task in mine}


@pytest.mark.parametrize("door", DOORS)
def test_handles(waits: Waits, door: str) -> None:
    def told(handle: dict[str, Any], site: str) -> tuple[Any, ...]:
        fd = -1 if handle["fd"] is None else handle["fd"]
        return (handle["task"], handle["kind"], handle["name"] or "", fd, *place(handle[site]))

    found = sorted(told(handle, "site") for handle in waits.dump(door)["handles"])
    assert found == sorted(told(handle, "opened") for handle in waits.account["handles"])
    assert len(found) >= 9


@pytest.mark.parametrize("door", [door for door in DOORS if door.startswith("gdb")])
def test_the_frames_that_gdb_walks(waits: Waits, door: str) -> None:
    """The task's own frames, as GDB shows them, and the local that only the waiting function has."""
    waits.dump(door)
    for id_, true in waits.here().items():
        if true["at"] is None:
            continue
        frames = waits.stacks[door][str(id_)]
        own = [frame for frame in frames if "fixtures/waits/" in (frame["file"] or "")]
        assert own[0]["function"] == true["at"]["function"]
        assert own[0]["line"] == true["at"]["line"]
        assert own[0]["file"].endswith(true["at"]["file"])  # behind the build folder, with clang
        assert waits.tokens[door][str(id_)] == true["token"]
        assert frames[-1]["end"] == "outermost" or true["state"] == "running"
