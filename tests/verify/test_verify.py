# SPDX-License-Identifier: MIT
"""Stacks of all shapes, from programs of all makes: by rows, by libunwind, by gdb, as the programs tell."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Callable

import pytest

from command import Asyncdump
from conftest import DEBUG_FRAME, Parked
from doors import REPOSITORY, through_gdb
from harness import Kvd

# Frames between those that tell of themselves: the kernel's and libc's.
GAPS = ("signal", "fault", "libc")

SUMMARY = re.compile(
    r"unwound (\d+) stacks by rows and by libunwind: (\d+) frames, rows for (\d+) of them, (\d+) stacks differ"
)


def test_rows_and_libunwind_agree(parked: Parked, asyncdump: Asyncdump) -> None:
    said = asyncdump(parked.core, parked.program, "--verify")
    assert (said.status, said.err) == (0, ""), said.out + said.err
    (line,) = said.out.splitlines()
    summary = SUMMARY.fullmatch(line)
    assert summary, line
    stacks, frames, by_row, differ = map(int, summary.groups())
    assert (stacks, differ) == (len(parked.returns) + 2, 0)  # "main" and the thread
    assert frames >= sum(len(addresses) for addresses in parked.returns.values())
    # Signal frames are libunwind's, and frames that are realigned below arguments.
    assert frames * 9 // 10 < by_row <= frames - 2


def inside(wanted: list[int], found: list[int], gaps: bool) -> bool:
    """Whether `wanted` is a part of `found`: in order, and without anything between unless there are gaps."""
    if gaps:
        rest = iter(found)
        return all(address in rest for address in wanted)
    starts = range(len(found) - len(wanted) + 1)
    return any(found[start : start + len(wanted)] == wanted for start in starts)


def test_stacks_are_as_the_program_tells(parked: Parked) -> None:
    stacks = parked.stacks()
    for name, returns in parked.returns.items():
        assert len(returns) >= 3
        assert inside(returns, stacks[name], name in GAPS), (name, returns, stacks[name])
    for record in (*parked.told["tasks"], *parked.told["threads"]):
        assert record["stack_end"] is None, record


SCRIPT = """
from inside import run, say, stack
told = {}
for task in IDS:
    run(f"async-task {task}")
    told[task] = stack()
say(tasks=told, finished=True)
"""


def test_gdb_sees_the_same(parked: Parked, build: Path, tmp_path: Path) -> None:
    """Every frame of every task. The first frame of the kind that signals make is the runtime's bridge."""
    ids = {task["id"]: task["name"] for task in parked.told["tasks"]}
    script = SCRIPT.replace("IDS", repr(list(ids)))
    told = through_gdb(build, tmp_path, script, parked.program, parked.core)
    stacks = parked.stacks()
    for number, name in ids.items():
        frames = told["tasks"][str(number)]
        bridge = next(frame["level"] for frame in frames if frame["signal"])
        seen = [frame["pc"] for frame in frames[bridge + 1 :] if not frame["inlined"]]
        assert seen == stacks[name], name


def test_only_debug_frame_describes_the_program(parked: Parked) -> None:
    """Where that was asked for, so that the tests above have shown it."""
    dump = ["readelf", "--wide", "--debug-dump=frames", str(parked.program)]
    described = subprocess.run(dump, capture_output=True, text=True, check=True).stdout
    eh_frame, _, debug_frame = described.partition(".debug_frame")
    (address,) = re.findall(
        r"^([0-9a-f]+) t aligned_variadic$",
        subprocess.check_output(["nm", parked.program], text=True),
        re.MULTILINE,
    )
    begin = f"pc={address}.."
    assert (begin in eh_frame, begin in debug_frame) == (
        DEBUG_FRAME not in parked.options,
        DEBUG_FRAME in parked.options,
    )


# ---- the option ---------------------------------------------------------------------------------------


def test_a_live_process_is_verified(kvd: Callable[[], Kvd], asyncdump: Asyncdump) -> None:
    said = asyncdump("-p", kvd().pid, "--verify")
    assert said.status == 0 and SUMMARY.fullmatch(said.out.rstrip("\n")), said.out + said.err


@pytest.mark.parametrize("view", ["--json", "--tasks", "--locals"])
def test_no_view_beside_it(asyncdump: Asyncdump, view: str) -> None:
    assert "--verify" in asyncdump("/dev/null", "--verify", view).refused(2)


# ---- these tests can fail -----------------------------------------------------------------------------

MUTATIONS = {
    "the_last_row_is_taken": (
        "cfi_row.c",
        "    run->arrived = next > run->pc;",
        "    run->arrived = false;",
    ),
    "what_is_remembered_is_not_recalled": (
        "cfi_row.c",
        "run->now = run->remembered[--run->depth];",
        "run->depth--;",
    ),
    "the_end_of_a_stack_is_missed": (
        "cfi_row.c",
        "        row->undefined |= (uint8_t)(1u << slot);",
        "        row->undefined |= 0;",
    ),
    "a_word_beside": (
        "cfi_row.c",
        "    row->words[slot] = (uint8_t)below;",
        "    row->words[slot] = (uint8_t)(below + (slot == 5));",
    ),
    "the_fast_walk_loses_frames": (
        "unwind_run.c",
        "    run->ended = !pc;",
        "    run->ended = !pc || rules->depth > 0;",
    ),
}


def last_command(build: Path, target: str) -> str:
    """How the build folder makes one thing."""
    words = ["ninja", "-C", str(build), "-t", "commands", "-s", target]
    return subprocess.check_output(words, text=True).strip().splitlines()[-1]


def mutated(build: Path, folder: Path, name: str) -> Path:
    """The command with one change in a file of its unwinder."""
    file, old, new = MUTATIONS[name]
    source, program = folder / file, folder / "asyncdump"
    original = REPOSITORY / "analyzer" / "unwind" / file
    text = original.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file} has changed: {name} says nothing any more"
    source.write_text(text.replace(old, new), encoding="utf-8")
    made = f"analyzer/CMakeFiles/ad_unwind.dir/unwind/{file}.o"
    compile_it = last_command(build, made).replace(str(original), str(source))
    link_it = last_command(build, "analyzer/asyncdump")
    for command, old_file, new_file in (
        (compile_it, f"-o {made}", f"-o {source}.o"),
        (link_it, "-o analyzer/asyncdump", f"{source}.o -o {program}"),
    ):
        assert old_file in command, command
        subprocess.run(command.replace(old_file, new_file), shell=True, cwd=build, check=True)
    return program


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_row_is_noticed(build: Path, tmp_path: Path, ordinary: Parked, name: str) -> None:
    broken = Asyncdump(mutated(build, tmp_path, name))
    said = broken(ordinary.core, ordinary.program, "--verify")
    assert (said.status, said.err) == (1, ""), said.out + said.err
    line, *differences = said.out.splitlines()
    summary = SUMMARY.fullmatch(line)
    assert summary and int(summary[4]) > 0, line
    expected = (
        r"  (task #\d+|thread \d+) frame \d+: .+ is 0x[0-9a-f]+ by rows, 0x[0-9a-f]+ by libunwind"
    )
    assert all(re.fullmatch(expected, words) for words in differences), said.out
    assert len(differences) == int(summary[4])
