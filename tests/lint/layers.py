#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Keeps the layers: who may include whom, and which folder may use which library.

The drawing is the one in analyzer/CMakeLists.txt. An include that goes up or sideways, a cycle of headers
or of the engine's modules (a .c and its .h), a library in a folder that CMake does not give it to, and a
CMake dependency against the drawing are each an error.

Usage: layers.py [TREE]
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Optional

from graph import cycles, reachable
from tree import files, main, read

# An arrow of the drawing is one entry; what lies further below may be included too.
DRAWING: dict[str, list[str]] = {
    "base": [],
    "target": ["base"],
    "module": ["target"],
    "symbol": ["module"],
    "unwind": ["module"],
    "model": ["target"],
    "values": ["symbol", "model"],
    "runtimes": ["model"],
    "findings": ["model"],
    "report": ["findings"],
    "dump": ["values", "unwind", "runtimes", "report"],
    "cli": ["dump"],
}
# What sees a snapshot of plain data must not reach a target, though it links with it. The command opens a
# target and prints a view; what lies between is the composition root's.
NARROWER = {
    "findings": {"base", "model"},
    "report": {"base", "model", "findings"},
    "cli": {"base", "target", "findings", "report", "dump"},
}
# The word by which CMake's LIBRARIES name a library, and its headers.
LIBRARIES = {
    "dwarf": re.compile(r"(libdwarf[^/]*/)?(libdwarf|dwarf)\.h"),
    "unwind": re.compile(r"libunwind.*\.h"),
    "jansson": re.compile(r"jansson\.h"),
    "zlib": re.compile(r"zlib\.h"),
    "zstd": re.compile(r"z(std|dict)\.h"),
    "libuv": re.compile(r"uv\.h|uv/.*"),
    "elfutils": re.compile(r"libelf\.h|gelf\.h|elfutils/.*"),
}
# Whatever CMake says, only this folder of the engine may have it.
SOLE_USER = {"dwarf": "symbol", "unwind": "unwind"}
# Whoever holds ptrace parses nothing: the folder of the engine that has a use for it is the target's.
SOLE_INCLUDER = {"sys/ptrace.h": "target"}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include\b[ \t]*(?:"([^"]*)"|<([^>]*)>|(.*))', re.MULTILINE)
LIBRARY_CALL = re.compile(r"^ad_library\(([^)]*)\)", re.MULTILINE)
# The call inside ad_library() itself, which names ad_${name}, does not match.
LINK_CALL = re.compile(r"^[ \t]*target_link_libraries\((\w+)\s([^)]*)\)", re.MULTILINE)
SEARCHED = (Path("analyzer"), Path("runtime/include"))


@dataclass(frozen=True)
class Include:
    source: Path
    line: int
    name: str
    target: Optional[Path]
    """The project's file that is meant, None for a header of the system."""

    def problem(self, words: str) -> str:
        return f"{self.source}:{self.line}: includes {self.name}: {words}"


@dataclass(frozen=True)
class Library:
    """One ad_library() call."""

    line: int
    depends: tuple[str, ...]
    libraries: tuple[str, ...]


def allowed(folder: str) -> set[str]:
    """The folders of the engine that a folder of it may include, other than itself."""
    return NARROWER.get(folder, reachable(DRAWING, folder))


def includes(root: Path, source: Path) -> Iterator[Include]:
    text = read(root, source)
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        quoted, system, other = match.groups()
        name = quoted or system or other
        places = [source.parent, *SEARCHED] if quoted else list(SEARCHED)
        paths = [Path(os.path.normpath(place / name)) for place in places]
        yield Include(
            source, line, name, next((path for path in paths if (root / path).is_file()), None)
        )


def folder_of(path: Path) -> str:
    """ "target" for analyzer/target/core.c; "" outside the engine."""
    return path.parts[1] if path.parts[0] == "analyzer" and len(path.parts) > 2 else ""


def target_problem(include: Include) -> Optional[str]:
    """Why this include of a file of the project is not allowed."""
    assert include.target
    source, target = include.source, include.target
    house, other = source.parts[0], target.parts[0]
    if house == "analyzer":
        here, there = folder_of(source), folder_of(target)
        if there:
            ok = here == there or there in allowed(here) if here in DRAWING else False
            return None if ok else f"{here} may not see {there}"
        ok = target == Path("runtime/include/async_debug.h")
        return None if ok else "the engine sees no more of the runtime than async_debug.h"
    if house == "runtime":
        public = Path("runtime/include")
        if other != "runtime":
            return "the runtime sees nothing of the others"
        ok = public not in source.parents or public in target.parents
        return None if ok else "a public header includes a private one"
    if house == "fixtures":
        ok = other == "fixtures" or Path("runtime/include") in target.parents
        return None if ok else "fixtures see the runtime's public headers only"
    return None


