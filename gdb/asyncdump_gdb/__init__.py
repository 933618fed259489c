# SPDX-License-Identifier: MIT
"""asyncdump inside GDB: the tasks of a coroutine runtime, and each task's stack as GDB's own frames.

    text.py       what is typed and printed            (needs no gdb)
    engine.py     the asyncdump command as a child     (needs no gdb)
    session.py    what the engine is to look at: the current inferior's core or process
    frames.py     a selected task's frames: the unwinder, its guards, the selection
    commands.py   info async-tasks, async-task, set asyncdump engine
"""

from __future__ import annotations

from typing import Any, Optional

VERSION = "0.1.0"

_extension: Optional[Any] = None


def install() -> None:
    """Adds everything to GDB; does nothing the second time. Touches no inferior."""
    global _extension
    if _extension is None:
        from .commands import Extension

        _extension = Extension()


def uninstall() -> None:
    """Takes back what acts by itself (unwinder, event handlers, the child); the commands' names stay."""
    global _extension
    if _extension is not None:
        _extension.close()
        _extension = None
