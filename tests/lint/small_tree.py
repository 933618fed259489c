# SPDX-License-Identifier: MIT
"""A small tree to break: sound when made, so that a lint that complains has seen the change."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

Ask = Callable[[Callable[[Path], list[str]]], str]
"""Runs a lint on the tree and returns its complaints; none is a failure of the test."""

SPDX = "/* SPDX-License-Identifier: MIT */\n"

SOUND = {
    "CMakeLists.txt": "project(small)\n",
    "README.md": "# small\n",
    "analyzer/CMakeLists.txt": (
        "function(ad_library name)\n"
        "  target_link_libraries(ad_${name} PUBLIC ${arg_DEPENDS} PRIVATE ${arg_LIBRARIES})\n"
        "endfunction()\n"
        "ad_library(base)\n"
        "ad_library(target DEPENDS ad_base)\n"
        "ad_library(module DEPENDS ad_target LIBRARIES PkgConfig::zlib)\n"
        "ad_library(symbol DEPENDS ad_module LIBRARIES ${dwarf_library})\n"
        "ad_library(model DEPENDS ad_target)\n"
        "ad_library(findings DEPENDS ad_model)\n"
        "ad_library(dump DEPENDS ad_symbol ad_findings)\n"
        "target_link_libraries(asyncdump PRIVATE ad_dump)\n"
    ),
    "analyzer/base/error.h": "#include <stddef.h>\nint ad_error(void);\n",
    "analyzer/base/error.c": '#include "base/error.h"\nint ad_error(void)\n{\n    return 0;\n}\n',
    "analyzer/base/list.h": '#include "base/error.h"\n',
    "analyzer/base/list.c": '#include "base/list.h"\n',
    "analyzer/target/target.h": '#include "base/error.h"\n',
    "analyzer/module/elf.c": '#include "target/target.h"\n#include <zlib.h>\n',
    "analyzer/symbol/symbol.c": '#include "target/target.h"\n#include <libdwarf/libdwarf.h>\n',
    "analyzer/model/snapshot.h": '#include "target/target.h"\n#include "async_debug.h"\n',
    "analyzer/findings/findings.c": '#include "model/snapshot.h"\n',
    "analyzer/dump/dump.h": '#include "base/error.h"\n',
    "analyzer/cli/main.c": '#include "dump/dump.h"\n#include <argp.h>\n',
    "runtime/include/async.h": "#include <stddef.h>\n",
    "runtime/include/async_debug.h": "#include <stdint.h>\n",
    "runtime/src/task.h": '#include "async.h"\n#include <uv.h>\n',
    "fixtures/kvd/main.c": '#include "async.h"\n',
}


class Tree:
    """Files below a temporary folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name, text in SOUND.items():
            self.write(name, SPDX + text if name.endswith((".c", ".h")) else text)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def append(self, name: str, text: str) -> None:
        path = self.root / name
        self.write(name, path.read_text(encoding="utf-8") + text)

    def replace(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new))