def library_problem(include: Include, libraries: dict[str, Library]) -> Optional[str]:
    """Why this include of a header of the system is not allowed."""
    house, here = include.source.parts[0], folder_of(include.source)
    if house not in ("analyzer", "runtime", "fixtures"):
        return None
    sole = SOLE_INCLUDER.get(include.name)
    if sole and house == "analyzer" and here != sole:
        return f"only analyzer/{sole} has a use for it"
    for library, header in LIBRARIES.items():
        if not header.fullmatch(include.name):
            continue
        if SOLE_USER.get(library, here) != here:
            return f"only analyzer/{SOLE_USER[library]} may use {library}"
        if house == "analyzer":
            given = libraries[here].libraries if here in libraries else ()
            ok = any(library in word for word in given)
            return None if ok else f"analyzer/CMakeLists.txt does not give {library} to {here}"
        ok = library == "libuv" or (house, library) == ("fixtures", "jansson")
        return None if ok else f"{house} has no use for {library}"
    return None


def library_calls(text: str) -> dict[str, Library]:
    """The ad_library() calls of analyzer/CMakeLists.txt by folder."""
    found = {}
    for match in LIBRARY_CALL.finditer(text):
        words: dict[str, list[str]] = {"NAME": [], "DEPENDS": [], "LIBRARIES": []}
        into = "NAME"
        for word in match[1].split():
            if word in words:
                into = word
            else:
                words[into].append(word)
        depends = tuple(word.removeprefix("ad_") for word in words["DEPENDS"])
        line = text.count("\n", 0, match.start()) + 1
        found[words["NAME"][0]] = Library(line, depends, tuple(words["LIBRARIES"]))
    return found


def cmake_problems(root: Path, text: str, libraries: dict[str, Library]) -> Iterator[str]:
    """Dependencies that CMake has and the drawing has not; folders that one of them lacks."""
    where = "analyzer/CMakeLists.txt"
    for folder, library in libraries.items():
        for below in library.depends:
            if below not in reachable(DRAWING, folder):
                yield f"{where}:{library.line}: {folder} links with {below}, against the drawing"
    for match in LINK_CALL.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        linked = [
            word for word in match[2].split() if word not in ("PUBLIC", "PRIVATE", "INTERFACE")
        ]
        if match[1] != "asyncdump" or set(linked) - {"ad_dump", "ad_base"}:
            yield f"{where}:{line}: {match[1]} links with {' '.join(linked)}, not by ad_library()"
    for path in {path.parent for path in files(root, ".c", ".h") if folder_of(path)}:
        folder = path.name
        if folder not in DRAWING or (folder != "cli" and folder not in libraries):
            yield f"{path}: not in the drawing of tests/lint/layers.py or in {where}"


def file_graph(found: list[Include]) -> dict[str, set[str]]:
    """Which file includes which."""
    graph: dict[str, set[str]] = {}
    for include in found:
        targets = graph.setdefault(str(include.source), set())
        if include.target:
            targets.add(str(include.target))
    return graph


def module_graph(found: list[Include]) -> dict[str, set[str]]:
    """Which module of the engine includes which; a module is a .c and its .h, which are beside each other.

    A header named *_internal.h belongs to the modules that include it, which is no arrow.
    """
    graph: dict[str, set[str]] = {}
    for include in found:
        here = str(include.source.with_suffix(""))
        if not include.target or not folder_of(include.source):
            continue
        there = str(include.target.with_suffix(""))
        if there != here and not there.endswith("_internal"):
            graph.setdefault(here, set()).add(there)
    return graph


def lint(root: Path) -> list[str]:
    sources = files(root, ".c", ".h", ".S")
    found = [include for source in sources for include in includes(root, source)]
    cmake = Path("analyzer/CMakeLists.txt")
    text = read(root, cmake) if (root / cmake).is_file() else ""
    libraries = library_calls(text)
    problems = list(cmake_problems(root, text, libraries))
    for include in found:
        if include.target:
            words = target_problem(include)
        else:
            words = library_problem(include, libraries)
        if words:
            problems.append(include.problem(words))
    for graph in (file_graph(found), module_graph(found)):
        problems += [f"{ring[0]}: a cycle: {' '.join(ring)}" for ring in cycles(graph)]
    return problems


if __name__ == "__main__":
    sys.exit(main(lint))
