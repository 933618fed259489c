# SPDX-License-Identifier: MIT
"""The engine as a child process: start it, ask it, hand it memory. Needs no gdb.

A frame is   u32 size of payload (little endian) | u8 type | payload   (analyzer/target/pipe.h is the manual).
One request is under way at a time; between the request and its answer the engine may ask for memory.
A failure in the middle leaves nobody knowing where the conversation stands, so the child is ended then,
and whoever asks next starts a new one.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from typing import Any, Callable, IO, Optional

from .text import printable

PROTOCOL = 1
HEADER = struct.Struct("<IB")
RANGE = struct.Struct("<QI")
COUNT = struct.Struct("<I")
READ_CHUNK = 1 << 20
MEMORY_LIMIT = 1 << 30
PATIENCE = 120.0  # seconds of silence in the middle of a request
SLICE_MS = 200  # how often a wait looks up, so that Ctrl-C is heard

# Reads up to `size` bytes at an address; what is not readable ends the result early.
MemoryReader = Callable[[int, int], bytes]


class EngineError(Exception):
    """One line for the user. `status` is the engine's own (2 usage, 4 unusable, ...); 0: not from the engine."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class EngineGone(EngineError):
    """The child is no more; the next request needs a new one."""


def find_engine(chosen: Optional[str], beside: str) -> str:
    """The engine to run: `chosen`, $ASYNCDUMP, the build or installation around folder `beside`, or PATH."""
    for source, path in (
        ("set asyncdump engine", chosen),
        ("$ASYNCDUMP", os.environ.get("ASYNCDUMP")),
    ):
        if path:
            found = shutil.which(os.path.expanduser(path))
            if not found:
                raise EngineError(f"No engine to run at {printable(path)}, which `{source}` names.")
            return found
    for near in ("../build/analyzer/asyncdump", "../../../bin/asyncdump"):
        found = shutil.which(os.path.normpath(os.path.join(beside, near)))
        if found:
            return found
    found = shutil.which("asyncdump")
    if not found:
        raise EngineError(
            "The asyncdump engine was not found: use `set asyncdump engine PATH` or put it in PATH."
        )
    return found


def answer_ranges(payload: bytes, read: MemoryReader) -> bytes:
    """The 'D' payload for the 'R' payload given."""
    body = payload[COUNT.size :]
    if len(payload) < COUNT.size or len(body) != COUNT.unpack_from(payload)[0] * RANGE.size:
        raise EngineError("The engine asked for memory in a way that is not understood.")
    parts = []
    total = 0
    for address, size in RANGE.iter_unpack(body):
        total += size
        if total > MEMORY_LIMIT:
            raise EngineError(f"The engine asked for more than {MEMORY_LIMIT} bytes at once.")
        data = read(address, size)[:size]
        parts += [COUNT.pack(len(data)), data]
    return b"".join(parts)


