"""Copy the log into the table that a migration gives it, ahead of that migration: readers and writers go on meanwhile.

Events never change, so that a copy of those up to a settled position stays right. The migration then adds the few that
came since, while writers wait. A copy that was killed goes on after the last event that it has.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from psycopg import Connection

from infrastructure.log.settling import settle_log
from infrastructure.sql import query

TABLE, SWAP = "0020_stored_event", "0021_one_row_an_event"
"""The migrations that make the table, and that let it replace the one of before."""

BATCH = 20_000
"""The number of events that one transaction copies."""

FEW = 5_000
"""How many positions may be left to the migration."""

Locked = Callable[[], AbstractContextManager[bool]]
"""Begin a transaction that holds the schema, and yield whether the log is still in the table of before."""

ReportCopied = Callable[[int, int], None]
"""Receive the position up to which the log is copied, and the last one."""


def ignore_copied(_reached: int, _last: int) -> None:
    """Show no progress."""


def copy_log(connection: Connection[Any], locked: Locked, report_copied: ReportCopied, wait_seconds: float) -> None:
    """Copy the events into the table, each batch in a transaction of its own, until few are left.

    Raises:
        LockTimeout: a transaction that writes has not ended for `wait_seconds`.
    """
    reached, last = 0, settle_log(connection, lambda _: None, wait_seconds)
    while last - reached > FEW:
        while (copied := _copy_batch(connection, locked, last)) is not None:
            report_copied(copied, last)
        reached, last = last, settle_log(connection, lambda _: None, wait_seconds)


def _copy_batch(connection: Connection[Any], locked: Locked, last: int) -> int | None:
    """Copy a batch of the events up to a position, and return the last position of it; None where none is left."""
    with locked() as is_due:
        if not is_due:
            return None
        wanted = {"last": last, "limit": BATCH}
        row = connection.execute(query("infrastructure", "schema/copy_log"), wanted).fetchone()
        assert row is not None
        position: int | None = row[0]
        return position
