# SPDX-License-Identifier: MIT
"""Debug information of every kind says what the plain one says, or it is told what is lost."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from command import Asyncdump
from conftest import Plain, losses, meaning, run

SHF_COMPRESSED = 0x800


def says_the_same(asyncdump: Asyncdump, plain: Plain, program: Path) -> None:
    said = plain.ask(asyncdump, program)
    assert losses(said) == []
    compare(meaning(said), plain.truth)


def compare(told: list[str], truth: list[str]) -> None:
    differ = [f"{a}\n    plain: {b}" for a, b in zip(told, truth) if a != b]
    assert not differ, "\n".join(differ)
    assert len(told) == len(truth)


def split_says_the_same(asyncdump: Asyncdump, plain: Plain, program: Path) -> None:
    """gcc 12 itself loses where some variables are: it writes the length of what ends at a call one too short,
    into .debug_loc.dwo of DWARF 4. gdb finds them optimized out too."""
    if plain.compiler != "gcc -gdwarf-4":
        says_the_same(asyncdump, plain, program)
        return
    said = plain.ask(asyncdump, program)
    assert losses(said) == []
    told = meaning(said)
    kept = [number for number, line in enumerate(told) if "'<optimized out>'" not in line]
    assert len(kept) > len(told) * 3 / 4
    compare([told[number] for number in kept], [plain.truth[number] for number in kept])


def sections(program: Path) -> dict[str, tuple[int, int]]:
    """Of each name: where its header is, and its flags."""
    data = program.read_bytes()
    (table,) = struct.unpack_from("<Q", data, 40)
    count, names_index = struct.unpack_from("<HH", data, 60)
    (names,) = struct.unpack_from("<Q", data, table + names_index * 64 + 24)
    found = {}
    for number in range(count):
        at = table + number * 64
        (name,) = struct.unpack_from("<I", data, at)
        (flags,) = struct.unpack_from("<Q", data, at + 8)
        text = data[names + name : data.index(b"\0", names + name)].decode()
        found[text] = (at, flags)
    return found


def compress_by_zstd(program: Path, to: Path) -> None:
    """As binutils 2.40 can where it was built so, which Debian's is not."""
    data = bytearray(program.read_bytes())
    for name, (at, flags) in sections(program).items():
        if not name.startswith(".debug_"):
            continue
        offset, size = struct.unpack_from("<QQ", data, at + 24)
        packed = subprocess.run(
            ["zstd", "-q"],
            input=bytes(data[offset : offset + size]),
            capture_output=True,
            check=True,
        ).stdout
        struct.pack_into("<Q", data, at + 8, flags | SHF_COMPRESSED)
        struct.pack_into("<QQ", data, at + 24, len(data), 24 + len(packed))
        data += struct.pack("<IIQQ", 2, 0, size, 1) + packed
    to.write_bytes(data)


def test_types_in_units_of_their_own(asyncdump: Asyncdump, plain: Plain, tmp_path: Path) -> None:
    says_the_same(asyncdump, plain, plain.make(tmp_path, "-fdebug-types-section"))


@pytest.mark.parametrize("how", ["zlib", "zlib-gnu", "zstd"])
def test_compressed(asyncdump: Asyncdump, plain: Plain, tmp_path: Path, how: str) -> None:
    program = tmp_path / "program"
    if how == "zstd":
        if not shutil.which("zstd"):
            pytest.skip("there is no zstd")
        compress_by_zstd(plain.program, program)
    else:
        run("objcopy", f"--compress-debug-sections={how}", plain.program, program)
    gnu = how == "zlib-gnu"
    names = sections(program)
    assert gnu == (".zdebug_info" in names)
    assert gnu or names[".debug_info"][1] & SHF_COMPRESSED
    says_the_same(asyncdump, plain, program)


def refused_by_dwz(plain: Plain) -> None:
    if plain.compiler == "clang -gdwarf-5":
        pytest.skip("dwz 0.15 takes no .debug_addr, which is in all of clang's DWARF 5")


