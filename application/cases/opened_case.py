"""Open a case: load it into a database of its own, which answers every question as the original does.

The database is named by the case's digest, so a case is loaded once. Positions, versions and times are those of the
original, and the same code projects the events. The database is read-only. Its views answer as of the end of the case,
because an attempt that was open then would otherwise seem to run until today.
"""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypedDict

from psycopg import Connection
from psycopg import Error as PsycopgError
from psycopg.conninfo import make_conninfo
from psycopg.errors import (
    DataError,
    InsufficientPrivilege,
    IntegrityError,
    InternalError,
    ProgramLimitExceeded,
    ProgrammingError,
)
from psycopg.sql import SQL, Identifier, Literal
from psycopg.types.json import Json, Jsonb
from pydantic import ValidationError

from application.cases.case_file import CaseFile, CaseLine, InvalidCase
from application.replay.replay import ignore_progress
from application.shared.progress import Progress
from application.shared.store import schema
from domain.entities.events import read_event
from domain.errors import SojournError, UnknownName
from infrastructure.database.connect import connect
from infrastructure.database.pool import Database
from infrastructure.lock_timeout import lock_timeout, naming_lock_holders
from infrastructure.log.event_log import CHUNK
from infrastructure.schema.migration import ensure_current, migrate
from infrastructure.schema.schema_errors import SchemaOutdated
from infrastructure.sql import query

EVENT_COLUMNS = (
    "position", "stream", "version", "name", "workflow_id", "recorded_at", "occurred_at", "entered_at",
)  # fmt: skip

LEASE_COLUMNS = ("holder", "workflow_id", "begun_at", "heartbeat_at", "report_by")


NEW_LINE = "\n"

REFUSALS = (
    KeyError, TypeError, ValueError, AttributeError, ArithmeticError,
    DataError, IntegrityError, InternalError, ProgrammingError, ProgramLimitExceeded,
)  # fmt: skip
"""What the content of a case that somebody has made up can cause while it is loaded."""


class OpenedCase(TypedDict):
    """A case in its database. Views answer as of `until`; `loaded` is whether this call loaded the case."""

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


WAIT_SECONDS = 600.0
"""How long opening a case waits for another process that loads the same case."""


class OpeningForbidden(SojournError):
    """Raised when the database user may not create the database that an opened case needs.

    Fix: open the case on the embedded server, or let its owner open it.
    """

    def __init__(self, user: str) -> None:
        super().__init__(
            f"opening the case failed: database user {user!r} may not create the database for it; "
            "leave --dsn and SOJOURN_DSN out to open it on the embedded server"
        )


