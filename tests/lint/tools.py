#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What other people's lints say: shellcheck of the shell scripts, black and mypy of the Python files.

Usage: tools.py [TREE]
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tree import REPOSITORY, files, main

LINE_LENGTH = "100"


def run(root: Path, command: list[str], paths: list[Path]) -> list[str]:
    """The tool's words, when it is not content with these files."""
    if not paths:
        return []
    result = subprocess.run(
        [*command, *map(str, paths)],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "MYPYPATH": ":".join(mypy_path(root, paths))},
    )
    if result.returncode == 0:
        return []
    lines = (result.stdout + result.stderr).strip().splitlines()
    return [f"{command[0]}: {line}" for line in lines] or [f"{command[0]} ended with an error"]


def mypy_path(root: Path, paths: list[Path]) -> list[str]:
    """Where imports are found when a program or a test of one folder runs."""
    places = dict.fromkeys([Path("tests"), Path("gdb"), paths[0].parent])
    return [str(root / place) for place in places]


def has_shebang(root: Path, path: Path, word: bytes) -> bool:
    with open(root / path, "rb") as file:
        first = file.readline()
    return first.startswith(b"#!") and word in first


def shell(root: Path) -> list[str]:
    scripts = [path for path in files(root) if has_shebang(root, path, b"sh")]
    return run(root, ["shellcheck", "--external-sources"], scripts)


def python_files(root: Path) -> list[Path]:
    return [
        path for path in files(root) if path.suffix == ".py" or has_shebang(root, path, b"python")
    ]


def formatting(root: Path) -> list[str]:
    return run(root, ["black", "--check", "--quiet", "-l", LINE_LENGTH], python_files(root)) and [
        f"black would change {path}; run black -l {LINE_LENGTH}"
        for path in python_files(root)
        if run(root, ["black", "--check", "--quiet", "-l", LINE_LENGTH], [path])
    ]


def types(root: Path) -> list[str]:
    """mypy folder by folder, since two folders may have modules of the same name."""
    config = REPOSITORY / "tests" / "lint" / "mypy.ini"
    cache = REPOSITORY / "build" / "results" / "mypy"
    command = ["mypy", "--no-error-summary", f"--config-file={config}", f"--cache-dir={cache}"]
    problems: list[str] = []
    by_folder: dict[Path, list[Path]] = {}
    for path in python_files(root):
        by_folder.setdefault(path.parent, []).append(path)
    for folder in sorted(by_folder):
        problems += run(root, command, by_folder[folder])
    return problems


def lint(root: Path) -> list[str]:
    return shell(root) + formatting(root) + types(root)


if __name__ == "__main__":
    sys.exit(main(lint))
