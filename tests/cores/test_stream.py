# SPDX-License-Identifier: MIT
"""A core from standard input, as a core_pattern handler gets it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from command import Asyncdump, Said
from conftest import Reference, same
from harness import PATIENCE


def fed(asyncdump: Asyncdump, core: Path, *arguments: object, by: str = "cat") -> Said:
    with subprocess.Popen([by, core], stdout=subprocess.PIPE) as cat:
        process = subprocess.run(
            asyncdump.argv(*arguments),
            stdin=cat.stdout,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    return Said(process.returncode, process.stdout, process.stderr)


def test_through_a_pipe(asyncdump: Asyncdump, reference: Reference, tmp_path: Path) -> None:
    said = fed(asyncdump, reference.core, "-", "--json")
    reference.agrees(said)
    assert said.json["target"]["description"] == "standard input"
    packed = tmp_path / "packed"
    packed.write_bytes(subprocess.check_output(["gzip", "-c", reference.core]))
    reference.agrees(fed(asyncdump, packed, "-", "--json"))


def test_from_a_file(asyncdump: Asyncdump, reference: Reference) -> None:
    with open(reference.core, "rb") as core:
        process = subprocess.run(
            asyncdump.argv("-", "--json"), stdin=core, capture_output=True, text=True, check=False
        )
    reference.agrees(Said(process.returncode, process.stdout, process.stderr))


def test_a_pipe_that_breaks_off(asyncdump: Asyncdump, reference: Reference, tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.write_bytes(reference.core.read_bytes()[: reference.core.stat().st_size * 9 // 10])
    said = fed(asyncdump, part, "-")
    assert said.status == 3 and "standard input is cut off: " in said.out


def test_a_pipe_that_gives_nothing(asyncdump: Asyncdump) -> None:
    words = asyncdump("-").refused(4)
    assert "standard input" in words


def test_as_a_core_pattern_handler(
    asyncdump: Asyncdump, reference: Reference, tmp_path: Path
) -> None:
    """The kernel gives a handler a pipe, the folder / and neither standard output nor error."""
    report = tmp_path / "report"
    command = ["/bin/sh", "-c", 'cd / && exec "$0" "$@" >&- 2>&-']
    handler = Asyncdump(asyncdump.program, command)
    assert fed(handler, reference.core, "-", "--json", "-o", report).status == 0
    said = Said(0, report.read_text(encoding="utf-8"), "")
    assert same(said) == same(reference.said)
    assert report.stat().st_mode & 0o777 == 0o600
    nothing = Path(os.devnull)
    assert fed(handler, nothing, "-", "-o", report).status == 4
    words = report.read_text(encoding="utf-8")
    assert words.startswith("asyncdump: standard input is not a core")
    lost = fed(handler, reference.core, "-")
    assert lost.status == 4, "what nobody can read is not well"


def test_an_output_that_cannot_be_written(
    asyncdump: Asyncdump, reference: Reference, tmp_path: Path
) -> None:
    assert "nowhere" in asyncdump(reference.core, "-o", tmp_path / "nowhere" / "x").refused(4)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "victim")
    assert "link" in asyncdump(reference.core, "-o", link).refused(4)
    assert not (tmp_path / "victim").exists()
