# SPDX-License-Identifier: MIT
"""Groups, trees, tables and folded stacks of a server's core, held against its own account."""

from __future__ import annotations

import collections
import csv
import io
import re
import shutil
import subprocess
from pathlib import Path
from typing import Callable

import pytest

from command import Asyncdump
from harness import Hung

WAITERS = 6


@pytest.fixture
def hung(hung_kvd: Callable[..., Hung]) -> Hung:
    return hung_kvd(WAITERS)


@pytest.fixture
def core(hung: Hung, core_of: Callable[..., Path]) -> Path:
    return core_of(hung.kvd, "gcore")


def test_a_table_for_programs(asyncdump: Asyncdump, hung: Hung, core: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(asyncdump(core, "--csv").out)))
    truth = {str(task["id"]): task for task in hung.truth["tasks"]}
    assert {row["id"] for row in rows} == set(truth) and len(rows) == len(truth)
    for row in rows:
        task = truth[row["id"]]
        assert row["name"] == task["name"]
        owner = task["waits_for"] and task["waits_for"]["owner"]
        assert row["owner"] == (str(owner) if owner else "")
        frames = row["frame"].split()
        assert [f for f in frames if f in task["functions"]] == task["functions"][::-1]


def test_stacks_for_flame_graphs(asyncdump: Asyncdump, hung: Hung, core: Path) -> None:
    counts: collections.Counter[str] = collections.Counter()
    for line in asyncdump(core, "--folded").out.splitlines():
        stack, count = line.rsplit(" ", 1)
        counts[stack] += int(count)
    assert sum(counts.values()) == len(hung.truth["tasks"])
    for task in hung.truth["tasks"]:
        assert any(
            [f for f in stack.split(";") if f in task["functions"]] == task["functions"]
            for stack in counts
        ), task


def test_groups_hold_every_task_once(asyncdump: Asyncdump, hung: Hung, core: Path) -> None:
    for key in ("stack", "wait", "spawn", "state", "label.none", "worker"):
        rows = re.findall(r"^ *(\d+)  ", asyncdump(core, "--group", key).out, re.MULTILINE)
        assert sum(map(int, rows)) == len(hung.truth["tasks"]), key
    words = asyncdump("/nowhere", "--group", "nothing").refused(2)
    assert "--group: nothing is nothing to group by; there are stack, id, name" in words


def test_trees(asyncdump: Asyncdump, hung: Hung, core: Path) -> None:
    tree = asyncdump(core, "--tree").out
    first, second = sorted(task["id"] for task in hung.cycle())
    assert re.search(
        rf"^#{first} .*\(a cycle: above it is #{second} again\)\n  #{second} ", tree, re.MULTILINE
    )
    times = re.findall(r"^ *(?:\[x(\d+) of\] )?#\d+ ", tree, re.MULTILINE)
    assert sum(int(number or 1) for number in times) == len(hung.truth["tasks"])
    spawned = asyncdump(core, "--tree=spawned").out
    assert re.search(r'^#1 "main" .*\n  #', spawned) and '\n    [x2 of] #6 "transfer' in spawned


def test_one_task(asyncdump: Asyncdump, hung: Hung, core: Path) -> None:
    member = hung.cycle()[0]
    said = asyncdump(core, "--task", member["id"]).out
    assert said.startswith(f"#{member['id']} \"{member['name']}\"  waiting ")
    assert re.search(rf"^  owner +{member['waits_for']['owner']}$", said, re.MULTILINE)
    assert "there is no task 77777 here" in asyncdump(core, "--task", "77777").refused(2)


def judge(program: str, *arguments: object, text: str = "") -> str:
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    argv = [program, *map(str, arguments)]
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_profile_for_pprof(asyncdump: Asyncdump, hung: Hung, core: Path, tmp_path: Path) -> None:
    profile = tmp_path / "tasks.pb.gz"
    said = asyncdump(core, "--pprof", profile)
    assert (said.status, said.err) == (0, "")
    top = judge("go", "tool", "pprof", "-top", "-nodefraction=0", profile)
    every = len(hung.truth["tasks"])
    assert f"Showing nodes accounting for {every}, 100% of {every} total" in top
    for function in {name for task in hung.truth["tasks"] for name in task["functions"]}:
        number = sum(function in task["functions"] for task in hung.truth["tasks"])
        row = re.search(rf"^ .* (\d+) +\S+%  {function}(?: \(inline\))?$", top, re.MULTILINE)
        assert row and int(row[1]) == number, function
    waits = judge("go", "tool", "pprof", "-raw", profile)
    assert "wait/nanoseconds tasks/count" in waits
    words = asyncdump(core, "--pprof", tmp_path).refused(4)
    assert "the profile cannot be written to" in words


def test_a_graph_for_graphviz(asyncdump: Asyncdump, hung: Hung, core: Path) -> None:
    drawn = judge("dot", "-Tplain", text=asyncdump(core, "--dot").out)
    edges = set(re.findall(r"^edge (\w+) (\w+) ", drawn, re.MULTILINE))
    first, second = hung.cycle()
    held = {owner for future, owner in edges if (f"t{first['id']}", future) in edges}
    assert held == {f"t{first['waits_for']['owner']}"} == {f"t{second['id']}"}
    assert "</svg>" in judge("dot", "-Tsvg", text=asyncdump(core, "--dot").out)


def test_workers_and_futures(asyncdump: Asyncdump, hung: Hung, core: Path) -> None:
    assert re.search(r"^ +0  polling  \d+ .* -$", asyncdump(core, "--workers").out, re.MULTILINE)
    futures = asyncdump(core, "--futures").out
    for task in hung.cycle():
        kept = task["waits_for"]
        row = re.search(rf"^0x\S+ +(\d+)  held .*mutex {kept['object']}, ", futures, re.MULTILINE)
        waiting = [t for t in hung.truth["tasks"] if t["waits_for"] == kept]
        assert row and int(row[1]) == len(waiting)


def test_what_an_address_is(asyncdump: Asyncdump, hung: Hung, core: Path) -> None:
    found = asyncdump(core, "--json").json
    for row in csv.DictReader(io.StringIO(asyncdump(core, "--csv").out)):
        name = f"#{row['id']} \"{row['name']}\""
        said = asyncdump(core, "--whatis", row["address"]).out
        assert f"{row['address']} is the record of task {name}, {row['state']}\n" in said
        if row["kind"] == "mutex":
            said = asyncdump(core, "--whatis", row["future"]).out
            assert f"{row['future']} is the future mutex {row['object']}, held by " in said
            break
    line = found["tasks"][0]["stack"][0]
    assert (
        f"{line['pc']} is code: {line['function']}" in asyncdump(core, "--whatis", line["pc"]).out
    )
    assert "0x10 is in no task" in asyncdump(core, "--whatis", "0x10").out
    assert "--whatis" in asyncdump("--help").out
    asyncdump(core, "--whatis", "here").refused(2)
