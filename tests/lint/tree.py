# SPDX-License-Identifier: MIT
"""The files of the project, for the lints: what git knows or would take, or all where there is no git."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Callable

REPOSITORY = Path(__file__).resolve().parent.parent.parent

Lint = Callable[[Path], list[str]]
"""Takes the top of a source tree; returns what is wrong in it, one `file:line: words` each."""


def files(root: Path, *suffixes: str) -> list[Path]:
    """The project's regular files, relative to `root`, sorted; only those that end in one of `suffixes`."""
    found = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=False,
    )
    # A tree inside another repository that ignores it (a build folder) is not under git either.
    if (root / ".git").exists() and found.returncode == 0:
        names = [Path(name) for name in found.stdout.split("\0") if name]
    else:
        names = [path.relative_to(root) for path in root.rglob("*")]
    return sorted(
        path
        for path in set(names)
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
