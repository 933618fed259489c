# SPDX-License-Identifier: MIT
"""Fixtures of the lints' own tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from small_tree import Ask, Tree
from tree import Lint


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


@pytest.fixture
def complaints(tree: Tree) -> Ask:
    """complaints(lint): what it says of the tree; nothing is an error of the test."""

    def ask(lint: Lint) -> str:
        found = "\n".join(lint(tree.root))
        assert found, "the lint saw nothing"
        return found

    return ask
