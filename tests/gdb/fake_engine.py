#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Stands for the engine: the same pipe, answers from a script.

FAKE_ENGINE is a JSON object: for each request its answer, or a word for what goes wrong instead:
"die", "kill", "silent", "garbage", "unknown frame", "not an object". "read": ranges to ask for before
each answer; the memory received is told in the answer, in hex.
"""

import json
import os
import signal
import struct
import sys
import time
from typing import Any

HEADER = struct.Struct("<IB")


def receive() -> tuple[str, bytes]:
    header = sys.stdin.buffer.read(HEADER.size)
    if len(header) < HEADER.size:
        sys.exit(0)
    size, kind = HEADER.unpack(header)
    return chr(kind), sys.stdin.buffer.read(size)


def send(kind: str, payload: bytes) -> None:
    sys.stdout.buffer.write(HEADER.pack(len(payload), ord(kind)) + payload)
    sys.stdout.buffer.flush()


def read_memory(ranges: list[list[int]]) -> list[str]:
    payload = struct.pack("<I", len(ranges))
    send("R", payload + b"".join(struct.pack("<QI", *one) for one in ranges))
    kind, data = receive()
    assert kind == "D", kind
    pieces = []
    while data:
        (got,) = struct.unpack_from("<I", data)
        pieces.append(data[4 : 4 + got].hex())
        data = data[4 + got :]
    return pieces


def go_wrong(how: str) -> None:
    if how == "die":
        print("first line\nthe engine's last words: \x1b[31m", file=sys.stderr, flush=True)
        sys.exit(7)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "silent":
        time.sleep(3600)
    if how == "garbage":
        send("A", b"\xff{not json")
    if how == "unknown frame":
        send("Z", b"")
    if how == "not an object":
        send("A", b"[]")


def main() -> None:
    script = json.loads(os.environ.get("FAKE_ENGINE", "{}"))
    while True:
        kind, payload = receive()
        request = json.loads(payload)
        answer: Any = script.get(request["request"])
        if answer is None:
            answer = (
                {"engine": "0.1.0", "protocol": 1}
                if request["request"] == "hello"
                else {"ok": True}
            )
        if isinstance(answer, str):
            go_wrong(answer)
            continue
        if request["request"] != "hello":
            answer = {**answer, "heard": request}
            if "read" in script:
                answer["memory"] = read_memory(script["read"])
        send("A", json.dumps(answer).encode())


if __name__ == "__main__":
    main()
