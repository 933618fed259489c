# SPDX-License-Identifier: MIT
"""Cores of programs of every make: linked in each way, in a container, with too many mappings."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any, Callable, Iterator, Sequence

import pytest

from command import Asyncdump, Said
from harness import Program, kernel_core_refusal
from making import compile_program

Compile = Callable[..., Path]
Launch = Callable[[Sequence[str]], Program]
CoreOf = Callable[[Program, str], Path]
TASKS = 6


@pytest.fixture
def compiled(build: Path, tmp_path: Path) -> Compile:
    """compiled(name, source, *options) makes a program or library with the build folder's runtime."""

    def make(name: str, source: str, *options: str) -> Path:
        return compile_program(build, tmp_path / name, source, *options)

    return make


def reads_all(said: Said, runtimes: int = 1) -> list[dict[str, Any]]:
    """Every task with its whole stack; the sleepers' functions are known."""
    assert (said.status, said.err) == (0, ""), said.out + said.err
    found = said.json
    assert not any(loss["partial"] for loss in found["losses"])
    assert len(found["target"]["runtimes"]) == runtimes
    assert len(found["tasks"]) == TASKS * runtimes
    sleepers = [task for task in found["tasks"] if task["name"] == "sleeper"]
    assert len(sleepers) == 5 * runtimes
    for task in sleepers:
        assert "sleeper" in [frame["function"] for frame in task["stack"]]
    tasks: list[dict[str, Any]] = found["tasks"]
    return tasks


@pytest.mark.parametrize("kind", ["kernel", "gcore"])
@pytest.mark.parametrize("linked", ["-static", "-static-pie", "-pie", "-no-pie"])
def test_linked(
    asyncdump: Asyncdump, compiled: Compile, launch: Launch, core_of: CoreOf, linked: str, kind: str
) -> None:
    options = [linked, "-fPIE" if linked.endswith("-pie") and "no" not in linked else "-fno-pie"]
    running = launch([str(compiled("program", "program.c", *options))])
    assert running.read_line() == "ready"
    reads_all(asyncdump(core_of(running, kind), "--json"))


@pytest.mark.parametrize("libraries", [1, 2])
def test_runtimes_in_shared_libraries(
    asyncdump: Asyncdump, compiled: Compile, launch: Launch, core_of: CoreOf, libraries: int
) -> None:
    """One, or two of their own side by side."""
    options = ["-shared", "-fPIC", "-DLIBRARY"]
    paths = [compiled(f"lib{i}.so", "program.c", *options) for i in range(libraries)]
    running = launch([str(compiled("loader", "loader.c")), *map(str, paths)])
    for _ in paths:
        assert running.read_line() == "ready"
    reads_all(asyncdump(core_of(running, "kernel"), "--json"), libraries)


@pytest.mark.parametrize("live", [False, True])
def test_a_program_replaced_on_disk(
    asyncdump: Asyncdump, compiled: Compile, launch: Launch, core_of: CoreOf, live: bool
) -> None:
    """As an upgrade does it. Of a live process the file that runs is still to be had; of a core it is not, and the
    new one is refused."""
    program = compiled("program", "program.c")
    running = launch([str(program)])
    assert running.read_line() == "ready"
    shutil.copy(program, program.with_name("old"))
    program.unlink()
    compiled("program", "program.c", "-O2")
    if live:
        said = asyncdump("-p", running.pid)
        assert (said.status, said.err) == (0, "") and "sleeper program.c:17" in said.out
        return
    core = core_of(running, "kernel")
    said = asyncdump(core)
    assert (said.status, said.err) == (3, "") and "binary differs" in said.out
    assert f"{program} has build-id" in said.out and "but the process ran build-id" in said.out
    assert "program.c" not in said.out
    reads_all(asyncdump(core, program.with_name("old"), "--json"))


def test_a_core_from_a_container(
    asyncdump: Asyncdump, compiled: Compile, launch: Launch, core_of: CoreOf, tmp_path: Path
) -> None:
    """Its files lie below another root; what lies where it says is not it, and not used."""
    program = compiled("program", "program.c")
    running = launch([str(program)])
    assert running.read_line() == "ready"
    maps = Path(f"/proc/{running.pid}/maps").read_text(encoding="utf-8").split()
    core = core_of(running, "kernel")
    root = tmp_path / "root"
    for path in {word for word in maps if word.startswith("/")}:
        (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, root / path[1:])
    shutil.copy("/bin/true", program)
    reads_all(asyncdump(core, "--sysroot", root, "--json"))
    other = asyncdump(core, "--json")
    assert other.status == 3
    assert any("build-id" in loss["what"] for loss in other.json["losses"]), other.json["losses"]


