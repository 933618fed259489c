# SPDX-License-Identifier: MIT
"""One hung kvd's core, for all tests of this folder that only wrap it in something else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

import pytest

from command import Asyncdump, Said
from harness import Hung, Kvd, gcore_core, hang, kernel_core, kernel_core_refusal
from making import Whole, make_whole


@dataclass(frozen=True)
class Reference:
    """A core, and what is said of it when it is read as it is."""

    core: Path
    hung: Hung
    said: Said

    def agrees(self, said: Said, status: int = 0) -> None:
        """The same of everything but the name and the date of what was read."""
        assert (said.status, said.err) == (status, "")
        assert same(said) == same(self.said)


def same(said: Said) -> dict[str, Any]:
    found = said.json
    for name in ("description", "time_ns", "stop_note"):
        found["target"].pop(name, None)
    return found


@pytest.fixture(scope="session", params=["kernel", "gcore"])
def reference(
    request: pytest.FixtureRequest,
    build: Path,
    asyncdump: Asyncdump,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Reference]:
    refusal = kernel_core_refusal()
    if request.param == "kernel" and refusal:
        pytest.skip(refusal)
    server = Kvd(build / "fixtures" / "kvd", tmp_path_factory.mktemp("hung"))
    try:
        hung = hang(server, 3)
        core = gcore_core(server) if request.param == "gcore" else kernel_core(server)
        said = asyncdump(core, "--json")
        assert (said.status, said.err, said.json["verdict"]) == (0, "", "hung")
        assert len(said.json["tasks"]) == len(hung.truth["tasks"])
        yield Reference(core, hung, said)
    finally:
        server.kill()


@pytest.fixture(scope="session")
def whole(
    build: Path, asyncdump: Asyncdump, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Whole]:
    yield from make_whole(build, asyncdump, tmp_path_factory.mktemp("whole"))
