# SPDX-License-Identifier: MIT
"""A core that is cut off: how many of the stacks are still whole is said, and is true."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from command import Asyncdump
from conftest import Reference


def test_how_many_stacks_are_readable(
    asyncdump: Asyncdump, reference: Reference, tmp_path: Path
) -> None:
    size = reference.core.stat().st_size
    told = set()
    for percent in range(96, 0, -6):
        cut = tmp_path / "cut"
        shutil.copy(reference.core, cut)
        os.truncate(cut, size * percent // 100)
        said = asyncdump(cut, "--json")
        if said.status == 4:
            assert "cut off" in said.refused(4) or "not a core" in said.err
            continue
        assert (said.status, said.err) == (3, "")
        tasks = said.json["tasks"]
        losses = " ; ".join(loss["what"] for loss in said.json["losses"])
        missing = re.search(r"cut is cut off: (\d+) bytes that its headers promise", losses)
        assert missing and int(missing[1]) >= size - size * percent // 100 - 4096, losses
        short = [
            (int(a), int(b))
            for a, b in re.findall(r"stacks of (\d+) of (\d+) tasks end early", losses)
        ]
        assert sum(count for count, _ in short) == sum(1 for task in tasks if task["stack_end"])
        assert all(whole == len(tasks) for _, whole in short)
        if len(tasks) < len(reference.hung.truth["tasks"]):
            assert f"read {len(tasks)} of the " in losses
        told.add((len(tasks), bool(short)))
    assert len(told) > 1, "cuts of different depth lose different things"
