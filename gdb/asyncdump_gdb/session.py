# SPDX-License-Identifier: MIT
"""What the engine is to look at: the current inferior's core file, or its live process as GDB sees it.

The engine's snapshot is kept until the process runs, its memory or registers are written, its files
change, or another core or inferior is current. For a core the engine reads the file itself; the memory
of a process is read through GDB, which hides its own breakpoints.
"""

from __future__ import annotations

import contextlib
import os
from typing import Any, Iterator, Optional

import gdb

from .engine import Engine, EngineGone, find_engine
from .text import core_file_in, maps_from

PAGE = 4096
REGISTERS = {
    "i386:x86-64": "rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip".split(),
}
M64 = (1 << 64) - 1

Registers = dict[str, int]


def read_prefix(address: int, size: int) -> bytes:
    """Up to `size` bytes of the current inferior, as far as they are readable."""
    inferior = gdb.selected_inferior()
    try:
        return bytes(inferior.read_memory(address, size))
    except gdb.error:
        pass
    parts = []
    end = min(address + size, 1 << 64)
    while address < end:
        step = min(PAGE - address % PAGE, end - address)
        try:
            parts.append(bytes(inferior.read_memory(address, step)))
        except gdb.error:
            break
        address += step
    return b"".join(parts)


def signed(word: int) -> int:
    """The number of the same 64 bits that JSON integers of the engine can hold."""
    return word - (1 << 64) if word >> 63 else word


def frame_registers(frame: Any) -> Registers:
    """The general registers in `frame`, not negative."""
    architecture = frame.architecture().name()
    if architecture not in REGISTERS:
        raise gdb.GdbError(f"Tasks can be read on x86-64 only, and this is {architecture}.")
    return {name: int(frame.read_register(name)) & M64 for name in REGISTERS[architecture]}


def captured(command: str) -> str:
    """What `command` prints."""
    return gdb.execute(command, to_string=True) or ""


def frame_level(frame: Any) -> int:
    """How many frames lie inside `frame`. Frame.level() is younger than GDB 10."""
    level = 0
    inner = frame.newer()
    while inner is not None:
        level, inner = level + 1, inner.newer()
    return level


def select_level(level: int) -> None:
    """Selects the frame `level` of the current thread, or the outermost one if there are fewer."""
    frame = gdb.newest_frame()
    for _ in range(level):
        older = frame.older()
        if older is None:
            break
        frame = older
    frame.select()


@contextlib.contextmanager
def selection_kept() -> Iterator[None]:
    """Thread and frame are selected again afterwards."""
    thread = gdb.selected_thread()
    level = frame_level(gdb.selected_frame())
    try:
        yield
    finally:
        if thread.is_valid():
            thread.switch()
            select_level(level)


def core_path() -> Optional[str]:
    """The core file of the current inferior, if that is what it is."""
    inferior = gdb.selected_inferior()
    connection = getattr(inferior, "connection", None)  # GDB 12
    if connection is not None and connection.type != "core":
        return None
    corefile = getattr(inferior, "corefile", None)  # GDB 18
    if corefile is not None:
        return str(corefile.filename)
    return core_file_in(captured("info files"))


def executable_path() -> Optional[str]:
    """The file GDB takes for the current inferior's program."""
    progspace: Any = gdb.current_progspace()
    name: Optional[str] = progspace.filename
    return name[len("target:") :] if name and name.startswith("target:") else name


def require_stopped_inferior() -> None:
    """Raises when there is nothing to look at."""
    if gdb.selected_inferior().pid == 0:
        raise gdb.GdbError(
            "There is no process and no core file to look at: use `core-file`, `attach` or `run` first."
        )
    thread = gdb.selected_thread()
    if thread is None or not thread.is_valid():
        raise gdb.GdbError("No thread is selected: use `thread N` first.")
    if thread.is_running():
        raise gdb.GdbError("The selected thread is running: stop it first (Ctrl-C or `interrupt`).")


class Session:
    """At most one engine, and in it at most one open core or process."""

    def __init__(self, beside: str) -> None:
        self.engine_path: Optional[str] = None  # what the user set
        self._beside = beside
        self._engine: Optional[Engine] = None
        self._opened: Optional[tuple[Any, ...]] = None

    def open(self) -> None:
        """Makes the engine look at the current inferior as it is now."""
        require_stopped_inferior()
        core = core_path()
        inferior = gdb.selected_inferior()
        key: tuple[Any, ...] = (inferior.num, inferior.pid, core, executable_path())
        if self._engine is not None and self._engine.alive and key == self._opened:
            return
        self._opened = None
        what: dict[str, Any] = {"core": core, "executable": executable_path()}
        if core is None:
            what = {"process": _process()}
        self.ask({"request": "open", **what})
        self._opened = key

    @property
    def is_open(self) -> bool:
        """Whether the snapshot is still good, unless another core or inferior was chosen since."""
        return self._opened is not None and self._engine is not None and self._engine.alive

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """One request and its answer; EngineError as the engine gives it."""
        if self._engine is None or not self._engine.alive:
            if self._engine is not None:
                self._engine.stop()
            if self._opened is not None:
                self._opened = None
                raise EngineGone("The engine ended unexpectedly. The next command starts it again.")
            self._engine = Engine(find_engine(self.engine_path, self._beside), read_prefix)
        return self._engine.request(request)

    def forget(self, *_event: Any) -> None:
        """Event: the snapshot is out of date."""
        self._opened = None

    def close(self) -> None:
        """Ends the engine."""
        if self._engine is not None:
            self._engine.stop()
        self._engine = None
        self._opened = None


def _process() -> dict[str, Any]:
    """The current inferior as the request `open` wants it."""
    inferior = gdb.selected_inferior()
    executable = executable_path()
    return {
        "pid": inferior.pid,
        "command": os.path.basename(executable or "") or None,
        "executable": executable,
        "maps": _maps(inferior),
        "threads": _threads(inferior),
    }


def _maps(inferior: Any) -> str:
    connection = getattr(inferior, "connection", None)
    if connection is not None and connection.type == "native":
        try:
            with open(f"/proc/{inferior.pid}/maps", encoding="utf-8", errors="replace") as maps:
                return maps.read()
        except OSError:
            pass
    try:
        return maps_from(captured("info proc mappings"))
    except gdb.error as error:
        raise gdb.GdbError(f"GDB cannot tell what is mapped in this process: {error}") from error


def _threads(inferior: Any) -> list[dict[str, Any]]:
    """Thread ids, names and registers. Only a selected thread's registers can be read."""
    threads = []
    with selection_kept():
        for thread in reversed(inferior.threads()):  # GDB lists the youngest first
            if not thread.is_valid() or thread.is_running():
                continue
            thread.switch()
            _pid, lwp, tid = thread.ptid
            registers = {
                name: signed(value) for name, value in frame_registers(gdb.newest_frame()).items()
            }
            threads.append({"tid": lwp or tid, "name": thread.name or "", "registers": registers})
            threads[-1].update(_system_call())
    return threads


def _system_call() -> dict[str, int]:
    """The number of the one that the selected thread is in; empty: none, or not known here."""
    try:
        number = int(gdb.newest_frame().read_register("orig_rax").cast(gdb.lookup_type("long")))
    except (gdb.error, ValueError):
        return {}
    return {"system_call": number} if number >= 0 else {}
