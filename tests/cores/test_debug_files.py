# SPDX-License-Identifier: MIT
"""Debug information in files of its own: found wherever debuggers look, proven, and missed with clear words.

A stripped copy of the program is named beside the core; the judge is what is said with the whole program.
"""

from __future__ import annotations

import lzma
import os
import zlib
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from command import Asyncdump, Said
from harness import Program
from making import LINE, Whole, compile_program, losses, make_whole, run, split


@pytest.fixture(scope="session")
def nameless(
    build: Path, asyncdump: Asyncdump, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Whole]:
    """Without a build-id: only the debug link's CRC can prove a debug file."""
    yield from make_whole(
        build, asyncdump, tmp_path_factory.mktemp("nameless"), "-Wl,--build-id=none"
    )


def agrees(said: Said, expected: str) -> None:
    assert (said.status, said.err, said.out) == (0, "", expected)


def by_id(folder: Path, whole: Whole) -> Path:
    path = folder / ".build-id" / whole.build_id[:2] / f"{whole.build_id[2:]}.debug"
    path.parent.mkdir(parents=True)
    return path


# ---- where debug files are --------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["beside", ".debug", "--debug-dir", "its path", "build-id"])
def test_a_debug_file_is_found(
    asyncdump: Asyncdump, whole: Whole, tmp_path: Path, place: str
) -> None:
    bare, debug = split(whole, tmp_path, place != "build-id")
    folder = tmp_path / "debug"
    places = {
        "beside": debug,
        ".debug": tmp_path / ".debug" / debug.name,
        "--debug-dir": folder / debug.name,
        "its path": Path(f"{folder}{whole.program.parent}/{debug.name}"),
    }
    target = places[place] if place in places else by_id(folder, whole)
    target.parent.mkdir(parents=True, exist_ok=True)
    debug.rename(target)
    where = ["--debug-dir", tmp_path / "none", "--debug-dir", folder]
    agrees(asyncdump(whole.core, bare, *where), whole.screen)
    agrees(asyncdump(whole.core, bare, *where, "--tasks"), whole.tasks)
    if "build-id" in place or "--debug" in place:
        assert asyncdump(whole.core, bare).status == 3


