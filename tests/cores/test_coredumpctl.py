# SPDX-License-Identifier: MIT
"""systemd-coredump's cores, by a coredumpctl that prints what systemd 252's prints for info and dump."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Callable

import pytest

from command import Asyncdump
from conftest import Reference

SCRIPT = """#!/bin/sh
# coredumpctl -1 --no-pager VERB -- [MATCH]
echo "$*" >>"{folder}/asked"
verb=$3 match=$5
case ${{match:-kvd}} in
kvd|4711) ;;
*)  echo 'No coredumps found.' >&2
    exit 1 ;;
esac
info() {{
    cat <<END
           PID: 4711 (kvd)
           UID: 1000 (somebody)
        Signal: 6 (ABRT)
     Timestamp: Sat 2026-11-21 08:27:09 UTC (3min ago)
  Command Line: /usr/bin/kvd --port 0
    Executable: /usr/bin/kvd
       Storage: {storage}
  Size on Disk: 66.3K
       Message: Process 4711 (kvd) of user 1000 dumped core.

                Stack trace of thread 4711:
                #0  0x00007f3f726efef3 n/a (n/a + 0x0)
END
}}
case $verb in
info) info ;;
dump)
    info >&2
    cat "{core}"
    exit {status} ;;
esac
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """install(storage, core="/dev/null", status=0) puts such a coredumpctl first in PATH."""

    def make(storage: str, core: object = "/dev/null", status: int = 0) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        script = folder / "coredumpctl"
        words = {"folder": tmp_path, "storage": storage, "core": core, "status": status}
        script.write_text(SCRIPT.format(**words), encoding="utf-8")
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        return tmp_path / "asked"

    return make


NOTE = "PID 4711 (kvd), Sat 2026-11-21 08:27:09 UTC"


def test_a_core_on_disk(
    asyncdump: Asyncdump, reference: Reference, install: Callable[..., Path], tmp_path: Path
) -> None:
    packed = tmp_path / "core.kvd.zst"
    subprocess.run(["zstd", "-q", reference.core, "-o", packed], check=True)
    asked = install(f"{packed} (present)")
    said = asyncdump("--coredumpctl", "kvd", "--json")
    reference.agrees(said)
    assert said.json["target"]["stop_note"] == f"is coredumpctl's newest of kvd: {NOTE}"
    assert asked.read_text(encoding="utf-8") == "-1 --no-pager info -- kvd\n"
    said = asyncdump("--coredumpctl")
    assert (
        said.status == 0 and f"\nnote: core.kvd.zst is coredumpctl's newest: {NOTE}\n" in said.out
    )


def test_a_core_in_the_journal(
    asyncdump: Asyncdump, reference: Reference, install: Callable[..., Path]
) -> None:
    asked = install("journal", reference.core)
    said = asyncdump("--coredumpctl", "4711", "--json")
    reference.agrees(said)
    assert NOTE in said.json["target"]["stop_note"]
    assert asked.read_text(encoding="utf-8").splitlines()[1] == "-1 --no-pager dump -- 4711"
    install("journal", "/dev/null", 3)
    assert "coredumpctl dump ended with status 3" in asyncdump("--coredumpctl").refused(4)


def test_a_program_may_be_given(
    asyncdump: Asyncdump, reference: Reference, install: Callable[..., Path], build: Path
) -> None:
    install(f"{reference.core} (present)")
    reference.agrees(asyncdump("--coredumpctl", "kvd", build / "fixtures" / "kvd", "--json"))


@pytest.mark.parametrize(
    "storage, status, words",
    [
        ("/var/lib/core.zst (missing)", 4, "was removed (/var/lib/core.zst)"),
        ("/var/lib/core.zst (inaccessible)", 5, "may not be read"),
        ("none", 4, "no core was kept"),
        ("/nowhere/core.zst (present)", 4, "/nowhere/core.zst: no such file"),
    ],
)
def test_no_core(
    asyncdump: Asyncdump, install: Callable[..., Path], storage: str, status: int, words: str
) -> None:
    install(storage)
    assert words in asyncdump("--coredumpctl").refused(status)


def test_no_match(asyncdump: Asyncdump, install: Callable[..., Path]) -> None:
    install("none")
    words = asyncdump("--coredumpctl", "other").refused(4)
    assert "other" in words and "No coredumps found." in words


def test_no_coredumpctl(
    asyncdump: Asyncdump, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    words = asyncdump("--coredumpctl", "kvd").refused(4)
    assert "there is no coredumpctl here" in words and "systemd-coredump" in words


def test_not_with_a_process(asyncdump: Asyncdump) -> None:
    assert "-p" in asyncdump("--coredumpctl", "-p", "1").refused(2)
