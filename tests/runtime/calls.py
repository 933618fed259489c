# SPDX-License-Identifier: MIT
"""Every public call that can be refused leaves its place behind: async_calls.h has a line for each.

calls.py INCLUDE-FOLDER [--write]   (--write puts the missing lines there)
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

HEADERS = ("async_tasks.h", "async_sync.h", "async_io.h", "async_diagnose.h")
# They are answered the same from anywhere.
NEVER_REFUSED = {
    "async_worker_index",
    "async_address_parse",
    "async_address_parse_unix",
    "async_set_log",
    "async_set_failure_handler",
    "async_set_trace",
    "async_task_counters",
}
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
CALL = re.compile(r"^(?:int|ssize_t) (async_\w+)\(", re.MULTILINE)
LINE = re.compile(
    r"^#define (async_\w+)\(\.\.\.\) ASYNC_CALL(_AT)?\((\w+), __VA_ARGS__\)$", re.MULTILINE
)


def line_for(name: str) -> str:
    short = name.removeprefix("async_")
    if short.endswith("_at"):
        return f"#define {name}(...) ASYNC_CALL_AT({short[:-3]}, __VA_ARGS__)"
    return f"#define {name}(...) ASYNC_CALL({short}, __VA_ARGS__)"


def main() -> int:
    include = Path(sys.argv[1])
    wanted = [
        line_for(name)
        for header in HEADERS
        for name in CALL.findall(COMMENT.sub("", (include / header).read_text()))
        if name not in NEVER_REFUSED
    ]
    path = include / "async_calls.h"
    text = path.read_text()
    there = [match.group(0) for match in LINE.finditer(text)]
    if "--write" in sys.argv:
        begin, end = text.index(there[0]), text.index(there[-1]) + len(there[-1])
        path.write_text(text[:begin] + "\n".join(wanted) + text[end:])
        return 0
    for line in sorted(set(wanted) ^ set(there)):
        print(f"async_calls.h {'lacks' if line in wanted else 'need not have'}: {line}")
    return int(sorted(wanted) != sorted(there))


if __name__ == "__main__":
    sys.exit(main())
