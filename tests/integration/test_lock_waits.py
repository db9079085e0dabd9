"""Every wait for a lock has an end, and its error names the holder of the lock: real transactions that stay open."""

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient

from application.cases.bundle import bundle_workflow
from application.cases.opened_case import open_case
from application.maintain import rebuild
from application.maintain.tokens import Scope, create_token
from application.replay.verify import verify_log
from application.shared.retry import between_attempts
from application.shared.store import schema
from application.transition_service import TransitionService
from infrastructure.database.settings import HttpSettings, InvalidSetting
from infrastructure.database.start_lock import start_lock
from infrastructure.errors import LockTimeout, RetriesExhausted
from infrastructure.log import settling
from infrastructure.log.commit_listener import connect_listener
from infrastructure.log.subscription import Subscription
from infrastructure.schema import migration
from interfaces.http.app import create_app
from tests.support.agreement import rows
from tests.support.attempts import attempt, register
from tests.support.command_line import run_on
from tests.support.concurrently import at_once
from tests.support.databases import Server
from tests.support.waiting import wait_for
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


@pytest.fixture
def hasty(dsn: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[TransitionService]:
    """Yield a service whose statements wait for a lock for a fifth of a second."""
    monkeypatch.setenv("SOJOURN_LOCK_TIMEOUT", "200ms")
    with TransitionService.connect(dsn) as service:
        yield service


class TestEveryConnection:
    def test_has_a_bound(self, service: TransitionService) -> None:
        assert bounds_of(service) == ["10s"] * 3

    def test_has_the_bound_that_is_set(self, hasty: TransitionService) -> None:
        assert bounds_of(hasty) == ["200ms"] * 3

    @pytest.mark.parametrize("value", ["0", "soon", "-1s"])
    def test_cannot_be_without_one(self, monkeypatch: pytest.MonkeyPatch, dsn: str, value: str) -> None:
        monkeypatch.setenv("SOJOURN_LOCK_TIMEOUT", value)

        with pytest.raises(InvalidSetting, match=r"SOJOURN_LOCK_TIMEOUT .* is not a duration like 500ms or 10s"):
            TransitionService.connect(dsn)


def bounds_of(service: TransitionService) -> list[Any]:
    with (
        service.store.database.connection() as pooled,
        service.store.database.dedicated() as dedicated,
        connect_listener(service.dsn) as listener,
    ):
        return [used.execute("SHOW lock_timeout").fetchall()[0][0] for used in (pooled, dedicated, listener)]


CHANGES: dict[str, tuple[str, Call, str]] = {
    "a limit": (
        "UPDATE sojourn.slot_limit SET slots = 2",
        lambda service: service.limit_concurrency("gpu", 3),
        "the limit of tag 'gpu'",
    ),
    "no limit": (
        "UPDATE sojourn.slot_limit SET slots = 2",
        lambda service: service.limit_concurrency("gpu", None),
        "the limit of tag 'gpu'",
    ),
    "a new limit": (
        "INSERT INTO sojourn.slot_limit VALUES ('cpu', 1)",
        lambda service: service.limit_concurrency("cpu", 3),
        "the limit of tag 'cpu'",
    ),
    "a runner's heartbeat": (
        "UPDATE sojourn.lease SET report_by = report_by",
        lambda service: service.heartbeat("ann", max_retries=1),
        "the lease of runner 'ann'",
    ),
    "a runner's first heartbeat": (
        "INSERT INTO sojourn.lease VALUES ('runner:bob', 'w', now(), now(), now())",
        lambda service: service.heartbeat("bob", max_retries=1),
        "the lease of runner 'bob'",
    ),
    "heartbeats": (
        "UPDATE sojourn.lease SET report_by = report_by",
        lambda service: service.heartbeat_task_instances(["t1/1"], max_retries=1),
        "a task instance of this call",
    ),
    "a registration": (
        "INSERT INTO sojourn.event (stream, version, name, workflow_id, recorded_at, entered_at, data) "
        "SELECT 'task:t9', 1, name, workflow_id, now(), now(), data FROM sojourn.event "
        "WHERE name = 'task.registered.v1' LIMIT 1",
        lambda service: register(service, "t9"),
        "a task",
    ),
    "a lifecycle": (
        "INSERT INTO sojourn.lifecycle SELECT 'slurm', version, definition FROM sojourn.lifecycle LIMIT 1",
        lambda service: service.register_tasks("w", [], "slurm"),
        "lifecycle 'slurm'",
    ),
    "an array": (
        "SELECT FROM sojourn.array FOR NO KEY UPDATE",
        lambda service: service.arrays.queue_task_batch("1", ["t2"], max_retries=1),
        "array '1' or what it queues",
    ),
    "a token": (
        "INSERT INTO sojourn.token (name, scope, sha256) VALUES ('ann', 'read', sha256('x'))",
        lambda service: create_token(service.store, "ann", Scope.READ),
        "token 'ann'",
    ),
    "a status": (
        "LOCK TABLE sojourn.task IN ACCESS EXCLUSIVE MODE",
        lambda service: service.status("task:t1"),
        "what the answer is read from",
    ),
    "a difference": (
        "LOCK TABLE sojourn.stored_event IN ACCESS EXCLUSIVE MODE",
        lambda service: service.diff(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)),
        "what the answer is read from",
    ),
    "a verification": (
        "LOCK TABLE sojourn.stored_event IN ACCESS EXCLUSIVE MODE",
        lambda service: verify_log(service.store),
        "the log",
    ),
}


