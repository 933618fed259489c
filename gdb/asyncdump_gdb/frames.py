# SPDX-License-Identifier: MIT
"""A selected task's frames as GDB's own frames, without a write to registers or memory.

    #0 the thread's real frame       keeps its REAL frame id; the unwinder below only names its caller
    #1 the runtime's bridge          a signal frame by its CFI, so that GDB lets it lie on another stack
    #2 ... the task's frames         plain CFI over the saved context

The frame filter hides what lies before #2; levels keep their numbers. A runtime that has no bridge gets
the task's registers as those of frame 0's caller, and frame 0 an id made of the task's stack pointer:
GDB accepts callers only on one side of a normal frame. Stepping must not see such an id (see HOOKED).

Where the engine says that a stack is complete and GDB goes on, because nothing in the unwind tables tells
it (below libc's makecontext, Boost.Context's make_fcontext), the outermost frame is made its own caller:
GDB stops at an id that it has seen. Only `bt -no-filters` then says why it stopped.

What GDB 13 to 18 do not forgive: gdb.newest_frame() or gdb.invalidate_cached_frames() inside an
unwinder (internal error), an unwinder that gives no rip, and testing for level 0 instead of rsp and pc
(inlined frames come first and Python never sees them).
"""

from __future__ import annotations

import re
from typing import Any, Iterator, NamedTuple, Optional

import gdb
import gdb.unwinder
from gdb.FrameDecorator import FrameDecorator, SymValueWrapper

from .session import (
    M64,
    Registers,
    executable_path,
    frame_level,
    frame_registers,
    select_level,
)
from .text import Task, title

NAME = "asyncdump"
FRAME_FILTERS: dict[str, Any] = getattr(gdb, "frame_filters")
PAST_MAIN = "backtrace past-main"
HOOKED = ("next", "step", "nexti", "stepi", "until", "advance")
SEARCH_LIMIT = 256  # frames looked at for the first user frame


class FrameId:
    """What create_unwind_info wants; gdb.unwinder.FrameId is younger than GDB 13."""

    def __init__(self, sp: Any, pc: Any) -> None:
        self.sp = sp
        self.pc = pc


class Anchor(NamedTuple):
    """The thread's real frame 0, and what it is told to be called from."""

    inferior: int
    ptid: tuple[int, int, int]
    pc: int
    sp: int
    id_sp: int
    id_pc: int
    callers: Registers
    first: int  # level of the task's first frame


class End(NamedTuple):
    """The outermost frame of a stack that GDB does not see the end of; its id is GDB's own."""

    pc: int
    sp: int
    id_sp: int
    id_pc: int
    callers: Registers  # its own


class Selected(NamedTuple):
    """The selected task; `task` is the engine's answer."""

    task: Task
    anchor: Anchor
    thread: Any
    registers: Registers  # the thread's own


def start_of_stack() -> tuple[Any, int]:
    """The thread's newest frame that is not inlined into its caller, and its level."""
    frame: Any = gdb.newest_frame()
    level = 0
    while frame.type() == gdb.INLINE_FRAME:
        frame, level = frame.older(), level + 1
    return frame, level


def make_anchor(task: Task) -> Anchor:
    """From the current thread, while nothing is selected."""
    frame, level = start_of_stack()
    pc, sp = int(frame.pc()) & M64, int(frame.read_register("sp")) & M64
    where = (gdb.selected_inferior().num, gdb.selected_thread().ptid, pc, sp)
    bridge, real = int(task.get("bridge") or 0) & M64, real_id(frame)
    if bridge and real:
        callers = {"rip": bridge, "rsp": int(task["context"]) & M64}
        return Anchor(*where, *real, callers, level + 2)
    callers = {name: int(value) & M64 for name, value in task["registers"].items()}
    if task.get("stack") and task["stack"][0].get("exact"):
        callers["rip"] += 1  # GDB takes every caller's pc for a return address
    return Anchor(*where, callers["rsp"], pc, callers, level + 1)


def real_id(frame: Any) -> Optional[tuple[int, int]]:
    """Stack and code address of GDB's own id of a frame."""
    found = re.match(r"\{stack=(0x[0-9a-f]+),code=(0x[0-9a-f]+)", str(frame))
    return (int(found[1], 16), int(found[2], 16)) if found else None


def find_end(task: Task, first: int) -> Optional[End]:
    """The outermost frame in the engine's eyes, if GDB goes on beyond it."""
    lines = [entry for entry in task.get("stack", []) if not entry.get("inlined")]
    if task.get("stack_end", "") is not None or not lines:
        return None
    frame: Any = gdb.newest_frame()
    for _ in range(first):
        frame = frame.older()
    left = len(lines)
    while frame is not None:
        left -= frame.type() not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME)
        if left == 0:
            break
        frame = frame.older()
    if frame is None or (int(frame.pc()) - int(lines[-1]["pc"])) & M64 not in (0, 1):
        return None
    real = real_id(frame)
    if frame.older() is None or real is None:
        return None
    pc, sp = int(frame.pc()) & M64, int(frame.read_register("sp")) & M64
    return End(pc, sp, *real, {"rip": pc, "rsp": sp})


