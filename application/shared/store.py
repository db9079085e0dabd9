"""The store that use cases share: the database, the log, the current status and the lifecycles."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import Connection
from psycopg.pq import TransactionStatus

import infrastructure
import projections
from application.shared.current_status import CurrentStatus
from application.shared.entity_cache import EntityCache
from application.shared.lifecycle_registry import LifecycleRegistry
from application.shared.retry import is_lost, reporting_loss
from domain.report_context import ReportContext
from infrastructure.database.borrow import borrowed
from infrastructure.database.pool import WAIT_SECONDS, Database, is_embedded
from infrastructure.database.settings import Settings
from infrastructure.errors import ConnectionLost, typed_errors
from infrastructure.log.commit_notifier import CommitNotifier
from infrastructure.log.event_log import CHUNK, EventLog
from infrastructure.schema.migration import Schema, check_current, migrate, read_schema
from infrastructure.schema.schema_errors import SchemaMissing

if TYPE_CHECKING:
    from infrastructure.log.recorder import LogRecorder

SCHEMA_PARTS = (
    ("infrastructure", infrastructure.OBJECTS),
    ("projections", projections.OBJECTS),
)


def schema() -> Schema:
    """Return the whole schema of this version."""
    return read_schema(SCHEMA_PARTS)


class Store:
    """One database, with the log and everything else that Sojourn keeps in it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        settings = Settings()
        self.clock_tolerance = timedelta(seconds=settings.clock_tolerance)
        self.lock_timeout = settings.lock_timeout
        self.max_lease_seconds = settings.max_lease
        self.log = EventLog(self.clock_tolerance)
        self.commit_notifier = CommitNotifier(database.dsn)
        self.entity_cache = EntityCache()
        self.lifecycles = LifecycleRegistry(database)
        self.status = CurrentStatus(self.lifecycles.by_key)

    @cached_property
    def recorder(self) -> "LogRecorder":
        """The event sourcing library's port onto the log, which few commands need."""
        from infrastructure.log.recorder import LogRecorder  # noqa: PLC0415 - it takes a tenth of a command's time

        return LogRecorder(self.database, self.log)

    @classmethod
    def reach(
        cls, dsn: str | None = None, *, create: bool = True, max_size: int = 10, wait_seconds: float = WAIT_SECONDS
    ) -> "Store":
        """Return the store of a DSN (None: SOJOURN_DSN, or else the embedded server).

        An empty database is set up if `create`. That of the embedded server always is, because it is Sojourn's own.

        Raises:
            SchemaMissing: the database is empty, and is not set up.
            SchemaForeign: its schema `sojourn` is not Sojourn's.
            SchemaOutdated: an older version made the schema.
            SchemaNewer: a newer version made it.
            ReadingForbidden: the database's user may not read it.
            ConnectionLost: the connection broke; connecting again has the same effect.
        """
        database = Database.reach(dsn, max_size=max_size, wait_seconds=wait_seconds)
        try:
            with reporting_loss(safe_to_retry=True):
                _require_schema(database, create=create)
        except BaseException:
            database.close()
            raise
        return cls(database)

    def at_decision(self, context: ReportContext, now: datetime | None = None) -> ReportContext:
        """Return a context as rules judge it: with the tolerance of clocks, and with the database's time if read."""
        if context.occurred_at is None and now is None:
            return context
        return replace(context, clock_tolerance=self.clock_tolerance.total_seconds(), now=now)

    @contextmanager
    def session(self, connection: Connection[Any] | None = None) -> Iterator[Connection[Any]]:
        """Lend a connection in autocommit, or the caller's with our rows, cursors and settings, for the block."""
        if connection is None:
            with self.database.connection() as own:
                yield own
        else:
            self.database.require_open()
            with typed_errors(), borrowed(connection):
                yield connection

    @contextmanager
    def transaction(
        self, connection: Connection[Any] | None = None, *, safe_to_retry: bool = False
    ) -> Iterator[Connection[Any]]:
        """Open a transaction of our own, or a savepoint in the caller's, which is never committed here.

        Raises:
            ConnectionLost: the connection broke. Nothing was written, unless it broke during the commit.
        """
        committing = False
        with self.session(connection) as session:
            commits = session.info.transaction_status == TransactionStatus.IDLE
            try:
                with session.transaction():
                    yield session
                    committing = commits
            except psycopg.Error as error:
                if is_lost(error):
                    raise ConnectionLost(safe_to_retry=safe_to_retry or not committing, why=str(error)) from error
                raise
            self.commit_notifier.notify()

    def close(self) -> None:
        """Wake the followers for what was committed last, and close every connection."""
        self.commit_notifier.close()
        self.database.close()


def _require_schema(database: Database, *, create: bool) -> None:
    with database.connection() as connection:
        try:
            check_current(connection, schema())
        except SchemaMissing:
            if not (create or is_embedded(database.dsn)):
                raise
            migrate(connection, schema())


def chunked(ids: Sequence[str]) -> Iterator[list[str]]:
    """Yield the distinct ids in their order, up to CHUNK at a time, which is what one statement takes."""
    unique = list(dict.fromkeys(ids))
    for start in range(0, len(unique), CHUNK):
        yield unique[start : start + CHUNK]
