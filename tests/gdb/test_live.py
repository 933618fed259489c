# SPDX-License-Identifier: MIT
"""GDB on processes, attached and launched: the same tasks, and not a byte of them changed."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any, Callable

from conftest import GdbRun, LaunchedKvd, own_functions
from harness import Hung


def test_attached(gdb_run: GdbRun, hung_kvd: Callable[..., Hung]) -> None:
    hung = hung_kvd(3)
    ids = [task["id"] for task in hung.truth["tasks"]]
    told = gdb_run(
        f"""
say(registers=registers(), memory=memory_sum(), bt=run("bt"))
for number in {ids}:
    run(f"async-task {{number}}")
    say(**{{f"stack{{number}}": stack(), f"bt{{number}}": run("bt full")}})
run("async-task transfer alice bob")
to_function("command_transfer")
say(sender=value("transfer.from->bytes"), task=value("client->task_name"))
run("async-task apply all bt full")
say(first=run("info async-tasks"), tasks=run("info async-tasks --tasks"))
run("async-task none")
say(registers_after=registers(), memory_after=memory_sum(), bt_after=run("bt"))
""",
        "-p",
        hung.pid,
    )
    for task in hung.truth["tasks"]:
        stack = told[f"stack{task['id']}"]
        assert own_functions(stack[2:]) == task["functions"]
        assert stack[-1]["function"] == "async_entry" and stack[-1]["end"] == "outermost"
        assert task["name"] in told["tasks"]
    assert told["sender"].endswith('"alice"') and told["task"].startswith('"client ')
    assert "DEADLOCK" in told["first"]
    assert told["registers"] == told["registers_after"]
    assert told["memory"] == told["memory_after"]
    assert told["bt"] == told["bt_after"]
    assert hung.kvd.state() in "SR"
    assert hung.kvd.client().call("PING") == "PONG"


def test_launched(launched_kvd: Callable[[str], tuple[LaunchedKvd, Hung]]) -> None:
    server, hung = launched_kvd(
        """
run("handle SIGUSR1 nostop noprint pass")
gdb.execute("run")
say(first=run("info async-tasks"), past_main=gdb.parameter("backtrace past-main"))
for number in range(1, 20):
    try:
        run(f"async-task {number}")
    except gdb.error as error:
        say(**{f"error{number}": str(error)})
    else:
        say(**{f"stack{number}": stack()})
run("async-task transfer bob alice")
to_function("command_transfer")
say(receiver=value("transfer.to->bytes"))
run("kill")
say(killed=fails("async-task"), past_main_after=gdb.parameter("backtrace past-main"))
"""
    )
    os.kill(server.pid, signal.SIGINT)
    told = server.finish()
    assert "DEADLOCK" in told["first"]
    known = {task["id"]: task for task in hung.truth["tasks"]}
    for number in range(1, 20):
        if number in known:
            assert own_functions(told[f"stack{number}"][2:]) == known[number]["functions"]
        else:
            assert str(number) in told[f"error{number}"]
    assert told["receiver"].endswith('"alice"')
    assert "no process" in told["killed"]
    assert told["past_main"] == told["past_main_after"]


def test_selection_ends_when_the_program_runs(
    launched_kvd: Callable[[str], tuple[LaunchedKvd, Hung]],
) -> None:
    server, _hung = launched_kvd(
        """
run("handle SIGUSR1 nostop noprint pass")
gdb.execute("run")
run("async-task transfer alice bob")
say(selected=run("async-task"), filters=sorted(gdb.frame_filters))
run("break async_sleep")
run("continue")
say(after=run("async-task"), filters_after=sorted(gdb.frame_filters), hit=stack()[0]["function"],
    real=[e["function"] for e in stack()])
ticker = next(i for i in range(1, 9) if '"ticker"' in run(f"async-task {i}"))
say(running=run(f"async-task {ticker}"), where=selected(), none=run("async-task"))
run("async-task transfer alice bob")
say(other=[e["function"] for e in stack()])
run("next")
say(stepped=[e["function"] for e in stack()], dropped=run("async-task"))
run("async-task transfer alice bob")
say(called=value("(int)getpid()"), still=run("async-task"))
run("kill")
"""
    )
    os.kill(server.pid, signal.SIGINT)
    told = server.finish()
    assert '"transfer alice bob"' in told["selected"] and told["filters"] == ["asyncdump"]
    assert "No async task" in told["after"] and told["filters_after"] == []
    assert told["hit"] == "async_sleep" and "async_bridge" not in told["real"]
    assert '"ticker" (running)]' in told["running"]
    assert told["where"][1] in ("sleep_for", "tick")
    assert "async_bridge" in told["other"] and "command_transfer" in told["other"]
    assert told["stepped"][0] == "async_sleep" and "async_bridge" not in told["stepped"]
    assert "No async task" in told["dropped"]
    assert int(told["called"]) == server.pid
    assert '"transfer alice bob"' in told["still"]


def test_before_the_runtime_starts(gdb_run: GdbRun, build: Path) -> None:
    told = gdb_run(
        """
run("break main")
gdb.execute("run")
say(early=fails("info async-tasks"), early_task=fails("async-task 1"))
run("kill")
""",
        build / "fixtures" / "kvd",
    )
    for message in (told["early"], told["early_task"]):
        assert message and "\n" not in message.strip()


def test_registers_stored_into_a_task_spare_the_thread(
    gdb_run: GdbRun, hung_kvd: Callable[..., Hung]
) -> None:
    """GDB itself writes a register that no inner frame saved to the real thread."""
    hung = hung_kvd(1)
    told = gdb_run(
        """
before = registers()
run("async-task transfer alice bob")
moved = []
for level in [entry["level"] for entry in stack() if entry["level"] >= 2]:
    for name in GENERAL + ["cs", "st0", "mxcsr", "xmm0"]:
        if name in ("rip", "rsp", "rbp"):
            continue  # the stack itself hangs on them
        run(f"select-frame level {level}")
        try:
            gdb.execute(f"set var ${name} = 1")
        except gdb.error:
            continue  # not saved, says gdb
        if selected()[0] != level:
            moved.append([level, name])
say(still=run("async-task"), moved=moved)
run("async-task none")
say(same=registers() == before)
run("kill")
""",
        "-p",
        hung.pid,
    )
    assert told["same"] and told["moved"] == []
    assert '"transfer alice bob"' in told["still"]
    assert "GDB stored into the thread's own r1" in told["output"], "else this test shows nothing"


def test_a_register_stored_into_the_thread_ends_the_selection(
    gdb_run: GdbRun, hung_kvd: Callable[..., Hung]
) -> None:
    hung = hung_kvd(1)
    told = gdb_run(
        """
run("async-task transfer alice bob")
run("select-frame level 0")
run("set var $rbp = $rbp + 8")
say(none=run("async-task"), stack=[entry["function"] for entry in stack()])
run("kill")
""",
        "-p",
        hung.pid,
    )
    assert "No async task" in told["none"] and "async_bridge" not in told["stack"]
