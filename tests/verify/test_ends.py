# SPDX-License-Identifier: MIT
"""Stacks that end early say where and why: in JSON, with --tasks, on the first screen, in the exit status.

Words of a core's stacks are changed, so that each end comes about in one task; all others stay whole.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

import pytest

from command import Asyncdump
from conftest import Parked, park

PT_LOAD = 1
WORD = 8


@dataclass
class Segment:
    header: int
    """Offset of its program header."""
    offset: int
    address: int
    size: int


class Core:
    """A copy of a core, to be changed."""

    def __init__(self, original: Path) -> None:
        self.data = bytearray(original.read_bytes())
        (at,) = struct.unpack_from("<Q", self.data, 32)
        (count,) = struct.unpack_from("<H", self.data, 56)
        self.segments = []
        for header in range(at, at + count * 56, 56):
            kind, _, offset, address, _, size = struct.unpack_from("<IIQQQQ", self.data, header)
            if kind == PT_LOAD:
                self.segments.append(Segment(header, offset, address, size))

    def words(self, value: int) -> Iterator[int]:
        """The addresses of all words of this value."""
        packed = struct.pack("<Q", value)
        for segment in self.segments:
            at = self.data.find(packed, segment.offset, segment.offset + segment.size)
            while at >= 0:
                if (at - segment.offset) % WORD == 0:
                    yield segment.address + at - segment.offset
                at = self.data.find(packed, at + 1, segment.offset + segment.size)

    def segment(self, address: int) -> Segment:
        return next(one for one in self.segments if 0 <= address - one.address < one.size)

    def place(self, address: int) -> int:
        """Where in the file the byte at an address is."""
        segment = self.segment(address)
        return segment.offset + address - segment.address

    def read(self, address: int) -> int:
        (word,) = struct.unpack_from("<Q", self.data, self.place(address))
        return int(word)

    def write(self, address: int, word: int) -> None:
        struct.pack_into("<Q", self.data, self.place(address), word)

    def cut(self, address: int) -> None:
        """Leaves out the bytes of a segment from an address on."""
        segment = self.segment(address)
        struct.pack_into("<Q", self.data, segment.header + 32, address - segment.address)

    def frame(self, address: int) -> int:
        """Where a function that returns to `address` has its frame pointer: it points to the caller's, further up."""
        (slot,) = (
            slot - WORD
            for slot in self.words(address)
            if 0 < self.read(slot - WORD) - slot < 0x1000
        )
        return slot


@pytest.fixture(scope="module")
def framed(
    build: Path, asyncdump: Asyncdump, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Parked]:
    """A program whose frames are found by their pointers alone."""
    folder = tmp_path_factory.mktemp("framed")
    with park(build, folder, asyncdump, ["gcc", "-O0", "-fno-omit-frame-pointer"]) as one:
        yield one


def loop(core: Core, frame: int) -> None:
    core.write(frame, frame)


def lead_nowhere(core: Core, frame: int) -> None:
    core.write(frame, 0x100)


def return_to_data(core: Core, frame: int) -> None:
    core.write(frame + WORD, 0x1234560)


def end_above(core: Core, frame: int) -> None:
    core.cut(core.read(frame))


ENDS = {
    "loop": (loop, "variable_array", "the stack leads back to itself"),
    "nowhere": (lead_nowhere, "variable_array", "stack memory not in the target"),
    "data": (return_to_data, None, "no unwind information at 0x1234560"),
    "cut": (end_above, "variable_array", "stack memory not in the target"),
}


def short_ones(found: dict[str, Any]) -> dict[str, str]:
    return {task["name"]: task["stack_end"] for task in found["tasks"] if task["stack_end"]}


def expect_named(asyncdump: Asyncdump, program: Path, core: Path, task: str, words: str) -> None:
    """On both screens, and by the exit status."""
    said = asyncdump(core, program, "--tasks")
    assert (said.status, said.err) == (3, "")
    (listed,) = re.findall(rf'^#\d+ "{task}".*\n(?:  .*\n)*?  \((.*)\)\n', said.out, re.M)
    assert listed == f"the stack is not complete: {words}"
    screen = asyncdump(core, program).out
    assert re.search(r"^lost: the stacks of .* end early: ", screen, re.M), screen
    assert "... > " in screen, screen


@pytest.mark.parametrize("name", ENDS)
def test_an_early_end_is_named(
    asyncdump: Asyncdump, framed: Parked, tmp_path: Path, name: str
) -> None:
    """In the task "variable_array", whose function of that name calls leaf."""
    change, last, words = ENDS[name]
    core, path = Core(framed.core), tmp_path / "core"
    change(core, core.frame(framed.returns["variable_array"][1]))
    path.write_bytes(core.data)
    found = asyncdump(path, framed.program, "--json").json
    ends = short_ones(found)
    (task,) = (task for task in found["tasks"] if task["name"] == "variable_array")
    assert [line["function"] for line in task["stack"]][-2:] == ["leaf", last]
    assert ends["variable_array"] == words
    assert name == "cut" or len(ends) == 1
    early = rf"the stacks of \d+ of {len(found['tasks'])} tasks end early: {words.split(' at ')[0]}, the first at .*"
    losses = [loss for loss in found["losses"] if re.fullmatch(early, loss["what"])]
    assert [(loss["count"], loss["partial"]) for loss in losses] == [(len(ends), True)]
    expect_named(asyncdump, framed.program, path, "variable_array", words)
    verified = asyncdump(path, framed.program, "--verify")
    assert verified.status == 3 and " 0 stacks differ" in verified.out, verified.out


def test_more_frames_than_the_limit(
    build: Path, asyncdump: Asyncdump, tmp_path_factory: pytest.TempPathFactory
) -> None:
    options = ["gcc", "-O2", "-DDEEP=1100"]
    words = "more frames than the limit"
    with park(build, tmp_path_factory.mktemp("deep"), asyncdump, options) as one:
        found = asyncdump(one.core, one.program, "--json").json
        assert short_ones(found) == {"recursive": words}
        (task,) = (task for task in found["tasks"] if task["name"] == "recursive")
        assert len([line for line in task["stack"] if not line["inlined"]]) == 1024
        expect_named(asyncdump, one.program, one.core, "recursive", words)
