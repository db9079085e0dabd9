"""What Sojourn logs, on a real server."""

import json
import logging
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from application.maintain.rebuild import rebuild_projections
from application.transition_service import TaskSpec, TransitionService
from tests.support.attempts import attempt, register

pytestmark = pytest.mark.one_server


@pytest.fixture(autouse=True)
def everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="sojourn")


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, int, str]]:
    """What Sojourn has logged; the pool of connections has a logger of its own."""
    return [record for record in caplog.record_tuples if record[0].startswith("sojourn.")]


def test_a_call_that_meets_nobody_logs_nothing(service: TransitionService, caplog: pytest.LogCaptureFixture) -> None:
    register(service, "t")
    attempt(service, "t")

    assert logged(caplog) == []


@pytest.mark.fresh_database  # a rebuild replaces the tables
def test_a_rebuild(service: TransitionService, caplog: pytest.LogCaptureFixture) -> None:
    register(service, "t", "u")

    rebuild_projections(service.store, lambda step: None)

    began, ended = logged(caplog)
    assert began == ("sojourn.rebuild", logging.INFO, "the projections are rebuilt from the log")
    assert ended[2].startswith("the projections are rebuilt: 2 events in ")


def test_a_lost_connection(
    service: TransitionService, connection: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    with service.store.session() as used:
        pid = used.info.backend_pid
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        with pytest.raises(psycopg.OperationalError):
            used.execute("SELECT")

    assert logged(caplog) == [
        (
            "sojourn.connection", logging.WARNING,
            "a connection to the database was lost; the others of the pool are replaced",
        )
    ]  # fmt: skip


def test_a_recovery_and_a_lapse(service: TransitionService, caplog: pytest.LogCaptureFixture) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=1)
    service.heartbeat("r", 60, occurred_at=long_ago)
    service.register_tasks("w", [TaskSpec("t")], "pynenc", occurred_at=long_ago)
    service.transition_task("t", "PENDING", "r", occurred_at=long_ago)
    service.recover(dry_run=True)
    assert logged(caplog) == []

    recovered = service.recover()

    since = (long_ago + timedelta(seconds=60)).isoformat()
    (task,) = recovered["recovered"]
    assert [(name, level) for name, level, _ in logged(caplog)] == [
        ("sojourn.recovery", logging.INFO), ("sojourn.lease", logging.INFO),
    ]  # fmt: skip
    messages = [message for *_, message in logged(caplog)]
    assert messages[0] == f"recovered task:t: PENDING -> {task['to']}, {task['reason']}"
    assert messages[1] == f"runner:r has been silent since {since}"


def test_runners_and_task_instances_that_are_back(service: TransitionService, caplog: pytest.LogCaptureFixture) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=1)
    register(service, "t")
    attempt(service, "t")
    service.heartbeat("r", 60, occurred_at=long_ago)
    service.heartbeat_task_instances({"t/1": long_ago + timedelta(minutes=1)}, occurred_at=long_ago)
    assert logged(caplog) == []

    service.heartbeat("r", 60)
    service.heartbeat_task_instances(["t/1"])

    since = (long_ago + timedelta(seconds=60)).isoformat()
    assert [message for *_, message in logged(caplog)] == [
        f"runner:r is back after a silence since {since}",
        "ti:t/1 is back after a silence",
    ]


def test_refused_reports(service: TransitionService, caplog: pytest.LogCaptureFixture) -> None:
    register(service, "t", "u")
    attempt(service, "t", "u")
    service.transition_task_instance("t/1", "QUEUED")
    service.transition_task_instances(["t/1", "u/1"], "QUEUED")

    assert logged(caplog) == [
        ("sojourn.report", logging.INFO, "refused ti:t/1 -> QUEUED: rule invalid-transition"),
        ("sojourn.report", logging.INFO, "refused 2 of 2"),
    ]


def test_a_retry_while_others_hold_a_row(
    service: TransitionService, connection: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    register(service, "t")
    attempt(service, "t")

    with connection.transaction():
        connection.execute("SELECT FROM sojourn.task WHERE task_id = 't' FOR UPDATE")
        answer = service.transition_task_instance("t/1", "DONE", max_retries=2)

    assert answer["error"] == "max_retries_exceeded"
    ((name, level, message),) = logged(caplog)
    assert (name, level) == ("sojourn.retry", logging.DEBUG)
    assert message.endswith("is held by others (SQLSTATE 55P03): attempt 1 of 2")


@pytest.mark.fresh_database  # a rebuild replaces the tables
def test_no_message_has_the_password(
    service: TransitionService, connection: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    """The server of the tests asks for no password, so that any one will do."""
    secret = "s3cret-word"
    dsn = psycopg.conninfo.make_conninfo(service.dsn, password=secret)
    with TransitionService.connect(dsn) as other:
        with other.store.session() as used:
            connection.execute("SELECT pg_terminate_backend(%s, 5000)", [used.info.backend_pid])
            with pytest.raises(psycopg.OperationalError):
                used.execute("SELECT")
        rebuild_projections(other.store, lambda step: None)

    assert len(logged(caplog)) == 3
    assert secret not in caplog.text


@pytest.mark.parametrize(("options", "lines"), [((), 0), (("-v",), 2), (("-vv",), 2)])
@pytest.mark.fresh_database  # a rebuild replaces the tables
def test_the_command_line_logs_to_stderr_where_it_is_asked_to(dsn: str, options: tuple[str, ...], lines: int) -> None:
    command = [sys.executable, "-m", "sojourn", *options, "rebuild", "--dsn", dsn, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert json.loads(done.stdout)["events"] == 0
    assert len([line for line in done.stderr.splitlines() if " INFO sojourn.rebuild: " in line]) == lines
