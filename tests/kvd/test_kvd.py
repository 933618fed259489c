# SPDX-License-Identifier: MIT
"""kvd as its clients see it: exact bytes on the wire, the clients of Redis, its hangs and its end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any, Callable

import pytest

from harness import PATIENCE, Hung, Kvd, encode, eventually, waiting_for

StartKvd = Callable[..., Kvd]
StartHung = Callable[..., Hung]

LONGEST = b"9223372036854775807"
BIG = b"x" * 3_000_000

# What is sent, what comes back. One connection each; the server starts empty.
EXCHANGES: list[tuple[str, bytes, bytes]] = [
    ("ping", encode("PING"), b"+PONG\r\n"),
    ("ping with a message", encode("PING", "a b"), b"$3\r\na b\r\n"),
    ("ping takes one message", encode("PING", "a", "b"), b"-ERR wrong number of arguments for 'ping' command\r\n"),
    ("echo", encode("ECHO", b"\x00\r\n\xff"), b"$4\r\n\x00\r\n\xff\r\n"),
    ("any case", encode("eChO", "x"), b"$1\r\nx\r\n"),
    ("get nothing", encode("GET", "a"), b"$-1\r\n"),
    ("set, get", encode("SET", "a", "1") + encode("GET", "a"), b"+OK\r\n$1\r\n1\r\n"),
    ("set again", encode("SET", "a", "1") + encode("SET", "a", "22") + encode("GET", "a"), b"+OK\r\n+OK\r\n$2\r\n22\r\n"),
    ("set options", encode("SET", "a", "1", "EX", "5") + encode("GET", "a"), b"-ERR syntax error\r\n$-1\r\n"),
    ("empty key and value", encode("SET", "", "") + encode("GET", ""), b"+OK\r\n$0\r\n\r\n"),
    ("binary key", encode("SET", b"a\x00b", "1") + encode("MGET", b"a\x00b", b"a\x00c", "a"), b"+OK\r\n*3\r\n$1\r\n1\r\n$-1\r\n$-1\r\n"),
    ("mget", encode("SET", "a", "1") + encode("MGET", "a", "b", "a"), b"+OK\r\n*3\r\n$1\r\n1\r\n$-1\r\n$1\r\n1\r\n"),
    ("del counts", encode("SET", "a", "1") + encode("DEL", "a", "b", "a") + encode("DBSIZE"), b"+OK\r\n:1\r\n:0\r\n"),
    ("exists counts", encode("SET", "a", "1") + encode("EXISTS", "a", "b", "a"), b"+OK\r\n:2\r\n"),
    ("dbsize", encode("SET", "a", "1") + encode("SET", "b", "1") + encode("GET", "c") + encode("DBSIZE"), b"+OK\r\n+OK\r\n$-1\r\n:2\r\n"),
    ("flushall", encode("SET", "a", "1") + encode("FLUSHALL") + encode("DBSIZE"), b"+OK\r\n+OK\r\n:0\r\n"),
    ("incr", encode("INCR", "n") + encode("INCR", "n") + encode("GET", "n"), b":1\r\n:2\r\n$1\r\n2\r\n"),
    ("incr below zero", encode("SET", "n", "-1") + encode("INCR", "n"), b"+OK\r\n:0\r\n"),
    ("incr to the end", encode("SET", "n", "9223372036854775806") + encode("INCR", "n"), b"+OK\r\n:" + LONGEST + b"\r\n"),
    ("incr overflow", encode("SET", "n", LONGEST) + encode("INCR", "n") + encode("GET", "n"), b"+OK\r\n-ERR increment or decrement would overflow\r\n$19\r\n" + LONGEST + b"\r\n"),
    ("arity", encode("GET"), b"-ERR wrong number of arguments for 'get' command\r\n"),
    ("arity, any case", encode("SET", "a"), b"-ERR wrong number of arguments for 'set' command\r\n"),
    ("arity of subcommands", encode("CONFIG", "GET"), b"-ERR wrong number of arguments for 'config|get' command\r\n"),
    ("container alone", encode("CLIENT"), b"-ERR wrong number of arguments for 'client' command\r\n"),
    ("unknown", encode("foo"), b"-ERR unknown command 'foo', with args beginning with: \r\n"),
    ("unknown with arguments", encode("foo", "bar", "b z"), b"-ERR unknown command 'foo', with args beginning with: 'bar' 'b z' \r\n"),
    ("unknown on one line", encode("a\r\nb"), b"-ERR unknown command 'a  b', with args beginning with: \r\n"),
    ("unknown, cut", encode("f" * 200, "y" * 200, "z"), b"-ERR unknown command '" + b"f" * 128 + b"', with args beginning with: '" + b"y" * 128 + b"' \r\n"),
    ("unknown, cut later", encode("f", *["y" * 60] * 4), b"-ERR unknown command 'f', with args beginning with: '" + b"y" * 60 + b"' '" + b"y" * 60 + b"' 'yy' \r\n"),
    ("unknown subcommand", encode("CONFIG", "foo"), b"-ERR unknown subcommand 'foo'. Try CONFIG HELP.\r\n"),
    ("no way around containers", encode("config|get", "save"), b"-ERR unknown command 'config|get', with args beginning with: 'save' \r\n"),
    ("debug", encode("DEBUG", "foo"), b"-ERR unknown subcommand or wrong number of arguments for 'foo'. Try DEBUG HELP.\r\n"),
    ("config get", encode("CONFIG", "GET", "save"), b"*2\r\n$4\r\nsave\r\n$0\r\n\r\n"),
    ("config get pattern", encode("CONFIG", "GET", "APPEND*"), b"*2\r\n$10\r\nappendonly\r\n$2\r\nno\r\n"),
    ("config get nothing", encode("CONFIG", "GET", "nothing"), b"*0\r\n"),
    ("command docs", encode("COMMAND", "DOCS"), b"*0\r\n"),
    ("client names", encode("CLIENT", "SETNAME", "me") + encode("CLIENT", "GETNAME"), b"+OK\r\n$2\r\nme\r\n"),
    ("no client name", encode("CLIENT", "GETNAME"), b"$-1\r\n"),
    ("bad client name", encode("CLIENT", "SETNAME", "a b"), b"-ERR Client names cannot contain spaces, newlines or special characters.\r\n"),
    ("client info", encode("CLIENT", "SETINFO", "LIB-NAME", "x"), b"+OK\r\n"),
    ("transfer", encode("SET", "a", "10") + encode("TRANSFER", "a", "b", "3") + encode("MGET", "a", "b"), b"+OK\r\n*2\r\n:7\r\n:3\r\n*2\r\n$1\r\n7\r\n$1\r\n3\r\n"),
    ("transfer of a text", encode("SET", "a", "x") + encode("TRANSFER", "b", "a", "3") + encode("MGET", "a", "b"), b"+OK\r\n-ERR value is not an integer or out of range\r\n*2\r\n$1\r\nx\r\n$-1\r\n"),
    ("transfer overflow", encode("SET", "a", LONGEST) + encode("TRANSFER", "b", "a", "1") + encode("EXISTS", "b"), b"+OK\r\n-ERR increment or decrement would overflow\r\n:0\r\n"),
    ("transfer of nothing", encode("TRANSFER", "a", "b", "0"), b"-ERR amount must be positive\r\n"),
    ("transfer of no number", encode("TRANSFER", "a", "b", "x"), b"-ERR value is not an integer or out of range\r\n"),
    ("big value", encode("SET", "a", BIG) + encode("GET", "a"), b"+OK\r\n$3000000\r\n" + BIG + b"\r\n"),
    ("many arguments", encode("EXISTS", *["a"] * 5000), b":0\r\n"),
    ("inline", b"SET a 1\r\nGET a\n", b"+OK\r\n$1\r\n1\r\n"),
    ("inline, blanks and empty lines", b"\r\n  PING  \r\n\n\r\nPING\r\n", b"+PONG\r\n+PONG\r\n"),
    ("inline quotes", b"ECHO \"a\\x41\\n\\\"b\"\r\nECHO 'it\\'s'\r\nECHO \"\"\r\n", b"$5\r\naA\n\"b\r\n$4\r\nit's\r\n$0\r\n\r\n"),
    ("inline and array", b"PING\r\n" + encode("PING") + b"PING\r\n", b"+PONG\r\n+PONG\r\n+PONG\r\n"),
    ("empty arrays", b"*0\r\n*-1\r\nPING\r\n", b"+PONG\r\n"),
]  # fmt: skip

# What ends a connection, and the last words of the server.
FATAL: list[tuple[str, bytes, bytes]] = [
    ("no bulk", b"*1\r\nx\r\n", b"expected '$', got 'x'"),
    ("end of line for a bulk", b"*1\r\n\r\n", b"expected '$', got ' '"),
    ("negative bulk", b"*1\r\n$-1\r\n", b"invalid bulk length"),
    ("bulk of words", b"*1\r\n$abc\r\n", b"invalid bulk length"),
    ("bulk without number", b"*1\r\n$\r\n", b"invalid bulk length"),
    ("bulk too large", b"*1\r\n$67108865\r\n", b"invalid bulk length"),
    ("bulk beyond numbers", b"*1\r\n$99999999999999999999\r\n", b"invalid bulk length"),
    ("array of words", b"*abc\r\n", b"invalid multibulk length"),
    ("array too large", b"*1048577\r\n", b"invalid multibulk length"),
    ("array beyond numbers", b"*-99999999999999999999\r\n", b"invalid multibulk length"),
    ("array without number", b"*\r\n", b"invalid multibulk length"),
    ("spelled oddly", b"*01\r\n", b"invalid multibulk length"),
    ("quotes", b'ECHO "a\r\n', b"unbalanced quotes in request"),
    ("quotes inside", b"ECHO 'a'b\r\n", b"unbalanced quotes in request"),
    ("endless line", b"a" * 65537, b"too big inline request"),
    ("endless array header", b"*" + b"1" * 65536, b"too big mbulk count string"),
    ("endless bulk header", b"*1\r\n$" + b"1" * 65536, b"too big bulk count string"),
]


def ids(table: list[tuple[str, bytes, bytes]]) -> list[str]:
    return [name for name, _, _ in table]


@pytest.mark.parametrize("name,sent,expected", EXCHANGES, ids=ids(EXCHANGES))
def test_exchange(kvd: StartKvd, name: str, sent: bytes, expected: bytes) -> None:
    """All in one packet, and the connection goes on afterwards."""
    client = kvd("--transfer-delay", "1").client()
    client.send(sent + encode("ECHO", "end"))
    expected += b"$3\r\nend\r\n"
    assert client.receive(len(expected)) == expected


@pytest.mark.parametrize("name,sent,last_words", FATAL, ids=ids(FATAL))
def test_protocol_error_closes(kvd: StartKvd, name: str, sent: bytes, last_words: bytes) -> None:
    server = kvd()
    client = server.client()
    client.send(encode("PING") + sent)
    assert client.receive_to_end() == b"+PONG\r\n-ERR Protocol error: " + last_words + b"\r\n"
    assert server.client().call("PING") == "PONG"


def test_bytes_one_by_one(kvd: StartKvd) -> None:
    """Every cut of a request gives the same answers."""
    client = kvd().client()
    for byte in encode("SET", "a", "1\r\n2") + b"GET a\r\n" + encode("MGET", "a", "b"):
        client.send(bytes([byte]))
    expected = b"+OK\r\n$4\r\n1\r\n2\r\n*2\r\n$4\r\n1\r\n2\r\n$-1\r\n"
    assert client.receive(len(expected)) == expected


def test_pipeline(kvd: StartKvd) -> None:
    """10,000 requests sent before the first answer is read: the order is kept."""
    client = kvd().client()
    client.send(b"".join(encode("ECHO", str(i)) for i in range(10_000)))
    for i in range(10_000):
        assert client.reply() == str(i).encode()


def test_quit(kvd: StartKvd) -> None:
    client = kvd().client()
    client.send(encode("QUIT") + encode("PING"))
    assert client.receive_to_end() == b"+OK\r\n"


def test_client_goes_away(kvd: StartKvd) -> None:
    """A connection dropped in the middle of a request leaves no task behind."""
    server = kvd()
    client = server.client()
    client.send(b"*2\r\n$3\r\nGET\r\n$100\r\nabc")
    server.truth_when("the client", lambda truth: len(waiting_for(truth, "read")) == 1)
    client.close()
    left = {"main", "acceptor", "ticker", "journal"}
    server.truth_when("its end", lambda truth: {task["name"] for task in truth["tasks"]} == left)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_clients_go_away_in_any_order(kvd: StartKvd, order: tuple[int, ...]) -> None:
    server = kvd()
    clients = [server.client() for _ in range(3)]
    for i, going in enumerate(order):
        left = len(order) - i
        server.truth_when("all", lambda truth: len(waiting_for(truth, "read")) == left)
        clients[going].close()
    server.truth_when("their end", lambda truth: not waiting_for(truth, "read"))
    end_by_command(server)
    assert server.process.wait(PATIENCE) == 0


def store_entries(server: Kvd) -> int:
    match = re.search(rb"store_entries:(\d+)\r\n", server.client().call("INFO"))
    assert match
    return int(match[1])


def test_deleted_while_wanted(kvd: StartKvd) -> None:
    """The lock of a key outlives the key while others wait for it, and not longer."""
    server = kvd("--transfer-delay", "1000")
    clients = [server.client() for _ in range(4)]
    assert clients[0].call("SET", "a", "5") == "OK"
    clients[0].command("TRANSFER", "a", "b", "1")
    server.truth_when("the transfer", lambda truth: "transfer a b" in by_name(truth))
    for queued, words in enumerate((["DEL", "a"], ["GET", "a"], ["INCR", "a"]), 1):
        clients[queued].command(*words)
        server.truth_when("the queue", lambda truth: len(waiting_for(truth, "mutex")) == queued)
    assert [client.reply() for client in clients] == [[4, 1], 1, None, 1]
    assert clients[0].call("MGET", "x", "y", "b") == [None, None, b"1"]
    assert store_entries(server) == 2
    assert clients[0].call("FLUSHALL") == "OK"
    assert store_entries(server) == 0


def test_flush_waits_for_locks(kvd: StartKvd) -> None:
    server = kvd("--transfer-delay", "1000")
    busy, flusher = server.client(), server.client()
    busy.command("TRANSFER", "a", "b", "1")
    server.truth_when("the transfer", lambda truth: "transfer a b" in by_name(truth))
    flusher.command("FLUSHALL")
    assert busy.reply() == [-1, 1]
    assert flusher.reply() == "OK"
    assert flusher.call("GET", "a") is None


def test_clients_max(kvd: StartKvd) -> None:
    server = kvd("--clients", "1")
    first = server.client()
    assert first.call("PING") == "PONG"
    assert server.client().receive_to_end() == b"-ERR max number of clients reached\r\n"
    assert first.call("PING") == "PONG"


def test_locks_keep_transfers_whole(kvd: StartKvd) -> None:
    """Transfers in one direction wait for each other and lose nothing."""
    server = kvd("--transfer-delay", "2")
    clients = [server.client() for _ in range(8)]
    for client in clients:
        for _ in range(5):
            client.command("TRANSFER", "a", "b", "1")
    for client in clients:
        for _ in range(5):
            assert isinstance(client.reply(), list)
    assert clients[0].call("MGET", "a", "b") == [b"-40", b"40"]


def test_journal(kvd: StartKvd, tmp_path: Path) -> None:
    """Writes are in the journal, in order, as requests that could be sent again; reads are not."""
    path = tmp_path / "journal"
    server = kvd("--journal", str(path))
    client = server.client()
    for words in (["SET", "a", "1"], ["GET", "a"], ["INCR", "a"], ["DEL", "a", "b"], ["FLUSHALL"]):
        client.call(*words)
    client.command("SHUTDOWN")
    assert server.process.wait(PATIENCE) == 0
    expected = (
        encode("SET", "a", "1") + encode("INCR", "a") + encode("DEL", "a") + encode("FLUSHALL")
    )
    assert path.read_bytes() == expected


# ---- The clients of Redis --------------------------------------------------------------------------


def redis_cli(server: Kvd, *arguments: str, script: str = "") -> str:
    result = subprocess.run(
        ["redis-cli", "-p", str(server.port), *arguments],
        input=script,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert result.stderr == ""
    return result.stdout


def test_redis_cli(kvd: StartKvd) -> None:
    server = kvd()
    script = 'SET alice 100\nINCR alice\nGET "alice"\nMGET alice nobody\nNOSUCH x\nDEL alice\n'
    output = redis_cli(server, script=script)
    lines = output.splitlines()
    assert lines[:5] == ["OK", "101", "101", "101", ""]
    assert lines[5] == "ERR unknown command 'NOSUCH', with args beginning with: 'x' "
    assert lines[-1] == "1"


def test_redis_cli_on_a_terminal(kvd: StartKvd) -> None:
    """An interactive redis-cli asks COMMAND DOCS first and draws types."""
    server = kvd()
    command = f"redis-cli -p {server.port}"
    result = subprocess.run(
        ["script", "-qec", command, "/dev/null"],
        env={**os.environ, "TERM": "dumb"},
        input="INCR n\nMGET n none\nquit\n",
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert "(integer) 1" in result.stdout
    assert "2) (nil)" in result.stdout


@pytest.mark.parametrize("pipeline", [1, 16])
def test_redis_benchmark(kvd: StartKvd, pipeline: int) -> None:
    server = kvd()
    arguments = ["redis-benchmark", "-p", str(server.port), "-c", "50", "-P", str(pipeline)]
    arguments += ["-n", "20000", "-r", "1000", "--csv", "-t", "ping_inline,ping_mbulk,get,set,incr"]
    result = subprocess.run(arguments, capture_output=True, text=True, timeout=PATIENCE, check=True)
    output = result.stdout + result.stderr
    assert not re.search("err|warn", output, re.IGNORECASE), output
    assert [line.split(",")[0] for line in result.stdout.splitlines()[1:]] == [
        '"PING_INLINE"',
        '"PING_MBULK"',
        '"SET"',
        '"GET"',
        '"INCR"',
    ]


def test_redis_benchmark_mget(kvd: StartKvd) -> None:
    server = kvd()
    arguments = ["redis-benchmark", "-p", str(server.port), "-c", "50", "-P", "16", "-n", "20000"]
    arguments += ["-r", "100", "--csv", "MGET", "key:__rand_int__", "key:__rand_int__"]
    result = subprocess.run(arguments, capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert not re.search("err|warn", result.stdout + result.stderr, re.IGNORECASE)


# ---- Hangs, and what kvd says of them ---------------------------------------------------------------


def by_name(truth: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {task["name"]: task for task in truth["tasks"]}


def assert_ring(hung: Hung, keys: list[str]) -> None:
    """Transfer i holds key i and waits for key i + 1, which transfer i + 1 holds."""
    tasks = by_name(hung.truth)
    ring = [tasks[f"transfer {key} {keys[(i + 1) % len(keys)]}"] for i, key in enumerate(keys)]
    for i, task in enumerate(ring):
        following = (i + 1) % len(ring)
        assert task["state"] == "waiting"
        assert task["waits_for"] == {
            "kind": "mutex",
            "object": f"key {keys[following]}",
            "owner": ring[following]["id"],
        }
        assert task["functions"] == [
            "serve_client",
            "answer_requests",
            "run_command",
            "command_transfer",
            "lock_pair",
            "store_lock",
            "lock_entry",
        ]


@pytest.mark.parametrize("keys", [["alice", "bob"], ["a", "b", "c", "d"], ["alice"]], ids=len)
def test_deadlock(hung_kvd: StartHung, keys: list[str]) -> None:
    hung = hung_kvd(6, keys)
    assert_ring(hung, keys)
    assert len(waiting_for(hung.truth, "mutex")) == len(keys) + 6
    waiters = [task for task in hung.truth["tasks"] if task["name"].startswith("client ")]
    assert len(waiters) == 6
    assert {task["functions"][3] for task in waiters} == {"command_get", "command_incr"}


def test_service_tasks(kvd: StartKvd) -> None:
    """The tasks of an idle service."""
    server = kvd()
    truth = server.truth_at_rest()
    assert truth["pid"] == server.pid
    tasks = by_name(truth)
    assert tasks["acceptor"]["waits_for"]["kind"] == "accept"
    assert tasks["acceptor"]["waits_for"]["object"] == f"127.0.0.1:{server.port}"
    assert tasks["journal"]["waits_for"]["object"] == "journal"
    assert tasks["ticker"]["functions"] == ["tick", "sleep_for"]
    assert tasks["main"]["waits_for"]["kind"] == "promise"


def test_others_are_served_during_the_hang(hung_kvd: StartHung) -> None:
    hung = hung_kvd(2)
    client = hung.kvd.client()
    assert client.call("SET", "carol", "1") == "OK"
    assert client.call("GET", "carol") == b"1"
    truth = json.loads(client.call("DEBUG", "TASKS"))
    me = by_name(truth)[f"client {client.address}"]
    assert me["state"] == "running"
    assert me["functions"] == ["serve_client", "answer_requests", "run_command", "command_debug"]
    others = [task for task in truth["tasks"] if task["id"] != me["id"]]
    assert sorted(others, key=repr) == sorted(hung.truth["tasks"], key=repr)


def test_names_come_back(kvd: StartKvd) -> None:
    """A transfer names its task while it runs; a client's own name stays."""
    server = kvd("--transfer-delay", "1000")
    client = server.client()
    client.call("CLIENT", "SETNAME", "worker-7")
    client.command("TRANSFER", "a b", b"\xff", "1")
    name = "transfer a b \u00ff"
    server.truth_when("the transfer", lambda truth: name in by_name(truth))
    client.reply()
    assert "client worker-7" in by_name(server.truth())