def open_case(
    server: Database, path: Path, progress: Progress = ignore_progress, *, wait_seconds: float = WAIT_SECONDS
) -> OpenedCase:
    """Check the whole case file `path`, then load it on `server` unless it is loaded there already.

    It waits for another process that loads the same case for `wait_seconds`.

    Raises:
        LockTimeout: another process is loading the case, and does not end.
        InvalidCase: the file is not a case, or was changed after it was bundled.
        UnsupportedCaseFormat: a later version of Sojourn bundled it.
        UnknownEvent: a later version of Sojourn wrote one of its events.
        OpeningForbidden: the database user may not create a database.
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        case = CaseFile(path, stream)
        for _ in case.lines():
            pass
    name = f"case_{case.digest[:16]}"
    dsn = make_conninfo(server.dsn, dbname=name)
    with server.dedicated() as connection:
        with naming_lock_holders(connection, f"case {case.digest[:16]!r}"), lock_timeout(connection, wait_seconds):
            connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [name])
        is_loaded = _is_current(connection, name, dsn)
        if not is_loaded:
            _load(server, connection, name, path, case, progress)
    return _opened(name, dsn, {**case.header, "digest": case.digest}, loaded=not is_loaded)


def list_opened_cases(server: Database) -> list[OpenedCase]:
    """Return every case that was opened on `server`."""
    with server.dedicated() as connection:
        rows = connection.execute(query("infrastructure", "cases/opened")).fetchall()
    return [
        _opened(name, make_conninfo(server.dsn, dbname=name), json.loads(header), loaded=False) for name, header in rows
    ]


def forget_case(server: Database, name: str) -> None:
    """Drop the database of an opened case. Its file can be opened again.

    Raises:
        UnknownCase: no opened case has the name.
    """
    known = [case["database"] for case in list_opened_cases(server)]
    if name not in known:
        raise UnknownCase(name, known)
    with server.dedicated() as connection:
        _drop(connection, name)


def _opened(name: str, dsn: str, header: CaseLine, *, loaded: bool) -> OpenedCase:
    return {
        "database": name,
        "dsn": dsn,
        "workflow": header["workflow"],
        "entities": header["entities"],
        "events": header["events"],
        "until": header["until"],
        "digest": header["digest"],
        "loaded": loaded,
    }


def _is_current(connection: Connection[Any], name: str, dsn: str) -> bool:
    """Return whether this version has loaded the case; drop the database that an older one has loaded."""
    if connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
        return False
    try:
        with connect(dsn) as opened:
            ensure_current(opened, schema())
    except SchemaOutdated:
        _drop(connection, name)
        return False
    return True


def _load(
    server: Database, connection: Connection[Any], name: str, path: Path, case: CaseFile, progress: Progress
) -> None:
    # The database has another name until it is complete, so a crash never leaves half a case to be opened.
    draft = f"{name}_draft"
    _create(connection, draft)
    try:
        with connect(make_conninfo(server.dsn, dbname=draft), autocommit=False) as loading, path.open("rb") as stream:
            _fill(loading, path, CaseFile(path, stream), progress)
        _make_read_only(connection, draft, {**case.header, "digest": case.digest})
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
    except REFUSALS as error:
        # Its seals match, so somebody has written and sealed the whole file.
        raise InvalidCase(path, f"is not a valid case file: {_explain_refusal(error)}") from error
    connection.commit()
    connection.autocommit = True
    connection.execute("ANALYZE")


def _explain_refusal(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"the field {error} is missing"
    if isinstance(error, ValidationError):
        return "an event has data that no version of Sojourn writes"
    if isinstance(error, PsycopgError):
        return f"the database refuses its content ({str(error).partition(NEW_LINE)[0]})"
    return "a field has a value of another kind"


def _copy_case(connection: Connection[Any], case: CaseFile, progress: Progress) -> None:
    for lifecycle in case.header["lifecycles"]:
        pinned = [lifecycle["name"], lifecycle["version"], Json(lifecycle["definition"])]
        connection.execute(query("infrastructure", "lifecycles/pin"), pinned)
    lines = case.lines()
    _copy_events(connection, islice(lines, case.header["events"]), case.header["events"], progress)
    with connection.cursor() as cursor, cursor.copy(query("infrastructure", "cases/copy_leases")) as copy:
        for lease in lines:
            copy.write_row(tuple(lease[column] for column in LEASE_COLUMNS))
    connection.execute(query("infrastructure", "log/draw_positions_after"), [case.header["positions"][1]])


def _copy_events(connection: Connection[Any], events: Iterator[CaseLine], total: int, progress: Progress) -> None:
    loaded = 0
    connection.execute(query("infrastructure", "archive/begin_reading_back"))
    while chunk := list(islice(events, CHUNK)):
        with connection.cursor() as cursor, cursor.copy(query("infrastructure", "cases/copy_events")) as copy:
            for event in chunk:
                _check_event(event)
                copy.write_row((*(event[column] for column in EVENT_COLUMNS), Jsonb(event["data"])))
        connection.execute(query("infrastructure", "archive/store_events"))
        loaded += len(chunk)
        progress(loaded, total)


def _check_event(event: CaseLine) -> None:
    """Check that an event can be read, so that every command can answer about it."""
    times = {name: event[name] for name in ("recorded_at", "occurred_at")}
    place = {name: event[name] for name in ("stream", "version", "workflow_id")}
    read_event(event["name"], {**event["data"], **place, **times})


def _make_read_only(connection: Connection[Any], name: str, header: CaseLine) -> None:
    """Give every session the original's thresholds, the end of the case as its time, and no right to write."""
    settings = {**header["settings"], "sojourn.as_of": header["until"], "default_transaction_read_only": "on"}
    for setting, value in settings.items():
        parts = SQL(".").join(map(Identifier, setting.split(".")))
        connection.execute(SQL("ALTER DATABASE {} SET {} = {}").format(Identifier(name), parts, Literal(value)))
    comment = {key: value for key, value in header.items() if key not in ("lifecycles", "proof")}
    connection.execute(SQL("COMMENT ON DATABASE {} IS {}").format(Identifier(name), Literal(json.dumps(comment))))


def _drop(connection: Connection[Any], name: str) -> None:
    connection.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))
