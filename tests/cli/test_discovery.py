# SPDX-License-Identifier: MIT
"""The runtime is found by its note, without that by its symbol, and without both by a scan."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Callable

import pytest

from command import Asyncdump
from harness import Hung, gcore_core

HungKvd = Callable[..., Hung]


def copy_for(found_by: str, original: Path, copy: Path) -> Path:
    """The program with less and less to be found by. Its build-id stays."""
    content = original.read_bytes()
    if found_by != "note":
        assert content.count(b"AsyncDebug\0") >= 1
        content = content.replace(b"AsyncDebug\0", b"NobodyHere\0")
    copy.write_bytes(content)
    copy.chmod(0o755)
    if found_by == "scan":
        subprocess.run(["strip", copy], check=True)
    return copy


@pytest.mark.parametrize("found_by", ["note", "symbol", "scan"])
@pytest.mark.parametrize("door", ["live", "core"])
def test_found_by(
    asyncdump: Asyncdump, hung_kvd: HungKvd, build: Path, tmp_path: Path, found_by: str, door: str
) -> None:
    program = copy_for(found_by, build / "fixtures" / "kvd", tmp_path / "kvd")
    hung = hung_kvd(2, executable=program)
    where = ["-p", hung.pid] if door == "live" else [gcore_core(hung.kvd)]
    said = asyncdump(*where, "--json")
    assert said.err == ""
    assert [runtime["found_by"] for runtime in said.json["target"]["runtimes"]] == [found_by]
    assert said.json["verdict"] == "hung"
    assert len(said.json["tasks"]) == len(hung.truth["tasks"])
