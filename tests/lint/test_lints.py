# SPDX-License-Identifier: MIT
"""Each lint sees what it is there for, and the project's own tree is sound."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import headers
import shape
import tools
import words
from small_tree import SPDX, Ask, Tree
from tree import REPOSITORY, Lint, files


def function(name: str, lines: int) -> str:
    return f"int {name}(void)\n{{\n" + "    ;\n" * (lines - 4) + "    return 0;\n}\n"


def python_function(lines: int) -> str:
    return "# SPDX-License-Identifier: MIT\ndef long():\n" + "    pass\n" * (lines - 1)


def test_shape_sees_a_long_function(tree: Tree, complaints: Ask) -> None:
    tree.append("analyzer/base/list.c", function("fits", 80))
    assert not [words for words in shape.lint(tree.root) if "fits has" in words]
    tree.append("analyzer/base/list.c", function("grown", 81))
    assert "grown has 81 lines" in complaints(shape.lint)


def test_shape_sees_a_long_function_in_python_and_in_tests(tree: Tree, complaints: Ask) -> None:
    tree.write("tests/long.py", python_function(81))
    assert "tests/long.py:2: long has 81 lines" in complaints(shape.lint)


def test_shape_sees_too_many_long_functions(tree: Tree, complaints: Ask) -> None:
    short = "".join(function(f"short{i}", 10) for i in range(18))
    tree.append("analyzer/base/list.c", short + function("one", 41) + function("two", 39))
    assert shape.lint(tree.root) == []
    tree.append("analyzer/base/error.c", function("three", 40) + function("four", 60))
    assert "3 of 23 functions have 40 lines or more, such as four" in complaints(shape.lint)


def test_shape_sees_a_long_file(tree: Tree, complaints: Ask) -> None:
    tree.append("analyzer/base/list.c", "\n" * 700)
    assert "analyzer/base/list.c: 702 lines" in complaints(shape.lint)


# Put together here, or the lint would find them in this file.
LOOSE = [
    "/* TO" + "DO: later */",
    "/* FIX" + "ME */",
    "/* XX" + "X */",
    "a place" + "holder",
    "not " + "implemented",
    'open("/wo' + 'rk/main/x")',
    "/ro" + "ot/.config",
    "see /ho" + "me/carl/x",
]


@pytest.mark.parametrize("text", LOOSE)
def test_words_sees_loose_ends_and_machine_paths(tree: Tree, complaints: Ask, text: str) -> None:
    tree.append("analyzer/base/list.c", text + "\n")
    assert complaints(words.lint).startswith("analyzer/base/list.c:3: says ")


@pytest.mark.parametrize(
    "text", ["/home/me/core.12", "frame" + "work/x", "a/ro" + "ot/b", "${X}/wo" + "rk/"]
)
def test_words_lets_other_words_pass(tree: Tree, text: str) -> None:
    tree.append("analyzer/base/list.c", text + "\n")
    assert words.lint(tree.root) == []


@pytest.mark.parametrize("name", ["notes.txt", "src/a.c", "Makefile"])
def test_words_sees_a_stranger_at_the_top(tree: Tree, complaints: Ask, name: str) -> None:
    tree.write(name, SPDX)
    assert "the top level holds" in complaints(words.lint)


@pytest.mark.parametrize(
    "name, text",
    [
        ("analyzer/base/new.c", "int x;\n"),
        ("gdb/new.py", "import sys\n"),
        ("runtime/src/new.S", "ret\n"),
        ("tests/new.sh", "#!/bin/sh\necho\n"),
        ("tests/new", "#!/bin/sh\necho\n"),
        ("analyzer/base/late.c", "int x;\n" + SPDX),
    ],
)
def test_words_sees_a_missing_license(tree: Tree, complaints: Ask, name: str, text: str) -> None:
    tree.write(name, text)
    assert complaints(words.lint) == f"{name}:1: no SPDX-License-Identifier line first (after #!)"


def test_headers_sees_one_that_needs_another(tree: Tree, complaints: Ask) -> None:
    tree.append("analyzer/base/list.h", "size_t ad_list(void);\nuint64_t ad_more(void);\n")
    found = complaints(headers.lint)
    assert found.startswith("analyzer/base/list.h: does not compile alone")
    assert "uint64_t" in found


def test_headers_sees_one_that_cannot_be_included_twice(tree: Tree, complaints: Ask) -> None:
    tree.append("analyzer/base/list.h", "struct ad_list {\n    int x;\n};\n")
    assert "redefinition" in complaints(headers.lint)


def test_tools_sees_an_unquoted_variable(tree: Tree, complaints: Ask) -> None:
    tree.write("tests/new.sh", "#!/bin/sh\nrm -r $1\n")
    assert "SC2086" in complaints(tools.shell)
    tree.write("tests/new.sh", '#!/bin/sh\nrm -r "$1"\n')
    assert tools.shell(tree.root) == []


def test_tools_sees_unformatted_python(tree: Tree, complaints: Ask) -> None:
    tree.write("gdb/new.py", "x = 'single'\n")
    assert "black would change gdb/new.py" in complaints(tools.formatting)


@pytest.mark.parametrize(
    "text, problem",
    [
        ("x: int = 'text'\n", "Incompatible types"),
        ("def f(x):\n    return x\n", "missing a type annotation"),
        ("from absent import x\n", "Cannot find implementation"),
    ],
)
def test_tools_sees_wrong_types(tree: Tree, complaints: Ask, text: str, problem: str) -> None:
    tree.write("gdb/new.py", text)
    assert problem in complaints(tools.types)


@pytest.mark.parametrize("lint", [words.lint, shape.lint, headers.lint])
def test_a_sound_tree_is_sound(tree: Tree, lint: Lint) -> None:
    assert lint(tree.root) == []


@pytest.mark.parametrize(
    "lint",
    [
        words.lint,
        shape.lint,
        headers.lint,
        tools.shell,
        tools.formatting,
        tools.types,
    ],
    ids=["words", "shape", "headers", "shellcheck", "black", "mypy"],
)
def test_this_project(lint: Lint) -> None:
    problems = lint(REPOSITORY)
    assert not problems, "\n".join(problems)


def test_the_tree_without_git_is_the_same(tmp_path: Path) -> None:
    """A released archive has no git; what a build makes is no part of it either way."""
    ignored = shutil.ignore_patterns("build", "build-*", ".git", "__pycache__", ".mypy_cache")
    shutil.copytree(REPOSITORY, tmp_path / "tree", ignore=ignored)
    (tmp_path / "tree/build-other").mkdir()
    (tmp_path / "tree/build-other/made.c").write_text("int x;\n", encoding="utf-8")
    assert files(tmp_path / "tree") == files(REPOSITORY)
