# SPDX-License-Identifier: MIT
"""Sourced inside gdb: what it knows of the variables of every frame of every task, as one line of @@ and JSON.

    {"3": [{"function": "serve", "pc": n, "variables": [{"name", "argument", "value"}, ...]}, ...], ...}

by task id; frames innermost first, inlined ones too; variables of the innermost block first.
"""

# pylint: disable=import-error
import json
import os
from typing import Any, Iterator, Optional

import gdb


def shown(symbol: Any, frame: Any) -> str:
    """The value in the words of `info locals`, or the error instead."""
    try:
        return str(symbol.value(frame).format_string(deref_refs=True))
    except (gdb.error, gdb.MemoryError) as error:
        return f"<error: {error}>"


def blocks(frame: Any) -> Iterator[Any]:
    """The blocks of the frame's function, innermost first."""
    try:
        block = frame.block()
    except RuntimeError:
        return
    while block is not None:
        yield block
        if block.function is not None:
            return
        block = block.superblock


def variables(frame: Any) -> list[dict[str, Any]]:
    """Everything that `info locals` and `info args` list. Sizes of arrays are found in the selected frame."""
    frame.select()
    return [
        {"name": symbol.name, "argument": symbol.is_argument, "value": shown(symbol, frame)}
        for block in blocks(frame)
        for symbol in block
        if symbol.is_variable or symbol.is_argument or symbol.is_constant
    ]


def frames() -> Iterator[dict[str, Any]]:
    """The task's own: those that the runtime's bridge leads to."""
    frame: Optional[gdb.Frame] = gdb.newest_frame()
    while frame is not None and frame.type() != gdb.SIGTRAMP_FRAME:
        frame = frame.older()
    frame = frame.older() if frame is not None else None
    while frame is not None:
        if frame.type() != gdb.TAILCALL_FRAME:
            yield {"function": frame.name(), "pc": frame.pc(), "variables": variables(frame)}
        frame = frame.older()


def tell() -> None:
    """Every task whose id is in ASYNC_TASKS."""
    told: dict[str, list[dict[str, Any]]] = {}
    for number in os.environ["ASYNC_TASKS"].split():
        gdb.execute(f"async-task {number}", to_string=True)
        told[number] = list(frames())
    gdb.write("\n@@" + json.dumps(told) + "\n")


tell()
