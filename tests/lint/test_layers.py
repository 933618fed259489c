# SPDX-License-Identifier: MIT
"""The layer lint sees what it is there for, and the project's own tree is sound."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from graph import cycles, reachable
from layers import lint
from small_tree import Ask, Tree
from tree import REPOSITORY

# The file, the line that is added to it, and what the lint must say of it.
BROKEN = [
    ("analyzer/base/list.c", '#include "target/target.h"', "base may not see target"),
    ("analyzer/base/list.c", "#include <target/target.h>", "base may not see target"),
    ("analyzer/base/list.c", '#include "../target/target.h"', "base may not see target"),
    ("analyzer/base/list.c", '  #  include "target/target.h"', "base may not see target"),
    ("analyzer/target/target.h", '#include "model/snapshot.h"', "target may not see model"),
    ("analyzer/model/snapshot.h", '#include "dump/dump.h"', "model may not see dump"),
    ("analyzer/findings/findings.c", '#include "target/target.h"', "findings may not see target"),
    ("analyzer/cli/main.c", '#include "model/snapshot.h"', "cli may not see model"),
    ("analyzer/model/snapshot.h", '#include "../../runtime/src/task.h"', "than async_debug.h"),
    ("analyzer/model/snapshot.h", '#include "async.h"', "than async_debug.h"),
    ("analyzer/model/snapshot.h", "#include <libdwarf/libdwarf.h>", "only analyzer/symbol"),
    ("analyzer/module/elf.c", "#include <dwarf.h>", "only analyzer/symbol"),
    ("analyzer/symbol/symbol.c", "#include <libunwind-x86_64.h>", "only analyzer/unwind"),
    ("analyzer/model/snapshot.h", "#include <jansson.h>", "does not give jansson to model"),
    ("analyzer/target/target.h", "#include <zlib.h>", "does not give zlib to target"),
    ("analyzer/base/list.c", "#include <uv.h>", "does not give libuv to base"),
    ("analyzer/model/snapshot.h", "#include <sys/ptrace.h>", "only analyzer/target has a use"),
    ("runtime/src/task.h", '#include "../../analyzer/base/error.h"', "nothing of the others"),
    ("runtime/src/task.h", "#include <base/error.h>", "nothing of the others"),
    ("runtime/include/async.h", '#include "../src/task.h"', "includes a private one"),
    ("runtime/src/task.h", "#include <libunwind.h>", "only analyzer/unwind may use unwind"),
    ("fixtures/kvd/main.c", '#include "../../analyzer/base/error.h"', "public headers only"),
    ("fixtures/kvd/main.c", '#include "../../runtime/src/task.h"', "public headers only"),
]


@pytest.mark.parametrize("name, line, words", BROKEN)
def test_sees_a_forbidden_include(
    tree: Tree, complaints: Ask, name: str, line: str, words: str
) -> None:
    tree.append(name, line + "\n")
    found = complaints(lint)
    assert words in found
    assert found.startswith(name + ":")


def test_sees_a_cycle_of_headers(tree: Tree, complaints: Ask) -> None:
    tree.append("analyzer/base/error.h", '#include "base/list.h"\n')
    assert "a cycle: analyzer/base/error.h analyzer/base/list.h" in complaints(lint)


def test_sees_a_cycle_of_headers_in_the_runtime(tree: Tree, complaints: Ask) -> None:
    tree.write("runtime/src/loop.h", '#include "task.h"\n')
    tree.append("runtime/src/task.h", '#include "loop.h"\n')
    assert "a cycle: runtime/src/loop.h runtime/src/task.h" in complaints(lint)


def test_sees_a_cycle_that_goes_through_a_source_file(tree: Tree, complaints: Ask) -> None:
    tree.append("analyzer/base/error.c", '#include "base/list.h"\n')
    assert "a cycle: analyzer/base/error analyzer/base/list" in complaints(lint)


def test_a_private_header_is_no_cycle(tree: Tree) -> None:
    tree.write("analyzer/base/error_internal.h", '#include "base/error.h"\n')
    tree.append("analyzer/base/error.c", '#include "base/error_internal.h"\n')
    assert lint(tree.root) == []


@pytest.mark.parametrize(
    "old, new, words",
    [
        ("ad_library(base)", "ad_library(base DEPENDS ad_target)", "base links with target"),
        ("DEPENDS ad_model)", "DEPENDS ad_dump)", "findings links with dump"),
        (
            "PRIVATE ad_dump)",
            "PRIVATE ad_dump ad_symbol)",
            "asyncdump links with ad_dump ad_symbol",
        ),
        (
            "ad_library(base)\n",
            "ad_library(base)\ntarget_link_libraries(ad_base ad_dump)\n",
            "ad_base",
        ),
        ("ad_library(findings DEPENDS ad_model)\n", "", "analyzer/findings: not in"),
    ],
)
def test_sees_cmake_against_the_drawing(
    tree: Tree, complaints: Ask, old: str, new: str, words: str
) -> None:
    tree.replace("analyzer/CMakeLists.txt", old, new)
    assert words in complaints(lint)


def test_sees_a_folder_outside_the_drawing(tree: Tree, complaints: Ask) -> None:
    tree.write("analyzer/extra/extra.h", '#include "base/error.h"\n')
    assert "analyzer/extra: not in the drawing" in complaints(lint)


def test_a_sound_tree_is_sound(tree: Tree) -> None:
    assert lint(tree.root) == []


def test_the_command_fails_on_an_upward_include(tree: Tree) -> None:
    tree.append("analyzer/base/list.c", '#include "target/target.h"\n')
    program = Path(__file__).with_name("layers.py")
    result = subprocess.run(
        [sys.executable, str(program), str(tree.root)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert "base may not see target" in result.stdout


def test_cycles_of_graphs() -> None:
    assert cycles({"a": ["b"], "b": ["c"], "c": ["d"]}) == []
    assert cycles({"a": ["a"]}) == [["a"]]
    assert cycles({"a": ["b"], "b": ["c"], "c": ["b", "d"], "d": ["e"], "e": ["d"]}) == [
        ["d", "e"],
        ["b", "c"],
    ]
    chain = {str(i): [str(i + 1)] for i in range(5000)}
    assert cycles(chain) == []
    assert len(cycles({**chain, "5000": ["0"]})[0]) == 5001
    assert reachable({"a": ["b"], "b": ["a"]}, "a") == {"a", "b"}


def test_this_project() -> None:
    problems = lint(REPOSITORY)
    assert not problems, "\n".join(problems)
