# SPDX-License-Identifier: MIT
"""The commands: info async-tasks, async-task, set asyncdump engine. Their words are the engine's."""

from __future__ import annotations

import contextlib
import os
import shlex
from typing import Any, Callable, Iterator, Optional

import gdb

from .engine import EngineError
from .frames import Frames, select_user_frame
from .session import Session, frame_level, require_stopped_inferior, select_level
from .text import (
    Apply,
    Task,
    UsageError,
    complete_task,
    parse_apply,
    printable,
    title,
    which_task,
    without_stack,
)

FOLDER = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))


@contextlib.contextmanager
def told_as_errors() -> Iterator[None]:
    """What went wrong, as GDB's own one-line error."""
    try:
        yield
    except (EngineError, UsageError) as error:
        raise gdb.GdbError(printable(error)) from error


class Extension:
    """Everything that acts by itself: the session with the engine, the selection, the event handlers."""

    def __init__(self) -> None:
        self.session = Session(FOLDER)
        self.frames = Frames()
        self._handlers: list[tuple[Any, Callable[..., None]]] = []
        for name in ("cont", "exited", "new_objfile", "clear_objfiles"):
            self._connect(name, self.frames.ran)
            self._connect(name, self.session.forget)
        for name in ("memory_changed", "inferior_call", "stop", "register_changed"):
            self._connect(name, self.session.forget)
        self._connect("register_changed", self.frames.register_changed)
        self._connect("before_prompt", self.frames.check)
        self._connect("gdb_exiting", lambda _event: self.session.close())  # GDB 12
        InfoAsyncTasks(self)
        AsyncTask(self)
        define_parameter(self)

    def _connect(self, name: str, handler: Callable[..., None]) -> None:
        registry = getattr(gdb.events, name, None)
        if registry is not None:
            registry.connect(handler)
            self._handlers.append((registry, handler))

    def close(self) -> None:
        """Undoes what the constructor did, as far as GDB can."""
        for registry, handler in self._handlers:
            registry.disconnect(handler)
        self.frames.close()
        self.session.close()

    def ask(self, request: str, again: bool = False, **arguments: Any) -> dict[str, Any]:
        """Asks about the current inferior as it is now; `again`: the same inferior as just before."""
        with told_as_errors():
            if not again or not self.session.is_open:
                self.session.open()
            return self.session.ask({"request": request, **arguments})

    def tasks(self) -> list[Task]:
        """All tasks, briefly."""
        return list(self.ask("tasks")["tasks"])

    def enter(self, task: Task) -> None:
        """Makes `task` (the engine's answer) the current one; a running one is on its thread."""
        if task.get("running_thread"):
            self.frames.deselect()
            thread_of(task).switch()
            select_user_frame(task, 0)
        elif not task.get("context"):
            raise gdb.GdbError(f"Async task {title(task)} {without_stack(task)}.")
        else:
            self.frames.select(task)


def thread_of(task: Task) -> Any:
    """The thread that runs `task`."""
    tid = int(task["running_thread"])
    for thread in gdb.selected_inferior().threads():
        if thread.is_valid() and tid in thread.ptid[1:]:
            return thread
    raise gdb.GdbError(f"Async task {title(task)} runs on thread {tid}, which GDB does not see.")


class InfoAsyncTasks(gdb.Command):  # type: ignore[misc]
    """Show the coroutine tasks of this program, and why nothing moves.
    Usage: info async-tasks [ARGUMENT]...

    Without an argument: the verdict, the vital signs, and the tasks grouped by
    stack. Arguments are those of the asyncdump command.

    Examples:
      info async-tasks            why the program hangs, and who is to blame
      info async-tasks --tasks    every task with its whole stack"""

    def __init__(self, extension: Extension) -> None:
        super().__init__("info async-tasks", gdb.COMMAND_STATUS, gdb.COMPLETE_NONE)
        self._extension = extension

    def invoke(self, argument: str, _from_tty: bool) -> None:
        self.dont_repeat()
        try:
            words = shlex.split(argument)
        except ValueError as error:
            raise gdb.GdbError(f"Unbalanced quotes: {printable(argument)}") from error
        gdb.write(printable(self._extension.ask("text", argv=words)["text"], keep="\n\t"))


