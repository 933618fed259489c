# SPDX-License-Identifier: MIT
"""Programs under test: start them, talk to them, hang them, take their cores.

The pytest fixtures in conftest.py hand these out and clean up after each test; tests import this
module only for its types:

    from harness import Hung, Kvd, Program
"""

from __future__ import annotations

import json
import os
import re
import resource
import select
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Optional, Sequence, Union

PATIENCE = 60.0
"""Seconds to wait for something that must happen; only a broken program makes a test wait so long."""

Truth = dict[str, Any]
TruthTask = dict[str, Any]


def eventually(what: str, probe: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """Calls `probe` until its result is true, and returns that."""
    end = time.monotonic() + patience
    while True:
        result = probe()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {patience:.0f} s")
        time.sleep(0.01)


def _prepare_child() -> None:
    """Cores as large as they come, and no signal ignored that was ignored here."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


@dataclass
class Program:
    """A started program. Its working directory is its own, so that a kernel core lands there."""

    argv: list[str]
    cwd: Path
    process: subprocess.Popen[bytes] = field(init=False)
    unread: bytes = field(default=b"", init=False)

    def __post_init__(self) -> None:
        self.cwd.mkdir(parents=True, exist_ok=True)
        with open(self.cwd / "stderr", "w", encoding="utf-8") as stderr:
            self.process = subprocess.Popen(
                self.argv,
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                preexec_fn=_prepare_child,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def executable(self) -> Path:
        return Path(self.argv[0])

    def stderr(self) -> str:
        return (self.cwd / "stderr").read_text(encoding="utf-8", errors="replace")

    def state(self) -> str:
        """The kernel's word for it: "S" sleeping, "R" running, "T" stopped, "t" traced, "Z" ended."""
        stat = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8", errors="replace")
        return stat.rpartition(")")[2].split()[0]

    def read_line(self) -> str:
        """The next line of its standard output. select() does not see what a reader of Python's buffers."""
        assert self.process.stdout
        stdout = self.process.stdout.fileno()
        while b"\n" not in self.unread:
            ready, _, _ = select.select([stdout], [], [], PATIENCE)
            more = os.read(stdout, 4096) if ready else b""
            if not more:
                raise AssertionError(f"{self.argv[0]} said nothing; stderr: {self.stderr()}")
            self.unread += more
        line, _, self.unread = self.unread.partition(b"\n")
        return line.decode()

    def kill(self) -> None:
        """Ends it, whatever state it is in, and reaps it."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()


class Client:
    """One raw connection: exact bytes out, exact bytes in."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def address(self) -> str:
        """As the server sees it: "127.0.0.1:4711"."""
        host, port = self.socket.getsockname()[:2]
        return f"{host}:{port}"

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def command(self, *words: Union[str, bytes]) -> None:
        """Sends one command as a RESP array and does not wait for the answer."""
        self.send(encode(*words))

    def receive(self, size: int) -> bytes:
        """Exactly `size` bytes; fewer only where the server closed."""
        data = b""
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            if not piece:
                break
            data += piece
        return data

    def receive_to_end(self) -> bytes:
        """Everything until the server closes."""
        data = b""
        while True:
            try:
                piece = self.socket.recv(1 << 16)
            except ConnectionResetError:
                return data
            if not piece:
                return data
            data += piece

    def reply(self) -> Any:
        """One decoded reply: str (simple), int, bytes or None (bulk), list (array), ReplyError."""
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            return ReplyError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            size = int(rest)
            return None if size < 0 else self.receive(size + 2)[:-2]
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        raise AssertionError(f"not a reply: {line!r}")

    def call(self, *words: Union[str, bytes]) -> Any:
        self.command(*words)
        return self.reply()

    def close(self) -> None:
        self.socket.close()

    def _line(self) -> bytes:
        line = b""
        while not line.endswith(b"\r\n"):
            byte = self.socket.recv(1)
            if not byte:
                raise AssertionError(f"the server closed after {line!r}")
            line += byte
        return line[:-2]


class ReplyError(str):
    """An error reply: its text without the leading "-"."""


def encode(*words: Union[str, bytes]) -> bytes:
    """A command as a RESP array of bulk strings."""
    raw = [word.encode() if isinstance(word, str) else word for word in words]
    return b"*%d\r\n" % len(raw) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in raw)


