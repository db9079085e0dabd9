"""Maintenance: a job that fails keeps no other from its work, and is reported."""

import json
import logging
import threading
from typing import Any

import psycopg
import pytest

from application.maintain.maintenance import MaintenanceFailed, maintain, maintain_once
from application.transition_service import TransitionService
from tests.support.attempts import register
from tests.support.command_line import run_program

pytestmark = pytest.mark.one_server

REFUSED = "no sketch is written here"


@pytest.fixture
def refused(service: TransitionService, connection: psycopg.Connection[Any]) -> int:
    """Keep the job of the sketches from its work, and return the last position of a log."""
    connection.execute(
        "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{REFUSED}'; END $$"
    )
    connection.execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON sojourn.stay_sketch FOR EACH ROW EXECUTE FUNCTION public.refuse()"
    )
    register(service, "t1")
    service.gate_tasks_for_queueing(["t1"])
    row = connection.execute("SELECT max(position) FROM sojourn.event").fetchone()
    assert row is not None
    return int(row[0])


def test_the_jobs_after_one_that_fails_do_their_work(
    service: TransitionService, connection: psycopg.Connection[Any], refused: int
) -> None:
    with pytest.raises(MaintenanceFailed, match=f"keeping sketches failed: RaiseException: {REFUSED}") as raised:
        maintain_once(service.store, lambda _: None)

    assert raised.value.reached == {
        "partitions": 1, "sketched_to": None, "summed_to": refused, "sealed_to": refused,
    }  # fmt: skip
    assert list(raised.value.failures) == ["sketched_to"]
    done = run_program("maintain", "--once", "--json", "--dsn", service.dsn)
    assert (done.status, json.loads(done.stdout)) == (1, raised.value.reached)
    assert done.stderr.startswith(f"sojourn: keeping sketches failed: RaiseException: {REFUSED}")
    connection.execute("DROP FUNCTION public.refuse CASCADE")
    assert maintain_once(service.store, lambda _: None)["sketched_to"] == refused


def test_what_keeps_a_job_from_its_work_is_logged_once(
    service: TransitionService, refused: int, caplog: pytest.LogCaptureFixture
) -> None:
    rounds, stopped = [], threading.Event()

    def step(text: str) -> None:
        if text == "adding partitions":
            rounds.append(text)
        if len(rounds) == 3:
            stopped.set()

    with caplog.at_level(logging.WARNING, logger="sojourn.maintenance"):
        maintain(service.store, stopped, step, pause_seconds=0.001)

    (message,) = caplog.messages
    assert message.startswith(f"keeping sketches waits: RaiseException: {REFUSED}")


def test_the_statistics_of_the_whole_log_are_collected_as_it_grows(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    """Given partitions whose statistics autovacuum has collected, which it never does for the whole."""

    def estimate() -> int:
        row = connection.execute(
            "SELECT reltuples FROM pg_class WHERE oid = 'sojourn.stored_event'::regclass"
        ).fetchone()
        assert row is not None
        return int(row[0])

    register(service, *(f"t{number}" for number in range(50)))
    connection.execute("ANALYZE sojourn.stored_event_1")
    maintain_once(service.store, lambda _: None)
    assert estimate() == 50

    register(service, "one")
    connection.execute("ANALYZE sojourn.stored_event_1")
    maintain_once(service.store, lambda _: None)
    assert estimate() == 50

    register(service, *(f"u{number}" for number in range(50)))
    connection.execute("ANALYZE sojourn.stored_event_1")
    maintain_once(service.store, lambda _: None)
    assert estimate() == 101
