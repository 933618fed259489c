# SPDX-License-Identifier: MIT
"""A selected task's frames as GDB's own frames, without a write to registers or memory.

    #0 the thread's real frame       keeps its REAL frame id; the unwinder below only names its caller
    #1 the runtime's bridge          a signal frame by its CFI, so that GDB lets it lie on another stack
    #2 ... the task's frames         plain CFI over the saved context

The frame filter hides what lies before #2; levels keep their numbers. A runtime that has no bridge gets
the task's registers as those of frame 0's caller, and frame 0 an id made of the task's stack pointer:
GDB accepts callers only on one side of a normal frame. Stepping must not see such an id (see HOOKED).

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

from .session import M64, Registers, frame_level, frame_registers, select_level
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
    bridge, context = int(task.get("bridge") or 0) & M64, int(task["context"]) & M64
    real = re.match(r"\{stack=(0x[0-9a-f]+),code=(0x[0-9a-f]+)", str(frame))
    if bridge and real:
        callers = {"rip": bridge, "rsp": context}
        return Anchor(*where, int(real[1], 16), int(real[2], 16), callers, level + 2)
    callers = {name: int(value) & M64 for name, value in task["registers"].items()}
    return Anchor(*where, context, pc, callers, level + 1)


class Unwinder(gdb.unwinder.Unwinder):  # type: ignore[misc, name-defined]
    """Names the caller of the anchor frame; inert without one."""

    def __init__(self) -> None:
        super().__init__(NAME)
        self.anchor: Optional[Anchor] = None

    def __call__(self, pending: Any) -> Any:
        if self.anchor is None:
            return None
        try:
            return self._unwind(pending, self.anchor)
        except Exception:  # pylint: disable=broad-except  (noise for each frame otherwise)
            return None

    def _unwind(self, pending: Any, anchor: Anchor) -> Any:
        sp = pending.read_register("rsp")
        if int(sp) & M64 != anchor.sp or int(pending.read_register("rip")) & M64 != anchor.pc:
            return None
        if not is_current(anchor):
            return None
        word = sp.type
        frame_id = FrameId(gdb.Value(anchor.id_sp).cast(word), gdb.Value(anchor.id_pc).cast(word))
        info = pending.create_unwind_info(frame_id)
        for name, value in anchor.callers.items():
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
        anchor = make_anchor(task)
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
                raise gdb.GdbError(cannot_cross(task))
        self.select_user_frame()

    def _crossed(self) -> bool:
        assert self.selected is not None
        frame: Any = gdb.newest_frame()
        for _ in range(self.selected.anchor.first):
            frame = frame.older()
            if frame is None:
                return False
        return True

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
        self._unwinder.anchor = None
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
    progspace: Any = gdb.current_progspace()
    why = "" if progspace.filename else " without the program: use `file PROGRAM` first"
    return f"GDB cannot unwind from this thread to async task {title(task)}{why}."


def hook_stepping() -> None:
    """Without a bridge frame 0's id is not its own and a step would wait for a frame that never comes
    back, so the stepping commands deselect first, unless the user has hooks of that name."""
    for command in HOOKED:
        try:
            gdb.execute(f"show user hook-{command}", to_string=True)
        except gdb.error:
            gdb.execute(f"define hook-{command}\nasync-task none -q\nend", to_string=True)
