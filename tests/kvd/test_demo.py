# SPDX-License-Identifier: MIT
"""fixtures/demo.sh shows what it promises, notices when it does not, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Callable, Iterator

import pytest

from harness import PATIENCE, eventually

DEMO_PATIENCE = 5 * PATIENCE

Demo = Callable[[Path], "subprocess.Popen[str]"]


@pytest.fixture
def demo(repository: Path, tmp_path: Path) -> Iterator[Demo]:
    """demo(build) starts the script. Afterwards no process of it runs, and its files are gone."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    started: list[subprocess.Popen[str]] = []

    def start(build: Path) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [str(repository / "fixtures" / "demo.sh")],
                env={**os.environ, "ASYNCDUMP_BUILD": str(build), "TMPDIR": str(temporary)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()
    eventually("the end of all processes", lambda: not processes_with(str(temporary)), 10)
    assert not list(temporary.iterdir())


def processes_with(text: str) -> list[str]:
    """Processes that have `text` in their environment."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if text.encode() in environment.read_bytes():
                found.append(environment.parent.name)
        except (OSError, ProcessLookupError):
            pass
    return found


def test_demo(demo: Demo, build: Path) -> None:
    process = demo(build)
    output, _ = process.communicate(timeout=DEMO_PATIENCE)
    assert process.returncode == 0, output
    headings = re.findall(r"^== (.*)$", output, re.MULTILINE)
    assert [heading.split()[0] for heading in headings] == [
        "Install",
        "Hang",
        "The",
        "A",
        "GDB",
        "All",
    ]
    verdicts = re.findall(r"^HUNG: 1 deadlock; 12 of 1[89] tasks wait on it$", output, re.MULTILINE)
    assert len(verdicts) == 3
    in_gdb = output.partition("(gdb) bt")[2]
    for function in ("lock_pair", "command_transfer", "run_command", "serve_client"):
        assert function in in_gdb
    assert re.search(r'^\$1 = \{bytes = 0x[0-9a-f]+ "bob", length = 3\}$', in_gdb, re.MULTILINE)


def build_with(asyncdump: str, build: Path, folder: Path) -> Path:
    """A build folder with the real kvd and another asyncdump."""
    (folder / "fixtures").mkdir(parents=True)
    (folder / "analyzer").mkdir()
    (folder / "fixtures" / "kvd").symlink_to(build / "fixtures" / "kvd")
    script = folder / "analyzer" / "asyncdump"
    script.write_text(f"#!/bin/sh\n{asyncdump}\n", encoding="utf-8")
    script.chmod(0o755)
    return folder


@pytest.mark.parametrize("asyncdump", ["echo all is well", "exit 4"])
def test_demo_fails_when_nothing_is_shown(
    demo: Demo, build: Path, tmp_path: Path, asyncdump: str
) -> None:
    process = demo(build_with(asyncdump, build, tmp_path / "build"))
    output, _ = process.communicate(timeout=DEMO_PATIENCE)
    assert process.returncode == 1
    assert output.splitlines()[-1].startswith("demo: ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_demo(demo: Demo, build: Path, tmp_path: Path, number: signal.Signals) -> None:
    """Stopped while kvd hangs and a door is being shown."""
    shown = tmp_path / "shown"
    slow = build_with(f"touch {shown}; sleep 2", build, tmp_path / "build")
    process = demo(slow)
    eventually("the first door", shown.exists, DEMO_PATIENCE)
    os.kill(process.pid, number)
    process.communicate(timeout=DEMO_PATIENCE)
    assert process.returncode == 128 + number
