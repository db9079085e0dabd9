"""Bring a database to this version's schema: apply each numbered file once, then create every object again."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.errors import InsufficientPrivilege

import infrastructure
from domain.errors import SojournError
from infrastructure.sql import query, sql_object

LOCK = 7205759403792793
"""The advisory lock that lets one migration at a time run in a database."""


class SchemaOutdated(SojournError):
    """Raised when the database's schema is older than this Sojourn.

    Fix: run `sojourn setup`.
    """

    def __init__(self, pending: Sequence[str]) -> None:
        self.pending = tuple(pending)
        super().__init__(f"the database lacks {', '.join(pending)}; run `sojourn setup`")


class SchemaNewer(SojournError):
    """Raised when a newer Sojourn has set up the database.

    Fix: update Sojourn.
    """

    def __init__(self, unknown: Sequence[str]) -> None:
        self.unknown = tuple(unknown)
        super().__init__(f"the database has {', '.join(unknown)}, which this Sojourn does not know; update Sojourn")


class MigrationEdited(SojournError):
    """Raised when the file of an applied migration has changed.

    Fix: restore the file, and add a new one.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"migration {name} was applied with another content; restore the file, and add a new one")


class SetupForbidden(SojournError):
    """Raised when the database user may not create the schema.

    Fix: let the database's owner run `sojourn setup`.
    """

    def __init__(self, user: str) -> None:
        super().__init__(f"database user {user!r} may not create the schema; let its owner run `sojourn setup`")


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


def migrate(connection: Connection[Any], schema: Schema) -> list[str]:
    """Apply the missing migrations and objects in one transaction, and return the names of the migrations.

    Raises:
        SetupForbidden: the database's user may not create them.
        SchemaNewer: a newer version of Sojourn made the schema.
        MigrationEdited: the file of an applied migration has changed.
    """
    try:
        with connection.transaction():
            connection.execute(query("infrastructure", "schema/lock"), [LOCK])
            connection.execute(query("infrastructure", "schema/create_ledger"))
            return _apply(connection, schema)
    except InsufficientPrivilege as error:
        raise SetupForbidden(connection.info.user) from error


def ensure_current(connection: Connection[Any], schema: Schema) -> None:
    """Create the schema of an empty database, or check that this version made it.

    Raises:
        SchemaOutdated: an older version made it.
        SchemaNewer: a newer version made it.
    """
    row = connection.execute("SELECT to_regclass('sojourn.migration') IS NOT NULL").fetchone()
    if row is None or not row[0]:
        migrate(connection, schema)
    else:
        check_current(connection, schema)


def check_current(connection: Connection[Any], schema: Schema) -> None:
    """Check that this version made the database's schema.

    Raises:
        SchemaOutdated: an older version made it.
        SchemaNewer: a newer version made it.
    """
    pending = _pending(connection, schema)
    if pending:
        raise SchemaOutdated([script.name for script in pending])
    if _objects_differ(connection, schema):
        raise SchemaOutdated(["the views and functions of this version"])


def keep_current(connection: Connection[Any], schema: Schema) -> None:
    """Check that this version made the schema, and let no other version change it until the transaction ends.

    Raises:
        SchemaOutdated: an older version made it.
        SchemaNewer: a newer version made it.
    """
    connection.execute(query("infrastructure", "schema/lock"), [LOCK])
    check_current(connection, schema)


def _apply(connection: Connection[Any], schema: Schema) -> list[str]:
    pending = _pending(connection, schema)
    for script in pending:
        connection.execute(script.text)
        connection.execute(
            "INSERT INTO sojourn.migration (name, checksum) VALUES (%s, %s)", [script.name, script.checksum]
        )
    if _objects_differ(connection, schema) or pending:
        for script in schema.objects:
            connection.execute(script.text)
        connection.execute(query("infrastructure", "schema/record_objects"), [schema.checksum, schema.objects_version])
    return [script.name for script in pending]


def _pending(connection: Connection[Any], schema: Schema) -> list[Script]:
    applied = dict(connection.execute(query("infrastructure", "schema/applied_migrations")).fetchall())
    unknown = sorted(applied.keys() - {script.name for script in schema.migrations})
    if unknown:
        raise SchemaNewer(unknown)
    for script in schema.migrations:
        if applied.get(script.name, script.checksum) != script.checksum:
            raise MigrationEdited(script.name)
    return [script for script in schema.migrations if script.name not in applied]


def _objects_differ(connection: Connection[Any], schema: Schema) -> bool:
    """Return whether the objects of the database are not this version's.

    Raises:
        SchemaNewer: they are a later version's.
    """
    row = connection.execute(query("infrastructure", "schema/objects_version")).fetchone()
    version, checksum = row or (None, None)  # a database that was made before they had versions has none
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
