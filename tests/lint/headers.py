#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Each header compiles alone: it includes what it uses, and may be included twice. Tests' own may not.

Usage: headers.py [TREE]
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tree import files, main

PACKAGES = ("libuv", "jansson", "libunwind-generic")
FLAGS = ["-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-xc", "-"]
SEARCHED = ["analyzer", "runtime/include", "runtime/src"]


def package_flags() -> list[str]:
    result = subprocess.run(
        ["pkg-config", "--cflags", *PACKAGES], capture_output=True, text=True, check=True
    )
    return shlex.split(result.stdout)


def problem(root: Path, header: Path, flags: list[str]) -> list[str]:
    """The compiler's first words on this header; nothing when it is content."""
    places = [f"-I{place}" for place in (str(header.parent), *SEARCHED)]
    result = subprocess.run(
        ["gcc", *places, *flags, *FLAGS],
        input=f'#include "{root / header}"\n' * 2,
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode == 0:
        return []
    errors = [line for line in result.stderr.splitlines() if " error: " in line]
    return [f"{header}: does not compile alone: {(errors or [result.stderr])[0]}"]


def lint(root: Path) -> list[str]:
    flags = package_flags()
    headers = [path for path in files(root, ".h") if path.parts[0] != "tests"]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda header: problem(root, header, flags), headers)
    return [words for one in found for words in one]


if __name__ == "__main__":
    sys.exit(main(lint))
