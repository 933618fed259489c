#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Keeps the tree tidy: what the top level holds, what no file may say, what each file must say.

Usage: words.py [TREE]
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tree import files, main, read

HOUSE = {"runtime", "analyzer", "gdb", "fixtures", "tests", "CMakeLists.txt", "README.md"}
# What tools insist on finding there, beside dot-files.
INSISTED = {"LICENSE", "CMakePresets.json"}

# Spelled in two parts each, so that this file does not say them.
LOOSE_ENDS = ("TO" "DO", "FIX" "ME", "X" "XX", "place" "holder", "not " "implemented")
MACHINE_PATHS = ("/wo" "rk/", "/ro" "ot/", "/ho" "me/")
FORBIDDEN = re.compile(
    "|".join(rf"\b{re.escape(word)}\b" for word in LOOSE_ENDS)
    + "|"
    + "|".join(rf"(?<![\w.}}*]){re.escape(path)}" for path in MACHINE_PATHS)
)
# A word of the paths above that is a made-up one in a manual or a test's own data.
HARMLESS = re.compile(re.escape("/ho" "me/") + r"(user|me|you|alice|bob)\b")

LICENSE_LINE = re.compile(r"^(?:#![^\n]*\n)?(?:/\*|#|//|\.\\\") ?SPDX-License-Identifier: MIT\b")
LICENSED = (".c", ".h", ".S", ".py", ".sh")


def top_level(paths: list[Path]) -> list[str]:
    found = sorted({path.parts[0] for path in paths})
    return [
        f"{name}: the top level holds {', '.join(sorted(HOUSE))} and what tools insist on"
        for name in found
        if name not in HOUSE | INSISTED and not name.startswith(".")
    ]


def forbidden_words(root: Path, paths: list[Path]) -> list[str]:
    problems = []
    for path in paths:
        if b"\0" in (root / path).read_bytes()[:8192]:
            continue
        for number, line in enumerate(read(root, path).splitlines(), 1):
            match = FORBIDDEN.search(HARMLESS.sub("", line))
            if match:
                problems.append(f"{path}:{number}: says {match[0]!r}")
    return problems


def licenses(root: Path, paths: list[Path]) -> list[str]:
    missing = []
    for path in paths:
        text = read(root, path)
        if path.suffix not in LICENSED and not text.startswith("#!"):
            continue
        if not LICENSE_LINE.match(text):
            missing.append(f"{path}:1: no SPDX-License-Identifier line first (after #!)")
    return missing


def lint(root: Path) -> list[str]:
    paths = files(root)
    return top_level(paths) + forbidden_words(root, paths) + licenses(root, paths)


if __name__ == "__main__":
    sys.exit(main(lint))
