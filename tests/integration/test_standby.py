"""Reading from a streaming standby: commands and routes ask it, and say how far behind it is."""

import json
from pathlib import Path

import psycopg
import pytest
from starlette.testclient import TestClient

from application.shared.standby import BehindSeconds, read_behind_seconds
from application.transition_service import TransitionService
from interfaces.cli.read_dsn import READING as READ_COMMANDS
from interfaces.http.app import create_app
from tests.support.attempts import attempt, register
from tests.support.command_line import run_program
from tests.support.every_command import OF_A_SEALED_LOG, READING, arguments, leaf_commands
from tests.support.own_server import OwnServer, own_server
from tests.support.waiting import wait_for

pytestmark = pytest.mark.one_server  # the system's: only it can have a standby

NOT_READ = {"slots", "token list"}
"""They belong to what writes: limits, and access to it."""


def test_every_reading_command_has_the_option() -> None:
    assert (READING.keys() | OF_A_SEALED_LOG.keys()) - NOT_READ == READ_COMMANDS
    for name in leaf_commands():
        assert ("--read-dsn" in run_program(*name.split(), "--help").stdout) == (name in {*READ_COMMANDS, "serve"}), (
            name
        )


def test_a_standby_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sla.toml").write_text('[[limit]]\nstatus = "RUNNING"\nmax_duration = "2h"\n')
    with own_server() as primary, TransitionService.connect(primary.dsn) as service, primary.standby() as standby:
        register(service, "t1")
        attempt(service, "t1")
        wait_for(lambda: has_replayed(primary, standby))
        monkeypatch.setenv("SOJOURN_DSN", primary.dsn)
        monkeypatch.setenv("SOJOURN_READ_DSN", standby.dsn)

        for name in ("audit", "bundle", "lifecycle list", "list tasks", "orphans", "replay", "verify", "why"):
            done = run_program(*arguments(READING, name, tmp_path))
            assert done.status == 0, (name, done)
            assert "A standby answers; it is at most " in done.stderr, name
        status = run_program("status", "task:t1", "--json")
        assert json.loads(status.stdout)["behind_seconds"] >= 0
        assert json.loads(status.stdout)["status"] == "RUNNING"
        assert run_program("reset", "--workflow", "w", "--dry-run").status == 0, (
            "a command that writes asks the primary"
        )

        # A DSN that a command names is the one that is meant.
        for asked in (["--dsn", primary.dsn, "status", "task:t1"], ["status", "task:t1", "--dsn", primary.dsn]):
            assert "standby" not in run_program(*asked).stderr
        monkeypatch.delenv("SOJOURN_READ_DSN")
        for asked in (
            ["--read-dsn", standby.dsn, "status", "task:t1"],
            ["status", "task:t1", "--read-dsn", standby.dsn],
        ):
            assert "A standby answers" in run_program(*asked).stderr
        assert "standby" not in run_program("status", "task:t1", "--read-dsn", primary.dsn).stderr

        with (
            TransitionService.connect(standby.dsn) as reader,
            TestClient(create_app(service, reader=reader), "http://127.0.0.1") as client,
        ):
            read = client.get("/api/v3/status/task:t1")
            assert (read.status_code, read.json()["status"]) == (200, "RUNNING")
            assert float(read.headers["Sojourn-Behind-Seconds"]) >= 0
            assert "Sojourn-Behind-Seconds" in client.get("/api/v3/tasks").headers
            written = client.post("/api/v3/task_instance/t1%2F1/transition", json={"to_status": "DONE"})
            assert written.status_code == 200, written.text
            assert "Sojourn-Behind-Seconds" not in written.headers
            wait_for(lambda: has_replayed(primary, standby))
            check_how_far_it_is_behind(service, reader)


def check_how_far_it_is_behind(service: TransitionService, reader: TransitionService) -> None:
    """Given a standby that has replayed everything, and then one that replays nothing more."""
    assert read_behind_seconds(service.store) is None
    assert read_behind_seconds(reader.store) == 0

    with psycopg.connect(reader.dsn, autocommit=True) as connection:
        connection.execute("SELECT pg_wal_replay_pause()")
    register(service, "t2")
    wait_for(lambda: (read_behind_seconds(reader.store) or 0) > 0)
    seconds = iter([0.0, 0.0, 0.5, 1.0, 1.0])
    known = BehindSeconds(reader.store, lambda: next(seconds))
    first = known.read()
    assert first is not None
    assert known.read() == first, "what is younger than a second is not read again"
    assert (known.read() or 0) > first


def has_replayed(primary: OwnServer, standby: OwnServer) -> bool:
    """Return whether the standby has everything that the primary has written."""
    with psycopg.connect(primary.dsn) as ahead, psycopg.connect(standby.dsn) as behind:
        (written,) = ahead.execute("SELECT pg_current_wal_lsn()").fetchone() or (None,)
        row = behind.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", [written]).fetchone()
    return bool(row and row[0])
