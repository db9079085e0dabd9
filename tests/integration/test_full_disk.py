"""A disk that is really full: a clear error, nothing half-stored, and the next call goes on once there is room."""

import secrets
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from fastapi.testclient import TestClient
from psycopg.sql import SQL, Identifier

from application.transition_service import TaskSpec, TransitionService
from interfaces.http.app import create_app
from sojourn.errors import DatabaseExhausted
from tests.support.agreement import assert_agreement, rows
from tests.support.attempts import attempt, ids, register, status
from tests.support.command_line import SOJOURN
from tests.support.disks import SmallDisk, small_disk

pytestmark = pytest.mark.fresh_database

Call = Callable[[TransitionService], object]
LONG = secrets.token_hex(30_000)
"""A reason that takes new pages, also compressed."""

CALLS: dict[str, Call] = {
    "one report": lambda s: s.transition_task_instance("t1/1", "DONE", reason=LONG),
    "one report with a command id": lambda s: s.transition_task_instance("t1/1", "DONE", reason=LONG, command_id="c"),
    "many reports": lambda s: s.transition_task_instances(["t1/1"], "DONE", reason=LONG),
    "registrations": lambda s: s.register_tasks("w", [TaskSpec(name) for name in ids(3_000, "n")]),
}


@pytest.fixture
def disk(connection: psycopg.Connection) -> Iterator[SmallDisk]:
    """Yield a small disk that holds the log of the database."""
    name = Identifier("small_" + rows(connection, "SELECT current_database() AS name")[0]["name"])
    with small_disk(server_user_id(connection)) as disk:
        connection.execute(SQL("CREATE TABLESPACE {} LOCATION {}").format(name, str(disk.folder)))
        connection.execute(SQL("ALTER TABLE sojourn.stored_event_1 SET TABLESPACE {}").format(name))
        try:
            yield disk
        finally:
            connection.execute("ALTER TABLE sojourn.stored_event_1 SET TABLESPACE pg_default")
            connection.execute(SQL("DROP TABLESPACE {}").format(name))


def server_user_id(connection: psycopg.Connection) -> int:
    """Return the id of the user that the server runs as; skip the test where it is on another machine."""
    try:
        backend = psutil.Process(connection.info.backend_pid)
        assert "postgres" in backend.name()
    except (psutil.NoSuchProcess, AssertionError):
        pytest.skip("the server is on another machine")
    return int(backend.uids().effective)


@pytest.fixture
def running(service: TransitionService, disk: SmallDisk) -> TransitionService:
    register(service, "t1")
    attempt(service, "t1")
    disk.fill()
    return service


def events(connection: psycopg.Connection) -> int:
    return int(rows(connection, "SELECT count(*) AS n FROM sojourn.event")[0]["n"])


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_it_is_a_clear_error_and_nothing_is_stored(
    running: TransitionService, disk: SmallDisk, connection: psycopg.Connection, call: Call
) -> None:
    before = events(connection)

    with pytest.raises(
        DatabaseExhausted, match=r"has no disk space left \(could not extend .*\); resolve that"
    ) as full:
        call(running)

    assert full.value.sqlstate == "53100"
    assert events(connection) == before
    disk.free()
    assert_agreement(connection)
    assert status(running, "task:t1") == ["RUNNING"]
    call(running)
    assert events(connection) > before
    assert_agreement(connection)


def test_in_the_callers_transaction_it_undoes_the_call_alone(
    running: TransitionService, disk: SmallDisk, connection: psycopg.Connection, dsn: str
) -> None:
    with psycopg.connect(dsn) as caller:
        caller.execute("CREATE TABLE public.callers (what text)")
        with pytest.raises(DatabaseExhausted):
            running.transition_task_instance("t1/1", "DONE", reason=LONG, connection=caller)
        caller.execute("INSERT INTO public.callers VALUES ('mine')")

    assert rows(connection, "SELECT what FROM public.callers") == [{"what": "mine"}]
    disk.free()
    assert status(running, "task:t1") == ["RUNNING"]


def test_the_command_line_says_it_in_a_sentence(running: TransitionService, tmp_path: Path) -> None:
    line = '{"entity":"task","id":"%s","event":"registered","workflow":"w","at":"2026-01-01T00:00:00Z"}\n'
    (tmp_path / "tasks.jsonl").write_text("".join(line % name for name in ids(3_000, "n")))

    command = [SOJOURN, "import", "jsonl", str(tmp_path / "tasks.jsonl"), "--dsn", running.dsn]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "sojourn: the database has no disk space left (could not extend file" in done.stderr
    assert "Traceback" not in done.stderr


def test_over_http_it_is_a_503_with_a_time_to_try_again(running: TransitionService, disk: SmallDisk) -> None:
    body = {"workflow_id": "w", "tasks": [{"task_id": name} for name in ids(3_000, "n")]}
    with TestClient(create_app(running), "http://127.0.0.1", raise_server_exceptions=False) as client:
        full = client.post("/api/v3/tasks", json=body)
        disk.free()
        again = client.post("/api/v3/tasks", json=body)

    assert (full.status_code, full.json()["type"]) == (503, "urn:sojourn:problem:unavailable")
    assert int(full.headers["Retry-After"]) > 0
    assert (again.status_code, again.json()) == (200, {"registered": 3_000, "existing": 0})
