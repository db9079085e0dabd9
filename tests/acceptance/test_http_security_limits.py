"""What a client can cost `sojourn serve`: memory, and the time of the others."""

import json
import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from application.maintain.tokens import Scope, create_token
from application.transition_service import TaskSpec, TransitionService
from tests.support.attempts import attempt, register
from tests.support.listening import Listener
from tests.support.memory import Memory
from tests.support.serving import Serving, serving
from tests.support.waiting import wait_for

MIB = 2**20
MOST_GROWN = 64
"""MiB by which a server may grow under an attack: generous, and a fraction of what it grew by without limits."""

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
HEAD = REQUEST[:-2]


@pytest.fixture
def served(dsn: str, service: TransitionService, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serving]:
    """A server with a token, on a database of its own, whose patience is short."""
    for name, value in {"HEAD": 3, "BODY": 3, "SLOW": 2}.items():
        monkeypatch.setenv(f"SOJOURN_HTTP_{name}_SECONDS", str(value))
    secret = create_token(service.store, "writer", Scope.WRITE)
    with serving(dsn) as server:
        server.headers["Authorization"] = f"Bearer {secret}"
        server.get("/orphans")
        yield server


class Client:
    """A client that sends what it likes."""

    def __init__(self, server: Serving, *, buffer: int | None = None) -> None:
        place = urlsplit(server.url)
        self.socket = socket.socket()
        if buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.settimeout(30)
        self.socket.connect((place.hostname, place.port))

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send_until_closed(self, data: bytes, times: int) -> int:
        """Send the same again and again; return how many bytes were sent when the server closed the connection."""
        for number in range(times):
            try:
                self.socket.sendall(data)
            except OSError:
                return number * len(data)
        return times * len(data)

    def read_to_end(self) -> bytes:
        """Return what comes until the server closes the connection, which it must."""
        received = b""
        try:
            while data := self.socket.recv(65536):
                received += data
        except ConnectionError:
            pass
        return received

    def is_closed(self) -> bool:
        """Return whether the server has closed the connection, as far as has arrived."""
        self.socket.setblocking(False)
        try:
            while self.socket.recv(65536):
                pass
        except BlockingIOError:
            return False
        except ConnectionError:
            pass
        return True


@contextmanager
def others_are_answered(server: Serving) -> Iterator[None]:
    """Ask as another client during the block, without a pause; each answer must be the usual one."""
    stopped, answers = threading.Event(), []

    def ask() -> None:
        while not stopped.is_set():
            began = time.monotonic()
            answers.append((server.ask("GET", "/api/v3/orphans"), time.monotonic() - began))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        stopped.set()
        asking.join()
    assert {json.dumps(answer) for answer, _ in answers} == {"[200, []]"}
    # Without limits, the longest took 11 s on a machine with nothing else to do.
    assert max(seconds for _, seconds in answers) < 8


ENDLESS = {
    "header": (HEAD + b"X: ", b"a" * 65536, b"431"),
    "headers": (HEAD, b"name: value\r\n" * 5_000, b"431"),
    "path": (b"GET /", b"a" * 65536, b"414"),
    "query": (b"GET /?", b"a=1&" * 16384, b"414"),
    "method": (b"A" * 65536, b"A" * 65536, b"400"),
    "trailers": (HEAD.replace(b"GET", b"POST") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"x: y\r\n" * 9_000, b""),
}
"""How each begins, what is sent without end after that, and the status of the answer."""


def test_what_has_no_end_is_refused(served: Serving) -> None:
    for what, (begin, more, code) in ENDLESS.items():
        memory = Memory(served.process.pid)
        with others_are_answered(served), Client(served) as client:
            client.send(begin)
            sent = client.send_until_closed(more, 1_000)
            answer = client.read_to_end()

        assert sent < 32 * MIB, what
        assert memory.grown() < MOST_GROWN, what
        # The answer is lost where the client goes on sending for longer than the server reads.
        assert code in answer.partition(b"\r\n")[0] or not answer, what


