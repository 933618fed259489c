# SPDX-License-Identifier: MIT
"""Debug files and programs from debuginfod: a real server, and others that hang, lie or are not there.

A stripped copy of the program, or none, is named beside the core; the judge is what is said with the whole program.
"""

from __future__ import annotations

import os
import pty
import select
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from command import NOBODY, Asyncdump, Said
from harness import PATIENCE, eventually
from making import LINE, Whole, losses, split


def environment(port: int, folder: Path, **more: str) -> dict[str, str]:
    """What asks a server on this port, and keeps what it gives in the folder."""
    settings = {
        "DEBUGINFOD_URLS": f"http://127.0.0.1:{port}/",
        "TMPDIR": str(folder),
        "DEBUGINFOD_CACHE_PATH": str(folder / "cache"),
    }
    return {**os.environ, **settings, **more}


@pytest.fixture
def room(open_folder: Path) -> Path:
    """A folder in which everybody may write."""
    open_folder.chmod(0o1777)
    return open_folder


@pytest.fixture
def bare(whole: Whole, tmp_path: Path) -> Path:
    program, debug = split(whole, tmp_path, link=False)
    debug.unlink()
    return program


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False


@pytest.fixture(scope="module")
def real_server(whole: Whole, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """elfutils' own server, with the whole program; its port."""
    if not shutil.which("debuginfod"):
        pytest.skip("no debuginfod here")
    port, folder = free_port(), tmp_path_factory.mktemp("server")
    shutil.copy(whole.program, folder)
    with open(folder / "log", "w", encoding="utf-8") as log:
        words = ["debuginfod", "-F", "-d", ":memory:", "-p", str(port), str(folder)]
        server = subprocess.Popen(
            words, stdout=log, stderr=log, env={**os.environ, "DEBUGINFOD_URLS": ""}
        )
    try:
        url = f"http://127.0.0.1:{port}/buildid/{whole.build_id}"
        eventually("the server's index", lambda: answers(f"{url}/debuginfo"))
        yield port
    finally:
        server.kill()
        server.wait()


Answer = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture
def false_server() -> Iterator[Callable[[Answer], tuple[int, list[str]]]]:
    """false_server(answer) starts one; its port, and what it will have been asked for."""
    servers: list[ThreadingHTTPServer] = []

    def start(answer: Answer) -> tuple[int, list[str]]:
        asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return server.server_address[1], asked

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def giving(content: bytes, pieces: int = 1, pause: float = 0.0) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        step = len(content) // pieces + 1
        try:
            for start in range(0, len(content), step):
                handler.wfile.write(content[start : start + step])
                time.sleep(pause)
        except OSError:
            pass

    return answer


def refused(said: Said, *words: str) -> None:
    """All tasks are there, no line is, and it is said why."""
    assert (said.status, said.err) == (3, "") and len(said.json["tasks"]) == 6
    for word in words:
        assert word in losses(said), losses(said)


# ---- a real server ----------------------------------------------------------------------------------


def test_debug_information(
    asyncdump: Asyncdump, whole: Whole, bare: Path, real_server: int, room: Path
) -> None:
    said = asyncdump(whole.core, bare, env=environment(real_server, room))
    assert (said.status, said.err, said.out) == (0, "", whole.screen)
    if os.geteuid() == 0:
        assert not list(room.iterdir())


def test_a_program_that_is_gone(
    asyncdump: Asyncdump, whole: Whole, real_server: int, room: Path
) -> None:
    gone = room / "gone"
    assert asyncdump(whole.core, gone).status == 3
    said = asyncdump(whole.core, gone, env=environment(real_server, room))
    assert (said.status, said.err, said.out) == (0, "", whole.screen)


def test_without_any_right(
    asyncdump: Asyncdump, whole: Whole, bare: Path, real_server: int, room: Path
) -> None:
    """A user's own cache, from which it is read when the server is gone."""
    core, program = shutil.copy(whole.core, room), shutil.copy(bare, room)
    os.chmod(core, 0o644)
    nobody = asyncdump.as_nobody(room)
    said = nobody(core, program, env=environment(real_server, room))
    assert (said.status, said.err) == (0, "") and LINE in said.out
    assert (room / "cache" / whole.build_id / "debuginfo").is_file()
    again = nobody(core, program, env=environment(free_port(), room))
    assert again.out == said.out


# ---- servers that are none --------------------------------------------------------------------------


def test_it_is_not_linked(asyncdump: Asyncdump) -> None:
    """A web client in every start would cost more than reading most cores."""
    linked = subprocess.run(["ldd", asyncdump.program], capture_output=True, text=True, check=True)
    assert "debuginfod" not in linked.stdout and "curl" not in linked.stdout


def test_nobody_is_asked_without_a_word(asyncdump: Asyncdump, whole: Whole, bare: Path) -> None:
    env = {**os.environ, "DEBUGINFOD_URLS": "", "LD_DEBUG": "files"}
    said = asyncdump(whole.core, bare, env=env)
    assert "libc.so.6" in said.err and "libdebuginfod" not in said.err


def test_a_server_that_does_not_have_it(
    asyncdump: Asyncdump, whole: Whole, bare: Path, room: Path, false_server: Callable[..., Any]
) -> None:
    port, asked = false_server(lambda handler: handler.send_error(404))
    said = asyncdump(whole.core, bare, "--json", env=environment(port, room))
    refused(said, "debuginfod does not have it", "of build-id", "--debug-dir")
    assert f"/buildid/{whole.build_id}/debuginfo" in asked


def test_a_server_that_is_not_there(
    asyncdump: Asyncdump, whole: Whole, bare: Path, room: Path
) -> None:
    said = asyncdump(whole.core, bare, "--json", env=environment(free_port(), room))
    refused(said, "debuginfod: ")


def test_a_server_that_hangs(
    asyncdump: Asyncdump, whole: Whole, bare: Path, room: Path, false_server: Callable[..., Any]
) -> None:
    """It is given up at once, and not asked for anything else."""
    end = threading.Event()
    port, asked = false_server(lambda handler: end.wait(PATIENCE) and None)
    env = environment(port, room, DEBUGINFOD_TIMEOUT="1")
    said = asyncdump(whole.core, bare, "--json", env=env)
    end.set()
    refused(said, "debuginfod took too long for program")
    assert asked == [f"/buildid/{whole.build_id}/debuginfo"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "debuginfod does not have it"),
        (b"<html>sign in first</html>", "is not an ELF file"),
        (b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 100, "headers of an unknown size"),
        (Path("/bin/true"), "what debuginfod gave for program has another build-id"),
    ],
    ids=["empty", "html", "garbage", "another"],
)
def test_a_server_that_gives_something_else(
    asyncdump: Asyncdump,
    whole: Whole,
    bare: Path,
    room: Path,
    false_server: Callable[..., Any],
    content: Any,
    words: str,
) -> None:
    data = content.read_bytes() if isinstance(content, Path) else content
    port, _ = false_server(giving(data))
    refused(asyncdump(whole.core, bare, "--json", env=environment(port, room)), words)


