#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The real engine (PROXY_ENGINE) behind something that spoils it in one way (PROXY_MODE):

no bridge     answers as of a runtime that has none
die SECOND    is killed at the request of that kind, once: the file PROXY_ONCE remembers
"""

import json
import os
import signal
import struct
import subprocess
import sys
from typing import IO

HEADER = struct.Struct("<IB")


def receive(stream: IO[bytes]) -> tuple[str, bytes]:
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        sys.exit(0)
    size, kind = HEADER.unpack(header)
    return chr(kind), stream.read(size)


def send(stream: IO[bytes], kind: str, payload: bytes) -> None:
    stream.write(HEADER.pack(len(payload), ord(kind)) + payload)
    stream.flush()


def main() -> None:
    mode = os.environ["PROXY_MODE"]
    once = os.environ.get("PROXY_ONCE", "")
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [os.environ["PROXY_ENGINE"], "--serve"], stdin=pipe, stdout=pipe
    ) as engine:
        assert engine.stdin and engine.stdout
        while True:
            kind, payload = receive(sys.stdin.buffer)
            if (
                kind == "Q"
                and mode == "die " + json.loads(payload)["request"]
                and not os.path.exists(once)
            ):
                with open(once, "w", encoding="utf-8"):
                    os.kill(os.getpid(), signal.SIGKILL)
            send(engine.stdin, kind, payload)
            kind, payload = receive(engine.stdout)
            if kind == "A" and mode == "no bridge":
                answer = json.loads(payload)
                if "bridge" in answer:
                    answer["bridge"] = 0
                payload = json.dumps(answer).encode()
            send(sys.stdout.buffer, kind, payload)


if __name__ == "__main__":
    main()
