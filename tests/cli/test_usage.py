# SPDX-License-Identifier: MIT
"""The command line: what it takes, what it refuses, and where it writes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Callable

import pytest

from command import Asyncdump
from harness import Hung


@pytest.fixture
def core(hung_kvd: Callable[..., Hung], core_of: Callable[..., Path]) -> Path:
    return core_of(hung_kvd(3).kvd, "gcore")


@pytest.mark.parametrize(
    "arguments, word",
    [
        ([], "core"),
        (["--no-such-option"], "--no-such-option"),
        (["-Z"], "Z"),
        (["core", "exe", "more"], "more"),
        (["core", "exe", "-p", "1"], "-p"),
        (["-p"], "-p"),
        (["core", "--groups", "many"], "many"),
        (["core", "--json=yes"], "--json"),
        (["core", "--sysroot"], "--sysroot"),
        (["--explain", "NOTHING"], "NOTHING"),
    ],
)
def test_what_it_refuses(asyncdump: Asyncdump, arguments: list[str], word: str) -> None:
    words = asyncdump(*arguments).refused(2)
    assert word in words
    assert "--help" in words, "it says where to look"


def test_a_core_and_a_process(asyncdump: Asyncdump, core: Path) -> None:
    """Either is read, never one of them silently."""
    words = asyncdump(core, "-p", "1").refused(2)
    assert "-p" in words


def test_help_has_examples(asyncdump: Asyncdump) -> None:
    for option in ("--help", "-h"):
        said = asyncdump(option)
        assert (said.status, said.err) == (0, "")
        assert "Examples:" in said.out and "asyncdump -p" in said.out
    for status in ("0 all", "2 usage", "3 partly", "4 unusable", "5 not permitted"):
        assert status in re.sub(r"\s+", " ", said.out)
    assert all(len(line) <= 110 for line in said.out.splitlines())


def test_codes_are_explained_without_a_target(asyncdump: Asyncdump) -> None:
    listed = asyncdump("--explain", "list")
    assert (listed.status, listed.err) == (0, "")
    codes = [line.split()[0] for line in listed.out.splitlines()]
    assert {"DEADLOCK", "LOST_WAKEUP", "ORPHAN", "WORKER_BLOCKED", "BLOCKER"} <= set(codes)
    for code in codes:
        said = asyncdump("--explain", code.lower())
        assert said.status == 0 and said.out.startswith(f"{code}\n")
        assert "What would prove it" in said.out and "What cures it" in said.out


def test_findings_with_their_evidence(asyncdump: Asyncdump, core: Path) -> None:
    said = asyncdump(core, "--findings")
    assert said.status == 0
    assert re.match(r"DEADLOCK  error, certain  signature [0-9a-f]{16}\n", said.out)
    assert "  see --explain DEADLOCK\n" in said.out


def test_every_long_option_of_help_is_taken(asyncdump: Asyncdump) -> None:
    options = set(re.findall(r"--[a-z-]+", asyncdump("--help").out))
    assert {"--tasks", "--json", "--limits", "--version", "--fail-on-finding"} <= options
    for option in options:
        assert "--no-such" not in option
        assert (
            "unknown option"
            not in asyncdump(option, "/dev/null").err + asyncdump(f"{option}=1").err
        )


def test_version(asyncdump: Asyncdump) -> None:
    said = asyncdump("--version")
    assert (said.status, said.err) == (0, "")
    assert re.fullmatch(r"asyncdump \d+\.\d+\.\d+\n", said.out)


def test_limits(asyncdump: Asyncdump) -> None:
    said = asyncdump("--limits")
    assert (said.status, said.err) == (0, "")
    lines = said.out.splitlines()
    assert len(lines) > 5
    for line in lines:
        assert re.fullmatch(r"\S+ +\d+  \S.*", line), line
    assert {"tasks", "frames"} <= {line.split()[0] for line in lines}


def test_a_reader_that_leaves(asyncdump: Asyncdump, core: Path) -> None:
    for view in ("--tasks", "--json"):
        process = asyncdump.start(core, view, bufsize=0)
        assert process.stdout and process.stderr
        process.stdout.close()
        assert process.stderr.read() == ""
        process.stderr.close()
        assert process.wait(60) == 0


def test_a_full_disk_is_told(asyncdump: Asyncdump, core: Path) -> None:
    for view in ("--groups=5", "--tasks", "--json"):
        with open("/dev/full", "w", encoding="utf-8") as full:
            said = asyncdump(core, view, stdout=full)
        assert said.status == 4
        assert "No space left" in said.line()


def test_no_standard_output_at_all(asyncdump: Asyncdump, core: Path) -> None:
    """A closed descriptor 1 must not become the core's, or a file that is written to."""
    before = core.read_bytes()
    closed = Asyncdump(asyncdump.program, ["/bin/sh", "-c", 'exec "$0" "$@" >&-'])
    said = closed(core)
    assert said.status in (0, 4) and said.out == ""
    assert core.read_bytes() == before


def test_output_in_a_pipe_is_plain(asyncdump: Asyncdump, core: Path) -> None:
    for view in ("--groups=5", "--tasks", "--json"):
        said = asyncdump(core, view)
        assert said.status == 0
        assert all(character.isprintable() or character == "\n" for character in said.out)


def test_the_first_screen_is_small(asyncdump: Asyncdump, core: Path) -> None:
    assert len(asyncdump(core).out.encode()) < 4096


def test_a_finding_can_fail(asyncdump: Asyncdump, core: Path) -> None:
    assert asyncdump(core).status == 0
    assert asyncdump(core, "--fail-on-finding").status == 10


def test_help_needs_no_input(asyncdump: Asyncdump) -> None:
    """Not even a standard input, output or error."""
    for closing in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        for option in ("--help", "--version", "--limits"):
            command = f'exec "$0" {option} {closing}'
            argv = ["/bin/sh", "-c", command, str(asyncdump.program)]
            result = subprocess.run(argv, capture_output=True, timeout=60, check=False)
            assert result.returncode in (0, 4)