def test_dwz(asyncdump: Asyncdump, plain: Plain, tmp_path: Path) -> None:
    refused_by_dwz(plain)
    program = tmp_path / "program"
    run("dwz", plain.program, "-o", program)
    assert program.stat().st_size < plain.program.stat().st_size
    says_the_same(asyncdump, plain, program)


def test_dwz_with_a_common_file(asyncdump: Asyncdump, plain: Plain, tmp_path: Path) -> None:
    """.gnu_debugaltlink: what two programs have in common is in a third file. Without it that is told."""
    refused_by_dwz(plain)
    program, other = tmp_path / "program", tmp_path / "other"
    for copy in (program, other):
        shutil.copy(plain.program, copy)
    common = tmp_path / "common"
    run("dwz", "-m", common, program, other)
    assert ".gnu_debugaltlink" in sections(program)
    says_the_same(asyncdump, plain, program)
    common.rename(tmp_path / "gone")
    said = plain.ask(asyncdump, program)
    assert any(f"is in a file that is not found: {common}" in loss for loss in losses(said))
    # Another file of that name is not it.
    shutil.copy(plain.program, common)
    said = plain.ask(asyncdump, program)
    assert any(f"is in a file that is not found: {common}" in loss for loss in losses(said))


@pytest.mark.parametrize("types", [False, True], ids=["", "types"])
def test_split(asyncdump: Asyncdump, plain: Plain, tmp_path: Path, types: bool) -> None:
    options = ["-gsplit-dwarf"] + ["-fdebug-types-section"] * types
    program = plain.make(tmp_path, *options)
    assert list(tmp_path.glob("*.dwo"))
    split_says_the_same(asyncdump, plain, program)


def test_split_and_compressed(asyncdump: Asyncdump, plain: Plain, tmp_path: Path) -> None:
    program = plain.make(tmp_path, "-gsplit-dwarf")
    for split in tmp_path.glob("*.dwo"):
        run("objcopy", "--compress-debug-sections=zlib", split)
    split_says_the_same(asyncdump, plain, program)


def test_split_and_moved(asyncdump: Asyncdump, plain: Plain, tmp_path: Path) -> None:
    """The .dwo files are sought beside the program too."""
    program = plain.make(tmp_path / "built", "-gsplit-dwarf")
    (tmp_path / "built").rename(tmp_path / "moved")
    split_says_the_same(asyncdump, plain, tmp_path / "moved" / program.name)


def package(plain: Plain, program: Path) -> None:
    """Makes the .dwp: LLVM's tool cannot read what gcc makes, and binutils' cannot read DWARF 5."""
    tool = "llvm-dwp" if plain.compiler.startswith("clang") else "dwp"
    if plain.compiler == "gcc -gdwarf-5":
        pytest.skip("there is no tool that makes a .dwp of gcc's DWARF 5")
    run(tool, "-e", program, "-o", f"{program}.dwp")


@pytest.mark.parametrize("types", [False, True], ids=["", "types"])
def test_split_in_a_package(
    asyncdump: Asyncdump, plain: Plain, tmp_path: Path, types: bool
) -> None:
    options = ["-gsplit-dwarf"] + ["-fdebug-types-section"] * types
    program = plain.make(tmp_path, *options)
    package(plain, program)
    for split in tmp_path.glob("*.dwo"):
        split.unlink()
    split_says_the_same(asyncdump, plain, program)


def test_split_and_lost(asyncdump: Asyncdump, plain: Plain, tmp_path: Path) -> None:
    """Lines are in the program itself; functions come from its symbol table, and the loss is told."""
    program = plain.make(tmp_path, "-gsplit-dwarf")
    for split in tmp_path.glob("*.dwo"):
        split.unlink()
    said = plain.ask(asyncdump, program)
    told = [loss for loss in losses(said) if "of its units is in files that are not found" in loss]
    assert told and ".dwo" in told[0]
    for task in said.json["tasks"]:
        assert all(line["line"] and line["function"] for line in task["stack"])