@pytest.mark.parametrize(("statement", "call", "what"), CHANGES.values(), ids=CHANGES)
def test_whoever_waits_in_vain_gets_an_error_that_names_the_holder(
    hasty: TransitionService, dsn: str, statement: str, call: Call, what: str
) -> None:
    begin(hasty)
    hasty.limit_concurrency("gpu", 1)
    hasty.heartbeat("ann", 600)
    hasty.heartbeat_task_instances(["t1/1"], 600)

    with open_transaction(dsn) as other:
        other.execute(statement.encode())
        with pytest.raises((LockTimeout, RetriesExhausted)) as raised:
            call(hasty)

        assert isinstance(raised.value, LockTimeout | RetriesExhausted)
        assert str(raised.value).startswith(f"{what} is locked by others ({named(other)}")
        assert [holder.pid for holder in raised.value.holders] == [other.info.backend_pid]
    call(hasty)


def test_a_command_prints_the_sentence(hasty: TransitionService, dsn: str) -> None:
    hasty.limit_concurrency("gpu", 1)

    with open_transaction(dsn) as other:
        other.execute("UPDATE sojourn.slot_limit SET slots = 2")
        done = run_on(dsn, "slots", "gpu", "--limit", "3")

        assert (done.status, done.stdout) == (2, "")
        assert done.stderr.startswith(f"sojourn: the limit of tag 'gpu' is locked by others ({named(other)}")


def test_a_request_is_answered_503_with_retry_after(hasty: TransitionService, dsn: str) -> None:
    register(hasty, "t1")

    with TestClient(create_app(hasty), "http://127.0.0.1") as client, open_transaction(dsn) as other:
        other.execute("LOCK TABLE sojourn.task IN ACCESS EXCLUSIVE MODE")
        answer = client.get("/api/v3/status/task:t1")

        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert named(other) in answer.json()["detail"]


def test_a_role_that_may_not_see_the_session_sees_its_process(
    hasty: TransitionService, dsn: str, connection: psycopg.Connection[Any]
) -> None:
    """The state of another role's session is for members of pg_read_all_stats."""
    register(hasty, "t1")

    with open_transaction(dsn) as other, connection.transaction(force_rollback=True):
        other.execute("SELECT FROM sojourn.task FOR NO KEY UPDATE")
        connection.execute("SET LOCAL ROLE sojourn_writer")
        with between_attempts(lambda _: None), pytest.raises(RetriesExhausted) as raised:
            hasty.create_task_instances({"t1/1": "t1"}, connection=connection)

        assert f"pid {other.info.backend_pid}" in str(raised.value)
        assert [(holder.state, holder.since) for holder in raised.value.holders] == [(None, None)]


