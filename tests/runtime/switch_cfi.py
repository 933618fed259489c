# SPDX-License-Identifier: MIT
r"""Run inside gdb on a program that switches: the unwind tables must be exact at every instruction.

    gdb -nx -batch -x switch_cfi.py --args runtime_task_test yield_takes_turns
    EMULATOR="qemu-aarch64 -cpu cortex-a72" \
        gdb-multiarch -nx -batch -x switch_cfi.py --args runtime_aarch64_switch registers_survive

Steps through switches instruction by instruction and unwinds after each: a task's stack must end in the
trampoline, the thread's own in main's callers, with every function known by name, and the caller must get the
registers that it had. Meanwhile a state may only say "suspended" while the context is whole. Crosses the bridge
into every context before it is loaded. Ends gdb with status 1 on the first thing wrong.

EMULATOR, when set, runs the program and is debugged through its stub.
"""

import os
import shlex
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import gdb

SWITCHES = 12
MOST_STEPS = 60
PATIENCE = 60  # seconds for the emulator to open its socket


class Machine(NamedTuple):
    """How async_switch is called, and what a context holds where."""

    sp: str
    pc: str
    arguments: tuple[str, ...]
    saved: dict[str, int]
    context_size: int


MACHINES = {
    "i386:x86-64": Machine(
        "rsp",
        "rip",
        ("rdi", "rsi", "rdx", "rcx", "r8", "r9"),
        {"r15": 8, "r14": 16, "r13": 24, "r12": 32, "rbx": 40, "rbp": 48, "rip": 56},
        64,
    ),
    "aarch64": Machine(
        "sp",
        "pc",
        ("x0", "x1", "x2", "x3", "x4", "x5"),
        {"x29": 0, "pc": 8}
        | {f"x{number}": 16 + 8 * (number - 19) for number in range(19, 29)}
        | {f"v{number}": 96 + 8 * (number - 8) for number in range(8, 16)},
        176,
    ),
}


class Wrong(Exception):
    """What was found wrong."""


def stack() -> list[gdb.Frame]:
    frames: list[gdb.Frame] = []
    frame: gdb.Frame | None = gdb.newest_frame()
    while frame is not None and len(frames) < 100:
        frames.append(frame)
        frame = frame.older()
    return frames


def register(frame: gdb.Frame, name: str) -> int:
    value = frame.read_register(name)
    if name.startswith("v"):
        # A call preserves the lower half. It has no name of its own here: gdb 13 knows d8 of the innermost frame
        # only, and v8 of others only on machines without SVE.
        value = value["d"]["u"][0]
    return int(value) & (1 << 64) - 1


def word(address: int, size: int = 8) -> int:
    return int.from_bytes(bytes(gdb.selected_inferior().read_memory(address, size)), "little")


def machine() -> Machine:
    return MACHINES[gdb.newest_frame().architecture().name()]


def check_stack(where: str, frames: list[gdb.Frame]) -> str:
    """Checks a whole stack and returns the name of its outermost frame."""
    names = [frame.name() for frame in frames]
    if None in names:
        raise Wrong(f"{where}: a frame without a name: {names}")
    last = str(names[-1])
    if last == "async_entry":
        reason = frames[-1].unwind_stop_reason()
        if reason not in (gdb.FRAME_UNWIND_OUTERMOST, gdb.FRAME_UNWIND_NO_REASON):
            raise Wrong(f"{where}: {gdb.frame_stop_reason_string(reason)}")
    elif "main" not in names or last != "_start":
        raise Wrong(f"{where}: neither a task's stack nor the thread's own: {names}")
    return last


