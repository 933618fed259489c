# SPDX-License-Identifier: MIT
"""What is no core, or half of one: one clear line and the right exit status, never a crash or a hang."""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
from pathlib import Path
from typing import Callable, Iterator, Sequence

import pytest

from command import Asyncdump, Said
from harness import Kvd, Program, gcore_core, hang, kernel_core, kernel_core_refusal

# Where a core is cut: a share of it, or a number of bytes.
CUTS = [1, 15, 16, 63, 64, 65, 120, 1000, 4096, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, -4096, -64, -1]


@pytest.fixture(scope="module")
def cores(build: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """A hung kvd's core of each kind that this machine can make."""
    server = Kvd(build / "fixtures" / "kvd", tmp_path_factory.mktemp("hung"))
    try:
        hang(server, 3)
        found = {"gcore": gcore_core(server)}
        if kernel_core_refusal() is None:
            found["kernel"] = kernel_core(server)
        yield found
    finally:
        server.kill()


@pytest.fixture(params=["kernel", "gcore"])
def core(request: pytest.FixtureRequest, cores: dict[str, Path]) -> Path:
    if request.param not in cores:
        pytest.skip(str(kernel_core_refusal()))
    return cores[request.param]


def assert_words(said: Said, path: object) -> str:
    """One line that names the file."""
    words = said.refused(4)
    assert Path(str(path)).name in words
    return words


# ---- Not a core ----


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


MADE: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("This is no core.\n" * 100, encoding="utf-8"),
    "one byte": lambda path: path.write_bytes(b"\x7f"),
    "magic alone": lambda path: path.write_bytes(b"\x7fELF"),
    "zeros": lambda path: path.write_bytes(bytes(1 << 20)),
    "ones": lambda path: path.write_bytes(b"\xff" * (1 << 20)),
    "magic and ones": lambda path: path.write_bytes(b"\x7fELF" + b"\xff" * 10000),
    "folder": lambda path: path.mkdir(),
    "fifo": make_fifo,
    "socket": make_socket,
    "link to itself": lambda path: path.symlink_to(path),
    "link to nothing": lambda path: path.symlink_to("absent"),
    "program": lambda path: shutil.copy("/bin/true", path),
    "nothing at all": lambda path: None,
}


