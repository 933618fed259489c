# SPDX-License-Identifier: MIT
"""GDB says what the command says."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Callable, Sequence

import pytest

from command import Asyncdump
from corpus import SETTLED
from doors import through_gdb
from harness import Program

SCRIPT = """
from inside import *
say(json=run("info async-tasks --json"), page=run("info async-tasks --explain ORPHAN"))
say(finished=True)
"""


def shape(sentence: str) -> str:
    return re.sub(r"\b\d+(m\d+s|ms|us|s)\b", "AGE", sentence)


@pytest.mark.parametrize("name", ["completed", "early-return", "blocking-driver", "long-chain"])
def test_the_same_words(
    build: Path,
    tmp_path: Path,
    launch: Callable[[Sequence[str]], Program],
    asyncdump: Asyncdump,
    name: str,
) -> None:
    program = launch([str(build / "fixtures" / "corpus"), name])
    program.read_line()
    time.sleep(SETTLED)
    told = through_gdb(build, tmp_path, SCRIPT, "-p", program.pid)
    inside = json.loads(told["json"])
    outside = asyncdump("-p", program.pid, "--json").json
    assert inside["signature"] == outside["signature"]
    for one, other in zip(inside["findings"], outside["findings"], strict=True):
        told_alike = ("code", "reason", "tasks", "direct", "total", "confirm", "signature")
        assert [one[key] for key in told_alike] == [other[key] for key in told_alike]
        if one["code"] != "worker_blocked":  # at a prompt nothing tells since when
            assert one["confidence"] == other["confidence"]
            assert shape(one["sentence"]) == shape(other["sentence"])
    assert told["page"] == asyncdump("--explain", "ORPHAN").out
