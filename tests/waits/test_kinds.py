# SPDX-License-Identifier: MIT
"""Every kind of wait that the runtime has is in the waits program."""

from __future__ import annotations

import re
from pathlib import Path

from waits import Waits


def kinds(repository: Path) -> set[str]:
    """The names of enum async_future_kind."""
    header = (repository / "runtime/src/future.h").read_text(encoding="utf-8")
    enum = re.search(r"enum async_future_kind \{(.*?)\n\};", header, re.DOTALL)
    assert enum
    numbers = re.findall(r"^    (ASYNC_FUTURE_\w+)", enum[1], re.MULTILINE)
    descriptor = (repository / "runtime/src/descriptor.c").read_text(encoding="utf-8")
    names = dict(re.findall(r'\[(ASYNC_FUTURE_\w+)\] = NAME\("([^"]+)", KIND_', descriptor))
    assert len(numbers) > 20 and names.keys() == set(numbers)
    return set(names.values())


def test_each_is_waited_for(repository: Path, waits: Waits) -> None:
    assert {task["wait"]["kind"] for task in waits.waiting().values()} == kinds(repository)


def test_each_state_of_a_task(waits: Waits) -> None:
    states = {task["state"] for task in waits.here().values()}
    assert states == {"waiting", "ready", "running", "returned", "failed", "cancelled"}
    cancels = {task["cancel"]["state"] for task in waits.here().values() if task["cancel"]}
    assert cancels == {"requested", "delivered", "swallowed"}
    assert any(task["wait"]["state"] == "queued" for task in waits.waiting().values())
