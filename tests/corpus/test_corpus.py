# SPDX-License-Identifier: MIT
"""Every seeded culprit is named first, and nothing is said of the healthy."""

from __future__ import annotations

import re

import pytest

from corpus import GRAVE, Run
from harness import kernel_core_refusal

DOORS = ["live", "core"]


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    refusal = kernel_core_refusal()
    if chosen == "core" and refusal:
        pytest.skip(refusal)
    return chosen


def complaints(runs: list[Run], door: str, healthy: bool) -> list[str]:
    told = [(run.service.name, run.complaint(door)) for run in runs if run.healthy == healthy]
    return [f"{name}: {complaint}" for name, complaint in told if complaint]


def test_recall(runs: list[Run], door: str) -> None:
    assert not complaints(runs, door, healthy=False)


def test_precision(runs: list[Run], door: str) -> None:
    assert not complaints(runs, door, healthy=True)


def test_the_corpus_is_large_and_covers_what_a_program_can_show(runs: list[Run]) -> None:
    assert len(runs) >= 2 * 40
    assert {run.service.code for run in runs} == {
        *("deadlock", "lost_wakeup", "orphan", "worker_blocked", "blocker", "pool_busy"),
        *("channel_full", "cancel_ignored", "unseen_failure", "stack_near_end", "growth"),
    }


def test_doors_agree(runs: list[Run], door: str) -> None:
    """What lasts is said in the same words, but for ages and addresses."""
    for run in runs:
        if run.healthy or run.service.code == "growth":
            continue
        live, other = run.findings("live")[0], run.findings(door)[0]
        if live["code"] != "worker_blocked":  # a core may not tell since when
            assert shape(other["sentence"]) == shape(live["sentence"]), run.service.name
        assert other["signature"] == live["signature"], run.service.name


def shape(sentence: str) -> str:
    return re.sub(r"\b(due )?\d+(h\d+m|m\d+s|ms|us|s)( left| ago)?\b", "AGE", sentence)


def test_signatures_part_services(runs: list[Run]) -> None:
    """A sick service has one, its twin has none; and few share one, those that do the same in the same code."""
    found = set()
    for run in runs:
        signature = run.said["live"]["signature"]
        grave = any(finding["severity"] in GRAVE for finding in run.findings("live"))
        assert (signature is not None) == grave, run.service.name
        if signature:
            assert re.fullmatch("[0-9a-f]{16}", signature)
            found.add(signature)
    assert len(found) >= 40


def test_every_finding_has_its_evidence(runs: list[Run], door: str) -> None:
    for run in runs:
        for finding in run.findings(door):
            assert finding["sentence"] and finding["confirm"], run.service.name
            assert finding["confidence"] in ("possible", "likely", "certain")
            assert [one["task"] for one in finding["evidence"]] == finding["tasks"][:64]
