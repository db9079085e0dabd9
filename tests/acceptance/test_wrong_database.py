"""A command that gets the wrong DSN creates nothing there, and says that it is not a Sojourn database."""

import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest

from application.transition_service import TransitionService
from domain.errors import SojournError
from infrastructure.schema.schema_errors import SchemaForeign
from tests.support.agreement import rows
from tests.support.attempts import register
from tests.support.command_line import SOJOURN, run_on
from tests.support.every_command import CREATING, OF_A_SEALED_LOG, OTHER, READING, WRITING, arguments, leaf_commands

CONTENTS = """
    SELECT n.nspname AS schema, c.relname AS name
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    UNION ALL
    SELECT n.nspname, NULL FROM pg_namespace AS n
    ORDER BY 1, 2
"""
FOREIGN = {
    "a table": "CREATE TABLE sojourn.event (id integer); INSERT INTO sojourn.event VALUES (7)",
    "a table of migrations": "CREATE TABLE sojourn.migration (id integer, name text)",
    "a view": "CREATE VIEW sojourn.event AS SELECT 7 AS id",
    "a function": "CREATE FUNCTION sojourn.append(jsonb) RETURNS integer LANGUAGE sql AS 'SELECT 7'",
    "a type": "CREATE TYPE sojourn.event AS ENUM ('started')",
}
NOT_SETTING_UP = [(table, name) for table in (READING, OF_A_SEALED_LOG, WRITING) for name in table]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that commands read."""
    (tmp_path / "sla.toml").write_text('[[limit]]\nstatus = "RUNNING"\nmax_duration = "2h"\n')
    (tmp_path / "w.jsonl").write_text(
        '{"entity":"task","id":"t1","event":"registered","at":"2026-01-01T00:00:00Z","workflow":"w","template":"a"}\n'
    )
    return tmp_path


def test_the_tables_have_every_command() -> None:
    """A new command belongs into one of them, so that the tests below try it."""
    tables = (READING, OF_A_SEALED_LOG, WRITING, CREATING)
    known = {name.partition(" --")[0] for table in tables for name in table} | OTHER

    assert leaf_commands() == known


def test_an_empty_database_stays_empty(empty_dsn: str, folder: Path) -> None:
    database = psycopg.conninfo.conninfo_to_dict(empty_dsn)["dbname"]
    before = contents(empty_dsn)

    for table, name in NOT_SETTING_UP:
        done = run_on(empty_dsn, *arguments(table, name, folder))

        assert (done.status, done.stdout) == (2, ""), name
        assert f"database '{database}' is not a Sojourn database; run `sojourn setup`" in done.stderr, name
    assert contents(empty_dsn) == before


@pytest.mark.parametrize("name", sorted(CREATING.keys() - {"serve", "demo"}))
def test_commands_that_begin_a_log_set_it_up(name: str, empty_dsn: str, folder: Path) -> None:
    done = run_on(empty_dsn, *arguments(CREATING, name, folder))

    assert done.status == 0, done
    assert {"schema": "sojourn", "name": "event"} in contents(empty_dsn)


def test_serving_sets_it_up_too(empty_dsn: str) -> None:
    command = [SOJOURN, "serve", "--port", "0", "--dsn", empty_dsn]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline().startswith("Serving on http://127.0.0.1:")
        server.terminate()

    assert {"schema": "sojourn", "name": "event"} in contents(empty_dsn)


@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_schema_of_somebody_elses_stays_as_it_is(foreign: str, empty_dsn: str, folder: Path) -> None:
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA sojourn; {foreign}".encode())
    before = contents(empty_dsn)

    for table, name in [*NOT_SETTING_UP, *((CREATING, name) for name in CREATING)]:
        done = run_on(empty_dsn, *arguments(table, name, folder))

        assert (done.status, done.stdout) == (2, ""), name
        assert "is not Sojourn's: it has " in done.stderr, name
        assert " sojourn." in done.stderr, name
    assert contents(empty_dsn) == before


def test_python_gets_a_typed_error(empty_dsn: str) -> None:
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA sojourn; CREATE TABLE sojourn.event (id integer)")

    with pytest.raises(SchemaForeign, match=r"it has table sojourn\.event; name another database") as caught:
        TransitionService.connect(empty_dsn)

    assert caught.value.contents == ("table sojourn.event",)
    assert isinstance(caught.value, SojournError)


def test_an_empty_schema_of_that_name_is_used(empty_dsn: str) -> None:
    """An administrator creates it for a user who may not create schemas."""
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA sojourn")
    assert run_on(empty_dsn, "status", "task:t1").status == 2

    with TransitionService.connect(empty_dsn) as service:
        register(service, "t1")

    assert run_on(empty_dsn, "status", "task:t1").status == 0


def contents(dsn: str) -> list[dict[str, Any]]:
    with psycopg.connect(dsn) as connection:
        return rows(connection, CONTENTS)
