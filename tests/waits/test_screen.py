# SPDX-License-Identifier: MIT
"""What the text views say of every wait, and that they fit the terminal they are on."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import termios

import pytest

from command import Asyncdump
from doors import DOORS
from harness import PATIENCE, eventually
from waits import Task, Waits


def on_terminal(asyncdump: Asyncdump, columns: int, *arguments: object) -> list[str]:
    """The lines that the command prints on a terminal of so many columns."""
    terminal, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    process = asyncdump.start(*arguments, stdout=inner)
    os.close(inner)
    printed = b""
    try:
        while piece := os.read(terminal, 1 << 16):
            printed += piece
    except OSError:  # EIO: the command has ended
        pass
    os.close(terminal)
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, "")
    return printed.decode().replace("\r\n", "\n").splitlines()


def await_findings(busy: Waits, asyncdump: Asyncdump) -> None:
    """A worker that is kept is worth telling only after a while."""
    eventually("the findings", lambda: "keeps it" in asyncdump("-p", busy.program.pid).out)


@pytest.mark.parametrize("columns", [80, 100, 160])
def test_the_screen_fits_the_terminal(busy: Waits, asyncdump: Asyncdump, columns: int) -> None:
    await_findings(busy, asyncdump)
    lines = on_terminal(asyncdump, columns, "-p", busy.program.pid)
    table = lines[next(i for i, line in enumerate(lines) if line.startswith("COUNT")) :]
    findings = [line for line in lines if re.match("(WORKER_)?BLOCK|          ", line)]
    assert len(table) > 15 and len(findings) > 4
    assert [line for line in (*table, *findings) if len(line) > columns] == []
    # All columns are there, and a wider terminal is made use of.
    assert "TASKS" in table[0] and "#" in table[1]
    assert max(len(line) for line in table) > columns * 3 // 4 or columns == 160


def test_a_pipe_has_no_width(busy: Waits, asyncdump: Asyncdump) -> None:
    lines = asyncdump("-p", busy.program.pid).out.splitlines()
    assert max(map(len, lines)) > 120


def test_the_task_that_computes(busy: Waits, asyncdump: Asyncdump) -> None:
    await_findings(busy, asyncdump)
    dump = asyncdump("-p", busy.program.pid, "--json").json
    task = next(task for task in dump["tasks"] if task["name"] == "other occupant")
    true = next(task for task in busy.account["tasks"] if task["name"] == "other occupant")
    shown = [line for line in task["stack"] if not line["hidden"]]
    assert (task["state"], shown[0]["function"]) == ("running", true["at"]["function"])
    assert shown[0]["line"] in (true["at"]["line"], true["at"]["line"] + 1)  # the loop and its body
    text = asyncdump("-p", busy.program.pid).out
    assert re.search(
        r"worker 1: #\d+ \"other occupant\" keeps it .* occupy_other occupy.c:\d+$", text, re.M
    )
    assert re.search(
        r"worker 0: #\d+ \"occupant\" keeps it .* occupy_here occupy.c:\d+ > .*read", text
    )


def words(task: Task) -> str:
    """What the task waits for, as the views should say it; times left out."""
    wait = task["wait"]
    fd, name, peer = f" fd {wait['fd']}", wait["object"], wait["peer"]
    thread = f", on thread {wait['thread']}" if wait["thread"] else f", {wait['state']}"
    held = "".join(f" and #{holder}" for holder in wait["holders"])[5:] or f"#{wait['owner']} for T"
    said = {
        "timer": "timer, T left",
        "read": f"read{fd} from {peer}",
        "receive": f"receive{fd} from {peer} ({name})",
        "write": f"write{fd} to {peer}",
        "send": f"send{fd}",
        "accept": f"accept on{fd} ({name})",
        "connect": f"connect{fd} to {peer}",
        "close": f"close{fd} ({name})",
        "mutex": f"mutex {name}, held by {held}",
        "rwlock read": f"rwlock {name} (to read), held by {held}",
        "rwlock write": f"rwlock {name} (to write), held by {held}",
        "semaphore": f"semaphore {name} (1 of 5 permits left), held by {held}",
        "channel send": f"channel {name} (send; 2 of 2 slots full; 1 receiver)",
        "channel receive": f"channel {name} (receive)",
        "join": f'join of #{wait["owner"]} "{name}"',
        "promise": f"promise {name}, to be resolved by {held}",
        "group": f"task group {name} (2 tasks left)",
        "work": f"work {name}{thread}",
        "file": f"file{fd if wait['fd'] is not None else ''} ({name}){thread}",
        "dns": f"name lookup ({name})",
    }
    if wait["parts"]:
        which = "all" if wait["kind"] == "all" else "first"
        return f"{which} of {len(wait['parts'])}: "
    timeout = ", timeout in T" if task["timeout"] else ""
    return said.get(wait["kind"], f"{wait['kind']} {name}") + timeout


@pytest.mark.parametrize("door", DOORS)
def test_waits_in_words(waits: Waits, door: str) -> None:
    duration = re.compile(r"\b(\d+(h|m|s|ms|us|ns))+\b")
    for id_, true in waits.waiting().items():
        said = duration.sub("T", waits.tasks(door)[id_]["wait"])
        wanted = words(true)
        assert said.startswith(wanted) if true["wait"]["parts"] else said == wanted


@pytest.mark.parametrize("door", DOORS)
def test_the_groups_name_the_place(waits: Waits, door: str) -> None:
    """Of each row, the last place is where its first task is, or else where it begins."""
    waits.dump(door)
    rows = re.findall(r"^ +\d+ .*? ([\w.]+:\d+) +#(\d+)", waits.text[door], re.MULTILINE)
    assert len(rows) >= 15
    for place, id_ in rows:
        true = waits.here()[int(id_)]
        if true["state"] == "running":
            continue
        at = true["at"] and f"{true['at']['file'].rpartition('/')[2]}:{true['at']['line']}"
        begin = waits.tasks(door)[int(id_)]["start"]
        assert place == (at or f"{begin['file'].rpartition('/')[2]}:{begin['line']}")


def test_tasks_view(busy: Waits, asyncdump: Asyncdump) -> None:
    """What only some tasks have."""
    text = asyncdump("-p", busy.program.pid, "--tasks").out
    of = {t["name"]: t for t in busy.account["tasks"]}
    paragraphs = {p.split("\n")[0].split('"')[1]: p for p in text.strip().split("\n\n")}
    assert paragraphs.keys() == {task["name"] for task in busy.here().values()}
    assert "  labels " in paragraphs["heir"] and "user=ann" in paragraphs["heir"]
    cancel = of["shielded"]["cancel"]
    assert re.search(
        rf"  cancel requested by #{cancel['by']} \S+ ago at {cancel['place']['file']}:{cancel['place']['line']}\n",
        paragraphs["shielded"],
    )
    assert "\n  shielded\n" in paragraphs["shielded"]
    assert "  in task group crew (2 tasks left)\n" in paragraphs["crew 1"]
    assert "failed: no page 7 at fixtures/waits/ended.c:" in paragraphs["failure"]
    assert "  (it is to begin in never_run occupy.c:" in paragraphs["ready 1"]
    assert "its turn on worker 1, in its inbox" in paragraphs["in the inbox"]
    assert "its turn on worker 0, behind 2 others" in paragraphs["woken"]
    assert "timeout in " in paragraphs["hurried"]
    for name, task in of.items():
        if task["spawned"] and not task["released"]:
            place = task["spawned"]
            assert (
                f"spawned at {place['file']}:{place['line']} by #{task['parent']}"
                in paragraphs[name]
            )