class Kvd(Program):
    """A kvd server, ready to serve."""

    def __init__(self, executable: Path, cwd: Path, arguments: Sequence[str] = ()) -> None:
        self.truth_file = cwd / "truth.json"
        super().__init__(
            [str(executable), "--port", "0", "--truth", str(self.truth_file), *arguments], cwd
        )
        self.clients: list[Client] = []
        try:
            self.port = self._read_port()
        except BaseException:
            self.kill()
            raise

    def _read_port(self) -> int:
        ready = self.read_line()
        match = re.fullmatch(r"kvd ready on 127\.0\.0\.1:(\d+) pid (\d+)", ready)
        assert match and int(match[2]) == self.pid, ready
        return int(match[1])

    def client(self) -> Client:
        """A new connection, closed when the server is."""
        client = Client(self.port)
        self.clients.append(client)
        return client

    def truth(self) -> Truth:
        """What the server says of its own tasks, told by SIGUSR1: no task runs to tell it."""
        self.truth_file.unlink(missing_ok=True)
        os.kill(self.pid, signal.SIGUSR1)
        eventually("the truth file", self.truth_file.exists)
        truth: Truth = json.loads(self.truth_file.read_text(encoding="utf-8"))
        return truth

    def truth_when(self, what: str, accept: Callable[[Truth], bool]) -> Truth:
        """The first truth that `accept` agrees to."""
        found: list[Truth] = []

        def probe() -> bool:
            truth = self.truth()
            found[:] = [truth]
            return accept(truth)

        eventually(what, probe)
        return found[0]

    def truth_at_rest(self) -> Truth:
        """The first truth in which every task waits."""
        return self.truth_when("rest", lambda truth: not not_waiting(truth))

    def kill(self) -> None:
        for client in self.clients:
            client.close()
        super().kill()


def waiting_for(truth: Truth, kind: str, name: Optional[str] = None) -> list[TruthTask]:
    """The tasks that wait for something of this kind (and name)."""
    return [
        task
        for task in truth["tasks"]
        if task["waits_for"]
        and task["waits_for"]["kind"] == kind
        and (name is None or task["waits_for"]["object"] == name)
    ]


def not_waiting(truth: Truth) -> list[TruthTask]:
    """The tasks that run or could."""
    return [task for task in truth["tasks"] if task["state"] != "waiting"]


@dataclass
class Hung:
    """A kvd in the deadlock. `truth` was taken when everybody was stuck and no task was running."""

    kvd: Kvd
    truth: Truth
    waiters: int

    @property
    def pid(self) -> int:
        return self.kvd.pid

    @property
    def port(self) -> int:
        return self.kvd.port

    def cycle(self) -> list[TruthTask]:
        """The tasks that wait for each other, by id."""
        return [task for task in self.truth["tasks"] if task["name"].startswith("transfer ")]


def _cross(kvd: Kvd, clients: list[Client], ring: list[tuple[str, str]]) -> bool:
    """Starts the transfers; False when they missed each other, as they may on a busy machine."""
    for client, (source, target) in zip(clients, ring):
        client.command("TRANSFER", source, target, "1")

    def decided() -> bool:
        return stuck() or len(answered()) == len(clients)

    def stuck() -> bool:
        return len(waiting_for(kvd.truth(), "mutex")) == len(ring)

    def answered() -> list[socket.socket]:
        return select.select([client.socket for client in clients], [], [], 0)[0]

    eventually("the transfers", decided)
    if not answered():
        return True
    for client in clients:
        client.reply()
    return False


def hang(kvd: Kvd, waiters: int, keys: Sequence[str] = ("alice", "bob")) -> Hung:
    """Transfers along the ring of `keys` until all wait for each other, then `waiters` GETs and INCRs.

    Two keys give the classic pair, one key a task that waits for itself.
    """
    setup = kvd.client()
    for key in keys:
        assert setup.call("SET", key, "100") == "OK"
    ring = [(key, keys[(i + 1) % len(keys)]) for i, key in enumerate(keys)]
    transfers = [kvd.client() for _ in ring]
    eventually("the deadlock", lambda: _cross(kvd, transfers, ring))
    for i in range(waiters):
        kvd.client().command("GET" if i % 2 else "INCR", keys[i % len(keys)])
    setup.close()
    kvd.clients.remove(setup)
    wanted = len(ring) + waiters

    def settled(truth: Truth) -> bool:
        clients = [task for task in truth["tasks"] if "serve_client" in task["functions"]]
        return len(waiting_for(truth, "mutex")) == wanted == len(clients) and not not_waiting(truth)

    return Hung(kvd, kvd.truth_when("the pile-up", settled), waiters)


def kernel_core(program: Program) -> Path:
    """Aborts the program and returns the core that the kernel wrote (see kernel_core_refusal)."""
    os.kill(program.pid, signal.SIGABRT)
    program.process.wait(PATIENCE)
    cores = sorted(program.cwd.glob("core*"))
    if not cores:
        raise AssertionError(f"no core in {program.cwd}; exit {program.process.returncode}")
    return cores[0]


def kernel_core_refusal() -> Optional[str]:
    """Why this machine writes no kernel core where a test can find it; None when it does."""
    pattern = Path("/proc/sys/kernel/core_pattern").read_text(encoding="utf-8").strip()
    if not pattern.startswith("core"):
        return f"kernel.core_pattern is {pattern!r}: cores go elsewhere"
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        return "the hard limit for cores is 0"
    return None


def gcore_core(program: Program) -> Path:
    """A core by gdb's gcore; the program lives on."""
    prefix = program.cwd / "gcore"
    result = subprocess.run(
        ["gcore", "-o", str(prefix), str(program.pid)], capture_output=True, text=True, check=False
    )
    path = Path(f"{prefix}.{program.pid}")
    if not path.exists():
        raise AssertionError(f"gcore wrote nothing: {result.stdout}{result.stderr}")
    return path
