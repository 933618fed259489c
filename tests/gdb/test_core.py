# SPDX-License-Identifier: MIT
"""GDB on core files: listing, selecting, frames, arguments and locals, apply."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any, Callable

import pytest

from conftest import GdbRun, HungCores, own_functions, state_of
from harness import Hung

KINDS = ["kernel", "gcore"]


def variables(full: str) -> list[str]:
    """The names of the variables in `bt full`, in order."""
    return re.findall(r"^ +(\w+) = ", full, re.MULTILINE)


@pytest.mark.parametrize("kind", KINDS)
def test_every_task_is_selected_with_its_whole_stack(
    gdb_run: GdbRun, hung_cores: HungCores, kind: str
) -> None:
    ids = [task["id"] for task in hung_cores.truth["tasks"]]
    told = gdb_run(
        f"""
for number in {ids}:
    printed = run(f"async-task {{number}}")
    say(**{{f"printed{{number}}": printed, f"stack{{number}}": stack(), f"selected{{number}}": selected()}})
""",
        hung_cores.executable,
        hung_cores.core(kind),
    )
    for task in hung_cores.truth["tasks"]:
        printed, stack = told[f"printed{task['id']}"], told[f"stack{task['id']}"]
        first_line, frame_line = printed.splitlines()[:2]
        assert (
            first_line
            == f'[Switching to async task {task["id"]} "{task["name"]}" ({state_of(task)})]'
        )
        assert stack[1]["signal"] and stack[1]["function"] == "async_bridge"
        assert stack[2]["function"] == "async_suspend"
        assert own_functions(stack[2:]) == task["functions"]
        assert stack[-1]["function"] == "async_entry"
        assert stack[-1]["end"] == "outermost", "the stack must end by its CFI, not by an error"
        level, function, _thread = told[f"selected{task['id']}"]
        assert function == task["functions"][-1], "the first frame that is not the runtime's"
        assert frame_line.startswith(f"#{level} ") and f"{function} (" in frame_line


@pytest.mark.parametrize("kind", KINDS)
def test_arguments_and_locals_are_right(gdb_run: GdbRun, hung_cores: HungCores, kind: str) -> None:
    transfer = hung_cores.task("transfer alice bob")
    client = hung_cores.task("client ")
    told = gdb_run(
        f"""
run("async-task {transfer['name']}")
to_function("lock_entry")
say(waits=value("entry->key"))
to_function("command_transfer")
say(frame=selected(), locals=run("info locals"), name=value("name"), sender=value("transfer.from->bytes"),
    receiver=value("transfer.to->bytes"), amount=value("transfer.amount"), task=value("client->task_name"),
    words=value("request->count"), command=value("request->arguments[0].bytes"))
run("up")
say(above=selected())
run("async-task {client['id']}")
to_function("serve_client")
say(client=value("client->task_name"))
run("down")
say(below=selected())
""",
        hung_cores.executable,
        hung_cores.core(kind),
    )
    level, function, _ = told["frame"]
    assert function == "command_transfer"
    assert told["above"][:2] == [level + 1, "run_command"]
    assert re.search(r"^transfer = \{from = 0x", told["locals"], re.MULTILINE)
    assert told["sender"].endswith('"alice"') and told["receiver"].endswith('"bob"')
    assert (told["amount"], told["words"]) == ("1", "4")
    assert told["command"].endswith('"TRANSFER"')
    assert told["name"].startswith('"transfer alice bob"')
    assert told["task"].startswith('"client 127.0.0.1:')
    assert told["client"].startswith(f'"{client["name"]}"')
    assert told["waits"].endswith('"bob"')


@pytest.mark.parametrize("kind", KINDS)
def test_backtrace_shows_the_task_alone(gdb_run: GdbRun, hung_cores: HungCores, kind: str) -> None:
    number = hung_cores.task("transfer alice bob")["id"]
    told = gdb_run(
        f"""
