# SPDX-License-Identifier: MIT
"""A few to blame among very many."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable, Sequence

import pytest

from command import Asyncdump
from harness import Program, eventually

FIRST_SCREEN = 4096


@pytest.fixture
def start(build: Path, launch: Callable[[Sequence[str]], Program]) -> Callable[[str], Program]:
    def started(name: str) -> Program:
        program = launch([str(build / "fixtures" / "corpus"), name])
        program.read_line()
        return program

    return started


def settled(asyncdump: Asyncdump, program: Program, waiting: int) -> dict[str, Any]:
    """What is said once so many tasks wait for each other."""

    def look() -> dict[str, Any] | None:
        said = asyncdump("-p", program.pid, "--json")
        return said.json if said.status == 0 and said.json["tally"]["inside"] >= waiting else None

    found: dict[str, Any] = eventually(f"{waiting} waiting tasks", look)
    return found


def names(dump: dict[str, Any], ids: list[int]) -> list[str]:
    known = {task["id"]: task["name"] for task in dump["tasks"]}
    return [known[one] for one in ids]


def test_two_among_25000(
    start: Callable[[str], Program],
    asyncdump: Asyncdump,
    core_of: Callable[[Program, str], Path],
) -> None:
    program = start("rush")
    dump = settled(asyncdump, program, 25002)
    deadlock, blocker = dump["findings"]
    assert (deadlock["code"], blocker["code"]) == ("deadlock", "blocker")
    assert sorted(names(dump, deadlock["tasks"])) == ["transfer ab", "transfer ba"]
    assert (blocker["future"]["name"], blocker["total"]) == ("account a", 25000)
    assert_first_screen(asyncdump("-p", program.pid).out)
    assert_first_screen(asyncdump(core_of(program, "kernel")).out)


def assert_first_screen(screen: str) -> None:
    assert len(screen.encode()) < FIRST_SCREEN
    assert screen.count("DEADLOCK") == 1 and screen.count("BLOCKER") == 1
    assert "\nHUNG: 1 deadlock; 25000 of 25005 tasks wait on it\n" in screen


def test_a_ring_of_a_thousand(start: Callable[[str], Program], asyncdump: Asyncdump) -> None:
    program = start("big-ring")
    dump = settled(asyncdump, program, 1000)
    (deadlock,) = dump["findings"]
    assert deadlock["code"] == "deadlock" and deadlock["ring"] == len(deadlock["tasks"]) == 1000
    tasks = {task["id"]: task for task in dump["tasks"]}
    ring = deadlock["tasks"]
    for waits, holds in zip(ring, ring[1:] + ring[:1]):
        assert tasks[waits]["awaits"]["owner"] == holds
    assert len(asyncdump("-p", program.pid).out.encode()) < FIRST_SCREEN


def test_a_chain_of_ten_thousand(start: Callable[[str], Program], asyncdump: Asyncdump) -> None:
    """Each waits for the next one: nothing is wrong, and nothing is said."""
    program = start("deep-chain")
    dump = settled(asyncdump, program, 10001)
    assert dump["findings"] == []
    assert len(asyncdump("-p", program.pid).out.encode()) < FIRST_SCREEN


def test_one_parent_of_many(start: Callable[[str], Program], asyncdump: Asyncdump) -> None:
    if not os.environ.get("ASYNCDUMP_NIGHTLY"):
        pytest.skip("100,000 tasks take a while to start: --nightly")
    memory = int(
        Path("/proc/meminfo").read_text(encoding="utf-8").split("MemAvailable:")[1].split()[0]
    )
    if memory < 4 << 20:
        pytest.skip(f"100,000 stacks need memory: {memory >> 10} MiB are available")
    program = start("wide-family")
    dump = settled(asyncdump, program, 100001)
    assert dump["findings"] == []
    assert len(asyncdump("-p", program.pid).out.encode()) < FIRST_SCREEN
