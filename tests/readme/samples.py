# SPDX-License-Identifier: MIT
"""README's samples: real output of a real hang, made anew and compared.

A sample is a fenced block after a line `<!-- sample: NAME -->`. Numbers that differ from run to run
(process ids, ports, durations, dates, addresses) are compared by shape only.

    python3 tests/readme/samples.py            print what differs; status 1 when something does
    python3 tests/readme/samples.py --update   write the new output into README.md
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable

REPOSITORY = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(REPOSITORY / "tests"))

from harness import Hung, Kvd, hang, kernel_core  # noqa: E402

README = REPOSITORY / "README.md"
SAMPLE = re.compile(r"<!-- sample: (\S+) -->\n```\w*\n(.*?)```\n", re.DOTALL)
PROGRAM = re.compile(r"<!-- program: (\S+) -->\n```c\n(.*?)```\n", re.DOTALL)
WAITERS = 12

SHAPES = [
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "<date>"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:<port>"),
    (re.compile(r"\b(\d+(\.\d+)? ?(ms|us|s|m|h|d))+\b"), "<time>"),
    (re.compile(r"0x[0-9a-f]+"), "<address>"),
    (re.compile(r"(pid|core\.|-p) ?\d+"), r"\1 <pid>"),
    (re.compile(r"(runtime/src/\w+\.[cS]):\d+"), r"\1:<line>"),
    (re.compile(r" +"), " "),
]


def shape(text: str) -> str:
    """The text without what differs between two runs."""
    for pattern, word in SHAPES:
        text = pattern.sub(word, text)
    return text


def run(argv: list[str], cwd: Path) -> str:
    """What a command prints, both streams; a command that cannot start is an error."""
    environment = dict(os.environ, LC_ALL="C.UTF-8", TERM="dumb", HOME="/nonexistent")
    result = subprocess.run(
        argv,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        env=environment,
        check=False,
    )
    return result.stdout


def gdb_session(build: Path, core: Path, task: int) -> str:
    """The commands of the README in one gdb, with their prompts."""
    commands = [f"async-task {task}", "bt", "frame function lock_pair", "info locals"]
    commands += ["print transfer->from->bytes"]
    argv = ["gdb", "-nx", "-q", "-batch", "-iex", "set debuginfod enabled off"]
    argv += ["-ex", "set width 0", "-ex", "set style enabled off"]
    argv += ["-ex", f"source {REPOSITORY}/gdb/asyncdump-gdb.py", "-ex", "echo ---start---\\n"]
    for command in commands:
        argv += ["-ex", f"echo (gdb) {command}\\n", "-ex", command]
    argv += [str(build / "fixtures" / "kvd"), str(core)]
    # Where the sources are found by the names that the debug information has.
    return run(argv, REPOSITORY).partition("---start---\n")[2]


def program_output(build: Path, folder: Path, name: str) -> str:
    """Builds a program that README shows, against the library, and runs it in debug mode."""
    programs = {match[1]: match[2] for match in PROGRAM.finditer(README.read_text("utf-8"))}
    (folder / f"{name}.c").write_text(programs[name], encoding="utf-8")
    library, headers = build / "runtime" / "libasyncrt.a", REPOSITORY / "runtime" / "include"
    line = ["cc", "-g", "-O2", "-Wall", "-Wextra", "-Werror", f"-I{headers}", f"{name}.c"]
    line += ["-o", name, str(library), "-luv", "-lpthread", "-ldl"]
    subprocess.run(line, cwd=folder, check=True, timeout=60)
    output = run(["env", "ASYNCRT_DEBUG=1", f"./{name}"], folder)
    return f"$ ASYNCRT_DEBUG=1 ./{name}\n" + output.replace(f"{folder.resolve()}/", "./")


def make_samples(build: Path, folder: Path) -> dict[str, str]:
    """Hangs a server and runs every command that README shows."""
    asyncdump = str(build / "analyzer" / "asyncdump")
    server = Kvd(build / "fixtures" / "kvd", folder / "kvd", ("--transfer-delay", "300"))
    try:
        hung: Hung = hang(server, WAITERS)
        time.sleep(2)  # so that ages are told in seconds, as of a real hang
        live = run([asyncdump, "-p", str(server.pid)], folder)
        member = min(task["id"] for task in hung.cycle())
        core = kernel_core(server)
        tasks = run([asyncdump, "--tasks", core.name], core.parent)
        return {
            "live": f"$ asyncdump -p {server.pid}\n{live}",
            "core": f"$ asyncdump {core.name}\n{run([asyncdump, core.name], core.parent)}",
            "task": f"$ asyncdump --tasks {core.name}\n...\n{task_paragraph(tasks, member)}...\n",
            "gdb": gdb_session(build, core, member),
            "guide": program_output(build, folder, "guide"),
        }
    finally:
        server.kill()


def task_paragraph(tasks: str, number: int) -> str:
    """One task's part of --tasks."""
    match = re.search(rf"^#{number} .*?(?=^#\d|\Z)", tasks, re.DOTALL | re.MULTILINE)
    assert match, f"no task #{number} in:\n{tasks}"
    return match[0].rstrip("\n") + "\n"


def differences(readme: str, samples: dict[str, str]) -> list[str]:
    """Names of the samples that README has otherwise, or lacks."""
    shown = {match[1]: match[2] for match in SAMPLE.finditer(readme)}
    unknown = [
        f"{name}: README shows it, but nothing makes it" for name in shown if name not in samples
    ]
    return unknown + [
        f"{name}: README has\n{shown[name]}\nnow it is\n{text}"
        for name, text in samples.items()
        if name in shown and shape(shown[name]) != shape(text)
    ]


def updated(readme: str, samples: dict[str, str]) -> str:
    """README with every sample's block replaced."""
    replace: Callable[[re.Match[str]], str] = (
        lambda match: match[0].replace(match[2], samples[match[1]], 1)
        if match[2]
        else match[0].replace("```text\n", "```text\n" + samples[match[1]], 1)
    )
    return SAMPLE.sub(replace, readme)


def main() -> int:
    build = Path(os.environ.get("ASYNCDUMP_BUILD", REPOSITORY / "build")).resolve()
    with tempfile.TemporaryDirectory() as folder:
        samples = make_samples(build, Path(folder))
    readme = README.read_text(encoding="utf-8")
    if "--update" in sys.argv[1:]:
        README.write_text(updated(readme, samples), encoding="utf-8")
        return 0
    found = differences(readme, samples)
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