class AsyncTask(gdb.Command):  # type: ignore[misc]
    """Select a coroutine task, so that bt, frame, up, info locals and print show it.
    Usage: async-task
           async-task ID|NAME
           async-task none
           async-task apply ID...|all [-q] [-c] [-s] COMMAND

    Alone it says which task is selected.

    With an id or a name it selects that task in the current thread, at its first
    frame that is not the runtime's own. A running task is on its thread, which is
    switched to. A name with a special meaning here can be put in quotes.
    `bt -no-filters` also shows the two frames that link the thread to the task.

    `none` gives the thread its own frames back; so does whatever makes the program
    run. Nothing is written to the program.

    `apply` runs COMMAND with each task selected in turn and restores the selection.
    An ID may be a range. -q prints no header; -c prints errors and goes on; -s goes
    on in silence.

    Examples:
      async-task 6                async-task apply all bt
      async-task client 7         async-task apply 6 10-12 -q info locals
    See `info async-tasks` for the ids."""

    def __init__(self, extension: Extension) -> None:
        super().__init__("async-task", gdb.COMMAND_STACK)
        self._extension = extension

    def invoke(self, argument: str, _from_tty: bool) -> None:
        self.dont_repeat()
        argument = argument.strip()
        word, _, rest = argument.partition(" ")
        with told_as_errors():
            if not argument:
                self._show()
            elif argument in ("none", "none -q"):
                self._none(quiet=argument != "none")
            elif word == "apply":
                self._apply(parse_apply(rest))
            else:
                self._select(argument)

    def complete(self, text: str, word: str) -> Any:
        """Ids and names; silent when there is nothing to ask."""
        try:
            return complete_task(text.lstrip(), word, self._extension.tasks())
        except Exception:  # pylint: disable=broad-except  (no messages in the middle of typing)
            return gdb.COMPLETE_NONE

    def _show(self) -> None:
        require_stopped_inferior()
        selected = self._extension.frames.active()
        if selected is None:
            gdb.write("[No async task is selected in this thread]\n")
            return
        gdb.write(f"[Current async task is {title(selected.task)}]\n")
        summary = printable(selected.task.get("summary") or "")
        if summary:
            gdb.write(summary + "\n")

    def _select(self, argument: str) -> None:
        task = self._extension.ask("task", **which_task(argument))
        self._extension.enter(task)
        gdb.write(f"[Switching to async task {title(task)}]\n")
        gdb.execute("frame")

    def _none(self, quiet: bool) -> None:
        if quiet:
            self._extension.frames.deselect()
            return
        require_stopped_inferior()
        self._extension.frames.deselect()
        gdb.newest_frame().select()
        gdb.write(f"[Switching to thread {gdb.selected_thread().num}]\n")
        gdb.execute("frame")

    def _apply(self, apply: Apply) -> None:
        extension = self._extension
        extension.session.open()
        ids = apply.ids
        if ids is None:
            ids = [int(task["id"]) for task in extension.tasks()]
        generation = extension.frames.generation
        thread = gdb.selected_thread()
        with self._restored():
            for number in ids:
                thread.switch()
                self._apply_one(number, apply)
                if extension.frames.generation != generation:
                    raise gdb.GdbError("The program ran: the other tasks are left out.")

    def _apply_one(self, number: int, apply: Apply) -> None:
        try:
            task = self._extension.ask("task", again=True, id=number)
            if "q" not in apply.flags:
                gdb.write(f"\nAsync task {title(task)}:\n")
            if not task.get("running_thread") and not task.get("context"):
                gdb.write(f"It {without_stack(task)}.\n")
                return
            self._extension.enter(task)
            gdb.execute(apply.command)
        except (gdb.error, gdb.GdbError) as error:
            if "s" in apply.flags:
                return
            if "c" not in apply.flags:
                raise gdb.GdbError(str(error)) from error
            gdb.write(f"{error}\n")

    @contextlib.contextmanager
    def _restored(self) -> Iterator[None]:
        """Thread, task and frame are as before, unless the program ran."""
        frames = self._extension.frames
        frames.check()
        selected = frames.selected
        thread = gdb.selected_thread()
        level = frame_level(gdb.selected_frame())
        generation = frames.generation
        try:
            yield
        finally:
            if frames.generation == generation and thread.is_valid():
                frames.deselect()
                if selected is not None and selected.thread.is_valid():
                    selected.thread.switch()
                    frames.select(selected.task)
                thread.switch()
                select_level(level)


def define_parameter(extension: Extension) -> None:
    """`set asyncdump engine`, below the prefixes `set asyncdump` and `show asyncdump`."""
    before: Any = None
    with contextlib.suppress(RuntimeError):  # there is none the first time
        before = gdb.parameter("asyncdump engine")
    for verb in ("set", "show"):
        text = f"{verb.capitalize()} how asyncdump's commands work.\nUsage: {verb} asyncdump engine"
        prefix: Any = type("Prefix", (gdb.Command,), {"__doc__": text})
        prefix(f"{verb} asyncdump", gdb.COMMAND_STATUS, gdb.COMPLETE_NONE, True)
    EngineParameter(extension, before)


class EngineParameter(gdb.Parameter):  # type: ignore[misc]
    """The asyncdump command that reads the tasks.
    Unset: $ASYNCDUMP, else the one built or installed beside the extension, else
    the one in PATH.

    Example:
      set asyncdump engine ~/asyncdump/build/analyzer/asyncdump"""

    set_doc = "Set the asyncdump command that reads the tasks."
    show_doc = "Show the asyncdump command that reads the tasks."

    def __init__(self, extension: Extension, value: Optional[str]) -> None:
        super().__init__("asyncdump engine", gdb.COMMAND_STATUS, gdb.PARAM_OPTIONAL_FILENAME)
        self.value: Any = value
        self._extension = extension
        extension.session.engine_path = value

    def get_set_string(self) -> str:
        """GDB calls this when the value was set."""
        self._extension.session.close()
        self._extension.session.engine_path = self.value
        return ""

    def get_show_string(self, value: str) -> str:
        """GDB calls this for `show`."""
        return (
            f"The asyncdump engine is {value}." if value else "The asyncdump engine is looked for."
        )
