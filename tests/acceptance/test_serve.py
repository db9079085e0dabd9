"""`sojourn serve` as a process: its streams, its tokens, and its shutdown."""

import json
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner, Result

from application.maintain.tokens import Scope, create_token
from application.replay.verify import verify_log
from application.transition_service import TransitionService
from tests.support.agreement import rows
from tests.support.attempts import attempt, ids, register, status
from tests.support.command_line import SOJOURN, app
from tests.support.listening import Listener
from tests.support.serving import Serving, serving
from tests.support.waiting import wait_for


@pytest.fixture
def served(dsn: str) -> Iterator[Serving]:
    """A server on a database of its own."""
    with serving(dsn) as started:
        yield started


def transitions(connection: psycopg.Connection[Any], after: int = 0) -> list[int]:
    found = rows(connection, "SELECT position FROM sojourn.transition WHERE position > %s ORDER BY position", after)
    return [row["position"] for row in found]


def test_a_resumed_stream_has_every_transition_once(
    served: Serving, service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    """Given a listener that begins with the first event, and reconnects while others write."""
    tasks = ids(150)
    register(service, *tasks)
    first = Listener(served, "?after=0")
    writer = threading.Thread(target=attempt, args=(service, *tasks))
    writer.start()
    received = [event["position"] for event in first.take(7)]
    last = first.last
    first.close()
    while len(received) < 150 * 9:
        again = Listener(served, last=last)
        received += [event["position"] for event in again.take(min(200, 150 * 9 - len(received)))]
        last = again.last
        again.close()
    writer.join()

    assert received == transitions(connection)


def test_a_listener_receives_what_its_filter_matches(served: Serving, service: TransitionService) -> None:
    register(service, "t1", "t2")
    register(service, "t3", workflow_id="other")
    chosen = [
        Listener(served, "?after=0&workflow=other"),
        Listener(served, "?after=0&entity=task:t2&status=RUNNING&workflow_id=w"),
        Listener(served, "?after=0&status=INSTANTIATED&status=LAUNCHED&entity=ti:t1/1"),
    ]
    attempt(service, "t1", "t2")
    attempt(service, "t3")

    other, running, instance = [listener.take(2 if number != 1 else 1) for number, listener in enumerate(chosen)]

    assert [event["entity"] for event in other] == ["task:t3", "task:t3"]
    assert [(event["entity"], event["previous_status"], event["status"]) for event in running] == [
        ("task:t2", "LAUNCHED", "RUNNING")
    ]
    assert [event["status"] for event in instance] == ["INSTANTIATED", "LAUNCHED"]
    for listener in chosen:
        listener.close()


def test_on_sigterm_open_requests_finish_and_streams_end(served: Serving, service: TransitionService, dsn: str) -> None:
    """Given a report that waits for a lock, and a listener, when the server gets the signal."""
    register(service, "t1")
    attempt(service, "t1")
    listener = Listener(served)
    connection = served.connection()
    with psycopg.connect(dsn) as other:
        other.execute("SELECT FROM sojourn.task_instance FOR NO KEY UPDATE")
        body = json.dumps({"to_status": "DONE"})
        connection.request("POST", "/api/v3/task_instance/t1/1/transition", body, {"Content-Type": "application/json"})
        _wait_until_a_request_waits_for_the_lock(served)
        served.process.terminate()
        assert listener.take(1) == [], "the stream ends"
    answered = json.loads(connection.getresponse().read())
    listener.close()
    connection.close()

    assert answered["ti_updated"] is True
    assert status(service, "task:t1") == ["DONE"]
    assert served.process.wait(timeout=30) == 0


def test_a_request_to_a_database_that_does_not_answer_is_a_503(
    dsn: str, service: TransitionService, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(service, "t1")
    monkeypatch.setenv("SOJOURN_HTTP_ANSWER_SECONDS", "0.3")
    with serving(dsn) as server, psycopg.connect(dsn) as other:
        other.execute("LOCK TABLE sojourn.task IN ACCESS EXCLUSIVE MODE")
        asked = [
            server.ask("GET", "/api/v3/status/task:t1"),
            server.ask("POST", "/api/v3/tasks/gate", {"task_ids": ["t1"]}),
        ]
        other.rollback()
        wait_for(lambda: server.ask("GET", "/api/v3/status/task:t1")[0] == 200)  # the lock is gone

    assert [status for status, _ in asked] == [503, 503]
    assert ["Idempotency-Key" in answer["detail"] for _, answer in asked] == [False, True]


def test_a_public_address_needs_a_token(dsn: str) -> None:
    def command(*arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--dsn", dsn])

    refused = subprocess.run(
        [SOJOURN, "serve", "--host", "0.0.0.0", "--port", "0", "--dsn", dsn],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "sojourn token create" in refused.stderr
    made = json.loads(command("token", "create", "cluster", "--scope", "write", "--json").stdout)
    listed = command("token", "list", "--json").stdout
    assert [token["name"] for token in json.loads(listed)] == ["cluster"]
    assert made["token"] not in listed

    with serving(dsn, "--host", "0.0.0.0") as server:
        assert server.ask("GET", "/api/v3/time-in-status")[0] == 401
        server.headers["Authorization"] = f"Bearer {made['token']}"
        assert server.get("/time-in-status") == []
        assert command("token", "revoke", "cluster").exit_code == 0
        while server.ask("GET", "/api/v3/time-in-status")[0] == 200:
            pass  # for a second at most; the test's own limit is the limit
        assert server.ask("GET", "/api/v3/time-in-status")[0] == 401


def test_the_access_log_has_each_request_and_no_token(dsn: str, service: TransitionService) -> None:
    secret = create_token(service.store, "dashboard", Scope.READ)
    with serving(dsn, "--access-log") as server:
        server.headers["Authorization"] = f"Bearer {secret}"
        assert server.get("/time-in-status?by=actor") == []
        assert server.end() == 0
        assert server.process.stdout is not None
        assert server.process.stdout.read() == ""
        log = server.stderr()

    assert "GET /api/v3/time-in-status?by=actor" in log
    assert secret not in log


def test_a_port_in_use_is_an_error_without_traceback(served: Serving, dsn: str) -> None:
    port = served.url.rpartition(":")[2]
    refused = subprocess.run(
        [SOJOURN, "serve", "--port", port, "--dsn", dsn], capture_output=True, text=True, timeout=60, check=False
    )

    assert refused.returncode == 2
    assert "choose another with --host and --port" in refused.stderr
    assert "Traceback" not in refused.stderr


def _wait_until_a_request_waits_for_the_lock(server: Serving) -> None:
    def has_waited() -> bool:
        connection = server.connection()
        connection.request("GET", "/metrics")
        series = connection.getresponse().read().decode()
        connection.close()
        return "sojourn_lock_retries_total 0.0" not in series

    wait_for(has_waited)


def test_it_maintains_the_database_unless_another_process_does(
    dsn: str, service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    def sketched_to() -> int:
        return int(rows(connection, "SELECT sojourn.sketched_to() AS position")[0]["position"])

    register(service, "t1")
    attempt(service, "t1")
    with serving(dsn) as first, serving(dsn) as second:
        wait_for(lambda: sketched_to() > 0)
        assert (first.end(), second.end()) == (0, 0)
        assert not any("maintenance" in served.stderr() for served in (first, second))

    assert sketched_to() == transitions(connection)[-1]
    assert verify_log(service.store)["mismatches"] == []
