# SPDX-License-Identifier: MIT
"""Arguments and locals of suspended tasks, beside what gdb and the program itself say of them."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from command import Asyncdump
from conftest import Parked
from judge import (
    AGREE,
    DIFFERENT,
    KINDS,
    MISSING,
    MORE,
    OPTIMIZED_OUT,
    THREAD_LOCAL,
    compare_core,
    gdb_output,
)

Frames = dict[tuple[str, str], list[dict[str, Any]]]


def variables(document: dict[str, Any]) -> Frames:
    """By task and function; of several frames of one function those of the innermost."""
    found: Frames = {}
    for task in document["tasks"]:
        for line, listed in zip(task["stack"], task["variables"]):
            found.setdefault((task["name"], line["function"]), listed)
    return found


def count_verdicts(asyncdump: Asyncdump, parked: Parked) -> tuple[Counter[str], Counter[str]]:
    """How many variables are judged how, printed as a table; none may be judged badly. Then the same of the
    program's own frames: the runtime below them is optimized, however the program is built."""
    _, verdicts = compare_core(asyncdump, parked.program, parked.core)
    tally = Counter(verdict.kind for verdict in verdicts)
    print(f"\n{parked.program.name} {parked.build}")
    for kind in KINDS:
        print(f"{tally[kind]:8}  {kind}")
    bad = [verdict for verdict in verdicts if verdict.kind in (MISSING, DIFFERENT, MORE)]
    assert not bad, "\n".join(map(str, bad))
    own = (verdict for verdict in verdicts if "async_" not in verdict.function)
    return tally, Counter(verdict.kind for verdict in own)


def test_what_gdb_shows_is_shown(asyncdump: Asyncdump, parked: Parked) -> None:
    """Every argument and local of every frame; the table is printed with -s or on failure."""
    tally, own = count_verdicts(asyncdump, parked)
    assert tally[AGREE] > 250
    assert tally[THREAD_LOCAL] <= 1
    if "-O0" in parked.build:
        assert own[AGREE] > 10 * own[OPTIMIZED_OUT]


def test_what_gdb_shows_of_classes_is_shown(asyncdump: Asyncdump, classes: Parked) -> None:
    tally, _ = count_verdicts(asyncdump, classes)
    assert tally[AGREE] > 40
    said = asyncdump(classes.core, classes.program, "--locals")
    sold = re.search(r"^        arg sold = @0x[0-9a-f]+: (.*)$", said.out, re.M)
    assert sold and sold[1].startswith(
        "{<shop::base> = {id = 7}, <shop::other> = {tag = 111 'o'}, price = 2.5, "
        "tint = shop::color::green, sold = true, name = 0x"
    )


def test_values_are_those_the_program_printed(asyncdump: Asyncdump, parked: Parked) -> None:
    """Nothing else is shown for them, unless it was optimized out; at -O0 nothing is."""
    found = variables(asyncdump(parked.core, parked.program, "--json", "--locals").json)
    lost = []
    assert len(parked.truth) > 60
    for told in parked.truth:
        frame = found[(told["task"], told["function"])]
        values = [one["value"] for one in frame if one["name"] == told["name"]]
        if set(values) <= {"<optimized out>"}:
            lost.append(told["name"])
        else:
            assert told["value"] in values, (told, values)
    assert not lost or "-O0" not in parked.build
    assert len(lost) < len(parked.truth) / 4, lost


def test_live_says_the_same(asyncdump: Asyncdump, parked: Parked) -> None:
    """Texts on the heap and in constants too, though the process goes on before they are looked for."""
    dead = variables(asyncdump(parked.core, parked.program, "--json", "--locals").json)
    alive = variables(asyncdump("-p", parked.pid, "--json", "--locals").json)
    for frame, listed in dead.items():
        assert alive[frame] == listed
    heap = [one for one in alive[("arrays", "arrays")] if one["name"] == "heap"]
    assert heap[0]["value"].endswith(' "on the heap"')


def test_nobody_who_does_not_ask_has_them(asyncdump: Asyncdump, parked: Parked) -> None:
    document = asyncdump(parked.core, parked.program, "--json").json
    assert not any("variables" in task for task in document["tasks"])
    assert " = " not in asyncdump(parked.core, parked.program, "--tasks").out


def test_text_has_them_below_each_line(asyncdump: Asyncdump, parked: Parked) -> None:
    """Arguments first and in order, then the locals of the innermost block first."""
    said = asyncdump(parked.core, parked.program, "--locals")
    assert (said.status, said.err) == (0, "")
    tasks = {
        match[1]: match[0]
        for match in re.finditer(r'^#\d+ "(\w+)".*?(?=\n\n|\Z)', said.out, re.M | re.S)
    }
    block = tasks["arguments"]
    after = block[block.index("many_arguments") :]
    names = re.findall(r"^        arg (\w+) = ", after[: after.index("task_arguments")], re.M)
    assert names == list("abcdefghijkl")
    scopes = [line for line in tasks["scopes"].splitlines() if " value = " in line]
    if "-O0" in parked.build:
        outer = int(re.findall(r"arg outer = (\d+)", tasks["scopes"])[0])
        assert [line.strip() for line in scopes] == [
            f"value = {outer * 7}",
            "value = 100",
            f"value = {outer + 1}",
        ]


def test_states_tell_why_a_value_is_not_there(asyncdump: Asyncdump, parked: Parked) -> None:
    document = asyncdump(parked.core, parked.program, "--json", "--locals").json
    words = {
        "optimized out": "<optimized out>",
        "unreadable": "<unreadable at ",
        "not available": "<not available: ",
    }
    for listed in variables(document).values():
        for one in listed:
            expected = next(
                (s for s, word in words.items() if one["value"].startswith(word)), "known"
            )
            assert one["state"] == expected, one


def test_gdb_prints_the_same_words(asyncdump: Asyncdump, parked: Parked) -> None:
    """`info async-tasks --locals` is the command line's --locals."""
    out = asyncdump(parked.core, parked.program, "--locals").out
    command = "info async-tasks --locals"
    assert out in gdb_output(asyncdump.program, parked.program, parked.core, command)
