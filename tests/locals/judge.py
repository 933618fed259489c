# SPDX-License-Identifier: MIT
"""Compares asyncdump's arguments and locals with gdb's on the same core."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, Optional

from command import Asyncdump

HERE = Path(__file__).resolve().parent
EXTENSION = HERE.parents[1] / "gdb" / "asyncdump-gdb.py"
PATIENCE = 300

AGREE = "agree"
OPTIMIZED_OUT = "optimized out"
MISSING = "missing"
DIFFERENT = "different"
MORE = "more than gdb"
THREAD_LOCAL = "thread-local, which is not followed"
KINDS = (AGREE, OPTIMIZED_OUT, THREAD_LOCAL, MISSING, DIFFERENT, MORE)

Variable = dict[str, Any]


def gdb_output(engine: Path, program: Path, core: Path, command: str, **more: str) -> str:
    """What gdb with the extension prints of a core."""
    settings = ["width 0", "height 0", "pagination off", "style enabled off", "confirm off"]
    argv = ["gdb", "-nx", "-nh", "-q", "-batch", "-iex", "set auto-load safe-path /"]
    argv += ["-iex", "set debuginfod enabled off"]
    for setting in settings:
        argv += ["-ex", f"set {setting}"]
    argv += ["-ex", f"source {EXTENSION}", "-ex", command]
    plain_environment = {"LC_ALL": "C.UTF-8", "HOME": "/nonexistent", "ASYNCDUMP": str(engine)}
    return subprocess.run(
        [*argv, str(program), str(core)],
        env={"PATH": os.environ["PATH"], **plain_environment, **more},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    ).stdout


def gdb_variables(engine: Path, program: Path, core: Path, ids: list[int]) -> dict[str, Any]:
    """What inside.py tells of these tasks."""
    source = f"source {HERE / 'inside.py'}"
    output = gdb_output(engine, program, core, source, ASYNC_TASKS=" ".join(map(str, ids)))
    told = re.findall(r"^@@(.*)$", output, re.MULTILINE)
    assert told, f"gdb did not come to the end:\n{output}"
    found: dict[str, Any] = json.loads(told[-1])
    return found


def is_lost(value: str) -> bool:
    """It was optimized out, or lies in a register that nobody saved: gdb has one word for both."""
    return bool(re.fullmatch(r"<optimized out>|<not available: register \w+ was not saved>", value))


def is_wholly_lost(value: str) -> bool:
    """gdb goes through a structure of which nothing is left, when there are empty pieces of it."""
    return not re.sub(r"<optimized out>|\w+ = |[{}, ]", "", value)


def plain(value: str) -> str:
    """Without what the two are known to say differently of the same thing.

    gdb also names the objects that pointers lead to, adds a class's static members, and has other words for
    memory that is not there; names of functions are compared with what the program itself has printed.
    """
    value = re.sub(r"(0x[0-9a-f]+) <[^<>\"]*>", r"\1", value)
    value = re.sub(r", static \w+ = \d+", "", value)
    value = re.sub(
        r"<error: Cannot access memory at address (0x[0-9a-f]+)>", r"<no memory \1>", value
    )
    value = re.sub(r"<unreadable at (0x[0-9a-f]+)>", r"<no memory \1>", value)
    return re.sub(r"<not available: register \w+ was not saved>", "<optimized out>", value)


@dataclass(frozen=True)
class Verdict:
    """One variable of one frame."""

    kind: str
    task: str
    function: str
    name: str
    ours: Optional[str]
    theirs: Optional[str]

    def __str__(self) -> str:
        return (
            f"{self.kind}: {self.task}: {self.function}: {self.name}\n"
            f"    asyncdump  {self.ours}\n    gdb        {self.theirs}"
        )


def keyed(variables: list[Variable]) -> dict[tuple[bool, str, int], str]:
    """By kind and name, and by number where the same name is in several blocks: innermost first."""
    seen: Counter[tuple[bool, str]] = Counter()
    found = {}
    for variable in variables:
        key = (bool(variable["argument"]), str(variable["name"]))
        found[(*key, seen[key])] = str(variable["value"])
        seen[key] += 1
    return found


def judge(ours: Optional[str], theirs: Optional[str]) -> str:
    if ours is None or theirs is None:
        return MISSING if ours is None else MORE
    if is_lost(ours) and is_wholly_lost(theirs):
        return OPTIMIZED_OUT
    if ours == "<not available: thread-local>":
        return THREAD_LOCAL
    return AGREE if plain(ours) == plain(theirs) else DIFFERENT


def frame_verdicts(
    task: str, function: str, ours: list[Variable], theirs: list[Variable]
) -> Iterator[Verdict]:
    mine, judges = keyed(ours), keyed(theirs)
    for key in {**judges, **mine}:
        one, other = mine.get(key), judges.get(key)
        yield Verdict(judge(one, other), task, function, key[1], one, other)


def last_name(function: str) -> str:
    """Without the namespace, classes and parameters that C++ has."""
    bare = re.sub(r"\(.*|<.*>", "", function)
    return bare.rpartition("::")[2]


def compare(said: dict[str, Any], told: dict[str, Any]) -> list[Verdict]:
    """Every variable of every frame of the tasks that gdb has told of."""
    verdicts: list[Verdict] = []
    for task in said["tasks"]:
        theirs = told.get(str(task["id"]))
        if theirs is None:
            continue
        assert len(task["stack"]) == len(task["variables"])
        lines = [line for line in task["stack"] if line["function"] != "async_entry"]
        # The runtime's bridge makes gdb take the call that suspended the task for an interrupted place.
        theirs[0]["variables"] = task["variables"][0]
        names = [last_name(line["function"]) for line in lines]
        assert names == [last_name(frame["function"]) for frame in theirs[: len(names)]], names
        for line, ours, frame in zip(lines, task["variables"], theirs):
            verdicts += frame_verdicts(task["name"], line["function"], ours, frame["variables"])
    return verdicts


def compare_core(
    asyncdump: Asyncdump, program: Path, core: Path
) -> tuple[dict[str, Any], list[Verdict]]:
    """What asyncdump says of a core, and how it compares with gdb."""
    said = asyncdump(core, program, "--json", "--locals")
    assert said.status == 0, said.err
    document = said.json
    ids = [task["id"] for task in document["tasks"] if task["stack"]]
    return document, compare(document, gdb_variables(asyncdump.program, program, core, ids))