def test_a_debug_file_of_eu_strip(asyncdump: Asyncdump, whole: Whole, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    run("eu-strip", "-g", "-f", tmp_path / "bare.debug", "-o", bare, whole.program)
    agrees(asyncdump(whole.core, bare), whole.screen)


def test_beside_what_a_link_leads_to(asyncdump: Asyncdump, whole: Whole, tmp_path: Path) -> None:
    bare, _ = split(whole, tmp_path)
    link = tmp_path / "elsewhere" / "link"
    link.parent.mkdir()
    link.symlink_to(bare)
    agrees(asyncdump(whole.core, link), whole.screen)


@pytest.mark.parametrize("inside", [True, False])
def test_with_a_sysroot(asyncdump: Asyncdump, whole: Whole, tmp_path: Path, inside: bool) -> None:
    """Debug folders are sought below it, and then as they are named."""
    bare, debug = split(whole, tmp_path, link=False)
    root, folder = tmp_path / "root", Path("/some/debug") if inside else tmp_path / "debug"
    for path in whole.libraries:
        copy = Path(f"{root}{path}")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    debug.rename(by_id(Path(f"{root}{folder}") if inside else folder, whole))
    said = asyncdump(whole.core, bare, "--sysroot", root, "--debug-dir", folder)
    agrees(said, whole.screen)


def test_live(asyncdump: Asyncdump, whole: Whole, tmp_path: Path) -> None:
    """Beside the program of a process that lives, even where only the process sees it."""
    bare, debug = split(whole, tmp_path)
    running = Program([str(bare)], tmp_path / "live")
    try:
        assert running.read_line() == "ready"
        said = asyncdump("-p", running.pid)
        assert (said.status, said.err) == (0, "") and LINE in said.out
        debug.unlink()
        missed = asyncdump("-p", running.pid)
        assert missed.status == 3 and LINE not in missed.out
    finally:
        running.kill()


# ---- which are refused ------------------------------------------------------------------------------


def test_nothing_is_found(asyncdump: Asyncdump, whole: Whole, tmp_path: Path) -> None:
    """The words say what was sought, where, and what to do."""
    bare, debug = split(whole, tmp_path)
    debug.unlink()
    said = asyncdump(whole.core, bare, "--json")
    assert said.status == 3
    words = losses(said)
    for part in (f"of build-id {whole.build_id[:8]} or named bare.debug below /usr/lib/debug",
                 "lines are lost", "-dbgsym", "--debug-dir", "DEBUGINFOD_URLS"):  # fmt: skip
        assert part in words, words
    screen = asyncdump(whole.core, bare).out
    assert "no debug information" in screen and "DEBUGINFOD_URLS" in screen


def test_a_debug_file_of_another_build(
    build: Path, asyncdump: Asyncdump, whole: Whole, tmp_path: Path
) -> None:
    bare, debug = split(whole, tmp_path)
    compile_program(build, debug, "program.c", "-O2")
    said = asyncdump(whole.core, bare, "--json")
    assert said.status == 3
    assert f"{debug} has build-id" in losses(said) and f"not {whole.build_id[:8]}" in losses(said)


def test_a_link_with_another_crc(asyncdump: Asyncdump, nameless: Whole, tmp_path: Path) -> None:
    bare, debug = split(nameless, tmp_path)
    said = asyncdump(nameless.core, bare)
    assert LINE in said.out
    with open(debug, "ab") as file:
        file.write(b"x")
    said = asyncdump(nameless.core, bare, "--json")
    assert said.status == 3
    assert f"{debug} has another CRC than the debug link says" in losses(said)


def make_fifo(path: Path) -> str:
    os.mkfifo(path)
    return "is a FIFO"


def make_folder(path: Path) -> str:
    path.mkdir()
    return "is a directory"


def make_device(path: Path) -> str:
    path.symlink_to("/dev/zero")
    return "is a device"


def make_text(path: Path) -> str:
    path.write_text("no ELF file\n", encoding="ascii")
    return "is not an ELF file"


@pytest.mark.parametrize("make", [make_fifo, make_folder, make_device, make_text])
def test_a_link_to_what_is_no_debug_file(
    asyncdump: Asyncdump, whole: Whole, tmp_path: Path, make: Callable[[Path], str]
) -> None:
    bare, debug = split(whole, tmp_path)
    debug.unlink()
    words = make(debug)
    said = asyncdump(whole.core, bare, "--json")
    assert said.status == 3
    assert f"{debug} {words}" in losses(said)


@pytest.mark.parametrize(
    "name",
    [b"../bare.debug", b"/etc/passwd", b"", b"long" * 80],
    ids=["up", "root", "empty", "long"],
)
def test_a_link_with_a_strange_name(
    asyncdump: Asyncdump, whole: Whole, tmp_path: Path, name: bytes
) -> None:
    """The name of a file, never a path; the right file where such a name leads is not used."""
    folder = tmp_path / "folder"
    folder.mkdir()
    bare, debug = split(whole, folder, link=False)
    content = folder / "link"
    padded = name + b"\0" * (4 - len(name) % 4)
    content.write_bytes(padded + zlib.crc32(debug.read_bytes()).to_bytes(4, "little"))
    run("objcopy", f"--add-section=.gnu_debuglink={content}", bare)
    debug.rename(tmp_path / "bare.debug")
    said = asyncdump(whole.core, bare, "--json")
    assert said.status == 3
    expected = "File name too long" if len(name) > 255 else "a debug link that is no file's name"
    assert expected in losses(said)


# ---- symbols in .gnu_debugdata ----------------------------------------------------------------------


def with_small(whole: Whole, folder: Path, change: Callable[[bytes], bytes]) -> Path:
    """A stripped copy with the symbols of its functions in .gnu_debugdata, as distributions make it."""
    bare, debug = split(whole, folder, link=False)
    dynamic = {
        line.split()[0]
        for line in run("nm", "-D", "-P", "--defined-only", debug).split("\n")
        if line
    }
    symbols = [
        line.split() for line in run("nm", "-P", "--defined-only", debug).split("\n") if line
    ]
    functions = [words[0] for words in symbols if words[1] in "TtD" and words[0] not in dynamic]
    keep, small, packed = folder / "keep", folder / "small", folder / "small.xz"
    keep.write_text("\n".join(functions), encoding="ascii")
    run("objcopy", "-S", "--remove-section=.comment", f"--keep-symbols={keep}", debug, small)
    debug.unlink()
    packed.write_bytes(change(lzma.compress(small.read_bytes())))
    run("objcopy", f"--add-section=.gnu_debugdata={packed}", bare)
    return bare


def functions(said: Said) -> list[Any]:
    """Of all stacks, without the inlined calls, which no symbol tells."""
    return [
        [frame["function"] for frame in task["stack"] if not frame["inlined"]]
        for task in said.json["tasks"]
    ]


def test_functions_of_a_small_table(asyncdump: Asyncdump, whole: Whole, tmp_path: Path) -> None:
    bare = with_small(whole, tmp_path, bytes)
    named = functions(asyncdump(whole.core, bare, "--json"))
    assert named == functions(asyncdump(whole.core, whole.program, "--json"))
    assert ["sleeper" in names for names in named].count(True) == 5
    run("strip", "--remove-section=.gnu_debugdata", bare)
    assert functions(asyncdump(whole.core, bare, "--json")) != named


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda packed: packed[: len(packed) // 2], "it is cut off"),
        (lambda packed: packed[:60] + b"x" * 40 + packed[100:], "the data are corrupt"),
        (lambda _: b"no xz", "it is no xz stream"),
        (lambda _: lzma.compress(b"no ELF file"), "is not an ELF file"),
        (lambda _: lzma.compress(bytes(16 << 20), preset=0) * 20, "more than 268435456 bytes, the limit"),
    ],
    ids=["cut", "corrupt", "not xz", "not ELF", "bomb"],
)  # fmt: skip
def test_a_broken_small_table(
    asyncdump: Asyncdump,
    whole: Whole,
    tmp_path: Path,
    change: Callable[[bytes], bytes],
    words: str,
) -> None:
    """It is named, and all tasks are there."""
    bare = with_small(whole, tmp_path, change)
    said = asyncdump(whole.core, bare, "--json")
    assert said.status == 3
    assert words in losses(said) and len(said.json["tasks"]) == 6