def test_the_file_without_its_debug_information(
    asyncdump: Asyncdump, whole: Whole, bare: Path, room: Path, false_server: Callable[..., Any]
) -> None:
    port, _ = false_server(giving(bare.read_bytes()))
    said = asyncdump(whole.core, bare, "--json", env=environment(port, room))
    refused(said, "what debuginfod gave for program has no debug information")


def user_of(handler: BaseHTTPRequestHandler) -> int:
    """Whose the other end of the connection is, by the kernel's table."""
    port = f":{handler.client_address[1]:04X}"
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").split("\n")[1:]:
        words = line.split()
        if words and words[1].endswith(port):
            return int(words[7])
    return -1


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone has rights to give up")
def test_root_asks_as_nobody(
    asyncdump: Asyncdump, whole: Whole, bare: Path, room: Path, false_server: Callable[..., Any]
) -> None:
    users: list[int] = []
    give = giving(whole.program.read_bytes())

    def answer(handler: BaseHTTPRequestHandler) -> None:
        users.append(user_of(handler))
        give(handler)

    port, _ = false_server(answer)
    asyncdump(whole.core, bare, env=environment(port, room))
    assert users and set(users) == {NOBODY}
    assert not list(room.iterdir())


def test_progress_on_a_terminal(
    asyncdump: Asyncdump, whole: Whole, bare: Path, room: Path, false_server: Callable[..., Any]
) -> None:
    """One line, which goes again; nothing elsewhere."""
    give = giving(whole.program.read_bytes(), 5, 0.4)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if whole.build_id in handler.path:
            give(handler)
        else:
            handler.send_error(404)

    port, _ = false_server(answer)
    master, slave = pty.openpty()
    env = environment(port, room)
    words = asyncdump.argv(whole.core, bare)
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=slave, env=env) as process:
        os.close(slave)
        said, shown = process.communicate(timeout=PATIENCE)[0].decode(), b""
    while select.select([master], [], [], 0)[0]:
        try:
            shown += os.read(master, 65536)
        except OSError:
            break
    os.close(master)
    assert said == whole.screen
    assert b"asyncdump: debuginfod, program: 0 MiB" in shown
    assert shown.endswith(b"\r\x1b[K") and b"\n" not in shown
