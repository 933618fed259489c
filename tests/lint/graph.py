# SPDX-License-Identifier: MIT
"""Directed graphs as `{node: nodes it leads to}`: reachability and cycles."""

from __future__ import annotations

from typing import Iterable, Iterator, Mapping

Graph = Mapping[str, Iterable[str]]


def reachable(graph: Graph, start: str) -> set[str]:
    """Every node that some path of at least one edge leads to."""
    seen: set[str] = set()
    pending = list(graph.get(start, ()))
    while pending:
        node = pending.pop()
        if node not in seen:
            seen.add(node)
            pending.extend(graph.get(node, ()))
    return seen


class _Tarjan:
    """Tarjan, "Depth-first search and linear graph algorithms", 1972; without recursion."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.index: dict[str, int] = {}
        self.low: dict[str, int] = {}
        self.stack: list[str] = []
        self.on_stack: set[str] = set()
        self.components: list[list[str]] = []

    def visit(self, root: str) -> None:
        work = [self.enter(root)]
        while work:
            node, successors = work[-1]
            following = next(successors, None)
            if following is None:
                work.pop()
                self.leave(node)
                if work:
                    parent = work[-1][0]
                    self.low[parent] = min(self.low[parent], self.low[node])
            elif following not in self.index:
                work.append(self.enter(following))
            elif following in self.on_stack:
                self.low[node] = min(self.low[node], self.index[following])

    def enter(self, node: str) -> tuple[str, Iterator[str]]:
        self.index[node] = self.low[node] = len(self.index)
        self.stack.append(node)
        self.on_stack.add(node)
        return node, iter(sorted(self.graph.get(node, ())))

    def leave(self, node: str) -> None:
        if self.low[node] != self.index[node]:
            return
        at = self.stack.index(node)
        self.components.append(sorted(self.stack[at:]))
        self.on_stack.difference_update(self.stack[at:])
        del self.stack[at:]


def cycles(graph: Graph) -> list[list[str]]:
    """The sets of nodes that all lead to each other, and the nodes that lead to themselves."""
    tarjan = _Tarjan(graph)
    for node in sorted(graph):
        if node not in tarjan.index:
            tarjan.visit(node)
    return [
        component
        for component in tarjan.components
        if len(component) > 1 or component[0] in graph.get(component[0], ())
    ]
