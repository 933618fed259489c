#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Sums JUnit result files of ctest and pytest: prints `PASSED FAILED SKIPPED` on one line.

Usage: count.py [--failures] FILE...

  --failures   print the names of the failed tests instead, one a line

Example:
  count.py build/results/unit.xml build/results/cli.xml
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

# ctest writes <skipped> for a test that asked to be skipped and for a program that is not there.
ASKED_TO_SKIP = ("SKIP_RETURN_CODE", "SKIP_REGULAR_EXPRESSION")


def outcome(case: ElementTree.Element) -> str:
    """ "passed", "failed" or "skipped" for one <testcase>."""
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    skipped = case.find("skipped")
    if skipped is None and case.get("status") != "disabled":
        return "passed"
    by_ctest = case.get("status") == "notrun"
    message = skipped.get("message", "") if skipped is not None else ""
    if by_ctest and not message.startswith(ASKED_TO_SKIP):
        return "failed"
    return "skipped"


def outcomes(path: Path) -> list[tuple[str, str]]:
    """(name, outcome) of each test in a result file; a file that cannot be read is one failure."""
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError):
        return [(f"{path.name} (no readable results)", "failed")]
    return [
        (f"{case.get('classname', '')}.{case.get('name', '')}".lstrip("."), outcome(case))
        for case in root.iter("testcase")
    ]


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] == "--help":
        print((__doc__ or "").strip())
        return 0 if arguments else 2
    show_failures = arguments[0] == "--failures"
    results = [one for name in arguments[show_failures:] for one in outcomes(Path(name))]
    if show_failures:
        print("\n".join(name for name, result in results if result == "failed"))
        return 0
    tally = [result for _, result in results]
    print(*(tally.count(kind) for kind in ("passed", "failed", "skipped")))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
