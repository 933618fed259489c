# SPDX-License-Identifier: MIT
"""Servers under load: started, found, and ended."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from pathlib import Path
from typing import Sequence

from contest import CORE, pinned

PATIENCE = 10.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class Server:
    """A running server on a core of its own; `port` is given, or the last number of its first line."""

    def __init__(self, command: Sequence[object], port: int = 0) -> None:
        self.process = subprocess.Popen(
            pinned(command, CORE), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
        )
        self.port = port or self.told_port()
        self.await_ready()

    def told_port(self) -> int:
        assert self.process.stdout
        line = self.process.stdout.readline()
        found = re.search(r"(?:127\.0\.0\.1:)?(\d+)", line)
        if not found:
            raise SystemExit(f"{self.process.args!r} has not told its port but {line!r}")
        return int(found[1])

    def await_ready(self) -> None:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), PATIENCE).close()
                return
            except ConnectionRefusedError:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise SystemExit(f"{self.process.args!r} does not listen") from None
                time.sleep(0.01)

    def cpu_ns(self) -> int:
        """CPU time of its main thread."""
        return int(Path(f"/proc/{self.process.pid}/schedstat").read_text("ascii").split()[0])

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()
