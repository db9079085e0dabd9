"""Every connection sets what it relies on: neither settings of the database nor objects of others change an answer."""

from collections.abc import Iterator
from pathlib import Path
from select import select
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier, Literal

from application.maintain.rebuild import rebuild_projections
from application.maintain.tokens import Scope, create_token
from application.transition_service import TransitionService
from infrastructure.log.subscription import Subscription
from interfaces.http.app import create_app
from sojourn.errors import DatabaseNotUtf8, DatabaseReadOnly, StatementCancelled, UnknownEntity
from tests.support.agreement import assert_agreement, rows
from tests.support.attempts import attempt, register, status
from tests.support.command_line import run
from tests.support.databases import Server
from tests.support.every_question import OTHERS, QUESTIONS, ask_everything, command_names, fill
from tests.support.waiting import wait_for
from tests.support.writing_calls import CALLS, begin

HOSTILE = Path(__file__).parent.parent / "support" / "sql" / "hostile_public.sql"

ODD = {
    "DateStyle": "SQL, DMY",
    "IntervalStyle": "sql_standard",
    "TimeZone": "Asia/Kolkata",
    "client_encoding": "LATIN1",
    "extra_float_digits": "-15",
    "bytea_output": "escape",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "standard_conforming_strings": "off",
    "escape_string_warning": "off",
    "quote_all_identifiers": "on",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "lock_timeout": "1h",
    "search_path": "nowhere",
}
"""Settings that a database or a role may have."""

pytestmark = [pytest.mark.fresh_database, pytest.mark.security]


def configure(dsn: str, settings: dict[str, str]) -> None:
    """Give a database other settings, which its new connections begin with."""
    name = Identifier(str(conninfo_to_dict(dsn)["dbname"]))
    with psycopg.connect(dsn, autocommit=True) as connection:
        for setting, value in settings.items():
            statement = SQL("ALTER DATABASE {} SET {} = {}")
            value_ = SQL(value) if setting == "search_path" else Literal(value)
            connection.execute(statement.format(name, SQL(".").join(map(Identifier, setting.split("."))), value_))


def plain(dsn: str) -> psycopg.Connection[Any]:
    """Return a connection of the test's own, in autocommit, that no setting of the database changes."""
    options = "-c search_path=pg_catalog -c DateStyle=ISO -c TimeZone=UTC"
    return psycopg.connect(dsn, autocommit=True, options=options, client_encoding="UTF8")


@pytest.fixture(scope="module")
def hostile_template(server: Server) -> Iterator[str]:
    """Yield the name of a database with the schema, whose public has a raising namesake of everything."""
    name = f"{server.template}_hostile"
    make_hostile(server.create(name, server.template))
    yield name
    server.drop(name)


@pytest.fixture
def hostile(server: Server, hostile_template: str) -> Iterator[str]:
    """Yield the DSN of a hostile database of its own, in which public stands before pg_catalog."""
    name = f"{hostile_template}_copy"
    dsn = server.create(name, hostile_template)
    configure(dsn, {"search_path": "public, pg_catalog"})
    yield dsn
    server.drop(name)


def make_hostile(dsn: str) -> None:
    """Create a namesake of everything that raises when it is used."""
    with plain(dsn) as connection:
        connection.execute(HOSTILE.read_bytes())


def is_ended(idle: psycopg.Connection[Any]) -> bool:
    """Return whether the server has ended a connection, without using it."""
    return bool(select([idle], [], [], 0)[0])