@pytest.mark.parametrize("kind", MADE)
def test_a_file_that_is_not_a_core(asyncdump: Asyncdump, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "input"
    MADE[kind](path)
    assert_words(asyncdump(path), path)


@pytest.mark.parametrize("path", ["/dev/null", "/dev/zero", "/proc/self/mem", "/proc/self/status"])
def test_a_device_or_a_file_of_proc(asyncdump: Asyncdump, path: str) -> None:
    assert_words(asyncdump(path), path)


def test_an_object_file_and_a_library(asyncdump: Asyncdump, build: Path) -> None:
    for path in (next(build.rglob("*.o")), next(build.rglob("*.a"))):
        assert_words(asyncdump(path), path)


def test_kvd_itself_is_not_its_core(asyncdump: Asyncdump, build: Path) -> None:
    words = assert_words(asyncdump(build / "fixtures" / "kvd"), "kvd")
    assert "core" in words


def test_a_name_that_would_write_to_the_terminal(asyncdump: Asyncdump, tmp_path: Path) -> None:
    path = tmp_path / "core\n\x1b[31mred\x07"
    path.write_bytes(b"no core")
    asyncdump(path).refused(4)


def test_a_core_of_another_machine(asyncdump: Asyncdump, core: Path, tmp_path: Path) -> None:
    """The same bytes, called 32 bits, big-endian, MIPS, and a shared object."""
    for offset, value in ((4, 1), (5, 2), (18, 8), (16, 3)):
        changed = bytearray(core.read_bytes()[:65536])
        changed[offset] = value
        path = tmp_path / "core"
        path.write_bytes(changed)
        assert_words(asyncdump(path), path)


# ---- A core, but ----


def test_a_core_without_a_runtime(
    asyncdump: Asyncdump,
    launch: Callable[[Sequence[str]], Program],
    core_of: Callable[[Program, str], Path],
) -> None:
    sleeper = launch(["/bin/sleep", "600"])
    for kind in ("gcore", "kernel"):
        words = assert_words(asyncdump(core_of(sleeper, kind)), "core")
        assert "runtime" in words


def assert_sound(said: Said) -> None:
    """It read what there is, or says in one line why not; and what is lost is told."""
    if said.status == 4:
        said.refused(4)
        return
    assert said.status in (0, 3), f"status {said.status}\n{said.err}"
    assert said.err == ""
    losses = [loss["what"] for loss in said.json["losses"] if loss["partial"]]
    assert bool(losses) == (said.status == 3), losses


def end_of_segments(core: Path) -> int:
    """Where the last byte of any segment ends: Elf64_Ehdr and Elf64_Phdr of elf(5)."""
    data = core.read_bytes()
    (at,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    headers = [struct.unpack_from("<IIQQQQ", data, at + i * size) for i in range(count)]
    return max(header[2] + header[5] for header in headers)


@pytest.mark.parametrize("cut", CUTS)
def test_a_core_cut_short(asyncdump: Asyncdump, core: Path, tmp_path: Path, cut: float) -> None:
    size = core.stat().st_size
    keep = int(size * cut) if isinstance(cut, float) else cut % size
    path = tmp_path / "half"
    shutil.copy(core, path)
    os.truncate(path, keep)
    said = asyncdump(path, "--json")
    assert_sound(said)
    # What is missing is named, whatever else could be read. gcore's section headers are no loss.
    words = said.err if said.status == 4 else json.dumps(said.json["losses"])
    if keep < end_of_segments(core):
        assert said.status != 0 and ("cut off" in words or "not a core" in words), words
    else:
        assert said.status == 0, words


def test_a_core_cut_in_half_still_has_a_screen(
    asyncdump: Asyncdump, core: Path, tmp_path: Path
) -> None:
    path = tmp_path / "half"
    shutil.copy(core, path)
    os.truncate(path, core.stat().st_size // 2)
    said = asyncdump(path)
    if said.status == 4:
        said.refused(4)
    else:
        assert said.status == 3 and said.err == ""
        assert "cut off" in said.out


def test_a_core_that_a_byte_was_changed_in(
    asyncdump: Asyncdump, core: Path, tmp_path: Path
) -> None:
    """Bytes of the file header and the first two program headers, one at a time; all of them at night."""
    step = 1 if os.environ.get("ASYNCDUMP_NIGHTLY") else 5
    whole = core.read_bytes()
    path = tmp_path / "core"
    path.write_bytes(whole)
    with open(path, "r+b") as file:
        for offset in range(16, 64 + 2 * 56, step):
            file.seek(offset)
            file.write(bytes([whole[offset] ^ 0xFF]))
            file.flush()
            assert_sound(asyncdump(path, "--json"))
            file.seek(offset)
            file.write(whole[offset : offset + 1])
            file.flush()


def test_a_core_that_may_not_be_read(asyncdump: Asyncdump, core: Path, open_folder: Path) -> None:
    path = open_folder / "core"
    shutil.copy(core, path)
    path.chmod(0)
    words = asyncdump.as_nobody(open_folder)(path).refused(5)
    assert str(path) in words


def test_a_program_that_is_not_the_cores(asyncdump: Asyncdump, core: Path) -> None:
    """The build-id differs, so it is not used: the tasks are there all the same, and it is said."""
    said = asyncdump(core, "/bin/true", "--json")
    assert said.status in (0, 3) and said.err == ""
    assert any(
        "/bin/true" in loss["what"] or "build-id" in loss["what"] for loss in said.json["losses"]
    )


@pytest.mark.parametrize("name", ["absent", "folder", "text"])
def test_a_program_that_is_no_program(
    asyncdump: Asyncdump, core: Path, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    if name != "absent":
        MADE[name](path)
    said = asyncdump(core, path)
    if said.status == 4:
        assert_words(said, path)
    else:
        assert said.status in (0, 3) and name in said.out and said.err == ""