def test_a_sparse_core(
    asyncdump: Asyncdump, compiled: Compile, launch: Launch, core_of: CoreOf, tmp_path: Path
) -> None:
    running = launch([str(compiled("program", "program.c"))])
    assert running.read_line() == "ready"
    core, sparse = core_of(running, "gcore"), tmp_path / "sparse"
    subprocess.run(["cp", "--sparse=always", core, sparse], check=True)
    assert sparse.stat().st_blocks < core.stat().st_blocks
    reads_all(asyncdump(sparse, "--json"))


def split_segments(core: Path, target: Path, size: int) -> int:
    """The same core with its segments cut into pieces of `size` bytes: more than e_phnum can count."""
    data = core.read_bytes()
    (at,) = struct.unpack_from("<Q", data, 32)
    (count,) = struct.unpack_from("<H", data, 56)
    pieces: list[tuple[int, ...]] = []
    for index in range(count):
        kind, flags, offset, start, _, in_file, memory, align = struct.unpack_from(
            "<IIQQQQQQ", data, at + index * 56
        )
        step = size if kind == 1 and in_file == memory else memory or 1
        for skip in range(0, max(memory, 1), step):
            part = min(step, memory - skip) if kind == 1 else memory
            filled = part if in_file == memory else in_file
            pieces.append((kind, flags, offset + skip, start + skip, 0, filled, part, align))
    assert len(pieces) > 65535
    head = bytearray(data[:64])
    shift = 64 + len(pieces) * 56
    struct.pack_into("<Q", head, 32, 64)
    struct.pack_into("<Q", head, 40, shift + len(data))
    struct.pack_into("<HHHH", head, 54, 56, 0xFFFF, 64, 1)
    headers = b"".join(
        struct.pack("<IIQQQQQQ", *piece[:2], piece[2] + shift, *piece[3:]) for piece in pieces
    )
    section = bytearray(64)
    struct.pack_into("<I", section, 44, len(pieces))
    target.write_bytes(bytes(head) + headers + data + bytes(section))
    return len(data) + shift


def test_more_segments_than_the_header_counts(
    asyncdump: Asyncdump, compiled: Compile, launch: Launch, core_of: CoreOf, tmp_path: Path
) -> None:
    """PN_XNUM, and PN_XNUM without the section header that holds the number: truncation takes it first."""
    running = launch([str(compiled("program", "program.c", "-static"))])
    assert running.read_line() == "ready"
    core, split = core_of(running, "kernel"), tmp_path / "split"
    end = split_segments(core, split, 16)
    reads_all(asyncdump(split, "--json"))
    os.truncate(split, end)
    reads_all(asyncdump(split, "--json"))


@pytest.fixture
def many_mappings() -> Iterator[None]:
    """A process may have 80,000 mappings; where only this machine's setting forbids it, for this test."""
    setting = Path("/proc/sys/vm/max_map_count")
    before = setting.read_text(encoding="ascii")
    if int(before) >= 80000:
        yield
        return
    try:
        setting.write_text("80000", encoding="ascii")
    except OSError as refusal:
        pytest.skip(f"vm.max_map_count is below 80000: {refusal}")
    yield
    setting.write_text(before, encoding="ascii")


@pytest.mark.usefixtures("many_mappings")
def test_too_many_mappings_for_the_kernel(
    asyncdump: Asyncdump, compiled: Compile, launch: Launch, core_of: CoreOf
) -> None:
    """Above 65,536 mappings the kernel counts in PN_XNUM and drops the list of files (NT_FILE)."""
    if refusal := kernel_core_refusal():
        pytest.skip(refusal)
    running = launch([str(compiled("program", "program.c")), "70000"])
    assert running.read_line() == "ready"
    core = core_of(running, "kernel")
    notes = subprocess.run(["readelf", "-n", core], capture_output=True, text=True, check=False)
    assert "NT_FILE" not in notes.stdout
    reads_all(asyncdump(core, "--json"))


def test_a_core_of_another_machine(asyncdump: Asyncdump, tmp_path: Path) -> None:
    """An aarch64 program's, as its emulator writes it."""
    if not shutil.which("aarch64-linux-gnu-gcc") or not shutil.which("qemu-aarch64"):
        pytest.skip("no aarch64 compiler or emulator")
    source, program = tmp_path / "abort.c", tmp_path / "aborting"
    source.write_text("#include <stdlib.h>\nint main(void) { abort(); }\n", encoding="utf-8")
    subprocess.run(["aarch64-linux-gnu-gcc", "-static", source, "-o", program], check=True)
    Program(["/usr/bin/env", "qemu-aarch64", str(program)], tmp_path).process.wait(60)
    cores = list(tmp_path.glob("qemu_*.core"))
    assert len(cores) == 1
    words = asyncdump(cores[0]).refused(4)
    assert "of aarch64, not of an x86-64 machine" in words
