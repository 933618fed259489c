# SPDX-License-Identifier: MIT
"""The real systemd-coredump: it takes a core, and asyncdump finds it by the real coredumpctl."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Iterator

import pytest

from command import Asyncdump
from conftest import same
from harness import PATIENCE, Hung, Kvd, gcore_core, hang

SCRIPT = Path(__file__).with_name("systemd.sh")


@pytest.fixture(scope="module")
def unpacked(build: Path) -> Path:
    root = build / "systemd"
    if not (root / "usr/bin/coredumpctl").exists():
        pytest.skip("systemd-coredump is not unpacked: see .ci/unpack")
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        pytest.skip("no mount namespace of one's own here")
    return root


@pytest.fixture(scope="module")
def hung(build: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hung]:
    server = Kvd(build / "fixtures" / "kvd", tmp_path_factory.mktemp("systemd"))
    try:
        yield hang(server, 3)
    finally:
        server.kill()


@pytest.mark.parametrize("storage", ["external", "journal"])
def test_its_core_is_found(
    asyncdump: Asyncdump, unpacked: Path, hung: Hung, tmp_path: Path, storage: str
) -> None:
    inside = ["unshare", "--mount", str(SCRIPT), str(unpacked), str(tmp_path)]
    core = gcore_core(hung.kvd)
    with core.open("rb") as stream:
        subprocess.run(
            [*inside, "store", str(hung.pid), storage],
            stdin=stream,
            check=True,
            timeout=PATIENCE,
        )
    kept = list((tmp_path / "coredump").iterdir())
    assert len(kept) == (storage == "external"), kept
    there = Asyncdump(asyncdump.program, [*inside, "run"])
    plain = asyncdump(core, "--json")
    for match in ("kvd", str(hung.pid)):
        said = there("--coredumpctl", match, "--json")
        assert (said.status, said.err) == (0, "")
        assert said.json["target"]["stop_note"].startswith("is coredumpctl's newest of " + match)
        assert f"PID {hung.pid} (kvd)" in said.json["target"]["stop_note"]
        assert same(said) == same(plain)
    assert "No match found" in there("--coredumpctl", "nobody").refused(4)
