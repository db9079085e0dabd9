"""A PostgreSQL database and the connections to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import psycopg
from psycopg import Connection, IsolationLevel
from psycopg.sql import SQL, Identifier, Literal
from psycopg_pool import ConnectionPool, PoolTimeout

from domain.errors import SojournError
from infrastructure.database.connect import configure, connect
from infrastructure.database.cut import cuttable
from infrastructure.database.dsn import complete_dsn
from infrastructure.database.embedded import EmbeddedServer
from infrastructure.database.revival import RevivingConnection, check_open, is_started_again, start_embedded
from infrastructure.database.settings import Settings
from infrastructure.errors import DatabaseUnreachable, ServiceClosed, typed_errors
from infrastructure.forks import renew_in_children
from infrastructure.lock_timeout import naming_lock_holders
from infrastructure.loggers import get_logger
from infrastructure.sql import query

log = get_logger("connection")

WAIT_SECONDS = 30.0
"""How long a caller waits for a pooled connection."""

CLOSE_SECONDS = 0.5
"""How long closing waits for each thread that makes connections to a database that does not answer."""


def resolve_dsn(dsn: str | None = None) -> str:
    """Return `dsn`, else SOJOURN_DSN, else the DSN of the embedded server, which is started if it does not run."""
    settings = Settings()
    return dsn or settings.dsn or start_embedded(EmbeddedServer(settings.home))


def is_embedded(dsn: str) -> bool:
    """Return whether a DSN is that of the embedded server that runs in SOJOURN_HOME."""
    return dsn == EmbeddedServer(Settings().home).running_dsn()


class Database:
    """A pool of autocommit connections to one database. It opens at first use and is safe for many threads."""

    def __init__(self, dsn: str, *, max_size: int = 10, wait_seconds: float = WAIT_SECONDS) -> None:
        self.dsn = dsn
        self.opened = 0
        """The number of the pooled connection that was opened last: after a failover or a restore it is another."""
        self._numbers = count(1)
        self._closed = False
        self._refusal: SojournError | None = None
        self._max_size, self._wait_seconds = max_size, wait_seconds
        self._pool = self._create_pool()
        self._pools_of_parents: list[ConnectionPool[Any]] = []
        renew_in_children(self)

    @classmethod
    def reach(cls, dsn: str | None = None, *, max_size: int = 10, wait_seconds: float = WAIT_SECONDS) -> "Database":
        """Return the database of a DSN, after it has answered.

        Raises:
            DatabaseUnreachable: it does not answer.
            SojournError: Sojourn cannot use it, as `connect` describes.
        """
        database = cls(resolve_dsn(dsn), max_size=max_size, wait_seconds=wait_seconds)
        with database.dedicated():
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
            with typed_errors(), self._pool.connection() as connection, cuttable(connection):
                try:
                    yield connection
                finally:
                    lost = connection.broken
        except PoolTimeout as error:
            raise self._refusal or DatabaseUnreachable(str(error)) from error
        finally:
            if lost:
                log.warning("a connection to the database was lost; the others of the pool are replaced")
                # What broke this one has most likely broken the others. Checking them could wait for an answer.
                self._pool.drain()

    @contextmanager
    def dedicated(self) -> Iterator[Connection[tuple[Any, ...]]]:
        """Open a connection outside the pool, for work that keeps it."""
        self.require_open()
        try:
            connection = connect(self.dsn)
        except psycopg.OperationalError as error:
            raise DatabaseUnreachable(str(error)) from error
        with typed_errors(), connection, cuttable(connection):
            yield connection

    @contextmanager
    def snapshot(self, *tables: str) -> Iterator[Connection[tuple[Any, ...]]]:
        """Open a connection whose reads all see one moment. No rebuild swaps `tables` meanwhile.

        Raises:
            LockTimeout: others are replacing what is read.
        """
        with self.dedicated() as connection:
            connection.isolation_level = IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            with naming_lock_holders(connection, "the log"), connection.transaction():
                # The first read fixes the moment. A table that a rebuild swaps in after it would look empty.
                for table in tables:
                    connection.execute(SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(Identifier("sojourn", table)))
                yield connection

    @contextmanager
    def share_snapshot(self, snapshot: Connection[Any]) -> Iterator[Connection[tuple[Any, ...]]]:
        """Open a further connection that sees the moment of `snapshot`, which must stay open as long.

        Raises:
            DatabaseUnreachable: the server has no connection left.
        """
        row = snapshot.execute(query("infrastructure", "connections/export_snapshot")).fetchone()
        assert row is not None
        with self.dedicated() as connection:
            connection.isolation_level = IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            with connection.transaction():
                connection.execute(SQL("SET TRANSACTION SNAPSHOT {}").format(Literal(row[0])))
                yield connection

    def renew_after_fork(self) -> None:
        """Replace the pool by an empty one: two processes on one socket would read each other's answers.

        The parent's pool is kept and never closed here, because closing a connection ends its session for the parent.
        """
        self._pools_of_parents.append(self._pool)
        self._pool = self._create_pool()

    def close(self) -> None:
        """Close every connection."""
        self._closed = True
        self._pool.close(timeout=CLOSE_SECONDS)

    def _create_pool(self) -> ConnectionPool[Any]:
        return ConnectionPool(
            complete_dsn(self.dsn),
            min_size=0,
            max_size=self._max_size,
            open=False,
            timeout=self._wait_seconds,
            configure=self._configure,
            check=check_open if is_started_again(self.dsn) else None,
            connection_class=RevivingConnection,
            kwargs={"autocommit": True},
        )

    def _configure(self, connection: Connection[Any]) -> None:
        # The pool goes on trying until its timeout, and would then state no reason.
        self._refusal = None
        try:
            configure(connection, self.dsn)
        except SojournError as error:
            self._refusal = error
            raise
        self.opened = next(self._numbers)