def settings_of(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Return the settings of a session, as the server itself shows them."""
    shown = ((name, connection.execute(SQL("SHOW {}").format(Identifier(name))).fetchone()) for name in ODD)
    return {name: str(value and value[0]) for name, value in shown}


def test_every_command_is_asked_here_or_writes() -> None:
    assert {words[0] for words in QUESTIONS} | OTHERS >= command_names()


class TestPublic:
    def test_hostile_objects_are_run_without_a_search_path(self, hostile: str) -> None:
        """Otherwise the tests below would show nothing."""
        with psycopg.connect(hostile) as connection:
            for statement in (b"SELECT 1 = 1", b"SELECT clock_timestamp()", b"SELECT hashtextextended('a', 1::bigint)"):
                with pytest.raises(psycopg.Error, match="was run"), connection.transaction():
                    connection.execute(statement)

    def test_no_write_runs_it(self, hostile: str, tmp_path: Path) -> None:
        with TransitionService.connect(hostile) as service:
            begin(service)
            for name, call in CALLS.items():
                call(service, command_id=f"command {name}")
                call(service, command_id=f"command {name}")
            service.recover()
            service.limit_concurrency("gpu", 1)
            create_token(service.store, "a", Scope.READ)
            rebuild_projections(service.store, lambda _: None)
            (tmp_path / "more.jsonl").write_text(
                '{"entity":"task","id":"n","event":"registered","workflow":"w","at":"2026-01-01T00:00:00Z"}\n'
            )
            for command in (("import", "jsonl", str(tmp_path / "more.jsonl")), ("heartbeat", "bob"), ("setup",)):
                assert run(service, *command).exit_code == 0
        with plain(hostile) as connection:
            assert_agreement(connection)

    def test_no_question_runs_it(self, hostile: str, tmp_path: Path) -> None:
        with TransitionService.connect(hostile) as service:
            fill(service, tmp_path)
            assert ask_everything(service, tmp_path / "answers")
            with TestClient(create_app(service), "http://127.0.0.1") as client:
                for path in ("/readyz", "/metrics", "/api/v3/audit", "/api/v3/status/task:t", "/api/v3/orphans"):
                    assert client.get(path).status_code == 200, path

    def test_no_follower_runs_it_and_its_consumer_finds_its_own_tables(self, hostile: str) -> None:
        with TransitionService.connect(hostile) as service:
            register(service, "t1")
        configure(hostile, {"search_path": "mine, public, pg_catalog"})
        with plain(hostile) as connection:
            connection.execute("CREATE SCHEMA mine CREATE TABLE seen (entity pg_catalog.text)")

        def consume(connection: psycopg.Connection[Any], events: Any) -> None:
            for event in events:
                connection.execute("INSERT INTO seen VALUES (%s)", [str(event.entity)])

        assert Subscription(hostile, "follower", consume).catch_up() == 1
        with plain(hostile) as connection:
            assert rows(connection, "SELECT entity FROM mine.seen") == [{"entity": "task:t1"}]

    def test_setup_does_not_run_it(self, empty_dsn: str) -> None:
        make_hostile(empty_dsn)
        configure(empty_dsn, {"search_path": "public, pg_catalog"})
        with TransitionService.connect(empty_dsn) as service:
            register(service, "t1")
            assert status(service, "task:t1") == ["REGISTERING"]

    def test_another_role_cannot_offer_a_function_that_fits_better(self, dsn: str) -> None:
        """Given a role that may create in public, as every role could before PostgreSQL 15, and the usual path."""
        with plain(dsn) as connection:
            connection.execute(
                """
                GRANT CREATE ON SCHEMA public TO pg_monitor;
                SET ROLE pg_monitor;
                CREATE FUNCTION public.hashtextextended(text, integer) RETURNS bigint LANGUAGE plpgsql
                AS $$ BEGIN RAISE EXCEPTION 'stolen by %', current_user; END $$;
                """
            )
        with TransitionService.connect(dsn) as service:
            register(service, "t1")
            assert service.transition_task("t1", "QUEUED", command_id="c1")["error"] is None


class TestSettings:
    def test_change_no_answer(self, dsn: str, tmp_path: Path) -> None:
        with TransitionService.connect(dsn) as service:
            fill(service, tmp_path)
        configure(dsn, {"sojourn.as_of": "2026-01-31T09:00:00Z"})
        with TransitionService.connect(dsn) as service:
            before = ask_everything(service, tmp_path / "before")
        configure(dsn, ODD)

        with TransitionService.connect(dsn) as service:
            after = ask_everything(service, tmp_path / "after")

        assert {name for name in before if before[name] != after[name]} == set()
        assert before.keys() == after.keys()

    def test_change_nothing_that_is_written(self, dsn: str) -> None:
        configure(dsn, ODD)
        with TransitionService.connect(dsn) as service:
            begin(service)
            for call in CALLS.values():
                call(service)
            rebuild_projections(service.store, lambda _: None)
        with plain(dsn) as connection:
            assert_agreement(connection)

    def test_a_time_out_of_idle_sessions_does_not_count(self, dsn: str) -> None:
        configure(dsn, {"idle_session_timeout": "1s"})
        with TransitionService.connect(dsn) as service, psycopg.connect(dsn, autocommit=True) as idle:
            register(service, "t1")
            wait_for(lambda: is_ended(idle))
            assert service.transition_task("t1", "QUEUED")["error"] is None

    def test_a_read_only_default_is_a_clear_error(self, dsn: str) -> None:
        with TransitionService.connect(dsn) as service:
            register(service, "t1")
            attempt(service, "t1")
        configure(dsn, {"default_transaction_read_only": "on"})

        with TransitionService.connect(dsn) as service:
            for call in (
                lambda: service.transition_task_instance("t1/1", "DONE"),
                lambda: service.transition_task_instances(["t1/1"], "DONE"),
                lambda: service.transition_task_instance("t1/1", "DONE", command_id="c"),
                lambda: register(service, "t2"),
            ):
                with pytest.raises(DatabaseReadOnly, match=r"takes no writes .*default_transaction_read_only to off"):
                    call()
            assert status(service, "task:t1") == ["RUNNING"]

    def test_a_statement_timeout_is_a_clear_error(self, dsn: str, connection: psycopg.Connection[Any]) -> None:
        with TransitionService.connect(dsn) as service:
            register(service, "t1")
        configure(dsn, {"statement_timeout": "200ms"})
        with TransitionService.connect(dsn) as service, connection.transaction():
            connection.execute("LOCK TABLE sojourn.task")

            with pytest.raises(StatementCancelled, match=r"statement timeout.*raise statement_timeout"):
                service.transition_task("t1", "QUEUED")


class TestTheCallersConnection:
    """A connection of the caller's has settings of its own: calls do not depend on them, and put them back."""

    @pytest.fixture
    def caller(self, hostile: str) -> Iterator[psycopg.Connection[Any]]:
        """Yield a connection with odd settings, before whose pg_catalog stand hostile objects."""
        configure(hostile, ODD | {"search_path": "public, pg_catalog"})
        with psycopg.connect(hostile) as connected:
            yield connected

    @pytest.fixture
    def begun(self, hostile: str) -> Iterator[TransitionService]:
        with TransitionService.connect(hostile) as service:
            yield begin(service)

    @pytest.mark.parametrize("autocommit", [False, True])
    def test_in_a_transaction_and_in_autocommit(
        self, begun: TransitionService, caller: psycopg.Connection[Any], hostile: str, autocommit: bool
    ) -> None:
        caller.autocommit = autocommit
        before = settings_of(caller)
        for name, call in CALLS.items():
            call(begun, connection=caller, command_id=name, reason="é")
            assert settings_of(caller) == before, name
            call(begun, connection=caller, command_id=name, reason="é")
        caller.commit()

        assert settings_of(caller) == before
        with plain(hostile) as connection:
            assert_agreement(connection)

    def test_a_call_that_fails_puts_them_back_too(
        self, begun: TransitionService, caller: psycopg.Connection[Any]
    ) -> None:
        before = settings_of(caller)
        with pytest.raises(UnknownEntity):
            begun.create_task_instances({"x": "nowhere"}, connection=caller)
        assert settings_of(caller) == before
        with caller.transaction(force_rollback=True):
            begun.transition_tasks(["t2"], "QUEUED", connection=caller)
        assert settings_of(caller) == before

    def test_what_the_caller_set_for_its_transaction_stays_so(
        self, begun: TransitionService, caller: psycopg.Connection[Any]
    ) -> None:
        before = settings_of(caller)
        caller.execute("SET LOCAL TimeZone = 'Europe/Paris'")
        begun.transition_tasks(["t2"], "QUEUED", connection=caller)
        assert settings_of(caller)["TimeZone"] == "Europe/Paris"
        caller.commit()
        assert settings_of(caller) == before

    def test_reading_of_arrays(self, begun: TransitionService, caller: psycopg.Connection[Any]) -> None:
        assert begun.arrays.max_concurrently_running_of("w", "12", connection=caller) == {"max_concurrently_running": 7}
        assert len(begun.arrays.batch("1", 1, connection=caller)) == 2


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "EUC_JP"])
def test_a_database_with_another_encoding_is_refused(server: Server, encoding: str) -> None:
    name = f"{server.template}_{encoding.lower()}"
    server.drop(name)
    server.execute(f"CREATE DATABASE {{}} TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'", name)
    dsn = server.database(name)
    try:
        with pytest.raises(DatabaseNotUtf8, match=f"{name}' has the encoding {encoding}, not UTF8; create") as refused:
            TransitionService.connect(dsn)
        assert (refused.value.database, refused.value.encoding) == (name, encoding)
        with psycopg.connect(dsn) as connection:
            assert rows(connection, "SELECT to_regnamespace('sojourn')::text AS schema") == [{"schema": None}]
    finally:
        server.drop(name)
