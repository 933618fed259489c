# SPDX-License-Identifier: MIT
"""The words of the commands: what a user types, what GDB prints, what we print. Needs no gdb."""

from __future__ import annotations

import re
from typing import Any, NamedTuple, Optional

Task = dict[str, Any]


class UsageError(Exception):
    """What the user typed cannot be understood; one line for the user."""


def printable(text: object, keep: str = "") -> str:
    """`text` with whatever a terminal might obey (escapes, direction marks) written out, `keep` excepted."""
    return "".join(c if c.isprintable() or c in keep else _written_out(c) for c in str(text))


def _written_out(character: str) -> str:
    code = ord(character)
    return (
        f"\\x{code:02x}"
        if code < 0x100
        else f"\\u{code:04x}"
        if code < 0x10000
        else f"\\U{code:08x}"
    )


def title(task: Task) -> str:
    """6 "client 7" (waiting)"""
    name = f' "{printable(task["name"])}"' if task.get("name") else ""
    return f'{int(task["id"])}{name} ({printable(task.get("state", "?"))})'


def without_stack(task: Task) -> str:
    """Why one that is not running has no frames."""
    if task.get("unbegun"):
        return "has not begun: there is no stack yet"
    return "has no stack (any more)"


def which_task(argument: str) -> dict[str, Any]:
    """The part of a request that names one task: a number, #number, a name, or a name in quotes."""
    argument = argument.strip()
    number = re.fullmatch(r"#?(\d+)", argument)
    if number:
        return {"id": int(number[1])}
    if len(argument) >= 2 and argument[0] == argument[-1] and argument[0] in "\"'":
        argument = argument[1:-1]
    return {"name": argument}


class Apply(NamedTuple):
    """A parsed `async-task apply`: the ids (None: all tasks), the flags without dashes, the command."""

    ids: Optional[list[int]]
    flags: str
    command: str


APPLY_USAGE = "Usage: async-task apply ID...|all [-q] [-c] [-s] COMMAND"
APPLY_RANGE_LIMIT = 1_000_000


def parse_apply(argument: str) -> Apply:
    """Reads `ID...|all [FLAG]... COMMAND`; an ID may be 4, #4 or 4-7, separated by spaces or commas."""
    ids: Optional[list[int]] = []
    flags = ""
    rest = argument.strip()
    while rest:
        word, _, after = rest.partition(" ")
        if word == "all" and not ids and not flags:
            ids = None
        elif re.fullmatch(r"-[qcs]", word):
            flags += word[1]
        elif ids is not None and not flags and re.fullmatch(r"[#\d][#\d,-]*", word):
            ids += _ids_of(word)
        else:
            break
        rest = after.strip()
    if ids == [] or not rest:
        raise UsageError(APPLY_USAGE)
    return Apply(ids, flags, rest)


def _ids_of(word: str) -> list[int]:
    ids: list[int] = []
    for part in filter(None, word.split(",")):
        span = re.fullmatch(r"#?(\d+)(?:-#?(\d+))?", part)
        if not span:
            raise UsageError(f"Not a task id: {printable(part)}. {APPLY_USAGE}")
        low = int(span[1])
        high = int(span[2] or low)
        if high < low or high - low >= APPLY_RANGE_LIMIT:
            raise UsageError(f"Not a range of task ids: {printable(part)}")
        ids.extend(range(low, high + 1))
    return ids


def complete_task(text: str, word: str, tasks: list[Task]) -> list[str]:
    """Completions of the last `word` of `text`, the argument of async-task typed so far."""
    if text.startswith("apply "):
        started = text[len("apply ") :]
        if started.strip() != word:
            return []
        choices = ["all"] + [str(task["id"]) for task in tasks]
        return [choice for choice in choices if choice.startswith(word)]
    choices = ["apply", "none"] + [str(task["id"]) for task in tasks]
    choices += sorted({str(task["name"]) for task in tasks if task.get("name")})
    before = len(text) - len(word)
    return [printable(c[before:]) for c in choices if c.startswith(text)]


def core_file_in(info_files: str) -> Optional[str]:
    """The core's path as `info files` tells it; None when it speaks of no core."""
    found = re.search(r"core dump file:\s+`(.*)', file type ", info_files)
    return found[1] if found else None


def maps_from(info_proc_mappings: str) -> str:
    """`info proc mappings` as the text of /proc/PID/maps; GDB before 12 tells no permissions: all readable."""
    lines = []
    for line in info_proc_mappings.splitlines():
        found = re.match(
            r"\s*0x([0-9a-f]+)\s+0x([0-9a-f]+)\s+0x[0-9a-f]+\s+0x([0-9a-f]+)(?:\s+([r-][w-][x-][ps-]))?\s*(.*)",
            line,
        )
        if found:
            low, high, offset, permissions, path = found.groups()
            lines.append(
                f"{low}-{high} {permissions or 'r-xp'} {int(offset, 16):08x} 00:00 0 {path}".rstrip()
            )
    return "".join(line + "\n" for line in lines)
