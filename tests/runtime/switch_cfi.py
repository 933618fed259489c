# SPDX-License-Identifier: MIT
"""Run inside gdb on runtime_task_test: the unwind tables must be exact at every instruction.

    gdb -nx -batch -x switch_cfi.py --args runtime_task_test yield_takes_turns

Steps through switches instruction by instruction and unwinds after each: a task's stack must end in the
trampoline, the worker's in main's callers, with every function known by name. Then crosses the bridge into
every suspended task. Ends gdb with status 1 on the first thing wrong.
"""

import gdb

SWITCHES = 24
CONTEXT_SIZE = 64
SAVED = {"r15": 8, "r14": 16, "r13": 24, "r12": 32, "rbx": 40, "rbp": 48, "rip": 56}
SUSPENDED = (1, 3)  # ready, waiting


def fail(message: str) -> None:
    print("FAILED:", message)
    gdb.execute("bt 30")
    gdb.execute("kill")
    gdb.execute("quit 1")


def stack() -> list[gdb.Frame]:
    frames: list[gdb.Frame] = []
    frame: gdb.Frame | None = gdb.newest_frame()
    while frame is not None and len(frames) < 100:
        frames.append(frame)
        frame = frame.older()
    return frames


def register(frame: gdb.Frame, name: str) -> int:
    return int(frame.read_register(name)) & (1 << 64) - 1


def word(address: int) -> int:
    return int.from_bytes(bytes(gdb.selected_inferior().read_memory(address, 8)), "little")


def check_stack(where: str) -> str:
    """Checks the whole stack and returns the name of its outermost frame."""
    frames = stack()
    names = [frame.name() for frame in frames]
    if None in names:
        fail(f"{where}: a frame without a name: {names}")
    last = str(names[-1])
    if last == "async_entry":
        reason = frames[-1].unwind_stop_reason()
        if reason not in (gdb.FRAME_UNWIND_OUTERMOST, gdb.FRAME_UNWIND_NO_REASON):
            fail(f"{where}: {gdb.frame_stop_reason_string(reason)}")
        if "async_task_main" not in names and names[0] not in ("async_entry", "async_switch"):
            fail(f"{where}: no way from {names[0]} to the trampoline: {names}")
    elif "async_run" not in names or "main" not in names or last != "_start":
        fail(f"{where}: neither a task's stack nor the worker's: {names}")
    return last


class Switch:
    """One run through async_switch: what its caller's registers must be, on either stack."""

    def __init__(self) -> None:
        frame = gdb.newest_frame()
        self.sp = register(frame, "rsp")
        context = register(frame, "rsi")
        self.left = {name: register(frame, name) for name in SAVED if name != "rip"}
        self.left["rip"] = word(self.sp)
        self.left["rsp"] = self.sp + 8
        self.entered = {name: word(context + offset) for name, offset in SAVED.items()}
        self.entered["rsp"] = context + CONTEXT_SIZE

    def check(self) -> None:
        # A signal may overwrite what lies below the stack pointer, so nothing there may be counted on.
        sp = register(gdb.newest_frame(), "rsp")
        gdb.selected_inferior().write_memory(sp - CONTEXT_SIZE, b"\xee" * CONTEXT_SIZE)
        frame = gdb.newest_frame()
        on_left = 0 <= self.sp - register(frame, "rsp") <= CONTEXT_SIZE
        caller = frame.older()
        if caller is None:
            fail(f"no caller at {frame.pc():#x}")
            return
        for name, value in (self.left if on_left else self.entered).items():
            if register(caller, name) != value:
                fail(f"a wrong {name} for the caller at {frame.pc():#x}")


def step_switches() -> set[str]:
    """Steps through some switches, to both sides and into fresh tasks; the outermost frames seen."""
    ends = set()
    gdb.execute("break *async_switch")
    gdb.execute("run", to_string=True)
    for _ in range(SWITCHES):
        switch = Switch()
        for _ in range(60):
            name = gdb.newest_frame().name()
            ends.add(check_stack(f"{name} at {gdb.newest_frame().pc():#x}"))
            if name not in ("async_switch", "async_entry"):
                break
            if name == "async_switch":
                switch.check()
            gdb.execute("stepi", to_string=True)
        gdb.execute("continue", to_string=True)
    return ends


def tasks() -> list[tuple[int, int]]:
    """State and context of every task, through the runtime's own symbols."""
    found = []
    task = gdb.parse_and_eval("async_process.workers[0]->tasks")
    while int(task):
        found.append((int(task["state"]), int(task["context"])))
        task = task["next"]
    return found


def cross_bridge(context: int) -> None:
    """Pretends that the thread is in the bridge: its caller must be the suspended task."""
    gdb.execute(f"set $rsp = {context}")
    gdb.execute("set $rip = (unsigned long)&async_bridge + 1")
    frames = stack()
    if frames[0].type() != gdb.SIGTRAMP_FRAME:
        fail("the bridge is no signal frame")
    for name, offset in SAVED.items():
        if register(frames[1], name) != word(context + offset):
            fail(f"the bridge gives a wrong {name}")
    if register(frames[1], "rsp") != context + CONTEXT_SIZE:
        fail("the bridge gives a wrong rsp")
    if frames[-1].name() != "async_entry":
        fail(f"a task's stack ends in {frames[-1].name()}")


def cross_to_every_task() -> int:
    contexts = [context for state, context in tasks() if state in SUSPENDED]
    for context in contexts:
        saved = {name: register(gdb.newest_frame(), name) for name in ("rsp", "rip")}
        cross_bridge(context)
        for name, value in saved.items():
            gdb.execute(f"set ${name} = {value}")
    return len(contexts)


def main() -> None:
    for setting in (
        "pagination off",
        "confirm off",
        "debuginfod enabled off",
        "backtrace past-main on",
    ):
        gdb.execute("set " + setting)
    gdb.execute("set backtrace past-entry off")
    ends = step_switches()
    if ends != {"async_entry", "_start"}:
        fail(f"stacks ended only in {ends}")
    if cross_to_every_task() < 2:
        fail("too few suspended tasks")
    gdb.execute("delete")
    gdb.execute("continue")
    gdb.execute("quit " + str(int(gdb.parse_and_eval("$_exitcode"))))


try:
    main()
except gdb.error as error:
    fail(str(error))