class Switch:
    """One run through async_switch: what its caller's registers must be, on either stack."""

    def __init__(self) -> None:
        frame = gdb.newest_frame()
        self.machine = machine()
        values = [register(frame, name) for name in self.machine.arguments]
        self.save, self.load, self.left_state_at, left, self.entered_state_at, entered = values
        self.left_state, self.entered_state = left & 0xFFFFFFFF, entered & 0xFFFFFFFF
        self.sp = register(frame, self.machine.sp)
        self.left = self.registers_left(frame)
        self.entered = self.registers_in(self.load)
        if word(self.left_state_at, 4) == self.left_state:
            raise Wrong("who runs is said to be suspended")

    def registers_left(self, frame: gdb.Frame) -> dict[str, int]:
        registers = {name: register(frame, name) for name in self.machine.saved}
        if self.machine.sp == "rsp":  # the return address is on the stack
            return registers | {"rip": word(self.sp), "rsp": self.sp + 8}
        return registers | {"pc": register(frame, "x30"), "sp": self.sp}

    def registers_in(self, context: int) -> dict[str, int]:
        registers = {name: word(context + offset) for name, offset in self.machine.saved.items()}
        return registers | {self.machine.sp: context + self.machine.context_size}

    def check(self) -> None:
        # A signal may overwrite what lies below the stack pointer, so nothing there may be counted on.
        sp = register(gdb.newest_frame(), self.machine.sp)
        size = self.machine.context_size
        gdb.selected_inferior().write_memory(sp - size, b"\xee" * size)
        frame = gdb.newest_frame()
        on_left = 0 <= self.sp - register(frame, self.machine.sp) <= size
        self.check_caller(frame, self.left if on_left else self.entered)
        self.check_states(frame)

    def check_caller(self, frame: gdb.Frame, expected: dict[str, int]) -> None:
        caller = frame.older()
        if caller is None:
            raise Wrong(f"no caller at {frame.pc():#x}")
        for name, value in expected.items():
            if register(caller, name) != value:
                raise Wrong(f"a wrong {name} for the caller at {frame.pc():#x}")

    def check_states(self, frame: gdb.Frame) -> None:
        left = word(self.left_state_at, 4) == self.left_state
        if left and self.registers_in(word(self.save)) != self.left:
            raise Wrong(f"said to be suspended too soon, at {frame.pc():#x}")
        entered = word(self.entered_state_at, 4) == self.entered_state
        if not entered and self.registers_in(self.load) != self.entered:
            raise Wrong(f"said to run too late, at {frame.pc():#x}")
        if entered and not left:
            raise Wrong(f"two are said to run, at {frame.pc():#x}")

    def cross_bridge(self) -> None:
        """Pretends that the thread is in the bridge: its caller must be who is about to continue."""
        mine = self.machine
        before = {name: register(gdb.newest_frame(), name) for name in (mine.sp, mine.pc)}
        gdb.execute(f"set ${mine.sp} = {self.load}")
        gdb.execute(f"set ${mine.pc} = (unsigned long)&async_bridge")
        frames = stack()
        if frames[0].type() != gdb.SIGTRAMP_FRAME:
            raise Wrong("the bridge is no signal frame")
        self.check_caller(frames[0], self.entered)
        check_stack("across the bridge", frames[1:])
        for name, value in before.items():
            gdb.execute(f"set ${name} = {value}")


def step_switches() -> set[str]:
    """Steps through some switches, to both sides and into fresh tasks; the outermost frames seen."""
    ends = set()
    for _ in range(SWITCHES):
        switch = Switch()
        switch.cross_bridge()
        for _ in range(MOST_STEPS):
            name = gdb.newest_frame().name()
            ends.add(check_stack(f"{name} at {gdb.newest_frame().pc():#x}", stack()))
            if name not in ("async_switch", "async_entry"):
                break
            if name == "async_switch":
                switch.check()
            gdb.execute("stepi", to_string=True)
        gdb.execute("continue", to_string=True)
    return ends


def start_under(emulator: list[str], socket: Path) -> subprocess.Popen[bytes]:
    """Starts the program of gdb's command line, stopped at its first instruction, and connects gdb."""
    program = str(gdb.objfiles()[0].filename)
    # gdb.parameter("args") is empty in gdb 13.
    shown = str(gdb.execute("show args", to_string=True))
    arguments = shlex.split(shown[shown.index('"') + 1 : shown.rindex('"')])
    process = subprocess.Popen([*emulator, "-g", str(socket), program, *arguments])
    deadline = time.monotonic() + PATIENCE
    while not socket.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    gdb.execute(f"target remote {socket}", to_string=True)
    return process


def check() -> int:
    """The program's exit status, after everything was found right."""
    try:
        ends = step_switches()
    except Wrong:
        gdb.execute("bt 30")
        raise
    if ends != {"async_entry", "_start"}:
        raise Wrong(f"stacks ended only in {ends}")
    gdb.execute("delete")
    gdb.execute("continue")
    return int(gdb.parse_and_eval("$_exitcode"))


def main() -> int:
    for setting in (
        "pagination off",
        "confirm off",
        "debuginfod enabled off",
        "backtrace past-main on",
        "backtrace past-entry off",
    ):
        gdb.execute("set " + setting)
    gdb.execute("break *async_switch")
    emulator = shlex.split(os.environ.get("EMULATOR", ""))
    if not emulator:
        gdb.execute("run", to_string=True)
        return check()
    with tempfile.TemporaryDirectory() as folder:
        process = start_under(emulator, Path(folder) / "gdb")
        try:
            gdb.execute("continue", to_string=True)
            return check()
        finally:
            process.kill()
            process.wait()


try:
    status = main()
except (Wrong, gdb.error) as error:
    print("FAILED:", error, flush=True)
    status = 1
gdb.execute(f"quit {status}")
