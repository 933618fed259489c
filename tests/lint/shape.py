#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Keeps functions short: none over 80 lines, nine of ten under 40; and files to one subject.

Tests may be long lists of cases: they count for the first rule only. Measured with universal-ctags.

Usage: shape.py [TREE]
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tree import files, main

LONGEST = 80
SHORT = 40
SHORT_SHARE = 0.9
LONGEST_FILE = 700


@dataclass(frozen=True)
class Function:
    path: Path
    line: int
    name: str
    lines: int

    def problem(self) -> str:
        return f"{self.path}:{self.line}: {self.name} has {self.lines} lines, {LONGEST} at most"


def functions(root: Path, paths: list[Path]) -> list[Function]:
    """The C and Python functions of these files, as ctags sees them."""
    command = ["ctags", "-L", "-", "--languages=C,Python", "--kinds-C=f", "--kinds-Python=fm"]
    command += ["--fields=+ne", "--langmap=C:.c.h", "--output-format=json", "-f", "-"]
    names = "\n".join(map(str, paths))
    output = subprocess.run(
        command, input=names, cwd=root, capture_output=True, text=True, check=True
    ).stdout
    tags = [json.loads(line) for line in output.splitlines()]
    return [
        Function(Path(tag["path"]), tag["line"], tag["name"], tag["end"] - tag["line"] + 1)
        for tag in tags
        if "end" in tag
    ]


def share_problem(found: list[Function]) -> list[str]:
    """One problem when more than a tenth of the functions is long."""
    long = sorted(
        (function for function in found if function.lines >= SHORT), key=lambda one: -one.lines
    )
    if len(long) <= len(found) * (1 - SHORT_SHARE):
        return []
    worst = ", ".join(f"{one.name} {one.path}:{one.line}" for one in long[:10])
    return [f"{len(long)} of {len(found)} functions have {SHORT} lines or more, such as {worst}"]


def lint(root: Path) -> list[str]:
    paths = files(root, ".c", ".h", ".py")
    found = functions(root, paths)
    problems = [function.problem() for function in found if function.lines > LONGEST]
    problems += share_problem([one for one in found if one.path.parts[0] != "tests"])
    for path in paths:
        lines = (root / path).read_bytes().count(b"\n")
        if lines > LONGEST_FILE:
            problems.append(
                f"{path}: {lines} lines, {LONGEST_FILE} at most: more than one subject?"
            )
    return problems


if __name__ == "__main__":
    sys.exit(main(lint))
