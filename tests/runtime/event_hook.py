# SPDX-License-Identifier: MIT
r"""Run inside gdb: breaks where the descriptor says, and counts what is told there.

    gdb -nx -batch -x event_hook.py --args runtime_debug_test failure_never_retrieved

Switches debug mode on as a debugger does, by writing the flag that the contract names. Ends gdb with status 1
unless every kind of event of that program comes, each with a task at hand but for the loop's end.
"""

import sys
import traceback
from collections import Counter

import gdb

DESCRIPTOR = "(*(struct async_debug_descriptor *)&async_debug_descriptor)"
SPAWN, FAILURE, CANCEL, SLOW_STEP, LOOP_END = range(1, 6)


def evaluate(expression: str) -> int:
    return int(gdb.parse_and_eval(expression))


def field(record: int, number: str, kind: str, type_name: str) -> str:
    """The lvalue of a record's field, by the descriptor alone."""
    offset = evaluate(f"{DESCRIPTOR}.records[{kind}].field[{number}].offset")
    return f"*({type_name} *)({record} + {offset})"


class Hook(gdb.Breakpoint):
    """Counts events by number."""

    def __init__(self) -> None:
        super().__init__(f"*{evaluate(DESCRIPTOR + '.event_hook')}", internal=True)
        self.events: Counter[int] = Counter()
        self.slow_steps: list[int] = []

    def stop(self) -> bool:
        event, task = evaluate("(unsigned)$rdi"), evaluate("$rsi")
        self.events[event] += 1
        if (task == 0) != (event == LOOP_END):
            raise gdb.GdbError(f"event {event} with task {task:#x}")
        if task:
            name = field(task, "ASYNC_DEBUG_TASK_NAME", "ASYNC_DEBUG_TASK", "char [32]")
            if not gdb.parse_and_eval(name).string():
                raise gdb.GdbError(f"event {event} with a task that has no name")
        return False


def switch_on() -> None:
    process = evaluate(DESCRIPTOR + ".process")
    kind = "ASYNC_DEBUG_PROCESS"
    flags = field(process, "ASYNC_DEBUG_PROCESS_DEBUG_FLAGS", kind, "unsigned")
    threshold = field(process, "ASYNC_DEBUG_PROCESS_SLOW_STEP", kind, "unsigned long long")
    gdb.execute(f"set var {flags} = {flags} | 1")
    gdb.execute(f"set var {threshold} = 1000000")


def main() -> None:
    gdb.execute("set breakpoint pending off")
    gdb.execute("set debuginfod enabled off", to_string=True)
    gdb.execute("tbreak begin_here")
    gdb.execute("run")
    hook = Hook()
    switch_on()
    gdb.execute("continue")
    print(f"events: {sorted(hook.events.items())}")
    if evaluate("$_exitcode") != 0:
        raise gdb.GdbError("the program failed")
    for event in (SPAWN, FAILURE, CANCEL, SLOW_STEP, LOOP_END):
        if not hook.events[event]:
            raise gdb.GdbError(f"event {event} did not come")


try:
    main()
except BaseException:
    traceback.print_exc()
    sys.stdout.flush()
    gdb.execute("kill", to_string=True)
    gdb.execute("quit 1")
