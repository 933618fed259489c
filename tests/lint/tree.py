# SPDX-License-Identifier: MIT
"""The files of the project, for the lints: what git knows or would take, or all where there is no git."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Callable

REPOSITORY = Path(__file__).resolve().parent.parent.parent

Lint = Callable[[Path], list[str]]
"""Takes the top of a source tree; returns what is wrong in it, one `file:line: words` each."""


# What is made, not written; git is told the same in .gitignore.
MADE = ("build", "__pycache__", ".git", ".mypy_cache", ".pytest_cache")


def made(path: Path) -> bool:
    return any(part in MADE or part.startswith("build-") for part in path.parts)


def names(root: Path) -> list[Path]:
    """All that git knows or would take; without git, all that was not made by a build."""
    if (root / ".git").exists() and shutil.which("git"):
        command = ["git", "-C", str(root), "ls-files", "-z", "-c", "-o", "--exclude-standard"]
        found = subprocess.run(command, capture_output=True, text=True, check=True)
        return [Path(name) for name in found.stdout.split("\0") if name]
    below = [path.relative_to(root) for path in root.rglob("*")]
    return [path for path in below if not made(path)]


def files(root: Path, *suffixes: str) -> list[Path]:
    """The project's regular files, relative to `root`, sorted; only those that end in one of `suffixes`."""
    return sorted(
        path
        for path in set(names(root))
        if (not suffixes or path.name.endswith(suffixes))
        and (root / path).is_file()
        and not (root / path).is_symlink()
    )


def read(root: Path, path: Path) -> str:
    return (root / path).read_text(encoding="utf-8", errors="replace")


def main(lint: Lint) -> int:
    """The command of a lint: prints what is wrong in this tree, or in the one named."""
    problems = lint(Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY)
    print("\n".join(problems) if problems else "nothing to say")
    return 1 if problems else 0
