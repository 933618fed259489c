# SPDX-License-Identifier: MIT
"""Runs the asyncdump command and judges how it ends. conftest.py hands it out:

    def test_something(asyncdump):
        asyncdump("-p", "1234").tasks           or .status, .out, .err, .refused(4)
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Sequence

from harness import PATIENCE

NOBODY = 65534


@dataclass(frozen=True)
class Said:
    """What the command printed and how it ended; status below 0: by that signal."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found

    def refused(self, *statuses: int) -> str:
        """The one clear line on stderr, after a look that the command refused and said nothing else."""
        assert self.status in statuses, f"status {self.status}\n{self.out}{self.err}"
        assert self.out == ""
        return self.line()

    def line(self) -> str:
        """Standard error, which must be one line of printable text."""
        assert self.err.endswith("\n") and self.err.count("\n") == 1, repr(self.err)
        assert self.err.startswith("asyncdump: ") and self.err[:-1].isprintable(), repr(self.err)
        return self.err[len("asyncdump: ") : -1]


class Asyncdump:
    """The command of a build folder. It must end by itself, and soon: a hang is a failure."""

    def __init__(self, program: Path, prefix: Sequence[str] = ()) -> None:
        self.program = program
        self.prefix = list(prefix)

    def argv(self, *arguments: object) -> list[str]:
        return [*self.prefix, str(self.program), *map(str, arguments)]

    def start(self, *arguments: object, **more: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.argv(*arguments),
            stdin=subprocess.DEVNULL,
            stdout=more.pop("stdout", subprocess.PIPE),
            stderr=subprocess.PIPE,
            text=True,
            **more,
        )

    def __call__(self, *arguments: object, **more: Any) -> Said:
        process = self.start(*arguments, **more)
        try:
            out, err = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired as hang:
            process.kill()
            process.communicate()
            raise AssertionError(f"{process.args!r} does not end") from hang
        return Said(process.returncode, out or "", err)

    def as_nobody(self, folder: Path) -> Asyncdump:
        """The command without any right, copied to `folder`, which nobody must be able to reach."""
        if os.geteuid() != 0:
            return self
        copy = Path(shutil.copy(self.program, folder / "asyncdump"))
        copy.chmod(0o755)
        for place in (folder, *folder.parents):
            assert place.stat().st_mode & stat.S_IXOTH, f"{place} is closed to nobody"
        ids = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        return Asyncdump(copy, ["setpriv", *ids, "--inh-caps=-all"])
