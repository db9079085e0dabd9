"""Every wait for a lock has an end, and its error names who holds the lock: real transactions that stay open."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient

from application.shared.retry import between_attempts
from application.transition_service import TransitionService
from infrastructure.database.settings import HttpSettings
from infrastructure.errors import RetriesExhausted
from interfaces.http.app import create_app
from tests.support.agreement import rows
from tests.support.attempts import attempt, register
from tests.support.concurrently import at_once
from tests.support.writing_calls import CALLS, Call, begin

SINGLE = ("transition_task", "transition_task_instance")
"""The calls that answer `max_retries_exceeded` instead of raising an error."""


@contextmanager
def open_transaction(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    """Yield a connection named `stuck` whose transaction is open until the end of the block."""
    with psycopg.connect(dsn, application_name="stuck") as other:
        yield other
        other.rollback()


def named(other: psycopg.Connection[Any]) -> str:
    """Return how an error names the session of `other`."""
    return f"pid {other.info.backend_pid}, {other.info.user}, stuck, idle in transaction, its transaction began 20"


class TestACommandThatIsCarriedOutElsewhere:
    @pytest.mark.parametrize("call", [CALLS[name] for name in CALLS if name not in SINGLE])
    def test_is_an_error_that_names_who_carries_it_out(self, service: TransitionService, dsn: str, call: Call) -> None:
        begin(service)

        with open_transaction(dsn) as other:
            call(service, command_id="c1", connection=other)
            with between_attempts(lambda _: None), pytest.raises(RetriesExhausted) as raised:
                call(service, command_id="c1")

            assert str(raised.value).startswith(f"command 'c1' is locked by others ({named(other)}")
            assert [holder.pid for holder in raised.value.holders] == [other.info.backend_pid]

    @pytest.mark.parametrize("call", [CALLS[name] for name in SINGLE])
    def test_is_not_waited_for_by_a_report_of_another_entity(
        self, service: TransitionService, dsn: str, call: Call
    ) -> None:
        begin(service)

        with open_transaction(dsn) as other, between_attempts(lambda _: None):
            service.heartbeat("bob", command_id="c1", connection=other)

            assert call(service, command_id="c1")["error"] == "max_retries_exceeded"  # type: ignore[index]

    def test_in_the_callers_own_transaction_leaves_that_usable(self, service: TransitionService, dsn: str) -> None:
        register(service, "t1", "t2")

        with open_transaction(dsn) as other, psycopg.connect(dsn) as caller, between_attempts(lambda _: None):
            service.gate_tasks_for_queueing(["t1"], command_id="c1", connection=other)
            with pytest.raises(RetriesExhausted, match=named(other)):
                service.gate_tasks_for_queueing(["t1"], command_id="c1", connection=caller)

            assert service.gate_tasks_for_queueing(["t2"], connection=caller)["gated"] == ["t2"]

    def test_leaves_the_connections_of_the_api_to_others(self, dsn: str) -> None:
        settings = HttpSettings(pool_size=4, pool_wait_seconds=60)
        with TransitionService.connect(dsn, max_size=4) as service, open_transaction(dsn) as other:
            register(service, "t1")
            attempt(service, "t1")
            pid = other.info.backend_pid
            other.execute("SELECT pg_advisory_xact_lock(hashtextextended('sojourn.command:c1', 0))")
            with TestClient(create_app(service, settings), "http://127.0.0.1") as client:

                def repeat() -> Any:
                    return client.post(
                        "/api/v3/tasks/reset", json={"task_ids": ["t1"]}, headers={"Idempotency-Key": "c1"}
                    )

                def report() -> Any:
                    return client.post("/api/v3/task_instance/t1/1/transition", json={"to_status": "DONE"})

                *repeated, reported = at_once([*[repeat] * 12, report])

        assert [(answer.status_code, answer.headers["Retry-After"]) for answer in repeated] == [(503, "1")] * 12
        assert f"pid {pid}" in repeated[0].json()["detail"]
        assert reported.json()["task_status"] == "DONE"

    def test_is_answered_once_that_has_ended(
        self, service: TransitionService, dsn: str, connection: psycopg.Connection[Any]
    ) -> None:
        register(service, "t1")

        with open_transaction(dsn) as other:
            first = service.gate_tasks_for_queueing(["t1"], command_id="c1", connection=other)
            with between_attempts(lambda _: other.commit()):
                assert service.gate_tasks_for_queueing(["t1"], command_id="c1") == first

        assert rows(connection, "SELECT num_attempts FROM sojourn.task") == [{"num_attempts": 1}]


def test_a_row_that_stays_locked_names_its_holder(service: TransitionService, dsn: str) -> None:
    register(service, "t1")

    with open_transaction(dsn) as other, between_attempts(lambda _: None):
        other.execute("SELECT FROM sojourn.task FOR NO KEY UPDATE")
        with pytest.raises(RetriesExhausted, match=f"a task is locked by others \\({named(other)}"):
            service.create_task_instances({"t1/1": "t1"})
