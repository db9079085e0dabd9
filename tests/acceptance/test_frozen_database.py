"""`sojourn serve` before a database that stands still: connections stay open, and no answer comes."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from application.transition_service import TransitionService
from tests.support.attempts import attempt, ids, register, status
from tests.support.serving import Serving, serving
from tests.support.tcp_proxy import TcpProxy

CONNECTED_TASKS = ids(12)


@pytest.fixture
def proxy_and_server(dsn: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[TcpProxy, Serving]]:
    """A proxy before the database, and a server that reaches the database through it and waits one second for it."""
    monkeypatch.setenv("SOJOURN_HTTP_DATABASE_SECONDS", "1")
    monkeypatch.setenv("SOJOURN_HTTP_FINISH_SECONDS", "3")
    with TcpProxy.before_database(dsn) as (proxy, proxied), serving(proxied) as server:
        yield proxy, server
        proxy.thaw()


def report(server: Serving, task_id: str, to_status: str) -> tuple[int, Any]:
    return server.ask("POST", f"/api/v3/task_instance/{task_id}/1/transition", {"to_status": to_status})


def test_reports_go_on_when_the_connections_stand_still(
    proxy_and_server: tuple[TcpProxy, Serving], service: TransitionService
) -> None:
    """Given connections that are open when a firewall forgets them; what is refused states whether it was written."""
    proxy, server = proxy_and_server
    register(service, *CONNECTED_TASKS)
    attempt(service, *CONNECTED_TASKS, until="INSTANTIATED")
    for task_id in CONNECTED_TASKS:
        assert report(server, task_id, "LAUNCHED")[0] == 200

    proxy.freeze(later=False)
    with ThreadPoolExecutor(4) as threads:
        first = list(threads.map(lambda task_id: report(server, task_id, "RUNNING"), CONNECTED_TASKS))
    again = [report(server, task_id, "RUNNING") for task_id in CONNECTED_TASKS]
    done = [report(server, task_id, "DONE") for task_id in CONNECTED_TASKS]

    assert {code for code, _ in first} <= {200, 503}
    assert [answer for code, answer in [*again, *done] if code != 200] == [], (
        "a new connection has replaced the one that stands still"
    )
    for (code, answer), (_, repeated) in zip(first, again, strict=True):
        if code == 200:
            assert repeated["ti_updated"] is False, "what was acknowledged is there already"
        else:
            assert answer["type"] == "urn:sojourn:problem:unavailable"
            assert answer["repeatable"] is ("may be repeated" in answer["detail"])
            assert "did not answer within 1 s" in answer["detail"]
    assert set(status(service, *(f"task:{task_id}" for task_id in CONNECTED_TASKS))) == {"DONE"}
    assert "Traceback" not in server.stderr()


def test_it_is_not_ready_while_no_connection_works_and_ready_again_afterwards(
    proxy_and_server: tuple[TcpProxy, Serving], service: TransitionService
) -> None:
    proxy, server = proxy_and_server
    register(service, "t1")
    attempt(service, "t1")
    assert server.ask("GET", "/readyz") == (200, {"status": "ready"})

    proxy.freeze()
    with ThreadPoolExecutor(12) as threads:
        checks = list(threads.map(lambda _: server.ask("GET", "/readyz"), range(11)))
        refused = [
            server.ask("GET", "/api/v3/status/task:t1"),
            report(server, "t1", "DONE"),
            server.ask("GET", "/events"),
        ]
    proxy.thaw()
    while server.ask("GET", "/readyz")[0] != 200:
        pass  # until a connection works again; the test's own limit is the limit

    assert {code for code, _ in checks} == {503}
    assert {answer["type"] for _, answer in checks} == {"urn:sojourn:problem:not-ready"}
    assert [code for code, _ in refused] == [503, 503, 503]
    assert server.ask("GET", "/healthz")[0] == 200
    while report(server, "t1", "DONE")[0] != 200:
        pass  # for a second at most, for which it remembers that the tokens could not be read
    assert status(service, "task:t1") == ["DONE"]
    assert "Traceback" not in server.stderr()


def test_on_sigterm_it_ends_in_time(proxy_and_server: tuple[TcpProxy, Serving], service: TransitionService) -> None:
    """Given a report, a registration, a question and a listener that wait for the database when the signal comes."""
    proxy, server = proxy_and_server
    register(service, "t1")
    attempt(service, "t1")
    server.get("/status/task:t1")
    proxy.freeze()
    requests: list[tuple[str, str, Any]] = [
        ("POST", "/api/v3/task_instance/t1/1/transition", {"to_status": "DONE"}),
        ("POST", "/api/v3/tasks", {"workflow_id": "w", "tasks": [{"task_id": "t2"}]}),
        ("GET", "/api/v3/status/task:t1", None),
        ("GET", "/events", None),
    ]
    before = proxy.accepted
    with ThreadPoolExecutor(len(requests)) as threads:
        asked = [threads.submit(server.ask, *request) for request in requests]
        while proxy.accepted == before:
            pass
        began = time.monotonic()
        server.process.terminate()
        assert server.process.wait(timeout=30) == 0
        answers = [one.result() for one in asked]

    assert [code for code, _ in answers] == [503] * 4
    assert time.monotonic() - began < 30, "what a supervisor waits before it kills"
    assert "Traceback" not in server.stderr()
