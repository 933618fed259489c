# SPDX-License-Identifier: MIT
"""Sourced inside gdb by the tests: what their scripts call. Results leave as lines of @@ and JSON."""

# pylint: disable=import-error
import hashlib
import json
from typing import Any, Optional

import gdb

GENERAL = "rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip eflags".split()


def say(**values: Any) -> None:
    """Hands results to the test."""
    gdb.write("\n@@" + json.dumps(values) + "\n")
    gdb.flush()


def run(command: str) -> str:
    """Runs a command and returns what it prints."""
    return gdb.execute(command, to_string=True) or ""


def fails(command: str) -> str:
    """Runs a command that must fail and returns its message."""
    try:
        printed = run(command)
    except gdb.error as error:
        return str(error)
    raise AssertionError(f"`{command}` did not fail but printed: {printed}")


def stack() -> list[dict[str, Any]]:
    """Every frame of the current thread, as `bt -no-filters` walks it."""
    frames = []
    frame: Optional[gdb.Frame] = gdb.newest_frame()
    while frame is not None:
        place = frame.find_sal()
        entry = {
            "level": frame.level(),
            "function": frame.name(),
            "file": place.symtab.filename if place.symtab else None,
            "line": place.line,
            "pc": frame.pc(),
            "signal": frame.type() == gdb.SIGTRAMP_FRAME,
            "inlined": frame.type() in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME),
            "end": frame.older() is None
            and gdb.frame_stop_reason_string(frame.unwind_stop_reason()),
        }
        frames.append(entry)
        frame = frame.older()
    return frames


def selected() -> list[Any]:
    """The selected frame's level and function, and the thread's number."""
    frame = gdb.selected_frame()
    return [frame.level(), frame.name(), gdb.selected_thread().num]


def to_function(name: str) -> int:
    """Selects the frame of function `name` with `frame N`."""
    level: int = next(entry["level"] for entry in stack() if entry["function"] == name)
    run(f"frame {level}")
    return level


def value(expression: str) -> str:
    """What `print` makes of an expression, without the number."""
    return run(f"print {expression}").partition(" = ")[2].rstrip("\n")


def registers() -> dict[str, list[int]]:
    """The general registers of every thread, as they really are: no task may be selected."""
    thread = gdb.selected_thread()
    all_registers = {}
    for other in gdb.selected_inferior().threads():
        other.switch()
        frame = gdb.newest_frame()
        all_registers[str(other.ptid[1])] = [int(frame.read_register(name)) for name in GENERAL]
    thread.switch()
    return all_registers


def memory_sum() -> str:
    """A checksum of all writable memory."""
    pid = gdb.selected_inferior().pid
    digest = hashlib.md5()
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(
        f"/proc/{pid}/mem", "rb"
    ) as memory:
        for line in maps:
            span, permissions = line.split()[:2]
            if permissions.startswith("rw"):
                low, high = (int(end, 16) for end in span.split("-"))
                memory.seek(low)
                digest.update(memory.read(high - low))
    return digest.hexdigest()
