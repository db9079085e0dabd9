"""/events of `sojourn serve`, with other transactions, unreadable events, standbys and frozen networks."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest

from application.transition_service import TaskSpec, TransitionService
from tests.support.attempts import attempt, register
from tests.support.listening import Listener
from tests.support.own_server import OwnServer, own_server
from tests.support.serving import Serving, serving
from tests.support.tcp_proxy import TcpProxy
from tests.support.waiting import wait_for


@pytest.fixture
def served(dsn: str) -> Iterator[Serving]:
    """A server on a database of its own."""
    with serving(dsn) as started:
        yield started


def abort_a_registration(dsn: str, service: TransitionService, task_id: str) -> None:
    """Leave a gap in the log."""
    with psycopg.connect(dsn) as connection:
        service.register_tasks("w", [TaskSpec(task_id)], connection=connection)
        connection.rollback()


def entities(events: list[dict[str, Any]]) -> list[str]:
    return [event["entity"] for event in events]


def test_a_transaction_in_another_database_holds_nothing_up(
    served: Serving, service: TransitionService, dsn: str, empty_dsn: str
) -> None:
    with psycopg.connect(empty_dsn) as elsewhere:
        elsewhere.execute("SELECT pg_current_xact_id()")
        abort_a_registration(dsn, service, "aborted")
        register(service, "before")
        with Listener(served) as listener, Listener(served, "?after=0") as resumed:
            abort_a_registration(dsn, service, "aborted")
            register(service, "after")

            assert entities(listener.take(1)) == ["task:after"]
            assert entities(resumed.take(2)) == ["task:before", "task:after"]


def test_a_stream_begins_at_once_and_gets_what_is_committed_from_then_on(
    served: Serving, service: TransitionService, dsn: str
) -> None:
    """Given a transaction that writes to the log, and one with a later position that is committed already."""
    with psycopg.connect(dsn) as writer:
        service.register_tasks("w", [TaskSpec("held")], connection=writer)
        register(service, "seen")
        with Listener(served) as first, Listener(served) as second:
            writer.commit()
            register(service, "later")

            assert entities(first.take(2)) == ["task:held", "task:later"]
            assert entities(second.take(2)) == ["task:held", "task:later"]


def test_an_event_that_cannot_be_read_does_not_end_the_stream(
    served: Serving, service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    """Given data that PostgreSQL stores and our JSON reader refuses: a number too large, and lists in lists."""
    register(service, "t1")
    attempt(service, "t1")
    with Listener(served) as listener, Listener(served, "?status=DONE") as choosy:
        for version, details in enumerate(("1" + "0" * 5_000, "[" * 1_000 + "]" * 1_000), start=5):
            connection.execute(
                """
                INSERT INTO sojourn.event (stream, version, name, workflow_id, recorded_at, entered_at, data)
                SELECT 'task_instance:t1/1', %s, 'task_instance.transitioned.v1', 'w', now(), now(), %s::jsonb
                """,
                [version, f'{{"status": "DONE", "previous_status": "RUNNING", "details": {details}}}'],
            )
        service.transition_tasks(["t1"], "DONE")
        received, chosen = listener.take(3), choosy.take(3)

    unreadable, other, done = received
    assert [bool(event.get("unreadable")) for event in (unreadable, other, done)] == [True, True, False]
    assert (unreadable["entity"], unreadable["version"], unreadable["status"]) == ("ti:t1/1", 5, None)
    assert (done["entity"], done["status"]) == ("task:t1", "DONE")
    assert chosen == received, "an unreadable event may be one that the listener wants"
    assert "cannot be read" in served.stderr()
    assert "Traceback" not in served.stderr()


@pytest.mark.fresh_database
def test_the_feed_goes_on_after_an_error(
    served: Serving, service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    """Given a log that cannot be read for a while, for a listener before and one after it."""
    register(service, "t1")
    with Listener(served) as listener:
        connection.execute("ALTER VIEW sojourn.logged_event RENAME TO elsewhere")
        wait_for(lambda: "the log cannot be followed" in served.stderr())
        with Listener(served, "?after=0") as later:
            register(service, "t2")
            connection.execute("ALTER VIEW sojourn.elsewhere RENAME TO logged_event")

            assert entities(listener.take(1)) == ["task:t2"]
            assert entities(later.take(2)) == ["task:t1", "task:t2"]
    assert "Traceback" not in served.stderr()


def test_on_a_standby_it_is_a_503_until_the_standby_is_promoted() -> None:
    with own_server() as primary, TransitionService.connect(primary.dsn) as service:
        register(service, "t1")
        with primary.standby() as standby, serving(standby.dsn) as served:
            status, problem = served.ask("GET", "/events")
            assert (status, problem["type"]) == (503, "urn:sojourn:problem:unavailable")
            assert "ask a server of its primary" in problem["detail"]
            assert served.get("/status/task:t1")["status"] == "REGISTERING"

            standby.promote()
            with Listener(served, "?after=0") as listener, TransitionService.connect(standby.dsn) as promoted:
                register(promoted, "t2")
                assert entities(listener.take(2)) == ["task:t1", "task:t2"]


def test_a_feed_whose_connection_stands_still_gets_another_one(
    dsn: str, service: TransitionService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOJOURN_HTTP_DATABASE_SECONDS", "2")
    with TcpProxy.before_database(dsn) as (proxy, proxied), serving(proxied) as served, Listener(served) as listener:
        proxy.freeze(later=False)
        register(service, "t1")

        assert entities(listener.take(1)) == ["task:t1"]


def test_200_viewers_of_a_page_cost_the_database_what_one_costs() -> None:
    """Given a server that writes each statement to its log before it carries it out."""
    with (
        own_server("log_statement=all") as server,
        TransitionService.connect(server.dsn) as service,
        serving(server.dsn) as served,
        ExitStack() as open_streams,
    ):
        register(service, "t1")
        viewers = [open_streams.enter_context(Listener(served, PAGE_OF_W)) for _ in range(200)]
        assert all("REGISTERING" in content for viewer in viewers for content in viewer.take(1))
        assert {read_lanes(served, viewer) for viewer in viewers[:40]} == {"REGISTERING"}
        before, lanes_before = count_statements(server)
        assert 1 <= lanes_before <= 4
        resting = [
            open_streams.enter_context(Listener(served, f"{PAGE_OF_W}?of=attempts", viewers[0].last)) for _ in "ab"
        ]
        assert count_statements(server)[0] == before  # they have what the log has

        service.transition_tasks(["t1"], "QUEUED")

        assert all("QUEUED" in content for viewer in (*viewers, *resting) for content in viewer.take(1))
        assert {read_lanes(served, viewer) for viewer in viewers[:40]} == {"QUEUED"}
        pages, lanes = count_statements(server)
        # Once for a refresh of each of two pages, which time brings too, and once more for its chart and for the lanes.
        assert 2 <= pages - before <= 12
        assert 1 <= lanes - lanes_before <= 4


PAGE_OF_W = "/live/events?page=/workflow/w"


def read_lanes(served: Serving, viewer: Listener) -> str:
    """Return the status of the only lane, as a viewer reads it after what its page has."""
    status, lanes = served.ask("GET", f"/lanes/w?after={viewer.last}")
    assert (status, lanes["total"]) == (200, 1)
    return str(lanes["statuses"][-1]["name"])


def count_statements(server: OwnServer) -> tuple[int, int]:
    """Return how often a server has counted a workflow's tasks, and read lanes."""
    logged = (server.folder / "log").read_text("utf-8")
    return logged.count("Return one workflow with its tasks by status"), logged.count(
        "Return some of a workflow's attempts"
    )


def test_a_database_that_does_not_answer_is_a_503(
    dsn: str, service: TransitionService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOJOURN_HTTP_DATABASE_SECONDS", "0.5")
    with serving(dsn) as served, psycopg.connect(dsn) as other:
        served.get("/orphans")
        other.execute("LOCK TABLE sojourn.stored_event IN ACCESS EXCLUSIVE MODE")

        status, problem = served.ask("GET", "/events")

    assert (status, problem["type"]) == (503, "urn:sojourn:problem:unavailable")