class Unwinder(gdb.unwinder.Unwinder):  # type: ignore[misc, name-defined]
    """Names the caller of the anchor frame; inert without one."""

    def __init__(self) -> None:
        super().__init__(NAME)
        self.anchor: Optional[Anchor] = None
        self.end: Optional[End] = None

    def __call__(self, pending: Any) -> Any:
        if self.anchor is None:
            return None
        try:
            return self._unwind(pending, self.anchor)
        except Exception:  # pylint: disable=broad-except  (noise for each frame otherwise)
            return None

    def _unwind(self, pending: Any, anchor: Anchor) -> Any:
        sp = pending.read_register("rsp")
        word = sp.type
        here = (int(pending.read_register("rip")) & M64, int(sp) & M64)
        known = next((one for one in (anchor, self.end) if one and here == (one.pc, one.sp)), None)
        if known is None or not is_current(anchor):
            return None
        frame_id = FrameId(gdb.Value(known.id_sp).cast(word), gdb.Value(known.id_pc).cast(word))
        info = pending.create_unwind_info(frame_id)
        for name, value in known.callers.items():
            info.add_saved_register(name, gdb.Value(value).cast(word))
        return info


def is_current(anchor: Anchor) -> bool:
    """Whether the current thread is the one the task was selected in."""
    thread = gdb.selected_thread()
    return (
        thread is not None
        and thread.ptid == anchor.ptid
        and gdb.selected_inferior().num == anchor.inferior
    )


class TaskFrame(FrameDecorator):  # type: ignore[misc]
    """A task's frame, printed as without any frame filter.

    GDB's own decorator has no name for a frame of a stripped program, takes the variables of an inlined
    function's caller for its own, and gives a frame up at the first variable that cannot be read.
    """

    def function(self) -> Any:
        return super().function() if self.inferior_frame().name() else "??"

    def frame_locals(self) -> list[SymValueWrapper]:
        frame = self.inferior_frame()
        variables = []
        try:
            block = frame.block()
        except RuntimeError:  # there is no debug information
            block = None
        while block is not None:
            variables += [local_of(frame, symbol, block) for symbol in block if symbol.is_variable]
            block = None if block.function else block.superblock
        return variables


def local_of(frame: Any, symbol: Any, block: Any) -> SymValueWrapper:
    """A variable, which GDB then reads itself, or why it cannot."""
    why = None
    try:
        frame.read_var(symbol, block).fetch_lazy()
    except gdb.error as error:
        why = f"<error reading variable {symbol.print_name} ({error})>"
    return SymValueWrapper(symbol, why)


class Filter:
    """Hides the thread's own frame and the bridge. Registered only while a task is selected: with any
    frame filter GDB prints by another, slower road."""

    def __init__(self, unwinder: Unwinder) -> None:
        self.name = NAME
        self.priority = 1000
        self.enabled = True
        self._unwinder = unwinder

    def filter(self, frames: Iterator[Any]) -> Iterator[Any]:
        anchor = self._unwinder.anchor
        if anchor is None or not is_current(anchor) or not hasattr(gdb.Frame, "level"):
            return frames
        return (
            TaskFrame(frame) for frame in frames if frame.inferior_frame().level() >= anchor.first
        )


