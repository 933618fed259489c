# SPDX-License-Identifier: MIT
"""Names as in the source, whether they come from debug information or from a symbol table. gdb is the judge."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Callable, Sequence

import pytest

from command import Asyncdump
from harness import Program
from making import compile_program


def names_of_gdb(program: Path, core: Path, addresses: list[int]) -> list[str]:
    """The functions at these addresses, with their arguments' types."""
    asked = [f"-ex=info symbol {address}" for address in addresses]
    words = ["gdb", "-nx", "-batch", *asked, str(program), str(core)]
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split("\n")
    return [line for line in said if " in section " in line]


@pytest.mark.parametrize("strip", ["", "--strip-debug"])
def test_names_of_the_source(
    asyncdump: Asyncdump,
    build: Path,
    launch: Callable[[Sequence[str]], Program],
    core_of: Callable[[Program, str], Path],
    tmp_path: Path,
    strip: str,
) -> None:
    program = compile_program(build, tmp_path / "names", "names.cpp", "-fno-optimize-sibling-calls")
    running = launch([str(program)])
    assert running.read_line() == "ready"
    core = core_of(running, "gcore")
    if strip:
        bare = tmp_path / "bare"
        subprocess.run(["strip", strip, "-o", bare, program], check=True)
        program = bare
    said = asyncdump(core, program, "--json")
    assert (said.status, said.err) == (3 if strip else 0, "")
    tasks = {task["name"]: task for task in said.json["tasks"]}
    for name, rust in (("v0", "bank::account::take"), ("legacy", "bank::account::store")):
        frames = [frame for frame in tasks[name]["stack"] if not frame["hidden"]]
        functions = [frame["function"] for frame in frames]
        cpp = ["bank::Account::take", "bank::hold<long>", "(anonymous namespace)::run"]
        assert functions[-4:] == [*cpp, rust], functions
        real = [frame for frame in frames if not frame["inlined"]]
        judged = names_of_gdb(program, core, [int(frame["pc"], 0) - 1 for frame in real])
        assert len(judged) == len(real)
        # gdb shows the hashes of Rust, too.
        for frame, judge in zip(real, judged):
            plain = re.sub(r"::h[0-9a-f]{16}|\[[0-9a-f]+\]", "", judge)
            assert re.search(rf"(^|\s){re.escape(frame['function'])}[( ]", plain)
    assert "bank::Account::take" in asyncdump(core, program).out
