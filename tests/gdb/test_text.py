# SPDX-License-Identifier: MIT
"""The words of the commands, without gdb."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Optional

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "gdb"))

from asyncdump_gdb.text import (  # noqa: E402  pylint: disable=wrong-import-position
    UsageError,
    complete_task,
    core_file_in,
    maps_from,
    parse_apply,
    printable,
    title,
    which_task,
)

TASKS = [
    {"id": 6, "name": "client 7", "state": "waiting"},
    {"id": 61, "name": "client 8", "state": "waiting"},
    {"id": 7, "name": "", "state": "ready"},
]


def test_nothing_reaches_the_terminal_that_it_might_obey() -> None:
    assert printable("a\x1b[31m\x07\x9b\x7f\n\tß\u202e\udcff") == (
        "a\\x1b[31m\\x07\\x9b\\x7f\\x0a\\x09ß\\u202e\\udcff"
    )
    assert printable("a\n\tb\r", keep="\n\t") == "a\n\tb\\x0d"


def test_a_task_has_a_title() -> None:
    assert title(TASKS[0]) == '6 "client 7" (waiting)'
    assert title(TASKS[2]) == "7 (ready)"
    assert title({"id": 1, "name": "\x1b]0;x\x07", "state": "\x1b"}) == (
        '1 "\\x1b]0;x\\x07" (\\x1b)'
    )


@pytest.mark.parametrize(
    "typed, request_part",
    [
        ("6", {"id": 6}),
        (" #6 ", {"id": 6}),
        ("client 7", {"name": "client 7"}),
        ('"none"', {"name": "none"}),
        ("'6'", {"name": "6"}),
        ("6 7", {"name": "6 7"}),
        ("-1", {"name": "-1"}),
    ],
)
def test_which_task_is_meant(typed: str, request_part: dict[str, Any]) -> None:
    assert which_task(typed) == request_part


@pytest.mark.parametrize(
    "typed, ids, flags, command",
    [
        ("all bt", None, "", "bt"),
        ("all -q bt -3", None, "q", "bt -3"),
        ("6 bt", [6], "", "bt"),
        ("#6 7-9,12 -q -c info locals", [6, 7, 8, 9, 12], "qc", "info locals"),
        ("6 -s print all", [6], "s", "print all"),
        ("6 print  5", [6], "", "print  5"),
    ],
)
def test_apply_is_understood(
    typed: str, ids: Optional[list[int]], flags: str, command: str
) -> None:
    assert parse_apply(typed) == (ids, flags, command)


@pytest.mark.parametrize(
    "typed", ["", "all", "6", "bt", "-q bt", "6-", "9-3 bt", "1-9999999 bt", "6x bt"]
)
def test_apply_is_refused(typed: str) -> None:
    with pytest.raises(UsageError):
        parse_apply(typed)


@pytest.mark.parametrize(
    "text, word, wanted",
    [
        ("", "", ["apply", "none", "6", "61", "7", "client 7", "client 8"]),
        ("6", "6", ["6", "61"]),
        ("cl", "cl", ["client 7", "client 8"]),
        ("client 7", "7", ["7"]),
        ("n", "n", ["none"]),
        ("apply ", "", ["all", "6", "61", "7"]),
        ("apply 6", "6", ["6", "61"]),
        ("apply all b", "b", []),
    ],
)
def test_completion(text: str, word: str, wanted: list[str]) -> None:
    assert complete_task(text, word, TASKS) == wanted


def test_the_core_in_info_files() -> None:
    told = (
        'Symbols from "/x/kvd".\nLocal core dump file:\n'
        "\t`/tmp/a b's/core.12', file type elf64-x86-64.\n\t0x0 - 0x1 is load1\n"
        "Local exec file:\n\t`/x/kvd', file type elf64-x86-64.\n"
    )
    assert core_file_in(told) == "/tmp/a b's/core.12"
    assert core_file_in(told.replace("Local core dump file", "Native process")) is None
    assert core_file_in("") is None


def test_mappings_of_any_gdb_become_maps() -> None:
    new = (
        "process 12\nMapped address spaces:\n\n"
        "          Start Addr           End Addr       Size     Offset  Perms  objfile\n"
        "      0x555555554000     0x555555558000     0x4000     0x1000  r-xp   /x/a b\n"
        "      0x7ffff7fc1000     0x7ffff7fc5000     0x4000        0x0  rw-p   \n"
    )
    assert maps_from(new) == (
        "555555554000-555555558000 r-xp 00001000 00:00 0 /x/a b\n"
        "7ffff7fc1000-7ffff7fc5000 rw-p 00000000 00:00 0\n"
    )
    old = "      0x555555554000     0x555555558000     0x4000     0x1000 /x/kvd\n"
    assert maps_from(old) == "555555554000-555555558000 r-xp 00001000 00:00 0 /x/kvd\n"