class Engine:
    """One running engine. Every method may raise EngineError."""

    def __init__(self, path: str, read: MemoryReader, patience: float = PATIENCE) -> None:
        self.path = path
        self.version = ""
        self._read_memory = read
        self._patience = patience
        self._complaints: IO[bytes] = tempfile.TemporaryFile()
        # A socket, not a pipe: a write to a dead engine must not raise SIGPIPE, which GDB may not ignore.
        ours, theirs = socket.socketpair()
        try:
            # Its own session: Ctrl-C at GDB's prompt is for GDB, which ends the engine if need be.
            self._child = subprocess.Popen(
                [path, "--serve"],
                stdin=theirs.fileno(),
                stdout=subprocess.PIPE,
                stderr=self._complaints,
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            ours.close()
            self._complaints.close()
            raise EngineError(
                f"The engine {printable(path)} does not start: {error.strerror}."
            ) from error
        finally:
            theirs.close()
        self._to = ours
        assert self._child.stdout is not None
        self._from = self._child.stdout
        self._greet()

    def _greet(self) -> None:
        path = printable(self.path)
        try:
            hello = self.request({"request": "hello", "protocol": PROTOCOL})
        except EngineGone as error:
            raise EngineGone(f"{path} does not serve as an asyncdump engine. {error}") from error
        except EngineError:
            self.stop()
            raise
        if hello.get("protocol") != PROTOCOL:
            self.stop()
            raise EngineError(
                f"{path} is version {printable(hello.get('engine', '?'))} and speaks protocol "
                f"{printable(hello.get('protocol', '?'))}; this extension needs protocol {PROTOCOL}: "
                "use the engine that came with it."
            )
        self.version = str(hello.get("engine", "?"))

    @property
    def alive(self) -> bool:
        return not self._from.closed and self._child.poll() is None

    def request(self, message: dict[str, Any]) -> dict[str, Any]:
        """Sends a request and returns its answer; an answer that is an error is raised."""
        try:
            answer = self._converse(json.dumps(message).encode())
        except BaseException:  # also Ctrl-C
            self.stop()
            raise
        if "error" in answer:
            raise EngineError(printable(answer["error"]), int(answer.get("status", 0)))
        return answer

    def _converse(self, request: bytes) -> dict[str, Any]:
        self._send(b"Q", request)
        while True:
            kind, payload = self._receive()
            if kind == b"A":
                break
            if kind != b"R":
                raise EngineGone(
                    f"The engine said something that is not understood ({kind!r}); it was ended."
                )
            self._send(b"D", answer_ranges(payload, self._read_memory))
        try:
            answer = json.loads(payload.decode("utf-8", "replace"))
        except ValueError as error:
            raise EngineGone("The engine's answer is not understood; it was ended.") from error
        if not isinstance(answer, dict):
            raise EngineGone("The engine's answer is not understood; it was ended.")
        return answer

    def _send(self, kind: bytes, payload: bytes) -> None:
        data = memoryview(HEADER.pack(len(payload), kind[0]) + payload)
        while data:
            self._wait(self._to, select.POLLOUT)
            try:
                sent = self._to.send(data, socket.MSG_NOSIGNAL | socket.MSG_DONTWAIT)
            except BlockingIOError:
                continue
            except OSError as error:
                raise EngineGone(self._obituary()) from error
            data = data[sent:]

    def _receive(self) -> tuple[bytes, bytes]:
        size, kind = HEADER.unpack(self._receive_exactly(HEADER.size))
        return bytes([kind]), self._receive_exactly(size)

    def _receive_exactly(self, size: int) -> bytes:
        parts = []
        while size > 0:
            self._wait(self._from, select.POLLIN)
            part = os.read(self._from.fileno(), min(size, READ_CHUNK))
            if not part:
                raise EngineGone(self._obituary())
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _wait(self, stream: Any, events: int) -> None:
        """Until `stream` is ready or broken, in slices."""
        poll = select.poll()
        poll.register(stream, events)
        deadline = time.monotonic() + self._patience
        while not poll.poll(SLICE_MS):
            if time.monotonic() > deadline:
                raise EngineGone(f"The engine was silent for {self._patience:.0f} s; it was ended.")

    def _obituary(self) -> str:
        """How the child ended, with the last line of its complaints."""
        try:
            status = self._child.wait(1.0)
        except subprocess.TimeoutExpired:
            status = 0
        # GDB reaps children too and then the status is lost: 0 tells nothing.
        how = (
            f", killed by signal {-status}"
            if status < 0
            else f" with status {status}"
            if status
            else ""
        )
        size = self._complaints.seek(0, os.SEEK_END)
        self._complaints.seek(max(0, size - 4096))
        lines = self._complaints.read().decode("utf-8", "replace").split("\n")
        last = next((": " + printable(line) for line in reversed(lines) if line.strip()), "")
        return f"The engine ended unexpectedly{how}{last}. The next command starts it again."

    def stop(self) -> None:
        """Ends the child; may be called again."""
        if self._from.closed:
            return
        self._to.close()
        self._from.close()
        try:
            self._child.wait(0.2)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._complaints.close()
