"""Opening: a case loaded into a database of its own, in which everything can be asked that the original answers.

The database is named by the case's digest, so that a case is loaded once. Positions, versions and times are those of
the original, and what is made of the events is made by the same code. Nothing can be written there, and views answer
as of the end of the case: after that it knows nothing, and an open interval would seem to go on.
"""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypedDict

import psycopg
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from psycopg.errors import DataError, InsufficientPrivilege, IntegrityError
from psycopg.sql import SQL, Identifier, Literal
from psycopg.types.json import Json, Jsonb

from application.cases.case_file import CaseFile, CaseLine, InvalidCase
from application.replay.replay import ignore_progress
from application.shared.progress import Progress
from application.shared.store import schema
from domain.errors import SojournError, UnknownName
from infrastructure.database.migration import SchemaOutdated, ensure_current, migrate
from infrastructure.database.pool import Database
from infrastructure.log.event_log import CHUNK
from infrastructure.sql import query

EVENT_COLUMNS = (
    "position", "stream", "version", "name", "workflow_id", "recorded_at", "occurred_at", "entered_at",
)  # fmt: skip

LEASE_COLUMNS = ("holder", "workflow_id", "begun_at", "heartbeat_at", "report_by")


class OpenedCase(TypedDict):
    """A case in its database; `until` is the time that its views answer as of, `loaded` whether it was loaded now."""

    database: str
    dsn: str
    workflow: str
    entities: int
    events: int
    until: str
    digest: str
    loaded: bool


class UnknownCase(UnknownName):
    """Raised when no opened case has the name.

    Fix: open the case first, or use one of `known`.
    """

    kind = "opened case"


class OpeningForbidden(SojournError):
    """Raised when the database user may not create the database that an opened case needs.

    Fix: open the case on the embedded server, or let its owner open it.
    """

    def __init__(self, user: str) -> None:
        super().__init__(
            f"database user {user!r} may not create a database, which an opened case takes: "
            "leave --dsn and SOJOURN_DSN out to open it on the embedded server"
        )


def open_case(server: Database, path: Path, progress: Progress = ignore_progress) -> OpenedCase:
    """Check a case, and load it on that server unless it is there; raises CaseInvalid, OSError."""
    with path.open("rb") as stream:
        case = CaseFile(path, stream)
        for _ in case.lines():
            pass
    name = f"case_{case.digest[:16]}"
    dsn = make_conninfo(server.dsn, dbname=name)
    with server.dedicated() as connection:
        connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [name])
        there = _is_current(connection, name, dsn)
        if not there:
            _load(server, connection, name, path, case, progress)
    return _opened(name, dsn, {**case.header, "digest": case.digest}, loaded=not there)


def list_opened_cases(server: Database) -> list[OpenedCase]:
    """Every case that was opened on that server."""
    with server.dedicated() as connection:
        rows = connection.execute(query("infrastructure", "cases/opened")).fetchall()
    return [
        _opened(name, make_conninfo(server.dsn, dbname=name), json.loads(told), loaded=False) for name, told in rows
    ]


def forget_case(server: Database, name: str) -> None:
    """Drop the database of an opened case, which its file can be opened into again; raises UnknownCase."""
    known = [case["database"] for case in list_opened_cases(server)]
    if name not in known:
        raise UnknownCase(name, known)
    with server.dedicated() as connection:
        _drop(connection, name)


def _opened(name: str, dsn: str, told: CaseLine, *, loaded: bool) -> OpenedCase:
    return {
        "database": name,
        "dsn": dsn,
        "workflow": told["workflow"],
        "entities": told["entities"],
        "events": told["events"],
        "until": told["until"],
        "digest": told["digest"],
        "loaded": loaded,
    }


def _is_current(connection: Connection[Any], name: str, dsn: str) -> bool:
    """Whether the case is there, as this version makes it; what an older one has made is dropped."""
    if connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
        return False
    try:
        with psycopg.connect(dsn, autocommit=True) as opened:
            ensure_current(opened, schema())
    except SchemaOutdated:
        _drop(connection, name)
        return False
    return True


def _load(
    server: Database, connection: Connection[Any], name: str, path: Path, case: CaseFile, progress: Progress
) -> None:
    # Under another name until it is whole: who opens the case after a crash finds no half of it.
    draft = f"{name}_draft"
    _create(connection, draft)
    try:
        with psycopg.connect(make_conninfo(server.dsn, dbname=draft)) as loading, path.open("rb") as stream:
            _fill(loading, path, CaseFile(path, stream), progress)
        _close(connection, draft, {**case.header, "digest": case.digest})
        connection.execute(SQL("ALTER DATABASE {} RENAME TO {}").format(Identifier(draft), Identifier(name)))
    except BaseException:
        _drop(connection, draft)
        raise


def _create(connection: Connection[Any], name: str) -> None:
    try:
        _drop(connection, name)
        connection.execute(SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(Identifier(name)))
    except InsufficientPrivilege as error:
        raise OpeningForbidden(connection.info.user) from error


def _fill(connection: Connection[Any], path: Path, case: CaseFile, progress: Progress) -> None:
    migrate(connection, schema())
    try:
        _copy_case(connection, case, progress)
    except (KeyError, DataError, IntegrityError) as error:
        # Somebody has sealed it anew.
        raise InvalidCase(path, f"has what no log has ({str(error).splitlines()[0]})") from error
    connection.commit()
    connection.autocommit = True
    connection.execute("ANALYZE")


def _copy_case(connection: Connection[Any], case: CaseFile, progress: Progress) -> None:
    for kept in case.header["lifecycles"]:
        told = [kept["name"], kept["version"], Json(kept["definition"])]
        connection.execute(query("infrastructure", "lifecycles/pin"), told)
    lines = case.lines()
    _copy(connection, islice(lines, case.header["events"]), case.header["events"], progress)
    with connection.cursor() as cursor, cursor.copy(query("infrastructure", "cases/copy_leases")) as copy:
        for lease in lines:
            copy.write_row(tuple(lease[column] for column in LEASE_COLUMNS))
    connection.execute(query("infrastructure", "log/draw_positions_after"), [case.header["positions"][1]])


def _copy(connection: Connection[Any], events: Iterator[CaseLine], total: int, progress: Progress) -> None:
    loaded = 0
    while some := list(islice(events, CHUNK)):
        with connection.cursor() as cursor, cursor.copy(query("infrastructure", "cases/copy_events")) as copy:
            for event in some:
                copy.write_row((*(event[column] for column in EVENT_COLUMNS), Jsonb(event["data"])))
        loaded += len(some)
        progress(loaded, total)


def _close(connection: Connection[Any], name: str, told: CaseLine) -> None:
    """Have every session ask as the original's do, answer as of the end of the case, and write nothing."""
    settings = {**told["settings"], "sojourn.as_of": told["until"], "default_transaction_read_only": "on"}
    for setting, value in settings.items():
        parts = SQL(".").join(map(Identifier, setting.split(".")))
        connection.execute(SQL("ALTER DATABASE {} SET {} = {}").format(Identifier(name), parts, Literal(value)))
    kept = {key: value for key, value in told.items() if key != "lifecycles"}
    connection.execute(SQL("COMMENT ON DATABASE {} IS {}").format(Identifier(name), Literal(json.dumps(kept))))


def _drop(connection: Connection[Any], name: str) -> None:
    connection.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))
