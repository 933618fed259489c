# SPDX-License-Identifier: MIT
"""Makes programs and libraries with the build folder's runtime, in whatever way they are to be read."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

from command import Asyncdump, Said
from harness import Program, gcore_core

SOURCES = Path(__file__).resolve().parent


def compile_program(build: Path, program: Path, source: str, *options: str) -> Path:
    """Compiles a source of this folder to `program`, which is returned."""
    libuv = "libuv-static" if {"-static", "-static-pie"} & set(options) else "libuv"
    flags = subprocess.check_output(["pkg-config", "--libs", libuv], text=True).split()
    parts = [f"-I{SOURCES.parent.parent / 'runtime' / 'include'}", str(SOURCES / source)]
    libraries = [str(build / "runtime" / "libasyncrt.a"), *flags, "-lpthread", "-ldl"]
    compiler = "c++" if source.endswith(".cpp") else "cc"
    words = [compiler, "-g", "-O1", *options, *parts, "-o", str(program), *libraries]
    subprocess.run(words, check=True)
    return program


@dataclass(frozen=True)
class Whole:
    """A program with all its debug information, its core, and what is said of both."""

    program: Path
    core: Path
    build_id: str
    libraries: list[Path]
    screen: str
    tasks: str


LINE = "sleeper program.c:17"


def run(*words: object) -> str:
    return subprocess.run(
        [str(word) for word in words], check=True, capture_output=True, text=True
    ).stdout


def make_whole(build: Path, asyncdump: Asyncdump, folder: Path, *options: str) -> Iterator[Whole]:
    program = compile_program(build, folder / "program", "program.c", *options)
    running = Program([str(program)], folder)
    try:
        assert running.read_line() == "ready"
        core = gcore_core(running)
        maps = Path(f"/proc/{running.pid}/maps").read_text(encoding="utf-8").split()
    finally:
        running.kill()
    notes = run("readelf", "-n", program)
    build_id = notes.partition("Build ID: ")[2].split("\n")[0]
    screen, tasks = asyncdump(core), asyncdump(core, "--tasks")
    assert (screen.status, tasks.status) == (0, 0)
    assert LINE in screen.out
    libraries = [Path(word) for word in sorted(set(maps)) if ".so" in word]
    yield Whole(program, core, build_id, libraries, screen.out, tasks.out)


def split(whole: Whole, folder: Path, link: bool = True) -> tuple[Path, Path]:
    """A stripped copy and its debug file, which the copy's link names."""
    bare, debug = folder / "bare", folder / "bare.debug"
    run("objcopy", "--only-keep-debug", whole.program, debug)
    run("strip", "-o", bare, whole.program)
    if link:
        run("objcopy", f"--add-gnu-debuglink={debug}", bare)
    return bare, debug


def losses(said: Said) -> str:
    assert said.err == ""
    return "\n".join(loss["what"] for loss in said.json["losses"])
