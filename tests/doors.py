# SPDX-License-Identifier: MIT
"""The doors to one program: the engine and GDB, on the live process and on its cores.

The engine on a kernel core, on a core of gcore, on the live process; GDB on the cores and on the live process,
by the engine inside it and by its own frames. For programs and engines of each compiler and optimization
that ASYNCDUMP_BUILDS lists as build folders (by default the one build folder).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

from command import Said

REPOSITORY = Path(__file__).resolve().parent.parent
EXTENSION = REPOSITORY / "gdb" / "asyncdump-gdb.py"
INSIDE = REPOSITORY / "tests" / "gdb" / "inside.py"
BUILDS = [
    (REPOSITORY / name).resolve()
    for name in os.environ.get(
        "ASYNCDUMP_BUILDS", os.environ.get("ASYNCDUMP_BUILD", "build")
    ).split()
]

DOORS = ["live", "gdb live", "gcore core", "kernel core", "gdb gcore core", "gdb kernel core"]


def through_gdb(build: Path, folder: Path, code: str, *arguments: object) -> dict[str, Any]:
    """What a script inside gdb said on a core or a process; the last thing is finished=True."""
    script = folder / "script.py"
    script.write_text(code, encoding="utf-8")
    commands = ["set width 0", "set height 0", "set pagination off", "set style enabled off"]
    commands += [f"python import sys; sys.path.insert(0, {str(INSIDE.parent)!r})"]
    commands += [f"source {EXTENSION}", f"source {script}"]
    argv = ["gdb", "-nx", "-nh", "-q", "-batch", "-iex", "set auto-load safe-path /"]
    argv += ["-iex", "set debuginfod enabled off"]
    for command in commands:
        argv += ["-ex", command]
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}
    environment["ASYNCDUMP"] = str(build / "analyzer" / "asyncdump")
    result = subprocess.run(
        [*argv, *map(str, arguments)],
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    told: dict[str, Any] = {}
    for line in re.findall(r"^@@(.*)$", result.stdout, re.MULTILINE):
        told.update(json.loads(line))
    assert told.get("finished"), result.stdout + result.stderr
    return told


def sound(said: Said) -> dict[str, Any]:
    """What asyncdump --json said, which read everything and complained of nothing."""
    assert (said.status, said.err) == (0, ""), said.err
    return said.json
