# SPDX-License-Identifier: MIT
"""The waits program, its own account, and what each door says of it. conftest.py hands it out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from command import Asyncdump
from doors import sound, through_gdb
from harness import Program, gcore_core, kernel_core, kernel_core_refusal

Account = dict[str, Any]
Task = dict[str, Any]

GDB_SCRIPT = """
import json
from inside import *
places = json.loads(PLACES)
listed = run("info async-tasks --json")
say(json=listed, text=run("info async-tasks"))
stacks, tokens = {}, {}
for task in json.loads(listed)["tasks"]:
    if task["state"] not in ("waiting", "ready", "running"):
        continue
    chosen = str(task["id"])
    if not task["resumes"]:
        assert "has not begun: there is no stack yet" in fails("async-task " + chosen)
        continue
    run("async-task " + chosen)
    stacks[chosen] = stack()
    if chosen in places:
        to_function(places[chosen])
        tokens[chosen] = int(value("token"))
say(stacks=stacks, tokens=tokens, finished=True)
"""


def gdb_script(account: Account) -> str:
    """For each task that has a place of its own: the function it is in, which has the local `token`."""
    places = {str(t["id"]): t["at"]["function"] for t in account["tasks"] if t["at"]}
    return f"PLACES = {json.dumps(places)!r}\n{GDB_SCRIPT}"


@dataclass
class Waits:
    """One started program: its account, and by door what was said of it."""

    build: Path
    program: Program
    account: Account
    said: dict[str, dict[str, Any]] = field(default_factory=dict)
    text: dict[str, str] = field(default_factory=dict)
    stacks: dict[str, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)
    tokens: dict[str, dict[str, int]] = field(default_factory=dict)

    def dump(self, door: str) -> dict[str, Any]:
        if door not in self.said:
            pytest.skip(str(kernel_core_refusal()))
        return self.said[door]

    def tasks(self, door: str) -> dict[int, Task]:
        """By id."""
        return {task["id"]: task for task in self.dump(door)["tasks"]}

    def here(self) -> dict[int, Task]:
        """By id: the account's tasks that are not released."""
        return {task["id"]: task for task in self.account["tasks"] if not task["released"]}

    def waiting(self) -> dict[int, Task]:
        return {id_: task for id_, task in self.here().items() if task["state"] == "waiting"}


def start(build: Path, folder: Path, *arguments: str) -> Waits:
    program = Program([str(build / "fixtures" / "waits"), *arguments], folder)
    try:
        return Waits(build, program, json.loads(program.read_line()))
    except BaseException:
        program.kill()
        raise


def ask_every_door(waits: Waits, folder: Path) -> None:
    """The live doors first: a kernel core ends the program."""
    asyncdump = Asyncdump(waits.build / "analyzer" / "asyncdump")
    program = waits.program
    script = gdb_script(waits.account)

    def engine(name: str, *arguments: object) -> None:
        waits.said[name] = sound(asyncdump(*arguments, "--json"))
        waits.text[name] = asyncdump(*arguments).out

    def gdb(name: str, *arguments: object) -> None:
        told = through_gdb(waits.build, folder, script, program.executable, *arguments)
        waits.said[name] = json.loads(told["json"])
        waits.text[name] = told["text"]
        waits.stacks[name] = told["stacks"]
        waits.tokens[name] = told["tokens"]

    engine("live", "-p", program.pid)
    gdb("gdb live", "-p", program.pid)
    gcore = gcore_core(program)
    engine("gcore core", gcore)
    gdb("gdb gcore core", gcore)
    if kernel_core_refusal() is None:
        core = kernel_core(program)
        engine("kernel core", core)
        gdb("gdb kernel core", core)