def test_the_client_learns_what_is_too_large(served: Serving) -> None:
    for request, code in [
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"414"),
        (HEAD + b"X: " + b"a" * 40_000 + b"\r\n\r\n", b"431"),
        (HEAD + b"X: y\r\n" * 20_000 + b"\r\n", b"431"),
        (b"nonsense\r\n\r\n", b"400"),
    ]:
        with Client(served) as client:
            client.send(request)
            head, _, body = client.read_to_end().partition(b"\r\n\r\n")

        assert head.split()[1] == code
        assert b"application/problem+json" in head
        assert json.loads(body)["status"] == int(code)
        assert served.ask("GET", "/healthz")[0] == 200


def test_a_head_at_the_limits_is_accepted(served: Serving) -> None:
    with Client(served) as client:
        client.send(b"GET /api/v3/" + b"a" * (16 * 1024 - 8) + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n")
        client.send(b"X: " + b"a" * (31 * 1024) + b"\r\n\r\n")

        assert client.read_to_end().split()[1] == b"401"


def test_requests_that_come_before_answers_wait_and_each_is_answered(served: Serving) -> None:
    with Client(served) as client:
        sender = threading.Thread(target=client.send, args=[REQUEST * 3_000 + HEAD + b"Connection: close\r\n\r\n"])
        sender.start()
        answers = client.read_to_end()
        sender.join()

    assert answers.count(b"HTTP/1.1 200") == 3_001


def test_requests_whose_answers_nobody_reads_do_not_fill_the_memory(served: Serving) -> None:
    """Given a client that sends up to 400,000 requests and reads no answer."""
    memory = Memory(served.process.pid)
    with others_are_answered(served), Client(served, buffer=4_096) as client:
        client.socket.settimeout(5)
        with pytest.raises((TimeoutError, ConnectionError)):
            client.send(REQUEST * 400_000)

    assert memory.grown() < MOST_GROWN


def test_a_client_that_does_not_read_its_answers_is_disconnected(served: Serving) -> None:
    requests = REQUEST.replace(b"/healthz", b"/openapi.json") * 100
    memory = Memory(served.process.pid)
    with others_are_answered(served), Client(served, buffer=4_096) as client:
        client.socket.settimeout(1)
        wait_for(lambda: is_disconnected(client, requests))

    assert memory.grown() < MOST_GROWN


def is_disconnected(client: Client, data: bytes) -> bool:
    """Send more, and return whether the connection is gone. Nothing is read: that would be a sign of life."""
    try:
        client.send(data)
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return False


def test_silent_connections_make_room_and_end_by_themselves(served: Serving) -> None:
    """Given more silent connections than a server takes, others are answered at once."""
    allow_open_files(2_000)
    memory = Memory(served.process.pid)
    with others_are_answered(served), ExitStack() as stack:
        clients = [stack.enter_context(Client(served)) for _ in range(1_300)]
        for client in clients[::3]:
            try_to_send(client, HEAD)
        wait_for(lambda: all(client.is_closed() for client in clients))

    assert memory.grown() < MOST_GROWN


def test_busy_connections_are_not_closed_for_new_ones(
    dsn: str, service: TransitionService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOJOURN_HTTP_CONNECTIONS", "10")
    with serving(dsn) as server, ExitStack() as stack:
        listeners = [stack.enter_context(Listener(server)) for _ in range(10)]
        refused = server.ask("GET", "/healthz")
        register(service, "t1")

        assert [listener.take(1)[0]["entity"] for listener in listeners] == ["task:t1"] * 10
        assert (refused[0], refused[1]["type"]) == (503, "urn:sojourn:problem:busy")
        listeners[0].close()
        wait_for(lambda: server.ask("GET", "/healthz")[0] == 200)


def test_what_arrives_by_half_is_given_up(served: Serving) -> None:
    body = HEAD.replace(b"GET /healthz", b"POST /api/v3/tasks") + b"Content-Length: 9\r\n"
    allowed = body + f"Authorization: {served.headers['Authorization']}\r\n\r\n".encode()
    for part, codes in ((HEAD, [b"408"]), (allowed + b"{", [b"408"]), (body + b"\r\n{", [b"401"])):
        with Client(served) as client:
            client.send(part)
            answer = client.read_to_end()

        assert [answer.split()[1]] == codes


def test_unfinished_bodies_are_given_up_and_are_bounded_together(served: Serving) -> None:
    """Given 40 clients with a token that begin to send 16 MiB, and never send the last byte."""
    size = 16 * MIB
    head = (
        HEAD.replace(b"GET /healthz", b"POST /api/v3/tasks")
        + (
            f"Authorization: {served.headers['Authorization']}\r\nContent-Type: application/json\r\n"
            f"Transfer-Encoding: chunked\r\n\r\n{size:x}\r\n"
        ).encode()
    )
    memory = Memory(served.process.pid)
    with others_are_answered(served), ExitStack() as stack:
        clients = [stack.enter_context(Client(served)) for _ in range(40)]
        for client in clients:
            client.socket.settimeout(5)
            try_to_send(client, head)
            client.send_until_closed(b"a" * MIB, 15)
        report = served.ask("POST", "/api/v3/tasks", {"workflow_id": "w", "tasks": [{"task_id": "t1"}]})
        answers = [client.read_to_end() for client in clients]

    assert report[0] == 200, "a small body is taken all the while"
    assert {answer.split()[1] for answer in answers if answer} <= {b"408", b"503"}
    assert memory.grown() < 64 + 2 * MOST_GROWN, "64 MiB of bodies, and a little"


MANY = {
    "ids": ("/tasks/gate", b'{"task_ids":[' + b'"t",' * 4_000_000 + b'"t"]}', 413),
    "lists": ("/tasks/gate", b'{"task_ids":[' + b"[]," * 500_000 + b"[]]}", 422),
    "objects": ("/tasks", b'{"workflow_id":"w","tasks":[' + b"{}," * 300_000 + b"{}]}", 422),
    "fields": ("/tasks/gate", b'{"task_ids":["t"]' + b"".join(b',"%d":1' % n for n in range(500_000)) + b"}", 422),
    "entries": (
        "/task_instances",
        b'{"instances":{"a":"b"' + b"".join(b',"%d":[]' % n for n in range(300_000)) + b"}}",
        422,
    ),
}
"""Where each is sent, a body of very many values, and the status of the answer."""


@pytest.mark.parametrize("what", MANY)
def test_a_body_of_very_many_values_costs_a_multiple_of_its_limit_at_most(served: Serving, what: str) -> None:
    path, body, status = MANY[what]
    memory = Memory(served.process.pid)
    with others_are_answered(served), Client(served) as client:
        head = (
            f"POST /api/v3{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {served.headers['Authorization']}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        client.send(head.encode())
        client.send_until_closed(body, 1)
        answer = client.read_to_end()

    assert int(answer.split()[1]) == status, answer[:300]
    assert len(answer) < 8192
    assert memory.grown() < 4 * MOST_GROWN


def test_a_listener_that_does_not_read_is_closed(served: Serving, service: TransitionService) -> None:
    """Given one listener that never reads, while 40 MiB of reasons are reported."""
    memory = Memory(served.process.pid)
    with others_are_answered(served), Client(served, buffer=4_096) as client:
        request = (
            HEAD.replace(b"/healthz", b"/events") + f"Authorization: {served.headers['Authorization']}\r\n".encode()
        )
        client.send(request + b"\r\n")
        wait_for(lambda: listeners(served) == 1)
        reason = "x" * 65_000
        for number in range(6):
            service.register_tasks("w", [TaskSpec(f"t{number}-{one}") for one in range(100)], reason=reason)
        wait_for(lambda: listeners(served) == 0)

    assert memory.grown() < 2 * MOST_GROWN
    assert "Traceback" not in served.stderr()


@pytest.mark.parametrize("number", [60, pytest.param(300, marks=pytest.mark.stress)])
def test_large_events_of_an_older_version_are_streamed_in_bounded_parts(
    served: Serving, service: TransitionService, connection: psycopg.Connection[Any], number: int
) -> None:
    """Given reasons of 1 MiB, as they were stored before reasons had a limit."""
    register(service, "t0")
    memory = Memory(served.process.pid)
    with Listener(served) as listener, Listener(served, "?after=0&entity=task:t0") as resumed:
        connection.execute(LARGE_REGISTRATIONS, {"number": number, "size": MIB})
        register(service, "t1")
        received = listener.take(number + 1)
        assert [event["entity"] for event in resumed.take(1)] == ["task:t0"]

    assert [len(event["reason"] or "") for event in received] == [MIB] * number + [0]
    assert memory.grown() < 2 * MOST_GROWN


@pytest.mark.parametrize(("number", "size"), [(30, MIB), pytest.param(120, 4 * MIB, marks=pytest.mark.stress)])
def test_a_history_of_large_events_comes_in_pages(
    served: Serving, service: TransitionService, connection: psycopg.Connection[Any], number: int, size: int
) -> None:
    """Given refusals whose reasons were stored before reasons had a limit."""
    register(service, "t1")
    attempt(service, "t1")
    connection.execute(LARGE_REFUSALS, {"number": number, "size": size})
    memory = Memory(served.process.pid)
    for order, versions in (("oldest", range(1, number + 6)), ("newest", range(number + 5, 0, -1))):
        read, sizes = read_pages(served, f"/api/v3/history/task:t1?order={order}")

        assert read == list(versions)
        assert max(sizes) < 8 * MIB + size + MIB
        assert len(sizes) > number * size / (8 * MIB + size)

    assert memory.grown() < 8 * MOST_GROWN


LARGE_REGISTRATIONS = """
    INSERT INTO sojourn.event (stream, version, name, workflow_id, recorded_at, entered_at, data)
    SELECT 'task:large-' || n, 1, 'task.registered.v1', 'w', now(), now(), jsonb_build_object(
        'status', 'REGISTERING', 'num_attempts', 0, 'max_attempts', 3, 'lifecycle', 'jobmon', 'lifecycle_version', 1,
        'reason', repeat('x', %(size)s)
    )
    FROM generate_series(1, %(number)s) AS n
"""
LARGE_REFUSALS = """
    INSERT INTO sojourn.event (stream, version, name, workflow_id, recorded_at, entered_at, data)
    SELECT t.stream, 5 + n, 'task.refused.v1', 'w', now(), now(), jsonb_build_object(
        'status', 'RUNNING', 'num_attempts', 1, 'reported', 'QUEUED', 'rule', 'invalid-transition',
        'reason', repeat('x', %(size)s)
    )
    FROM generate_series(1, %(number)s) AS n, (SELECT 'task:t1' AS stream) AS t
"""


def read_pages(server: Serving, path: str | None) -> tuple[list[int], list[int]]:
    """Return the versions of all events, and the size of each page."""
    versions, sizes = [], []
    while path:
        connection = server.connection()
        connection.request("GET", path, headers=server.headers)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        assert response.status == 200, body[:1_000]
        versions += [event["version"] for event in json.loads(body)]
        sizes.append(len(body))
        link = response.headers["Link"]
        path = link.partition("<")[2].partition(">")[0] if link else None
    return versions, sizes


def listeners(server: Serving) -> float:
    """Return how many listeners the server counts."""
    connection = server.connection()
    connection.request("GET", "/metrics", headers=server.headers)
    text = connection.getresponse().read().decode()
    connection.close()
    return float(next(line for line in text.splitlines() if line.startswith("sojourn_listeners ")).split()[1])


def try_to_send(client: Client, data: bytes) -> None:
    client.send_until_closed(data, 1)


def allow_open_files(number: int) -> None:
    """Raise this process's limit of open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < number:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (number if hard == resource.RLIM_INFINITY else min(number, hard), hard)
        )
