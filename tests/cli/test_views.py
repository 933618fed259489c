# SPDX-License-Identifier: MIT
"""What the views say of real targets, held against what the server says of itself."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from command import Asyncdump
from harness import Hung, Kvd, TruthTask

SCREEN_MAX = 4096
AGE = r"\d+(?:ms|us|s|m\d\ds)"


@pytest.fixture(params=["kernel", "gcore", "live"])
def target(
    request: pytest.FixtureRequest, core_of: Callable[..., Path]
) -> Callable[[Kvd], list[str]]:
    """target(server) is how the command reads it: a core of either kind, or the process itself."""

    def name(server: Kvd) -> list[str]:
        if request.param == "live":
            return ["-p", str(server.pid)]
        return [str(core_of(server, request.param))]

    return name


def blocks(tasks_view: str) -> Iterator[tuple[int, str, list[str]]]:
    """Of --tasks: each task's id, its header, and the functions of its stack, outermost first. Details
    that a task may have, a line for each, are left out."""
    for block in tasks_view.rstrip("\n").split("\n\n"):
        header, *lines = [line for line in block.split("\n") if not re.match(r"  [a-z]", line)]
        match = re.match(r"#(\d+) ", header)
        assert match, header
        frames = [
            re.fullmatch(r"  #\d+ +(\S+)  at \S+:\d+(?: \(inlined\))?", line) for line in lines
        ]
        assert all(frames), block
        yield int(match[1]), header, [frame[1] for frame in reversed(frames) if frame]


def cycle(hung: Hung) -> list[TruthTask]:
    return sorted(hung.cycle(), key=lambda task: int(task["id"]))


def member_rows(screen: str) -> list[tuple[int, str, str, int, str]]:
    """Of the DEADLOCK block: id, name, object, owner, place."""
    who = r'(?:DEADLOCK|        )  #(\d+) "([^"]*)"'
    pattern = rf"^{who} +waits for mutex (.+), held by #(\d+) for {AGE} +(.+)$"
    return [
        (int(id_), name, object_, int(owner), place)
        for id_, name, object_, owner, place in re.findall(pattern, screen, re.MULTILINE)
    ]


def test_the_first_screen_names_the_culprits(
    asyncdump: Asyncdump, hung_kvd: Callable[..., Hung], target: Callable[[Kvd], list[str]]
) -> None:
    hung = hung_kvd(12)
    said = asyncdump(*target(hung.kvd))
    lines = said.out.split("\n")
    count = len(hung.truth["tasks"])
    assert (said.status, said.err) == (0, "")
    assert re.search(rf"kvd \(.*\)  build-id ok  tasks read {count} of {count}$", lines[0])
    assert lines[1] == f"HUNG: 1 deadlock; 12 of {count} tasks wait on it"
    assert re.match(
        rf"tasks {count}: \d+ waiting  \d+ sleeping  0 ready  0 running    workers 1, ", lines[2]
    )
    rows = member_rows(said.out)
    expected = [
        (task["id"], task["name"], task["waits_for"]["object"], task["waits_for"]["owner"])
        for task in cycle(hung)
    ]
    assert [row[:4] for row in rows] == expected
    place = r"lock_pair command_keys\.c:\d+ > store_lock store\.c:\d+ > lock_entry store\.c:\d+"
    assert all(re.fullmatch(place, row[4]) for row in rows)
    for key in ("alice", "bob"):
        assert f"BLOCKER   mutex key {key}: 6 tasks wait on it; held by #" in said.out
    assert len(said.out.encode()) < SCREEN_MAX


def test_groups_add_up(
    asyncdump: Asyncdump, hung_kvd: Callable[..., Hung], target: Callable[[Kvd], list[str]]
) -> None:
    hung = hung_kvd(12)
    screen = asyncdump(*target(hung.kvd)).out
    table = screen[screen.index("\nCOUNT ") + 1 :].split("\n\n")[0].rstrip("\n").split("\n")
    groups = [
        re.fullmatch(rf" *(\d+) +(?:{AGE}|-)  (\w+) +(.+?)  +(.+?)  +((?:#\d+ ?)+(?:\.\.\.)?)", row)
        for row in table[1:]
    ]
    assert all(groups), table
    counts = [int(group[1]) for group in groups if group]
    assert sum(counts) == len(hung.truth["tasks"])
    assert counts == sorted(counts, reverse=True)
    assert counts[:3] == [6, 6, 2]
    for group in groups[:2]:
        assert group and re.match(r"mutex key (alice|bob), held by #\d+$", group[3])
        assert re.match(r"serve_client client\.c:\d+ > .*lock_entry store\.c:\d+$", group[4])


def test_a_task_that_waits_for_itself(asyncdump: Asyncdump, hung_kvd: Callable[..., Hung]) -> None:
    hung = hung_kvd(1, keys=("solo",))
    screen = asyncdump("-p", hung.pid).out
    (row,) = member_rows(screen)
    assert row[0] == row[3] == hung.cycle()[0]["id"]
    assert "\nHUNG: 1 deadlock; 1 of " in screen and " tasks waits on it\n" in screen


def test_a_long_cycle_is_shortened(asyncdump: Asyncdump, hung_kvd: Callable[..., Hung]) -> None:
    keys = [f"k{i}" for i in range(20)]
    hung = hung_kvd(0, keys=keys)
    screen = asyncdump("-p", hung.pid).out
    assert len(member_rows(screen)) == 6
    assert "... and 14 more, each waiting for the next ..." in screen
    (deadlock,) = [
        f for f in asyncdump("-p", hung.pid, "--json").json["findings"] if f["code"] == "deadlock"
    ]
    owners = {task["id"]: task["waits_for"]["owner"] for task in hung.cycle()}
    chain = deadlock["tasks"]
    assert len(chain) == 20
    assert [owners[task] for task in chain] == chain[1:] + chain[:1]


def test_two_deadlocks_at_once(asyncdump: Asyncdump, hung_kvd: Callable[..., Hung]) -> None:
    hung = hung_kvd(4)
    clients = [hung.kvd.client() for _ in range(3)]
    clients[0].call("SET", "x", "1"), clients[0].call("SET", "y", "1")
    clients[1].command("TRANSFER", "x", "y", "1")
    clients[2].command("TRANSFER", "y", "x", "1")
    hung.kvd.truth_when(
        "two deadlocks",
        lambda truth: sum(
            bool(task["waits_for"]) and task["waits_for"]["object"] in ("key x", "key y")
            for task in truth["tasks"]
        )
        == 2,
    )
    screen = asyncdump("-p", hung.pid).out
    assert "\nHUNG: 2 deadlocks; 4 of " in screen
    rows = member_rows(screen)
    assert [row[2] for row in rows][:2] == [
        "key bob",
        "key alice",
    ], "the one with most behind it first"
    assert sorted(row[2] for row in rows[2:]) == ["key x", "key y"]


def test_an_idle_server_is_idle(asyncdump: Asyncdump, kvd: Callable[..., Kvd]) -> None:
    server = kvd()
    clients = [server.client() for _ in range(5)]
    for client in clients:
        assert client.call("PING") == "PONG"

    def at_rest(truth: dict[str, Any]) -> bool:
        readers = [
            task
            for task in truth["tasks"]
            if task["waits_for"] and task["waits_for"]["kind"] == "read"
        ]
        return len(readers) == 5

    server.truth_when("all clients read", at_rest)
    found = asyncdump("-p", server.pid, "--fail-on-finding")
    assert found.status == 0
    assert "\nidle: " in found.out and "DEADLOCK" not in found.out and "BLOCKER" not in found.out
    assert re.search(r"^ +5 .* read, several  ", found.out, re.MULTILINE)


def test_every_task_with_its_whole_stack(
    asyncdump: Asyncdump, hung_kvd: Callable[..., Hung], target: Callable[[Kvd], list[str]]
) -> None:
    hung = hung_kvd(7)
    said = asyncdump(*target(hung.kvd), "--tasks")
    truth: dict[int, TruthTask] = {task["id"]: task for task in hung.truth["tasks"]}
    assert (said.status, said.err) == (0, "")
    seen = {id_: (header, functions) for id_, header, functions in blocks(said.out)}
    assert sorted(seen) == sorted(truth)
    for id_, (header, functions) in seen.items():
        task = truth[id_]
        assert header.startswith(f'#{id_} "{task["name"]}"  ')
        assert [f for f in functions if f in task["functions"]] == task["functions"]
        if task["waits_for"]["kind"] == "mutex":
            wait = (
                f'  mutex {task["waits_for"]["object"]}, held by #{task["waits_for"]["owner"]} for '
            )
            assert wait in header
        if task["name"].startswith(("client", "transfer")):
            assert re.search(r", spawned at fixtures/kvd/client\.c:\d+ by #\d+$", header)


def test_hidden_frames_keep_their_numbers(
    asyncdump: Asyncdump, hung_kvd: Callable[..., Hung]
) -> None:
    hung = hung_kvd(2)
    own = asyncdump("-p", hung.pid, "--tasks").out
    all_ = asyncdump("-p", hung.pid, "--tasks", "--all-frames").out
    frames = set(re.findall(r"^  #\d+ .*$", own, re.MULTILINE))
    more = set(re.findall(r"^  #\d+ .*$", all_, re.MULTILINE))
    assert frames < more
    assert any(frame.startswith("  #0  ") for frame in more - frames)
    assert any(" async_" in frame for frame in more)
    assert not any(" async_" in frame for frame in frames)
    for block in all_.rstrip("\n").split("\n\n"):
        numbers = [int(number) for number in re.findall(r"^  #(\d+)", block, re.MULTILINE)]
        assert numbers == list(range(len(numbers)))


def test_json_says_what_the_screen_says(
    asyncdump: Asyncdump, hung_kvd: Callable[..., Hung], target: Callable[[Kvd], list[str]]
) -> None:
    hung = hung_kvd(5)
    found = asyncdump(*target(hung.kvd), "--json").json
    assert (found["schema"], found["verdict"], found["deadlocks"], found["stuck"]) == (
        1,
        "hung",
        1,
        5,
    )
    assert found["target"]["pid"] == hung.pid and found["losses"] == []
    deadlock, *blockers = found["findings"]
    assert deadlock["code"] == "deadlock" and deadlock["severity"] == "error"
    assert sorted(deadlock["tasks"]) == [task["id"] for task in cycle(hung)]
    assert sum(blocker["total"] for blocker in blockers) == deadlock["total"] == 5
    by_name = {task["name"]: task for task in found["tasks"]}
    for task in hung.truth["tasks"]:
        told = by_name[task["name"]]
        assert told["id"] == task["id"]
        assert told["awaits"]["owner"] == task["waits_for"]["owner"]
        assert told["stack_end"] is None
    assert sum(found["tally"].values()) == len(found["tasks"])


@pytest.mark.parametrize("waiters", [200])
def test_the_screen_stays_small(
    asyncdump: Asyncdump, hung_kvd: Callable[..., Hung], waiters: int
) -> None:
    hung = hung_kvd(waiters)
    screen = asyncdump("-p", hung.pid).out
    assert f"; {waiters} of {len(hung.truth['tasks'])} tasks wait on it" in screen
    assert len(screen.encode()) < SCREEN_MAX


def test_the_number_of_groups(asyncdump: Asyncdump, hung_kvd: Callable[..., Hung]) -> None:
    hung = hung_kvd(4)
    one = asyncdump("-p", hung.pid, "--groups", "1").out
    more = re.search(r"^(\d+) more groups \(--groups (\d+) shows them\)$", one, re.MULTILINE)
    assert more and int(more[2]) == int(more[1]) + 1
    assert "more group" not in asyncdump("-p", hung.pid, "--groups", more[2]).out
