# SPDX-License-Identifier: MIT
"""Cores in the compressions that systemd-coredump and people use, whatever the file is called."""

from __future__ import annotations

import os
import pty
import resource
import subprocess
from pathlib import Path

import pytest

from command import Asyncdump, Said
from conftest import Reference
from harness import PATIENCE, eventually

TOOLS = {"zst": ["zstd", "-q"], "lz4": ["lz4", "-q", "-B4"], "gz": ["gzip"], "xz": ["xz", "-0"]}


@pytest.fixture(params=TOOLS)
def tool(request: pytest.FixtureRequest) -> list[str]:
    return TOOLS[request.param]


def packed(tool: list[str], source: Path, target: Path) -> Path:
    with open(source, "rb") as data, open(target, "wb") as out:
        subprocess.run([*tool, "-c"], stdin=data, stdout=out, check=True)
    return target


def test_the_same_as_plain(
    asyncdump: Asyncdump, reference: Reference, tmp_path: Path, tool: list[str]
) -> None:
    path = packed(tool, reference.core, tmp_path / "core")
    reference.agrees(asyncdump(path, "--json"))
    assert list(tmp_path.iterdir()) == [path]


def test_a_compressed_file_cut_short(
    asyncdump: Asyncdump, reference: Reference, tmp_path: Path, tool: list[str]
) -> None:
    """What was unpacked is used; what is lost is counted."""
    path = packed(tool, reference.core, tmp_path / "core.packed")
    os.truncate(path, path.stat().st_size - 10)
    said = asyncdump(path, "--json")
    assert (said.status, said.err) == (3, "")
    assert len(said.json["tasks"]) == len(reference.hung.truth["tasks"])
    losses = [loss["what"] for loss in said.json["losses"]]
    assert any("core.packed can be unpacked only up to byte" in loss for loss in losses), losses
    os.truncate(path, path.stat().st_size // 3)
    said = asyncdump(path)
    assert said.status in (3, 4)
    words = said.out if said.status == 3 else said.refused(4)
    assert "can be unpacked only up to byte" in words or "cut off" in words


def test_memory_stays_bounded(
    asyncdump: Asyncdump, reference: Reference, tmp_path: Path, tool: list[str]
) -> None:
    """Of a core that is 512 MiB longer, never a quarter is held."""
    large = tmp_path / "large"
    with open(reference.core, "rb") as source, open(large, "wb") as target:
        target.write(source.read())
        target.truncate(target.tell() + (512 << 20))
    path = packed(tool, large, tmp_path / "core")
    process = asyncdump.start(path, "--json")
    assert process.stdout and process.stderr
    out, err = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    process.stderr.close()
    reference.agrees(Said(process.returncode, out, err))
    assert usage.ru_maxrss < 128 << 10, f"{usage.ru_maxrss} KiB"


def test_a_bomb_is_refused(asyncdump: Asyncdump, tmp_path: Path) -> None:
    """An ELF header and then zeros without end: the limit ends it, and is named."""
    path = tmp_path / "bomb.gz"
    limit = 64 << 20
    with open(path, "wb") as out:
        packer = subprocess.Popen(["gzip", "-1"], stdin=subprocess.PIPE, stdout=out)
        assert packer.stdin
        packer.stdin.write(b"\x7fELF" + b"\x01" * (limit + 4096))
        packer.stdin.close()
        assert packer.wait() == 0
    words = asyncdump(
        path, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    ).refused(4)
    assert "bomb.gz" in words and "File too large" in words and "TMPDIR" in words


def test_what_is_compressed_but_no_core(
    asyncdump: Asyncdump, tmp_path: Path, tool: list[str]
) -> None:
    text = tmp_path / "text"
    text.write_text("no core at all\n" * 100000, encoding="utf-8")
    words = asyncdump(packed(tool, text, tmp_path / "core")).refused(4)
    assert "not an ELF file" in words


def test_progress_is_told_on_a_terminal(asyncdump: Asyncdump, reference: Reference) -> None:
    """While it is fed slowly, standard error tells how far it is; the line is gone in the end."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        asyncdump.argv("-", "--json"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=theirs
    )
    os.close(theirs)
    os.set_blocking(ours, False)
    told = b""
    data = reference.core.read_bytes()
    sent = 0

    def feed() -> bool:
        nonlocal told, sent
        assert process.stdin
        sent += process.stdin.write(data[sent : sent + 1000])
        process.stdin.flush()
        try:
            told += os.read(ours, 4096)
        except BlockingIOError:
            pass
        return b"read 0 MiB" in told

    eventually("a word of progress", feed)
    assert process.stdin
    out, _ = process.communicate(data[sent:], PATIENCE)
    told += os.read(ours, 4096)
    os.close(ours)
    assert process.returncode == 0 and b'"verdict"' in out
    assert told.endswith(b"\r\x1b[K")
