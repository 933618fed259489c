# SPDX-License-Identifier: MIT
"""tests/run.sh counts rightly, fails when it must, and leaves no process behind; on a tiny project."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tree import REPOSITORY

PRESETS = ("gcc", "gcc-O0", "clang", "clang-O0", "sanitize", "thread")
CMAKE = """cmake_minimum_required(VERSION 3.20)
project(tiny NONE)
enable_testing()
add_test(NAME unit.true COMMAND true)
add_test(NAME runtime.true COMMAND true)
add_test(NAME valgrind.true COMMAND true)
set_tests_properties(valgrind.true PROPERTIES LABELS valgrind)
add_custom_target(asyncdump)
add_custom_target(kvd)
add_custom_target(waits)
"""
PASSES = "def test_passes():\n    pass\n"
FOLDERS = ("lint", "cli", "contract")
# lint, cli and contract 1 each, ctest, sanitize and thread 2, valgrind 1.
ALL_PASS = "10 passed, 0 failed"


class Project:
    """A copy of the scripts around tests that do nothing."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("tests/run.sh", "tests/count.py", "tests/pytest.ini", ".ci/install"):
            (root / name).parent.mkdir(exist_ok=True)
            shutil.copy(REPOSITORY / name, root / name)
        self.write(".ci/packages", "# nothing\nbash\n")
        self.write("CMakeLists.txt", CMAKE)
        self.write("CMakePresets.json", json.dumps(self.presets()))
        for folder in FOLDERS:
            self.write(f"tests/{folder}/test_{folder}.py", PASSES)

    @staticmethod
    def presets() -> dict[str, object]:
        folders = {name: "build" if name == "gcc" else f"build-{name}" for name in PRESETS}
        configure = [
            {"name": name, "generator": "Ninja", "binaryDir": "${sourceDir}/" + folders[name]}
            for name in PRESETS
        ]
        build = [{"name": name, "configurePreset": name} for name in PRESETS]
        return {"version": 3, "configurePresets": configure, "buildPresets": build}

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def test(self, body: str, folder: str = "cli") -> None:
        """Adds a test with this body."""
        text = "import os, signal, subprocess, time, pytest\n\n\ndef test_added():\n"
        self.write(f"tests/{folder}/test_added.py", text + f"    {body}\n")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["tests/run.sh", *arguments],
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        """The exit status and what was printed."""
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=200)
        return process.returncode, output


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def last_line(output: str) -> str:
    return output.splitlines()[-1]


def alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_all_pass(project: Project) -> None:
    status, output = project.run()
    assert (status, last_line(output)) == (0, ALL_PASS), output


def test_a_step_alone(project: Project) -> None:
    assert project.run("cli")[1].splitlines()[-1] == "1 passed, 0 failed"
    assert project.run("ctest")[1].splitlines()[-1] == "2 passed, 0 failed"


def test_a_part_of_test_names(project: Project) -> None:
    project.test("pass")
    status, output = project.run("added")
    assert (status, last_line(output)) == (0, "1 passed, 0 failed"), output
    status, output = project.run("unit.true")
    assert (status, last_line(output)) == (0, "3 passed, 0 failed"), output


def test_a_name_that_nothing_has(project: Project) -> None:
    status, output = project.run("nonsense")
    assert (status, last_line(output)) == (1, "0 passed, 1 failed"), output
    assert 'none is called "nonsense"' in output


def test_a_failure_stops_the_run(project: Project) -> None:
    project.test("assert 6 * 7 == 54", "lint")
    status, output = project.run()
    assert (status, last_line(output)) == (1, "1 passed, 1 failed"), output
    assert "assert (6 * 7) == 54" in output and "\nctest" not in output


def test_keep_going_runs_the_rest(project: Project) -> None:
    project.test("assert 6 * 7 == 54", "lint")
    status, output = project.run("--keep-going")
    assert (status, last_line(output)) == (1, "10 passed, 1 failed"), output


def test_a_skipped_test_is_told(project: Project) -> None:
    project.test("pytest.skip('no such machine')")
    status, output = project.run()
    assert (status, last_line(output)) == (0, f"{ALL_PASS}, 1 skipped"), output


def test_a_broken_build_fails_the_steps_that_need_it(project: Project) -> None:
    project.write("CMakeLists.txt", CMAKE + "add_custom_target(broken ALL COMMAND false)\n")
    status, output = project.run("--keep-going")
    # build, ctest, valgrind, cli, contract; build-sanitize, sanitize; build-thread, thread.
    assert (status, last_line(output)) == (1, "1 passed, 9 failed"), output


def test_a_program_that_is_not_there_is_a_failure(project: Project) -> None:
    project.write("CMakeLists.txt", CMAKE + "add_test(NAME runtime.gone COMMAND ./gone)\n")
    status, output = project.run("ctest")
    assert (status, last_line(output)) == (1, "2 passed, 1 failed"), output


@pytest.mark.parametrize("text", ["", "import absent\n", "raise SystemExit(0)\n"])
def test_a_runner_that_runs_nothing_is_a_failure(project: Project, text: str) -> None:
    project.write("tests/cli/test_cli.py", text)
    status, output = project.run("cli")
    assert (status, last_line(output)) == (1, "0 passed, 1 failed"), output


def test_a_runner_that_crashes_is_a_failure(project: Project) -> None:
    project.test("os.kill(os.getpid(), signal.SIGKILL)")
    status, output = project.run("cli")
    assert (status, last_line(output)) == (1, "0 passed, 1 failed"), output


def test_a_process_left_behind_is_a_failure_and_ended(project: Project) -> None:
    project.test(
        "child = subprocess.Popen(['sleep', '1234'], start_new_session=True);"
        " open('child', 'w').write(str(child.pid))"
    )
    status, output = project.run("cli")
    assert (status, last_line(output)) == (1, "2 passed, 1 failed"), output
    assert "sleep 1234" in output
    assert not alive(int((project.root / "child").read_text(encoding="utf-8")))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all(project: Project, number: signal.Signals) -> None:
    project.test(
        "child = subprocess.Popen(['sleep', '1234'], start_new_session=True);"
        " open('child', 'w').write(str(child.pid)); os.rename('child', 'started'); time.sleep(600)"
    )
    process = project.start("cli")
    started = project.root / "started"
    while not started.exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert not alive(int(started.read_text(encoding="utf-8")))


def test_signals_reach_what_the_tests_start(project: Project) -> None:
    project.test("assert signal.getsignal(signal.SIGINT) is signal.default_int_handler")
    status, output = project.run("cli")
    assert status == 0, output


def test_usage(project: Project) -> None:
    assert project.run("--bogus")[0] == 2
    assert project.run("one", "two")[0] == 2
    status, output = project.run("--help")
    assert status == 0 and "Examples:" in output
    steps = ["lint", "ctest", "sanitize", "thread", "valgrind", "cli", "contract"]
    assert project.run("--list")[1].split() == steps
    # What is shown in --help exists.
    shown = re.findall(r"tests/run\.sh ((?:--)?[a-z-]+)", output)
    assert shown and os.access(REPOSITORY / "tests/run.sh", os.X_OK)


def test_packages_that_are_missing_are_named(project: Project) -> None:
    project.write(".ci/packages", "bash # there\nno-such-package-here\n")
    result = subprocess.run(
        [".ci/install", "--dry-run"], cwd=project.root, capture_output=True, text=True, check=True
    )
    assert result.stdout == "no-such-package-here\n"
