# SPDX-License-Identifier: MIT
"""The third form of a context: registers in a plain record of the runtime's own (plain.c)."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Callable, Sequence

import pytest

from command import Asyncdump
from office import REPOSITORY, gdb_script
from harness import Program, eventually

LOOK = """
def look(name):
    printed = run("async-task " + name)
    frames, doubled = stack(), []
    for frame in frames:
        if frame["function"] == "deep":
            run(f"frame {frame['level']}")
            doubled.append(int(value("doubled")))
    run("up 100")
    say(**{name: [printed, frames, doubled, selected()[1], run("bt")]})
look("walker")
run("frame function walk")
say(steps=value("steps"))
look("sleeper")
"""


@pytest.fixture(params=["-O0", "-O2", "-O0 -DBRIDGE", "-O2 -DBRIDGE"])
def plain(
    request: pytest.FixtureRequest, tmp_path: Path, launch: Callable[[Sequence[str]], Program]
) -> Program:
    program = tmp_path / "plain"
    source = REPOSITORY / "tests" / "adopt" / "plain.c"
    include = REPOSITORY / "runtime" / "include"
    command = ["cc", *request.param.split(), "-g", "-D_GNU_SOURCE", f"-I{include}", "-o", program]
    subprocess.run([*command, source], check=True)
    running = launch([str(program)])
    assert running.read_line() == "parked"
    eventually("its sleep", lambda: running.state() == "S")
    return running


def test_asyncdump_reads_it(plain: Program, asyncdump: Asyncdump) -> None:
    said = asyncdump("-p", plain.pid, "--json")
    assert (said.status, said.err) == (0, "")
    walker, sleeper = said.json["tasks"]
    assert (walker["name"], walker["state"]) == ("walker", "parked")
    assert (sleeper["name"], sleeper["state"]) == ("sleeper", "fresh")
    own = [line["function"] for line in walker["stack"]]
    assert own == ["park", "deep", "deep", "deep", "deep", "walk", "plain_end"]
    assert [line["function"] for line in sleeper["stack"]] == ["sleep_in", "plain_end"]
    for task in (walker, sleeper):
        assert task["stack_end"] is None
        assert task["stack"][-1]["offset"] == 0, "named by its exact place"


def test_gdb_shows_it(plain: Program, asyncdump: Asyncdump, tmp_path: Path) -> None:
    told = gdb_script(tmp_path, LOOK, ["-p", plain.pid], asyncdump.program)
    _printed, frames, doubled, last, bt = told["walker"]
    assert doubled == [0, 2, 4, 6] and told["steps"] == "9"
    names = [frame["function"] for frame in frames if not frame["inlined"]]
    assert names[-7:-1] == ["park", "deep", "deep", "deep", "deep", "walk"]
    assert last == names[-1] != "walk", "`up` comes to the end that is told, and no further"
    assert bt.splitlines()[-1].startswith(f"#{frames[-1]['level']} ")
    printed, frames, _doubled, _last, _bt = told["sleeper"]
    assert "in sleep_in ()" in printed or " sleep_in ()" in printed
    assert frames[-2]["function"] == "sleep_in"