class TestARebuild:
    pytestmark = pytest.mark.fresh_database

    def test_names_the_writer_that_does_not_end(
        self, service: TransitionService, dsn: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(settling, "NAMED_AFTER_SECONDS", 0.0)
        register(service, "t1", "t2")
        steps: list[str] = []

        with open_transaction(dsn) as other:
            service.gate_tasks_for_queueing(["t1"], connection=other)
            with pytest.raises(LockTimeout) as raised:
                rebuild.rebuild_projections(service.store, steps.append, wait_seconds=0.3)

            assert str(raised.value).startswith(f"the log is locked by others ({named(other)}")
            assert steps[1].startswith(f"waiting for others ({named(other)}")
        assert service.gate_tasks_for_queueing(["t1"])["gated"] == ["t1"]
        assert rebuild.rebuild_projections(service.store, steps.append)["events"] == 3

    def test_does_not_wait_for_transactions_that_do_not_write_to_the_log(
        self, service: TransitionService, dsn: str, server: Server
    ) -> None:
        register(service, "t1")

        with open_transaction(dsn) as here, open_transaction(server.dsn) as elsewhere:
            for other in (here, elsewhere):
                other.execute("SELECT pg_current_xact_id()")
            assert rebuild.rebuild_projections(service.store, lambda _: None, wait_seconds=0)["events"] == 1

    def test_names_the_reader_that_prevents_the_swap(
        self, service: TransitionService, dsn: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rebuild, "SWAPS", 1)
        register(service, "t1")

        with open_transaction(dsn) as reader:
            reader.execute("SELECT FROM sojourn.task_status_audit")
            with pytest.raises(rebuild.SwapPrevented) as raised:
                rebuild.rebuild_projections(service.store, lambda _: None)

            assert str(raised.value).startswith(f"the tables are in use by others ({named(reader)}")

    def test_names_the_other_rebuild(self, service: TransitionService, dsn: str) -> None:
        with open_transaction(dsn) as other, open_transaction(dsn) as unrelated:
            unrelated.execute("SELECT FROM sojourn.task FOR NO KEY UPDATE")
            other.execute("SELECT pg_advisory_lock(%s)", [rebuild.LOCK])
            with pytest.raises(rebuild.RebuildRunning) as raised:
                rebuild.rebuild_projections(service.store, lambda _: None)

            assert [holder.pid for holder in raised.value.holders] == [other.info.backend_pid]


class TestAMigration:
    pytestmark = pytest.mark.fresh_database

    def test_names_the_other_migration(self, dsn: str) -> None:
        with open_transaction(dsn) as other, psycopg.connect(dsn, autocommit=True) as connection:
            other.execute("SELECT pg_advisory_xact_lock(%s)", [migration.LOCK])
            with pytest.raises(LockTimeout) as raised:
                migration.migrate(connection, schema(), wait_seconds=0.2)

            assert str(raised.value).startswith(f"the schema is locked by others ({named(other)}")
            assert rows(connection, "SHOW lock_timeout") == [{"lock_timeout": "0"}]

    def test_names_the_reader_of_a_view_that_it_replaces(self, hasty: TransitionService, dsn: str) -> None:
        with open_transaction(dsn) as reader, hasty.store.database.dedicated() as connection:
            connection.execute("DELETE FROM sojourn.migration WHERE name = 'objects'")
            reader.execute("SELECT FROM sojourn.current_task")
            with pytest.raises(LockTimeout) as raised:
                migration.migrate(connection, schema())

            assert [holder.pid for holder in raised.value.holders] == [reader.info.backend_pid]
            reader.rollback()
            migration.migrate(connection, schema())


def test_opening_a_case_names_the_process_that_loads_it(service: TransitionService, dsn: str, tmp_path: Path) -> None:
    register(service, "t1")
    path = tmp_path / "w.case"
    digest = bundle_workflow(service.store, "w", path)["digest"][:16]

    with open_transaction(dsn) as other:
        other.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"case_{digest}"])
        with pytest.raises(LockTimeout) as raised:
            open_case(service.store.database, path, wait_seconds=0.2)

        assert str(raised.value).startswith(f"case '{digest}' is locked by others ({named(other)}")


class TestASubscription:
    @pytest.fixture
    def subscription(self, hasty: TransitionService) -> Subscription:
        """A subscription that has read one event."""
        register(hasty, "t1")
        subscription = Subscription(hasty.dsn, "mail", lambda _connection, _events: None)
        assert subscription.catch_up() == 1
        return subscription

    def test_names_the_consumer_that_does_not_end(self, subscription: Subscription, dsn: str) -> None:
        with open_transaction(dsn) as other:
            other.execute("SELECT FROM sojourn.checkpoint FOR NO KEY UPDATE")
            with pytest.raises(LockTimeout) as raised:
                subscription.catch_up()

            assert str(raised.value).startswith(
                f"the checkpoint of subscription 'mail' is locked by others ({named(other)}"
            )

    def test_goes_on_waiting_until_it_is_stopped(
        self, subscription: Subscription, dsn: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        with open_transaction(dsn) as other, caplog.at_level(logging.WARNING, "sojourn.subscription"):
            other.execute("SELECT FROM sojourn.checkpoint FOR NO KEY UPDATE")
            thread = threading.Thread(target=subscription.run)
            thread.start()
            wait_for(lambda: any(named(other) in record.getMessage() for record in caplog.records))
            subscription.stop()
            thread.join(60)

            assert not thread.is_alive()


HOLD = """
import fcntl, os, sys
fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def test_starting_the_embedded_server_names_the_process_that_starts_it(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"

    with pytest.raises(LockTimeout) as raised, start_lock(tmp_path, 0.2):
        pass
    holder.communicate()

    named = f"the embedded server of {str(tmp_path)!r} is locked by others (pid {holder.pid})"
    assert str(raised.value).startswith(named)
    with start_lock(tmp_path, 60):
        pass