# ---- The end ------------------------------------------------------------------------------------------


def end_by_command(server: Kvd) -> None:
    server.client().command("SHUTDOWN")


def end_by_sigterm(server: Kvd) -> None:
    os.kill(server.pid, signal.SIGTERM)


@pytest.mark.parametrize("end", [end_by_command, end_by_sigterm])
def test_shutdown(kvd: StartKvd, end: Callable[[Kvd], None]) -> None:
    """Idle connections are closed, commands in progress are answered, the status is 0."""
    server = kvd("--transfer-delay", "1000")
    idle, busy = server.client(), server.client()
    assert idle.call("PING") == "PONG"
    busy.command("TRANSFER", "a", "b", "1")
    server.truth_when("the transfer", lambda truth: "transfer a b" in by_name(truth))
    end(server)
    assert idle.receive_to_end() == b""
    assert busy.receive_to_end() == b"*2\r\n:-1\r\n:1\r\n"
    assert server.process.wait(PATIENCE) == 0
    assert server.stderr() == ""


def test_shutdown_of_a_hung_server(hung_kvd: StartHung) -> None:
    """Who waits for ever is given up after the grace period, and the status says so."""
    hung = hung_kvd(3)
    hung.kvd.client().command("SHUTDOWN")
    assert hung.kvd.process.wait(PATIENCE) == 1
    assert "kvd: 5 clients do not end" in hung.kvd.stderr()


def test_port_in_use(kvd: StartKvd, build: Path) -> None:
    server = kvd()
    result = subprocess.run(
        [str(build / "fixtures" / "kvd"), "--port", str(server.port)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert result.returncode == 1
    assert result.stdout == ""
    assert f"cannot listen on 127.0.0.1:{server.port}" in result.stderr


def test_signal_while_working(kvd: StartKvd) -> None:
    """SIGUSR1 at any instruction gives whole JSON and disturbs nobody."""
    server = kvd()
    arguments = ["redis-benchmark", "-p", str(server.port), "-c", "20", "-n", "60000", "-q"]
    arguments += ["-t", "set,incr"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as load:
        eventually("load", lambda: len(server.truth()["tasks"]) > 4 or load.poll() is not None)
        while load.poll() is None:
            truth = server.truth()
            assert {"main", "acceptor", "ticker", "journal"} <= set(by_name(truth))
        assert load.returncode == 0
    assert server.client().call("PING") == "PONG"
