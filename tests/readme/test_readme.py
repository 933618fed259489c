# SPDX-License-Identifier: MIT
"""README says what the programs say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness import kernel_core_refusal
from samples import README, SAMPLE, differences, make_samples, shape


@pytest.fixture(scope="module")
def made(build: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    refusal = kernel_core_refusal()
    if refusal:
        pytest.skip(refusal)
    return make_samples(build, tmp_path_factory.mktemp("samples"))


def test_samples_are_real_output(made: dict[str, str]) -> None:
    assert differences(README.read_text(encoding="utf-8"), made) == []


def test_readme_shows_every_door() -> None:
    shown = {match[1] for match in SAMPLE.finditer(README.read_text(encoding="utf-8"))}
    assert {"live", "core", "task", "gdb"} <= shown


def test_a_changed_word_is_seen(made: dict[str, str]) -> None:
    readme = README.read_text(encoding="utf-8").replace("deadlock", "sunshine")
    assert differences(readme, made)


def test_shape_hides_only_what_differs_between_runs() -> None:
    assert shape("held by #7 for 14m03s") == shape("held by #7 for 2s")
    assert shape("held by #7 for 2s") != shape("held by #8 for 2s")
    assert shape("pid 12") == shape("pid 3456")


def test_relative_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", README.read_text(encoding="utf-8")):
        assert link.startswith("http") or (README.parent / link).exists(), link