before = run("bt")
run("async-task {number}")
say(before=before, bt=run("bt"), plain=run("bt -no-filters"), full=run("bt full"), plain_full=run("bt -no-filters full"), short=run("bt 2"), outer=run("bt -2"))
run("async-task none")
say(after=run("bt"), none=run("async-task"))
""",
        hung_cores.executable,
        hung_cores.core(kind),
    )
    assert told["bt"].startswith("#2 ") and "async_entry ()" in told["bt"].splitlines()[-1]
    plain = told["plain"].splitlines()
    assert plain[0].startswith("#0 ") and plain[1] == "#1  <signal handler called>"
    assert plain[0].split(" (")[0] == told["before"].splitlines()[0].split(" (")[0]
    assert plain[2:] == told["bt"].splitlines()
    assert told["short"].startswith("#2 ")
    assert variables(told["full"]) == variables(told["plain_full"].partition("\n#2 ")[2])
    assert "async_entry" in told["outer"].splitlines()[-1]
    assert told["after"] == told["before"]
    assert "No async task" in told["none"]


def test_the_list_is_the_engines(gdb_run: GdbRun, hung_cores: HungCores) -> None:
    told = gdb_run(
        """
say(first=run("info async-tasks"), tasks=run("info async-tasks --tasks"),
    bad=fails("info async-tasks --no-such-option"), quotes=fails("info async-tasks 'x"))
""",
        hung_cores.executable,
        hung_cores.core("gcore"),
    )
    assert "HUNG" in told["first"] and "DEADLOCK" in told["first"]
    for task in hung_cores.truth["tasks"]:
        assert task["name"] in told["tasks"]
    assert "no-such-option" in told["bad"] and "Unbalanced quotes" in told["quotes"]


def test_apply_runs_in_every_task_and_restores_the_selection(
    gdb_run: GdbRun, hung_cores: HungCores
) -> None:
    first, second = (hung_cores.task(f"transfer {way}")["id"] for way in ("alice", "bob"))
    told = gdb_run(
        f"""
run("up")
before = selected()
say(all=run("async-task apply all bt"))
say(same=selected() == before)
run("async-task {first}")
level = to_function("command_transfer")
say(some=run("async-task apply {first}-{second} -q frame"),
    failing=fails("async-task apply {first},{second} -q print nonsense"),
    going_on=run("async-task apply {first} {second} -c print nonsense"),
    silent=run("async-task apply {first} {second} -s -q print nonsense"),
    missing=fails("async-task apply 4000 bt"), others=run("async-task apply 4000 {first} -c frame"), usage=fails("async-task apply bt"))
say(kept=[selected()[:2] == [level, "command_transfer"], run("async-task").splitlines()[0], value("name")])
""",
        hung_cores.executable,
        hung_cores.core("gcore"),
    )
    assert told["same"]
    parts = re.split(r"^Async task (.*):$", told["all"], flags=re.MULTILINE)[1:]
    wanted = sorted(
        (t["id"], f'{t["id"]} "{t["name"]}" ({state_of(t)})') for t in hung_cores.truth["tasks"]
    )
    assert parts[0::2] == [title for _, title in wanted]
    for part in parts[1::2]:
        lines = part.strip().splitlines()
        assert lines[0].startswith("#2 ") and "async_entry ()" in lines[-1]
    assert [line[0] for line in told["some"].splitlines()].count("#") == 2
    assert "Async task" not in told["some"]
    assert "nonsense" in told["failing"] and told["silent"] == ""
    assert told["going_on"].count('No symbol "nonsense"') == 2
    assert "4000" in told["others"] and f"Async task {first} " in told["others"]
    assert "4000" in told["missing"] and "Usage: async-task apply" in told["usage"]
    assert told["kept"][0] and told["kept"][1].startswith(f"[Current async task is {first} ")
    assert told["kept"][2].startswith('"transfer alice bob"')


def test_names_help_and_completion(gdb_run: GdbRun, hung_cores: HungCores) -> None:
    told = gdb_run(
        """
