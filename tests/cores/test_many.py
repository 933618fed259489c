# SPDX-License-Identifier: MIT
"""A core of 50,000 suspended tasks holds every one's stack, whoever writes it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Callable, Sequence

import pytest

from command import Asyncdump
from harness import Program, gcore_core, kernel_core, kernel_core_refusal

TASKS = 50_000
SAMPLED = (2, 3, 8_191, 8_192, 8_193, 8_194, 8_195, 25_000, TASKS, TASKS + 1)


@pytest.fixture(scope="module")
def many(repository: Path, build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("many") / "many"
    line = [
        "cc",
        "-g",
        "-O1",
        f"-I{repository}/runtime/include",
        f"{repository}/tests/cores/many.c",
    ]
    line += ["-o", str(program), f"{build}/runtime/libasyncrt.a", "-luv", "-lpthread", "-ldl"]
    subprocess.run(line, check=True)
    return program


def numbers_by_gdb(program: Path, core: Path, repository: Path, engine: Path) -> list[int]:
    """What GDB, by its own unwinder, finds in the frame of some tasks: each task's own number."""
    argv = [
        "gdb",
        "-nx",
        "-q",
        "-batch",
        "-iex",
        "set debuginfod enabled off",
        str(program),
        str(core),
    ]
    argv += ["-ex", f"source {repository}/gdb/asyncdump-gdb.py"]
    argv += ["-ex", f"set asyncdump engine {engine}"]
    for task in SAMPLED:
        argv += ["-ex", f"async-task {task}", "-ex", "frame function park", "-ex", "print mine"]
    result = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    found = re.findall(r"^\$\d+ = (\d+)$", result.stdout, re.MULTILINE)
    return [int(number) for number in found]


@pytest.mark.parametrize("writer", ["kernel", "gcore"])
def test_every_stack_is_in_the_core(
    writer: str,
    many: Path,
    repository: Path,
    build: Path,
    asyncdump: Asyncdump,
    launch: Callable[[Sequence[str]], Program],
) -> None:
    refusal = kernel_core_refusal()
    if writer == "kernel" and refusal:
        pytest.skip(refusal)
    program = launch([str(many), str(TASKS)])
    assert program.read_line() == "ready"
    core = kernel_core(program) if writer == "kernel" else gcore_core(program)
    said = asyncdump(core)
    assert said.status == 0, said.out + said.err  # nothing is lost: no stack either
    assert f"tasks read {TASKS + 1} of {TASKS + 1}" in said.out
    assert re.search(
        rf"^ *{TASKS} .* sleeping .* begin many\.c:\d+ > park many\.c:\d+", said.out, re.M
    )
    # Guard pages end at the 8,192nd stack; the numbers are as the tasks were spawned, from 0.
    engine = build / "analyzer" / "asyncdump"
    assert numbers_by_gdb(many, core, repository, engine) == [task - 2 for task in SAMPLED]
