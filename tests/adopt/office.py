# SPDX-License-Identifier: MIT
"""Two runtimes that this project did not make, as every door sees them; conftest.py hands them out.

    def test_something(office):
        office.truth                   what the fibers say of themselves
        office.said["live"]            asyncdump's JSON; also "gcore core" and "kernel core"
        office.gdb["gdb live"]         what GDB with the extension showed; the doors are in GDB_DOORS
        office.by_hand                 what GDB without it showed, given each context's registers

`gdb_script(folder, script, arguments)` runs Python inside GDB after tests/gdb/inside.py.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from command import Asyncdump
from harness import Program, gcore_core, kernel_core, kernel_core_refusal

REPOSITORY = Path(__file__).resolve().parents[2]
EXTENSION = REPOSITORY / "gdb" / "asyncdump-gdb.py"
INSIDE = REPOSITORY / "tests" / "gdb" / "inside.py"
PATIENCE = 120

RUNTIMES = ["adopt_ucontext", "adopt_boost"]
DOORS = ["live", "gcore core", "kernel core"]
GDB_DOORS = [
    "gdb live",
    "gdb without a bridge",
    "gdb with a wrong bridge",
    "gdb gcore core",
    "gdb kernel core",
]

Json = dict[str, Any]

LOOK = """
def look(fibers):
    for fiber in fibers:
        seen = {"printed": run(f"async-task {fiber['id']}"), "selected": selected(), "bt": run("bt")}
        seen["stack"] = stack()
        run("up 100")
        seen["outermost"] = selected()[1]
        seen["locals"] = locals_of(fiber)
        say(**{str(fiber["id"]): seen})
"""

LOCALS = """
def locals_of(fiber):
    found = {}
    for frame in fiber["frames"]:
        to_function(frame["function"])
        found[frame["function"]] = {name: int(value(name)) for name in frame["locals"]}
    return found
"""

# Where the registers of a fiber lie, told once more: x86-64 numbers in <sys/ucontext.h>, and the pushes of
# Boost 1.74's jump_x86_64_sysv_elf_gas.S.
BY_HAND = """
def word(address):
    return int.from_bytes(gdb.selected_inferior().read_memory(address, 8), "little")

def adopt_ucontext():
    fiber = gdb.parse_and_eval("scheduler.fibers")
    while fiber:
        saved = fiber["context"]["uc_mcontext"]["gregs"]
        places = dict(r12=4, r13=5, r14=6, r15=7, rbp=10, rbx=11, rsp=15, rip=16)
        yield int(fiber["id"]), {name: int(saved[i]) for name, i in places.items()}
        fiber = fiber["next"]

def adopt_boost():
    for i in range(int(gdb.parse_and_eval("runtime.used"))):
        fiber = gdb.parse_and_eval(f"runtime.fibers[{i}]")
        context = int(fiber["context"])
        places = dict(r12=8, r13=16, r14=24, r15=32, rbx=40, rbp=48, rip=56)
        registers = {name: word(context + offset) for name, offset in places.items()}
        yield int(fiber["serial"]), {**registers, "rsp": context + 64}

def put(registers):
    run("frame 0")
    for name, saved in registers.items():
        run(f"set ${name} = {saved}")

def by_hand(contexts, fibers):
    before = {name: int(gdb.parse_and_eval(f"(long)${name}")) for name in GENERAL if name != "eflags"}
    for number, registers in contexts:
        if number in fibers:
            put(registers)
            say(**{str(number): {"stack": stack(), "locals": locals_of(fibers[number])}})
            put(before)
