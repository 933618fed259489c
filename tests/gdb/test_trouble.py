# SPDX-License-Identifier: MIT
"""What goes wrong is one clear line, and the next command works again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any, Callable

import pytest

from conftest import EXTENSION, GdbRun, HungCores, LaunchedKvd
from harness import Hung

PROXY = str(Path(__file__).with_name("proxy_engine.py"))
COMMANDS = (
    "info async-tasks",
    "async-task 6",
    "async-task",
    "async-task none",
    "async-task apply all bt",
)


def one_line(message: str) -> bool:
    return bool(message.strip()) and "\n" not in message.strip()


def test_nothing_to_look_at(gdb_run: GdbRun) -> None:
    told = gdb_run(f"say(messages=[fails(command) for command in {COMMANDS}])")
    for message in told["messages"]:
        assert "no process and no core file" in message and one_line(message)


@pytest.fixture(scope="session")
def strangers_core(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A program without the runtime, and its core."""
    folder = tmp_path_factory.mktemp("stranger")
    source = folder / "stranger.c"
    source.write_text("int main(void) { for (;;) ; }\n")
    program, core = folder / "stranger", folder / "core"
    subprocess.run(["cc", "-g", "-o", program, source], check=True)
    subprocess.run(
        [
            "gdb",
            "-nx",
            "-q",
            "-batch",
            "-ex",
            "break main",
            "-ex",
            "run",
            "-ex",
            f"gcore {core}",
            program,
        ],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return program, core


def test_a_program_without_the_runtime(gdb_run: GdbRun, strangers_core: tuple[Path, Path]) -> None:
    told = gdb_run(
        "say(list=fails('info async-tasks'), task=fails('async-task 1'))", *strangers_core
    )
    assert one_line(told["list"]) and told["list"] == told["task"]
    told = gdb_run(
        "run('break main')\ngdb.execute('run')\nsay(list=fails('info async-tasks'))\nrun('kill')",
        strangers_core[0],
    )
    assert one_line(told["list"])


def test_two_inferiors(gdb_run: GdbRun, hung_cores: HungCores, tmp_path: Path) -> None:
    other = tmp_path / "another.core"
    shutil.copy(hung_cores.core("gcore"), other)
    told = gdb_run(
        f"""
run("async-task transfer alice bob")
first = stack()
run("add-inferior -no-connection")
run("inferior 2")
say(empty=fails("info async-tasks"))
run("file {hung_cores.executable}")
run("core-file {other}")
texts = []
for number in (2, 1, 2):
    run(f"inferior {{number}}")
    texts.append(run("info async-tasks").splitlines()[0])
say(texts=texts)
run("inferior 1")
run("async-task transfer alice bob")
say(same=stack() == first)
""",
        hung_cores.executable,
        hung_cores.core("gcore"),
    )
    assert "no process and no core file" in told["empty"] and one_line(told["empty"])
    assert ["another.core" in text for text in told["texts"]] == [True, False, True]
    assert told["same"]


def test_no_engine(gdb_run: GdbRun, hung_cores: HungCores) -> None:
    told = gdb_run(
        """
say(missing=fails("info async-tasks"))
run("set asyncdump engine /bin/true")
say(wrong=fails("info async-tasks"), shown=run("show asyncdump engine"))
""",
        hung_cores.executable,
        hung_cores.core("gcore"),
        ASYNCDUMP="/nonexistent/asyncdump",
    )
    assert "/nonexistent/asyncdump" in told["missing"] and "$ASYNCDUMP" in told["missing"]
    assert one_line(told["missing"]) and one_line(told["wrong"])
    assert "/bin/true does not serve as an asyncdump engine" in told["wrong"]
    assert told["shown"] == "The asyncdump engine is /bin/true.\n"


def test_the_engine_can_be_chosen(
    gdb_run: GdbRun, hung_cores: HungCores, engine: Path, tmp_path: Path
) -> None:
    chosen = tmp_path / "a folder" / "engine"
    chosen.parent.mkdir()
    shutil.copy(engine, chosen)
    told = gdb_run(
        f"""
run("set asyncdump engine {chosen}")
say(text=run("info async-tasks"))
run("source {EXTENSION}")
say(again=run("info async-tasks"), shown=run("show asyncdump engine"))
""",
        hung_cores.executable,
        hung_cores.core("gcore"),
        ASYNCDUMP="/nonexistent/asyncdump",
    )
    assert told["text"] == told["again"] != ""
    assert str(chosen) in told["shown"]


@pytest.mark.parametrize("request_kind", ["open", "task", "tasks", "text"])
def test_an_engine_that_dies_is_started_again(
    gdb_run: GdbRun, hung_cores: HungCores, engine: Path, tmp_path: Path, request_kind: str
) -> None:
    number = hung_cores.task("transfer alice bob")["id"]
    command = {"tasks": "async-task apply all -q frame", "text": "info async-tasks"}.get(
        request_kind, f"async-task {number}"
    )
    told = gdb_run(
        f"""
say(message=fails("{command}"))
say(again=run("{command}"))
""",
        hung_cores.executable,
        hung_cores.core("gcore"),
        ASYNCDUMP=PROXY,
        PROXY_ENGINE=str(engine),
        PROXY_MODE=f"die {request_kind}",
        PROXY_ONCE=str(tmp_path / "once"),
    )
    assert "The engine ended unexpectedly" in told["message"]
    assert "The next command starts it again" in told["message"] and one_line(told["message"])
    assert told["again"]


def test_an_engine_killed_between_commands_is_replaced(
    gdb_run: GdbRun, hung_cores: HungCores
) -> None:
    number = hung_cores.task("transfer alice bob")["id"]
    told = gdb_run(
        f"""
import os, signal, subprocess, time
def children():
    return [int(p) for p in subprocess.run(["pgrep", "-P", str(os.getpid()), "-f", "--", "--serve"],
                                           stdout=subprocess.PIPE, text=True).stdout.split()]
run("async-task {number}")
first = children()
os.kill(first[0], signal.SIGKILL)
while open(f"/proc/{{first[0]}}/stat").read().rpartition(")")[2].split()[0] != "Z":
    time.sleep(0.01)
say(frames=len(stack()), again=run("async-task {number}"), first=len(first), second=len(children()))
say(differs=children() != first)
""",
        hung_cores.executable,
        hung_cores.core("gcore"),
    )
    assert told["frames"] > 8, "the selection needs no engine"
    assert (told["first"], told["second"]) == (1, 1) and told["differs"]
    assert '"transfer alice bob"' in told["again"]


def test_the_engine_ends_with_gdb(gdb_run: GdbRun, hung_cores: HungCores, engine: Path) -> None:
    told = gdb_run(
        """
import asyncdump_gdb
run("info async-tasks")
say(pid=asyncdump_gdb._extension.session._engine._child.pid)
""",
        hung_cores.executable,
        hung_cores.core("gcore"),
    )
    assert not Path(f"/proc/{told['pid']}").exists()


def test_sourcing_twice(gdb_run: GdbRun, hung_cores: HungCores) -> None:
    number = hung_cores.task("transfer alice bob")["id"]
    told = gdb_run(
        f"""
run("source {EXTENSION}")
run("async-task {number}")
selected = stack()
run("source {EXTENSION}")
say(none=run("async-task"), filters_between=sorted(gdb.frame_filters), own=stack()[1]["function"], past_main=gdb.parameter("backtrace past-main"))
run("async-task {number}")
say(same=stack() == selected, filters=sorted(gdb.frame_filters),
    unwinders=[u.name for u in gdb.frame_unwinders], bt=run("bt"))
""",
        hung_cores.executable,
        hung_cores.core("gcore"),
    )
    assert "No async task" in told["none"] and told["own"] != "async_bridge"
    assert told["filters_between"] == []
    assert told["past_main"] is False and told["same"]
    assert told["filters"] == ["asyncdump"] and told["unwinders"] == ["asyncdump"]
    assert told["bt"].startswith("#2 ")


def test_loading_looks_at_nothing_and_finds_its_package(
    gdb_run: GdbRun, hung_cores: HungCores, tmp_path: Path
) -> None:
    installed = tmp_path / "share" / "asyncdump" / "gdb"
    shutil.copytree(EXTENSION.parent, installed)
    link = tmp_path / "elsewhere-gdb.py"
    link.symlink_to(installed / EXTENSION.name)
    told = gdb_run(
        f"""
run("source {link}")
import asyncdump_gdb
say(package=asyncdump_gdb.__file__, engine=asyncdump_gdb._extension.session._engine is None,
    text=run("info async-tasks"))
""",
        hung_cores.executable,
        hung_cores.core("gcore"),
        load=False,
    )
    assert told["package"] == str(installed / "asyncdump_gdb" / "__init__.py")
    assert told["engine"] and told["text"]


def test_a_runtime_without_a_bridge(gdb_run: GdbRun, hung_cores: HungCores, engine: Path) -> None:
    task = hung_cores.task("transfer alice bob")
    told = gdb_run(
        f"""
run("async-task {task['id']}")
say(stack=stack(), bt=run("bt"))
to_function("command_transfer")
say(task=value("client->task_name"), name=value("name"))
run("async-task none")
say(after=stack())
""",
        hung_cores.executable,
        hung_cores.core("gcore"),
        ASYNCDUMP=PROXY,
        PROXY_ENGINE=str(engine),
        PROXY_MODE="no bridge",
    )
    functions = [e["function"] for e in told["stack"]]
    assert "async_bridge" not in functions and functions[1] == "async_suspend"
    own = [name for name in reversed(functions[1:]) if not name.startswith("async_")]
    assert own == task["functions"]
    assert told["stack"][-1]["end"] == "outermost"
    assert told["bt"].startswith("#1 ")
    assert told["task"].startswith('"client ') and told["name"].startswith('"transfer alice bob"')
    assert functions[:2] != [e["function"] for e in told["after"]][:2]


@pytest.mark.parametrize("mode", ["no bridge", "as it is"])
def test_stepping_while_a_task_is_selected_steps_the_thread(
    gdb_run: GdbRun, tasks_program: Path, engine: Path, mode: str
) -> None:
    """`next` knows the frame it started in by its id, also behind a selected task."""
    told = gdb_run(
        """
run("break run_now")
gdb.execute("run")
def place():
    return [stack()[0]["function"], stack()[0]["line"]]
places = [place()]
for step in range(3):
    number = next(n for n in range(1, 9) if '"wait' in run(f"async-task apply {n} -c frame"))
    run(f"async-task {number}")
    run("next")
    places.append(place())
say(places=places, none=run("async-task"), stack=[entry["function"] for entry in stack()])
run("kill")
""",
        tasks_program,
        ASYNCDUMP=PROXY,
        PROXY_ENGINE=str(engine),
        PROXY_MODE=mode,
    )
    lines = [line for function, line in told["places"] if function == "run_now"]
    assert len(lines) == 4 and lines == sorted(set(lines)), told["places"]
    assert "No async task" in told["none"]
    assert "run_now" in told["stack"] and "async_bridge" not in told["stack"]
