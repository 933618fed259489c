# SPDX-License-Identifier: MIT
"""Each sort of task, and the threads beside: tasks.c stopped in a running task."""

from __future__ import annotations

import re
from pathlib import Path

from conftest import GdbRun


def test_each_sort_of_task(gdb_run: GdbRun, tasks_program: Path) -> None:
    told = gdb_run(
        """
run("break stop_here")
gdb.execute("run")
run("thread 1")
say(fresh=fails("async-task fresh"), fresh_kept=selected()[1])
say(running=run("async-task running"), where=selected(), stack=stack(), selection=run("async-task"))
to_function("run_now")
say(answer=value("answer"))
say(ended=fails("async-task ended"), kept=selected())
number = next(n for n in range(1, 9) if '"wait' in run(f"async-task apply {n} -c frame"))
say(waiting=run(f"async-task {number}"), word=value("word"), apply=run("async-task apply all frame"))
run("kill")
""",
        tasks_program,
    )
    assert '"fresh" (ready) has not begun' in told["fresh"] and told["fresh_kept"] == "main"
    assert '"running" (running)]' in told["running"]
    assert told["where"] == [0, "stop_here", 2], "its thread was switched to"
    functions = [e["function"] for e in told["stack"]]
    assert functions[:2] == ["stop_here", "run_now"] and functions[-1] == "async_entry"
    assert told["answer"] == "42" and told["kept"] == [1, "run_now", 2]
    assert "ended" in told["ended"] and "no stack" in told["ended"]
    assert "\\x1b[31m" in told["waiting"] and told["word"].endswith('"word"')
    assert told["apply"].count("Async task ") == 5
    assert told["apply"].count("It has no stack") == 1
    assert told["apply"].count("It has not begun") == 1


def test_other_threads_keep_their_stacks(gdb_run: GdbRun, tasks_program: Path) -> None:
    told = gdb_run(
        """
run("break stop_here")
gdb.execute("run")
def stacks():
    told = {}
    for number in (1, 2):
        run(f"thread {number}")
        told[str(number)] = [run("bt"), [entry["function"] for entry in stack()]]
    return told
before = stacks()
number = next(n for n in range(1, 9) if '"wait' in run(f"async-task apply {n} -c frame"))
run(f"async-task {number}")
in_second = stacks()
say(there=run("async-task"), past_main=gdb.parameter("backtrace past-main"))
run("thread 1")
say(not_here=run("async-task"))
run(f"async-task {number}")
in_first = stacks()
say(before=before, in_second=in_second, in_first=in_first)
run("thread 1")
say(here=run("async-task"), past_main_on=gdb.parameter("backtrace past-main"))
run("async-task none")
say(past_main_off=gdb.parameter("backtrace past-main"), after=stacks())
run("kill")
""",
        tasks_program,
    )
    before = told["before"]
    assert before["1"][1] == ["main"], "the first thread must stand in main itself"
    assert told["in_second"]["1"] == before["1"] and told["past_main"] is False
    assert "async_bridge" in told["in_second"]["2"][1] and "(waiting)" in told["there"]
    assert "No async task" in told["not_here"]
    assert told["in_first"]["2"] == before["2"]
    assert "async_bridge" in told["in_first"]["1"][1] and "(waiting)" in told["here"]
    assert told["past_main_on"] is True and told["past_main_off"] is False
    assert told["after"] == before


def test_finish_waits_for_the_task_itself(gdb_run: GdbRun, tasks_program: Path) -> None:
    told = gdb_run(
        """
run("break stop_here")
gdb.execute("run")
number = next(n for n in range(1, 9) if '"wait' in run(f"async-task apply {n} -c frame"))
run(f"async-task {number}")
to_function("async_promise_await")
gdb.execute("finish")
say(where=selected(), none=run("async-task"), word=value("word"))
run("kill")
""",
        tasks_program,
    )
    assert "Value returned" in told["output"] and told["where"][:2] == [0, "wait_for_ever"]
    assert "No async task" in told["none"] and told["word"].endswith('"word"')


def test_thread_and_frame_stay_selected(gdb_run: GdbRun, tasks_program: Path) -> None:
    told = gdb_run(
        """
run("break stop_here")
gdb.execute("run")
run("up")
before = selected()
run("info async-tasks")
say(list=selected() == before and before[0] == 1)
run("set var in_main = 2")
run("thread 1")
before = selected()
run("info async-tasks")
say(list_in_first=selected() == before and before[2] == 1)
say(threads=run("async-task apply all -q -s thread"))
run("async-task 2")
run("thread 2")
run("up")
before = selected()
run("async-task apply all -q -s frame")
say(apply=selected() == before, not_here=run("async-task"))
run("thread 1")
say(there=run("async-task"))
say(ran=fails("async-task apply 2 1 -q stepi"), dropped=run("async-task"))
run("kill")
""",
        tasks_program,
    )
    assert told["list"] and told["list_in_first"] and told["apply"]
    assert re.findall(r"Current thread is (\d+)", told["threads"]) == ["1", "1", "2"]
    assert "No async task" in told["not_here"] and '"wait' in told["there"]
    assert "The program ran" in told["ran"] and "No async task" in told["dropped"]