class Frames:
    """The selection: at most one task, in one thread."""

    def __init__(self) -> None:
        self.selected: Optional[Selected] = None
        self.generation = 0  # grows whenever the process runs or goes away
        self._restore_past_main = False
        self._guarding = False
        self._unwinder = Unwinder()
        self._filter = Filter(self._unwinder)
        gdb.unwinder.register_unwinder(None, self._unwinder, replace=True)

    def select(self, task: Task) -> None:
        """Puts `task` (the engine's answer) behind the current thread and selects its first user frame."""
        self.deselect()
        crossed = self._cross(task, make_anchor(task))
        if (
            not crossed and executable_path() is not None
        ):  # then the bridge is wrong, a foreign runtime's
            crossed = self._cross(task, make_anchor({**task, "bridge": 0}))
        if not crossed:
            raise gdb.GdbError(cannot_cross(task))
        assert self.selected is not None
        self._unwinder.end = find_end(task, self.selected.anchor.first)
        if self._unwinder.end is not None:
            gdb.invalidate_cached_frames()
        self.select_user_frame()

    def _cross(self, task: Task, anchor: Anchor) -> bool:
        """Selects `task` by this anchor; nothing is selected when GDB does not come to its first frame."""
        registers = frame_registers(start_of_stack()[0])
        self.selected = Selected(task, anchor, gdb.selected_thread(), registers)
        self._unwinder.anchor = anchor
        FRAME_FILTERS[NAME] = self._filter
        if "rbp" in anchor.callers:
            hook_stepping()
        gdb.invalidate_cached_frames()
        if not self._crossed():
            # GDB ends every stack at main, and the thread stands in main itself.
            self._restore_past_main = not gdb.parameter(PAST_MAIN)
            gdb.execute(f"set {PAST_MAIN} on", to_string=True)
            gdb.invalidate_cached_frames()
            if not self._crossed():
                self.deselect()
                return False
        return True

    def _crossed(self) -> bool:
        assert self.selected is not None
        frame: Any = gdb.newest_frame()
        for _ in range(self.selected.anchor.first):
            frame = frame.older()
            if frame is None:
                return False
        return (int(frame.pc()) - int(self.selected.task["registers"]["rip"])) & M64 in (0, 1)

    def select_user_frame(self) -> None:
        """Of the selected task: its first frame that is not the runtime's own, else its first."""
        assert self.selected is not None
        select_user_frame(self.selected.task, self.selected.anchor.first)

    def deselect(self) -> None:
        """Gives the current thread its own frames back."""
        if self.selected is not None:
            self._clear()
            gdb.invalidate_cached_frames()

    def _clear(self) -> None:
        self.selected = None
        self._unwinder.anchor = self._unwinder.end = None
        FRAME_FILTERS.pop(NAME, None)
        if self._restore_past_main:
            self._restore_past_main = False
            gdb.execute(f"set {PAST_MAIN} off", to_string=True)

    def ran(self, *_event: Any) -> None:
        """Event: the process ran, ended, or its files changed. GDB renews its frames itself."""
        self.generation += 1
        if self.selected is not None:
            self._clear()

    def check(self) -> None:
        """Event before a prompt: `kill`, `detach` and a new core raise none of their own."""
        if self.selected is not None and not self.selected.thread.is_valid():
            self.ran()

    def active(self) -> Optional[Selected]:
        """The selected task if the current thread shows it."""
        self.check()
        if self.selected is None or not is_current(self.selected.anchor):
            return None
        return self.selected

    def close(self) -> None:
        """The selection goes, the unwinder stays inert until another of its name replaces it."""
        self.deselect()

    def register_changed(self, event: Any) -> None:
        """Event: GDB stored into a register for the user.

        In an outer frame whose callees do not save the register GDB (13 to 18, with or without us) stores
        into the real thread, silently; for a task's frame that is another task's or the loop's register,
        and it is put back. In the thread's own frame the user means the thread, and what is selected
        rests on that frame: the selection ends.
        """
        selected = self.active()
        if self._guarding or selected is None:
            return
        level = frame_level(event.frame)
        if level < selected.anchor.first - 1:
            self.deselect()
            return
        self._guarding = True
        try:
            self._put_back(selected.registers)
        finally:
            self._guarding = False

    def _put_back(self, registers: Registers) -> None:
        level = frame_level(gdb.selected_frame())
        now = frame_registers(start_of_stack()[0])
        changed = [name for name, value in registers.items() if now[name] != value]
        if not changed:
            return
        gdb.newest_frame().select()
        for name in changed:
            gdb.execute(f"with language c -- set var ${name} = {registers[name]}", to_string=True)
        select_level(level)
        gdb.write(
            f"warning: GDB stored into the thread's own {', '.join(changed)}, not the task's; "
            "the old value was put back.\n"
        )


def select_user_frame(task: Task, first: int) -> None:
    """Selects the first frame from level `first` on that the engine does not call hidden."""
    wanted = next((entry for entry in task.get("stack", []) if not entry.get("hidden")), None)
    fallback = same_place = None
    frame: Any = gdb.newest_frame()
    for level in range(first + SEARCH_LIMIT):
        if frame is None:
            break
        if level >= first:
            fallback = fallback or frame
            if wanted is None:
                break
            if (int(frame.pc()) - int(wanted["pc"])) & M64 in (0, 1):
                same_place = same_place or frame
                if frame.name() == wanted.get("function"):
                    frame.select()
                    return
        frame = frame.older()
    chosen = same_place or fallback
    if chosen is not None:
        chosen.select()


def cannot_cross(task: Task) -> str:
    """Why a task's frames do not appear."""
    why = "" if executable_path() else " without the program: use `file PROGRAM` first"
    return f"GDB cannot unwind from this thread to async task {title(task)}{why}."


def hook_stepping() -> None:
    """Without a bridge frame 0's id is not its own and a step would wait for a frame that never comes
    back, so the stepping commands deselect first, unless the user has hooks of that name."""
    for command in HOOKED:
        try:
            gdb.execute(f"show user hook-{command}", to_string=True)
        except gdb.error:
            gdb.execute(f"define hook-{command}\nasync-task none -q\nend", to_string=True)
