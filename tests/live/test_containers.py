# SPDX-License-Identifier: MIT
"""Processes in other PID, mount and user namespaces: their files, and the numbers they go by."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Iterator

import pytest

from command import Asyncdump
from conftest import Herd

# Makes the folder the root, as container engines do, and runs the rest of the arguments in there.
ENTER = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
root = sys.argv[1].encode()
assert libc.mount(root, root, None, 4096, None) == 0  # MS_BIND
os.chdir(root)
assert libc.syscall(155, b".", b".") == 0  # pivot_root
assert libc.umount2(b".", 2) == 0  # MNT_DETACH
os.chdir("/")
os.execv(sys.argv[2], sys.argv[2:])
"""
KINDS = {
    "pid and mount": ["unshare", "--pid", "--fork", "--kill-child", "--mount"],
    "user too": [
        "unshare",
        "--user",
        "--map-root-user",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount",
    ],
}


def libraries(program: Path) -> list[Path]:
    """Those it is linked with, and its loader."""
    said = subprocess.run(["ldd", str(program)], check=True, capture_output=True, text=True).stdout
    return [Path(path) for path in re.findall(r"(/\S+) \(0x", said)]


@pytest.fixture(scope="module")
def root(build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root folder with nothing but a herd, at a path that is nothing outside, and what that needs."""
    folder = tmp_path_factory.mktemp("root")
    program = build / "fixtures" / "herd"
    (folder / "service").mkdir()
    shutil.copy(program, folder / "service" / "herd")
    for library in libraries(program):
        inside = folder / library.relative_to("/")
        inside.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, inside)
    return folder


class Contained(Herd):
    """A herd in a container; `outside` is its number for us."""

    def __init__(self, prefix: list[str], root: Path, *numbers: int) -> None:
        enter = ["/usr/bin/python3", "-c", ENTER, str(root)]
        command = [*prefix, *enter, "/service/herd", *map(str, numbers)]
        self.program = root / "service" / "herd"
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        assert self.process.stdout.readline() == "ready 1\n", "it is the first one in there"
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        self.outside = int(children.read_text("ascii"))

    @property
    def pid(self) -> int:
        return self.outside


@pytest.fixture(params=KINDS)
def contained(request: pytest.FixtureRequest, root: Path) -> Iterator[Contained]:
    prefix = KINDS[request.param]
    if subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip(f"no such namespaces can be made here: {request.param}")
    herd = Contained(prefix, root, 20, 0, 2)
    yield herd
    herd.end()


@pytest.mark.parametrize("options", [[], ["--no-stop"]], ids=["stopped", "running"])
def test_its_own_files_are_read(
    asyncdump: Asyncdump, contained: Contained, options: list[str]
) -> None:
    said = asyncdump("-p", contained.pid, "--json", *options)
    assert (said.status, said.err) == (0, "")
    target = said.json["target"]
    assert (target["executable"], target["build_id"]) == ("/service/herd", "build-id ok")
    parked = [task for task in said.json["tasks"] if task["name"] == "parked"]
    assert len(parked) == 20
    for task in parked:
        assert not task["stack_end"]
        assert "park_deep" in [line["function"] for line in task["stack"]]


def test_threads_by_both_their_numbers(asyncdump: Asyncdump, contained: Contained) -> None:
    said = asyncdump("-p", contained.pid, "--json").json
    threads = {thread["own_tid"]: thread for thread in said["threads"]}
    assert {path.name for path in Path(f"/proc/{contained.pid}/task").iterdir()} == {
        str(thread["tid"]) for thread in said["threads"]
    }
    assert threads[1]["tid"] == contained.pid
    for worker in said["workers"]:
        # The runtime knows only the numbers in there, and finds its threads by them.
        assert threads[worker["thread"]]["worker"] == worker["id"]
        assert worker["system_call"] == "epoll_wait"


def test_another_file_of_that_name_is_not_taken(
    asyncdump: Asyncdump, contained: Contained, root: Path
) -> None:
    """The program was replaced in there while it runs: the old one is read, which the kernel still has."""
    inside = root / "service" / "herd"
    kept = inside.with_suffix(".old")
    inside.rename(kept)
    try:
        shutil.copy("/bin/true", inside)
        said = asyncdump("-p", contained.pid, "--json")
        assert (said.status, said.json["target"]["build_id"]) == (0, "build-id ok")
    finally:
        kept.replace(inside)


def test_a_core_of_it_with_a_sysroot(
    asyncdump: Asyncdump, contained: Contained, root: Path, tmp_path: Path
) -> None:
    small = tmp_path / "snapshot"
    assert asyncdump("-p", contained.pid, "--snapshot", small).status == 0
    said = asyncdump(small, "--sysroot", root, "--json")
    assert (said.status, said.json["target"]["build_id"]) == (0, "build-id ok")
    for task in said.json["tasks"]:
        assert task["stack"] and not task["stack_end"]
