# SPDX-License-Identifier: MIT
"""Makes programs and libraries with the build folder's runtime, in whatever way they are to be read."""

from __future__ import annotations

import subprocess
from pathlib import Path

SOURCES = Path(__file__).resolve().parent


def compile_program(build: Path, program: Path, source: str, *options: str) -> Path:
    """Compiles a source of this folder to `program`, which is returned."""
    libuv = "libuv-static" if "-static" in options else "libuv"
    flags = subprocess.check_output(["pkg-config", "--libs", libuv], text=True).split()
    parts = [f"-I{SOURCES.parent.parent / 'runtime' / 'include'}", str(SOURCES / source)]
    libraries = [str(build / "runtime" / "libasyncrt.a"), *flags, "-lpthread", "-ldl"]
    compiler = "c++" if source.endswith(".cpp") else "cc"
    words = [compiler, "-g", "-O1", *options, *parts, "-o", str(program), *libraries]
    subprocess.run(words, check=True)
    return program
