"""The partitions of the log: ranges of positions, each a table of its own, the last without an end.

The log is never without a place for the next event, because the last partition takes whatever comes. It gets an end,
and a successor, while it is still empty, which takes a moment. A partition that has events already, such as the log of
a database that had no partitions, is read first, while others go on. One session at a time changes them: that of
`sojourn maintain`.
"""

import time
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, Cursor
from psycopg.errors import DeadlockDetected, LockNotAvailable
from psycopg.sql import SQL, Composable, Identifier, Literal

from infrastructure.database.hand_over import hand_over
from infrastructure.errors import LockTimeout
from infrastructure.lock_timeout import list_lock_holders, lock_timeout
from infrastructure.log.settling import last_drawn_position
from infrastructure.log.tail import is_settled, take_xid
from infrastructure.sql import query

ATTEMPTS = 20
"""How often a change tries to lock the log."""

LOCK_SECONDS = 0.5
"""How long an attempt waits for the lock, and everybody else for the attempt: less than deadlock_timeout."""


@dataclass(frozen=True)
class Partition:
    """A table with the events from position `first` up to before `until`; None is no bound.

    It may state its end without having it yet, while its events are checked.
    """

    name: str
    first: int | None
    until: int | None
    states_end: bool = False

    @property
    def identifier(self) -> Identifier:
        """Its name for a statement."""
        return Identifier(*self.name.split("."))


def list_partitions(connection: Connection[Any]) -> list[Partition]:
    """Return the partitions of the log in order."""
    return [Partition(*row) for row in connection.execute(query("infrastructure", "partitions/list"))]


def may_change_partitions(connection: Connection[Any]) -> bool:
    """Return whether the user of the database has the rights of the owner of the log."""
    row = connection.execute(query("infrastructure", "partitions/may_change")).fetchone()
    return row is not None and row[0]


def add_partitions(connection: Connection[Any], size: int, *, attempts: int = ATTEMPTS) -> int:
    """Add partitions of `size` positions, until the last one begins half as many after the last event.

    Return how many there are. A session that ends in between leaves a log that takes events, and the next call goes on.

    Raises:
        LockTimeout: others use the log, and do not end.
    """
    change = _Change(connection, attempts)
    for partition in list_partitions(connection):
        if partition.states_end:
            change.carry_out("partitions/forget_end", partition)
    while _is_near(connection, last := list_partitions(connection)[-1], size):
        change.end(last, _next_boundary(last, last_drawn_position(connection), size))
    return len(list_partitions(connection))


def drop_empty_partitions(connection: Connection[Any]) -> list[str]:
    """Drop the partitions whose events have all been archived, and return their names.

    Raises:
        LockTimeout: others use the log, and do not end.
    """
    drawn = last_drawn_position(connection)
    if not is_settled(connection, take_xid(connection)):
        return []
    empty = [
        partition
        for partition in list_partitions(connection)
        if partition.until is not None and partition.until <= drawn and _is_empty(connection, partition)
    ]
    for partition in empty:
        _carry_out(connection, "partitions/detach", partition)
        _carry_out(connection, "partitions/drop", partition)
    return [partition.name for partition in empty]


def collect_statistics(connection: Connection[Any]) -> None:
    """Collect the statistics of the whole log, where it has grown by a fifth since that was done."""
    row = connection.execute(query("infrastructure", "partitions/lacks_statistics")).fetchone()
    if row is not None and row[0]:
        connection.execute(query("infrastructure", "partitions/collect_statistics"))


def _is_near(connection: Connection[Any], last: Partition, size: int) -> bool:
    """Return whether the next events, half as many as a partition has, may reach the last partition.

    The first partition of a log is the last one too, until it has half of its events.
    """
    return last_drawn_position(connection) + size // 2 > (last.first or size - 1)


def _next_boundary(last: Partition, drawn: int, size: int) -> int:
    """Return the first multiple of `size` that is half of that after what the last partition may have by now."""
    return -(-(max(last.first or 0, drawn) + size // 2) // size) * size


@dataclass(frozen=True)
class _Change:
    """Changes that lock out everybody else, each tried up to `attempts` times, until nobody uses the log."""

    connection: Connection[Any]
    attempts: int

    def end(self, last: Partition, boundary: int) -> None:
        """Let the last partition end before `boundary`, which is so far ahead that no event reaches it meanwhile."""
        has_events = not _is_empty(self.connection, last)
        if has_events:
            self.carry_out("partitions/state_end", last, boundary=Literal(boundary))
            _carry_out(self.connection, "partitions/check_end", last)
        try:
            self.carry_out("partitions/end", last, boundary=Literal(boundary))
        except BaseException:
            if has_events and not self.connection.broken:
                self.carry_out("partitions/forget_end", last)
            raise

    def carry_out(self, name: str, partition: Partition, **values: Composable) -> None:
        """Carry out one change.

        Raises:
            LockTimeout: somebody uses the log all the time.
        """
        began = time.monotonic()
        for attempt in range(self.attempts):
            time.sleep(0.1 * attempt)
            try:
                with self.connection.transaction(), lock_timeout(self.connection, LOCK_SECONDS):
                    _carry_out(self.connection, name, partition, **values)
                    hand_over(self.connection)
                return
            except (LockNotAvailable, DeadlockDetected):
                continue
        waited = time.monotonic() - began
        raise LockTimeout("the log", waited, list_lock_holders(self.connection, waited, readers=True))


def _carry_out(connection: Connection[Any], name: str, partition: Partition, **values: Composable) -> Cursor[Any]:
    text = SQL(query("infrastructure", name))
    return connection.execute(text.format(partition=partition.identifier, **values))


def _is_empty(connection: Connection[Any], partition: Partition) -> bool:
    row = _carry_out(connection, "partitions/is_empty", partition).fetchone()
    return row is not None and row[0]
