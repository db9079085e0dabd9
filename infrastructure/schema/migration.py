"""Bring a database to this version's schema: apply each numbered file once, then create every object again."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.errors import InsufficientPrivilege

import infrastructure
from infrastructure.database.hand_over import hand_over
from infrastructure.lock_timeout import lock_timeout, naming_lock_holders
from infrastructure.schema.log_copy import SWAP, TABLE, ReportCopied, copy_log, ignore_copied
from infrastructure.schema.schema_errors import (
    MigrationEdited,
    ReadingForbidden,
    SchemaForeign,
    SchemaMissing,
    SchemaNewer,
    SchemaOutdated,
    SetupForbidden,
)
from infrastructure.sql import query, sql_object

WAIT_SECONDS = 60.0
"""How long a migration waits for another one of the same database."""

LOCK = 7205759403792793
"""The advisory lock that lets one migration at a time run in a database."""

OBJECTS = "objects"
"""The name under which the ledger has the functions and views."""


@dataclass(frozen=True)
class Script:
    """A numbered migration, or an object that is created again when it changes."""

    name: str
    text: LiteralString

    @property
    def checksum(self) -> str:
        """The SHA-256 of the text, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class Schema:
    """What a database needs, in order: migrations by their number, objects by their dependencies."""

    migrations: tuple[Script, ...]
    objects: tuple[Script, ...]
    objects_version: int

    @property
    def checksum(self) -> str:
        """The SHA-256 of all objects, in hex."""
        return hashlib.sha256("".join(script.checksum for script in self.objects).encode()).hexdigest()


def read_schema(parts: Iterable[tuple[str, Sequence[str]]]) -> Schema:
    """Return the schema of (package, names of its objects) pairs."""
    objects = tuple(Script(name, sql_object(package, name)) for package, names in parts for name in names)
    return Schema(_migrations(), objects, list(read_object_versions())[-1])


def read_object_versions() -> dict[int, str]:
    """Return the checksum of the objects by each of their versions, in order."""
    text = (_folder() / "object_versions.txt").read_text("utf-8")
    lines = (line.split() for line in text.splitlines() if line and not line.startswith("#"))
    return {int(version): checksum for version, checksum in lines}


def migrate(
    connection: Connection[Any],
    schema: Schema,
    *,
    wait_seconds: float = WAIT_SECONDS,
    report_copied: ReportCopied = ignore_copied,
) -> list[str]:
    """Apply the missing migrations and objects in one transaction, and return the names of the migrations.

    It also creates the roles, grants them what they lack, and gives what is new to the owner of the schema. It waits
    for another migration for `wait_seconds`. A log of before is copied into its new table first, while readers and
    writers go on.

    Raises:
        SetupForbidden: the database's user may not create them.
        SchemaForeign: the schema of that name is not Sojourn's.
        SchemaNewer: a newer version of Sojourn made the schema.
        MigrationEdited: the file of an applied migration has changed.
        LockTimeout: others use what must change, or change the schema themselves, and do not end.
    """
    try:
        _copy_ahead(connection, schema, wait_seconds, report_copied)
        with _locked(connection, wait_seconds):
            _has_schema(connection)
            for name in ("schema/create_schema", "schema/create_roles", "schema/create_ledger"):
                connection.execute(query("infrastructure", name))
            return _apply(connection, schema)
    except InsufficientPrivilege as error:
        raise SetupForbidden(connection.info.user) from error


def _copy_ahead(connection: Connection[Any], schema: Schema, wait_seconds: float, report_copied: ReportCopied) -> None:
    @contextmanager
    def locked() -> Iterator[bool]:
        with _locked(connection, wait_seconds):
            yield _has_log_of_before(connection, schema)

    with locked() as is_due:
        if not is_due:
            return
        with _without_warnings(connection):
            connection.execute(next(script.text for script in schema.migrations if script.name == TABLE))
        hand_over(connection)
    copy_log(connection, locked, report_copied, wait_seconds)


def _has_log_of_before(connection: Connection[Any], schema: Schema) -> bool:
    if not _has_schema(connection):
        return False
    ledger = _read_ledger(connection)
    return schema.migrations[0].name in ledger and SWAP in {script.name for script in _pending(ledger, schema)}


@contextmanager
def _locked(connection: Connection[Any], wait_seconds: float) -> Iterator[None]:
    """Begin a transaction that alone may change the schema until it ends."""
    with naming_lock_holders(connection, "the schema", readers=True), connection.transaction():
        with lock_timeout(connection, wait_seconds):
            connection.execute(query("infrastructure", "schema/lock"), [LOCK])
        yield


