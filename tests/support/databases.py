"""Help tests to databases: a server with a template, and a pool of copies that are emptied between tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from application.shared.store import schema
from infrastructure.schema.migration import migrate

FOLDER = Path(__file__).with_name("sql")
FINGERPRINT, DROP_ADDITIONS, EMPTY_TABLES = (
    (FOLDER / f"{name}.sql").read_bytes() for name in ("fingerprint", "drop_additions", "empty_tables")
)
OPTIONS = "-c TimeZone=UTC -c client_min_messages=error"
"""Options that the fingerprint depends on, whatever a test has set for its database."""


class SchemaChanged(Exception):
    """A test changed the schema of a database that other tests would get after it."""

    def __init__(self) -> None:
        super().__init__("the test changed the schema of its database; mark it with @pytest.mark.fresh_database")


@dataclass(frozen=True)
class Server:
    """A running server, and the database in it that others are copied from."""

    dsn: str
    template: str

    def execute(self, statement: str, *names: str) -> None:
        """Run a statement in the server's own database, with `names` in the places of its braces."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(SQL(statement).format(*map(Identifier, names)))

    def database(self, name: str) -> str:
        """Return the DSN of one of its databases."""
        return make_conninfo(self.dsn, dbname=name)

    def create(self, name: str, template: str) -> str:
        """Copy a database, and return the DSN of the copy."""
        self.drop(name)
        self.execute("CREATE DATABASE {} TEMPLATE {}", name, template)
        return self.database(name)

    def drop(self, name: str) -> None:
        """Drop a database if it exists, together with its sessions."""
        self.execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


@contextmanager
def with_template(server: Server) -> Iterator[Server]:
    """Let the server have its template for the length of a block."""
    with psycopg.connect(server.create(server.template, "template0"), autocommit=True) as connection:
        migrate(connection, schema())
        with connection.transaction():
            connection.execute(EMPTY_TABLES)  # statistics of a new and of an emptied index differ
    yield server
    server.drop(server.template)


@dataclass
class DatabasePool:
    """Databases with the schema and no rows: each is used by one test at a time, and emptied after it."""

    server: Server
    prefix: str
    _idle: list[str] = field(default_factory=list)
    _made: int = 0

    def __post_init__(self) -> None:
        self._fingerprint = fingerprint(self.server.database(self.server.template))

    @contextmanager
    def fresh(self, template: str | None = None) -> Iterator[str]:
        """Yield the DSN of a new copy of a template, and drop it afterwards."""
        name = self._new_name()
        yield self.server.create(name, template or self.server.template)
        self.server.drop(name)

    @contextmanager
    def borrowed(self) -> Iterator[str]:
        """Yield the DSN of an emptied or new database, and take it back afterwards.

        Raises:
            SchemaChanged: the schema is no longer the template's; the database is dropped.
        """
        name = self._idle.pop() if self._idle else self._new_name(create=True)
        yield self.server.database(name)
        if not wipe(self.server.database(name), self._fingerprint):
            self.server.drop(name)
            raise SchemaChanged
        self._idle.append(name)

    def close(self) -> None:
        """Drop the databases that nobody uses."""
        while self._idle:
            self.server.drop(self._idle.pop())

    def _new_name(self, *, create: bool = False) -> str:
        self._made += 1
        name = f"{self.prefix}_{self._made}"
        if create:
            self.server.create(name, self.server.template)
        return name


def fingerprint(dsn: str) -> str:
    """Return a text that changes with the schema and the options of a database, but not with its rows."""
    with psycopg.connect(dsn, options=OPTIONS) as connection:
        return _fingerprint(connection)


def wipe(dsn: str, expected: str) -> bool:
    """Empty a database; return False where its schema is not the one with the `expected` fingerprint."""
    try:
        with psycopg.connect(dsn, options=OPTIONS) as connection:
            connection.execute(DROP_ADDITIONS)
            if _fingerprint(connection) != expected:
                return False
            connection.execute(EMPTY_TABLES)
            return True
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return False


def _fingerprint(connection: psycopg.Connection[tuple[str]]) -> str:
    row = connection.execute(FINGERPRINT).fetchone()
    assert row is not None
    return row[0]