"""


def gdb_script(
    folder: Path, script: str, arguments: list[object], engine: Path | None = None
) -> Json:
    """What a script inside GDB said; with the extension when there is an engine for it."""
    path = folder / "script.py"
    path.write_text(script + "\nsay(finished=True)\n", encoding="utf-8")
    argv = ["gdb", "-nx", "-nh", "-q", "-batch", "-iex", "set auto-load safe-path /"]
    argv += ["-iex", "set debuginfod enabled off"]
    commands = ["set width 0", "set pagination off", "set style enabled off", "set confirm off"]
    commands += [f"source {EXTENSION}"] if engine else []
    for command in [*commands, f"source {INSIDE}", f"source {path}"]:
        argv += ["-ex", command]
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}
    result = subprocess.run(
        [*argv, *map(str, arguments)],
        env={**environment, "ASYNCDUMP": str(engine)},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    told: Json = {}
    for line in re.findall(r"^@@(.*)$", result.stdout, re.MULTILINE):
        told.update(json.loads(line))
    assert told.pop("finished", False) and "Traceback" not in result.stdout, result.stdout
    return told


@dataclass
class Office:
    """One runtime at rest, and what was seen of it."""

    name: str
    program: Path
    truth: list[Json]
    said: dict[str, Json] = field(default_factory=dict)
    gdb: dict[str, Json] = field(default_factory=dict)
    by_hand: Json = field(default_factory=dict)

    def fiber(self, name: str) -> Json:
        return next(fiber for fiber in self.truth if fiber["name"] == name)

    def parked(self) -> list[Json]:
        """The fibers that are suspended in functions of their own."""
        return [f for f in self.truth if f["state"] in ("ready", "waiting")]

    def task(self, door: str, number: int) -> Json:
        """A task as asyncdump tells it."""
        self.need(door)
        found: Json = next(task for task in self.said[door]["tasks"] if task["id"] == number)
        return found

    def need(self, door: str) -> None:
        if door not in self.said and door not in self.gdb:
            pytest.skip(str(kernel_core_refusal()))


def asyncdump_door(build: Path, *arguments: object) -> Json:
    """All was read: status 0, nothing said but the answer."""
    said = Asyncdump(build / "analyzer" / "asyncdump")(*arguments, "--json")
    assert (said.status, said.err) == (0, ""), said.err + said.out
    return said.json


def in_pause(pid: int) -> bool:
    """pause() is system call 34 of x86-64."""
    return Path(f"/proc/{pid}/syscall").read_text(encoding="ascii").startswith("34 ")


def visit(office: Office, running: Program, build: Path, folder: Path) -> None:
    """Every door; the kernel's core is the end of the program."""
    fibers = [fiber for fiber in office.truth if fiber["state"] not in ("done", "running")]
    suspended = {fiber["id"]: fiber for fiber in fibers if fiber["frames"]}
    look = f"{LOCALS}{LOOK}\nlook({fibers!r})\n"
    hand = f"{LOCALS}{BY_HAND}\nby_hand({office.name}(), {suspended!r})\n"

    def gdb_door(door: str, script: str, *arguments: object) -> None:
        engine = build / "analyzer" / "asyncdump"
        office.gdb[door] = gdb_script(folder, script, list(arguments), engine)

    def with_bridge(expression: str) -> str:
        bridge = "async_debug_descriptor.bridge"
        before = f"before = value('{bridge}')\nrun('set var {bridge} = {expression}')\n"
        return f"{before}{look}run('set var {bridge} = ' + before)\n"

    office.said["live"] = asyncdump_door(build, "-p", running.pid)
    gdb_door("gdb live", look, "-p", running.pid)
    gcore = gcore_core(running)
    office.said["gcore core"] = asyncdump_door(build, gcore)
    gdb_door("gdb gcore core", look, office.program, gcore)
    office.by_hand = gdb_script(folder, hand, ["-p", running.pid])
    gdb_door("gdb without a bridge", with_bridge("0"), "-p", running.pid)
    gdb_door("gdb with a wrong bridge", with_bridge("(long)&main"), "-p", running.pid)
    if kernel_core_refusal() is None:
        core = kernel_core(running)
        office.said["kernel core"] = asyncdump_door(build, core)
        gdb_door("gdb kernel core", look, office.program, core)
