"""A PostgreSQL database and the connections to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import Connection, IsolationLevel
from psycopg.sql import SQL, Identifier
from psycopg_pool import ConnectionPool, PoolTimeout

from domain.errors import SojournError
from infrastructure.database.embedded import EmbeddedServer
from infrastructure.database.settings import Settings
from infrastructure.errors import ServiceClosed, typed_errors
from infrastructure.loggers import get_logger

log = get_logger("connection")

OLDEST = 150000
"""The oldest server that is supported, as PostgreSQL numbers its versions."""

WAIT_SECONDS = 30.0
"""How long a caller waits for a pooled connection."""


class DatabaseUnreachable(SojournError):
    """Raised when no connection to the database can be made, or none of the pool becomes free in time.

    Fix: check the DSN and the server, or pass a larger max_size.
    """

    def __init__(self, why: str) -> None:
        super().__init__(
            f"cannot connect to the database ({' '.join(why.split())}); check --dsn or SOJOURN_DSN, "
            "or leave both out to use the embedded one"
        )


class DatabaseTooOld(SojournError):
    """Raised when the server is older than PostgreSQL 15.

    Fix: use a newer server, or the embedded one.
    """

    def __init__(self, version: int) -> None:
        self.version = version
        super().__init__(f"the server is PostgreSQL {version // 10000}; Sojourn needs 15 or newer")


def resolve_dsn(dsn: str | None = None) -> str:
    """Return `dsn`, else SOJOURN_DSN, else the DSN of the embedded server, which is started if it does not run."""
    settings = Settings()
    return dsn or settings.dsn or EmbeddedServer(settings.home).start()


def is_embedded(dsn: str) -> bool:
    """Return whether a DSN is that of the embedded server that runs in SOJOURN_HOME."""
    return dsn == EmbeddedServer(Settings().home).running_dsn()


class Database:
    """A pool of autocommit connections to one database. It opens at first use and is safe for many threads."""

    def __init__(self, dsn: str, *, max_size: int = 10, wait_seconds: float = WAIT_SECONDS) -> None:
        self.dsn = dsn
        self._closed = False
        self._pool = ConnectionPool(
            dsn, min_size=0, max_size=max_size, open=False, timeout=wait_seconds, kwargs={"autocommit": True}
        )

    @classmethod
    def reach(cls, dsn: str | None = None, *, max_size: int = 10, wait_seconds: float = WAIT_SECONDS) -> "Database":
        """Return the database of a DSN, after it has answered.

        Raises:
            DatabaseUnreachable: it does not answer.
            DatabaseTooOld: its server is older than Sojourn can use.
        """
        database = cls(resolve_dsn(dsn), max_size=max_size, wait_seconds=wait_seconds)
        with database.dedicated() as connection:
            if connection.info.server_version < OLDEST:
                raise DatabaseTooOld(connection.info.server_version)
        return database

    def require_open(self) -> None:
        """Raise ServiceClosed after `close`."""
        if self._closed:
            raise ServiceClosed

    @contextmanager
    def connection(self) -> Iterator[Connection[tuple[Any, ...]]]:
        """Lend a pooled connection for the length of a block."""
        self.require_open()
        self._pool.open()
        lost = False
        try:
            with typed_errors(), self._pool.connection() as connection:
                try:
                    yield connection
                finally:
                    lost = connection.broken
        except PoolTimeout as error:
            raise DatabaseUnreachable(str(error)) from error
        finally:
            if lost:
                log.warning("a connection to the database was lost; the others of the pool are checked")
                self._pool.check()  # what broke this one has most likely broken the idle ones

    @contextmanager
    def dedicated(self) -> Iterator[Connection[tuple[Any, ...]]]:
        """Open a connection outside the pool, for work that keeps it."""
        self.require_open()
        try:
            connection = psycopg.connect(self.dsn, autocommit=True)
        except psycopg.OperationalError as error:
            raise DatabaseUnreachable(str(error)) from error
        except psycopg.ProgrammingError as error:
            raise DatabaseUnreachable(f"{error}: the DSN cannot be read") from error
        with typed_errors(), connection:
            yield connection

    @contextmanager
    def snapshot(self, *tables: str) -> Iterator[Connection[tuple[Any, ...]]]:
        """Open a connection whose reads all see one moment, with times in UTC. No rebuild swaps `tables` meanwhile."""
        with self.dedicated() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.isolation_level = IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            with connection.transaction():
                # The first read fixes the moment. A table that a rebuild swaps in after it would look empty.
                for table in tables:
                    connection.execute(SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(Identifier("sojourn", table)))
                yield connection

    def close(self) -> None:
        """Close every connection."""
        self._closed = True
        self._pool.close()