def ensure_current(connection: Connection[Any], schema: Schema) -> None:
    """Create the schema of an empty database, or check that this version made it.

    Raises:
        SchemaForeign: the schema of that name is not Sojourn's.
        SchemaOutdated: an older version made it.
        SchemaNewer: a newer version made it.
        ReadingForbidden: the database's user may not read it.
    """
    if _has_schema(connection):
        _check_ledger(connection, schema)
    else:
        migrate(connection, schema)


def check_current(connection: Connection[Any], schema: Schema) -> None:
    """Check that this version made the database's schema.

    Raises:
        SchemaMissing: the database has none.
        SchemaForeign: the schema of that name is not Sojourn's.
        SchemaOutdated: an older version made it.
        SchemaNewer: a newer version made it.
        ReadingForbidden: the database's user may not read it.
    """
    if not _has_schema(connection):
        raise SchemaMissing(connection.info.dbname)
    _check_ledger(connection, schema)


def keep_current(connection: Connection[Any], schema: Schema) -> None:
    """Check that this version made the schema, and let no other version change it until the transaction ends.

    Raises:
        SchemaOutdated: an older version made it.
        SchemaNewer: a newer version made it.
    """
    connection.execute(query("infrastructure", "schema/lock"), [LOCK])
    check_current(connection, schema)


def _has_schema(connection: Connection[Any]) -> bool:
    """Return whether the database has Sojourn's schema.

    Raises:
        SchemaForeign: something that Sojourn did not create is in a schema of that name.
    """
    row = connection.execute(query("infrastructure", "schema/inspect")).fetchone()
    _, is_ours, contents = row or (None, False, None)
    if contents and not is_ours:
        raise SchemaForeign(connection.info.dbname, contents)
    return is_ours


def _check_ledger(connection: Connection[Any], schema: Schema) -> None:
    ledger = _read_ledger(connection)
    pending = _pending(ledger, schema)
    if pending:
        raise SchemaOutdated([script.name for script in pending])
    if _objects_differ(ledger, schema):
        raise SchemaOutdated(["the views and functions of this version"])


def _apply(connection: Connection[Any], schema: Schema) -> list[str]:
    ledger = _read_ledger(connection)
    pending, differ = _pending(ledger, schema), _objects_differ(ledger, schema)
    with _without_warnings(connection):
        for script in pending:
            connection.execute(script.text)
            connection.execute(query("infrastructure", "schema/record_migration"), [script.name, script.checksum])
    if pending or differ:
        for script in schema.objects:
            connection.execute(script.text)
        connection.execute(query("infrastructure", "schema/record_objects"), [schema.checksum, schema.objects_version])
    connection.execute(query("infrastructure", "schema/grant_roles"))
    hand_over(connection)
    return [script.name for script in pending]


@contextmanager
def _without_warnings(connection: Connection[Any]) -> Iterator[None]:
    """Hide the warnings of migrations: one warns of a role, and all roles have been created or warned of already."""
    wanted = connection.execute("SHOW client_min_messages").fetchone()
    connection.execute("SET LOCAL client_min_messages = error")
    yield
    connection.execute("SELECT set_config('client_min_messages', %s, true)", wanted)


Ledger = dict[str, tuple[str, int | None]]
"""What was applied: the checksum and the version by the name; only the objects have a version."""


def _read_ledger(connection: Connection[Any]) -> Ledger:
    try:
        rows = connection.execute(query("infrastructure", "schema/ledger")).fetchall()
    except InsufficientPrivilege as error:
        raise ReadingForbidden(connection.info.user) from error
    return {name: (checksum, version) for name, checksum, version in rows}


def _pending(ledger: Ledger, schema: Schema) -> list[Script]:
    unknown = sorted(ledger.keys() - {script.name for script in schema.migrations} - {OBJECTS})
    if unknown:
        raise SchemaNewer(unknown)
    for script in schema.migrations:
        if script.name in ledger and ledger[script.name][0] != script.checksum:
            raise MigrationEdited(script.name)
    return [script for script in schema.migrations if script.name not in ledger]


def _objects_differ(ledger: Ledger, schema: Schema) -> bool:
    """Return whether the objects of the database are not this version's.

    Raises:
        SchemaNewer: they are a later version's.
    """
    checksum, version = ledger.get(OBJECTS, (None, None))  # a database of before their versions has none
    if version is not None and version > schema.objects_version:
        raise SchemaNewer([f"version {version} of the views and functions"])
    return (version, checksum) != (schema.objects_version, schema.checksum)


def _migrations() -> tuple[Script, ...]:
    scripts = [
        Script(file.name[:-4], file.read_text("utf-8")) for file in _folder().iterdir() if file.name.endswith(".sql")
    ]
    return tuple(sorted(scripts, key=lambda script: script.name))


def _folder() -> Traversable:
    return files(infrastructure) / "migrations"