run("async-task journal")
say(name=run("async-task"), quoted=run('async-task "ticker"'), absent=fails("async-task nobody"),
    number=fails("async-task 4000"), complete=run("complete async-task tr").splitlines(),
    more=run("complete async-task transfer a").splitlines(), apply=run("complete async-task apply a"),
    help=run("help async-task"), list_help=run("help info async-tasks"), engine_help=run("help set asyncdump engine"))
""",
        hung_cores.executable,
        hung_cores.core("gcore"),
    )
    journal = hung_cores.task("journal")
    assert told["name"].startswith(f'[Current async task is {journal["id"]} "journal" (waiting)]\n')
    assert '"ticker" (sleeping)]' in told["quoted"]
    assert "nobody" in told["absent"] and "4000" in told["number"]
    assert told["complete"] == ["async-task transfer alice bob", "async-task transfer bob alice"]
    assert told["more"] == ["async-task transfer alice bob"]
    assert told["apply"] == "async-task apply all\n"
    for text in (told["help"], told["list_help"], told["engine_help"]):
        assert "Example" in text
        assert max(len(line) for line in text.splitlines()) <= 80


def test_gdb_and_the_command_line_agree(
    gdb_run: GdbRun, hung_cores: HungCores, engine: Path
) -> None:
    core = hung_cores.core("gcore")
    told = gdb_run("say(text=run('info async-tasks --tasks'))", hung_cores.executable, core)
    result = subprocess.run(
        [engine, core, hung_cores.executable, "--tasks"],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert told["text"] == result.stdout


def test_another_core_is_read_afresh(gdb_run: GdbRun, hung_cores: HungCores) -> None:
    number = hung_cores.task("transfer alice bob")["id"]
    told = gdb_run(
        f"""
run("async-task {number}")
run("core-file {hung_cores.core("kernel")}")
say(selection=run("async-task"), past_main=run("show backtrace past-main"), core=stack()[0]["function"])
run("async-task {number}")
say(stack=len(stack()))
run("symbol-file")
say(no_symbols=run("async-task"), frames=[e["signal"] for e in stack()])
run("core-file")
say(nothing=fails("info async-tasks"), task=fails("async-task {number}"))
""",
        hung_cores.executable,
        hung_cores.core("gcore"),
    )
    assert "No async task" in told["selection"] and " off." in told["past_main"]
    assert told["stack"] > 8
    assert "No async task" in told["no_symbols"] and True not in told["frames"]
    assert "no process and no core file" in told["nothing"]
    assert told["task"] == told["nothing"]


def test_the_program_is_not_needed_for_the_list(gdb_run: GdbRun, hung_cores: HungCores) -> None:
    told = gdb_run(
        """
before = stack()
say(text=run("info async-tasks --tasks"), task=fails("async-task transfer alice bob"),
    none=run("async-task"), same=stack() == before)
""",
        "-c",
        hung_cores.core("gcore"),
    )
    assert "transfer alice bob" in told["text"]
    assert "use `file PROGRAM` first" in told["task"]
    assert "No async task" in told["none"] and told["same"]


def test_a_stripped_program_has_its_stacks(
    gdb_run: GdbRun, hung_kvd: Callable[..., Hung], build: Path, tmp_path: Path
) -> None:
    stripped = tmp_path / "kvd-stripped"
    subprocess.run(["strip", "-o", stripped, build / "fixtures" / "kvd"], check=True)
    hung = hung_kvd(1, executable=stripped)
    told = gdb_run(
        """
run("async-task transfer alice bob")
say(stack=stack(), bt=run("bt"), plain=run("bt -no-filters"))
run("async-task ticker")
say(ticker=stack())
""",
        "-p",
        hung.pid,
    )
    assert told["stack"][-1]["end"] == "outermost"
    assert len(told["stack"]) > len(told["ticker"])
    assert told["bt"].splitlines() == told["plain"].splitlines()[2:]
