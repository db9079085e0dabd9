"""Reading the end of the log while others write it, without missing an event.

Positions are drawn before they are committed, so the end of the log may have gaps, which are filled later or never. A
gap is passed only once no transaction can fill it any more. Each writer owns a transaction id before it draws a
position (the trigger `own_transaction_id` sees to it). A transaction id that is taken after the gap was seen is
therefore higher than its writer's. Once no transaction below that id is running, the writer has ended: what the same
snapshot still misses will never come.

The end of a snapshot (pg_snapshot_xmax) would not do: it is one past the last transaction that has *completed*, and the
writer of the gap may have a higher id.
"""

from collections.abc import Callable
from typing import Any

from psycopg import Connection, Cursor
from psycopg.rows import RowMaker, tuple_row

from infrastructure.log.logged_event import LoggedEvent, logged_event_row
from infrastructure.sql import query

BATCH = 5_000
"""The number of events that a follower reads at once."""

MAX_BATCH_BYTES = 16 * 1024 * 1024
"""How many bytes of events a follower reads at once, or else one event."""

NO_WRITER = 2**63 - 1
"""What `oldest_writer` returns while nobody writes: higher than every transaction id."""

POLL_SECONDS = 1.0
"""How long a follower waits at the end of the log where no notification wakes it."""

GAP_POLL_SECONDS = 0.02
"""How soon a follower looks again at a gap that a running transaction may still fill."""


class GapBarrier:
    """Decides when a gap may be passed. `take_xid` takes a new transaction id in a transaction of its own."""

    def __init__(self, take_xid: Callable[[], int]) -> None:
        self._take_xid = take_xid
        self._xid = 0
        self._seen_to = 0  # every gap up to this position was seen before `_xid` was taken

    @classmethod
    def through(cls, connection: Connection[Any]) -> "GapBarrier":
        """Return a barrier that takes its transaction ids through a connection in autocommit."""
        return cls(lambda: take_xid(connection))

    def will_never_fill(self, gap: int, last_read: int, oldest_running: int) -> bool:
        """Return whether no running transaction can fill the position `gap`.

        `last_read` is the highest position that was read with the gap, `oldest_running` the oldest transaction of the
        same snapshot.
        """
        if gap > self._seen_to:
            self._xid, self._seen_to = self._take_xid(), last_read
            return False
        return self.is_passed(oldest_running)

    def is_passed(self, oldest_running: int) -> bool:
        """Return whether every transaction has ended that could fill a gap which was seen so far."""
        return oldest_running >= self._xid


class Tail:
    """The events after a position, in order, each once."""

    def __init__(self, position: int, barrier: GapBarrier) -> None:
        self.position = position
        self.waits_for_others = False
        """Whether the last read ended before a gap that a running transaction may still fill."""
        self._barrier = barrier

    def read(self, connection: Connection[Any], limit: int, max_bytes: int = MAX_BATCH_BYTES) -> list[LoggedEvent]:
        """Return at most `limit` of the next events; none where a running transaction may still write the next."""
        events, oldest_running = read_events(connection, self.position, limit, max_bytes)
        complete = self._before_gap(events, oldest_running)
        if events and not complete and self._barrier.is_passed(writer := oldest_writer(connection)):
            events, oldest_running = read_events(connection, self.position, limit, max_bytes)
            complete = self._before_gap(events, max(oldest_running, writer))
        self.waits_for_others = len(complete) < len(events)
        if complete:
            self.position = complete[-1].position
        return complete

    def _before_gap(self, events: list[LoggedEvent], oldest_running: int) -> list[LoggedEvent]:
        expected = self.position + 1
        for number, event in enumerate(events):
            gap = event.position - 1
            if event.position > expected and not self._barrier.will_never_fill(
                gap, events[-1].position, oldest_running
            ):
                return events[:number]
            expected = event.position + 1
        return events


def read_events(
    connection: Connection[Any], position: int, limit: int, max_bytes: int
) -> tuple[list[LoggedEvent], int]:
    """Return at most `limit` events after `position` that have about `max_bytes` together, or else one.

    Also return the oldest transaction of the same snapshot that may still be running.
    """
    wanted = {"position": position, "limit": limit, "max_bytes": max_bytes}
    with connection.cursor(row_factory=_event_and_horizon) as cursor:
        rows = cursor.execute(query("infrastructure", "log/events_after_with_horizon"), wanted, prepare=True).fetchall()
    return [event for event, _ in rows if event.position is not None], rows[0][1]  # None: the log has no more


def take_xid(connection: Connection[Any]) -> int:
    """Return a new transaction id, higher than that of any transaction which owns one already."""
    return _fetch_number(connection, "log/take_transaction_id") or 0


def oldest_writer(connection: Connection[Any]) -> int:
    """Return the oldest running transaction that may have drawn a position of this log, or NO_WRITER.

    What has ended before this call is visible to the next statement, unless the transaction keeps one snapshot: then
    the answer is 0, which no barrier passes.
    """
    # In this order: a transaction that is prepared meanwhile is missing in the first answer at most.
    found = [_fetch_number(connection, "log/oldest_writer"), _fetch_number(connection, "log/oldest_prepared")]
    return min((xid for xid in found if xid is not None), default=NO_WRITER)


def is_settled(connection: Connection[Any], xid: int) -> bool:
    """Return whether no position that was drawn before `xid` was taken can be filled any more."""
    return oldest_writer(connection) >= xid


def _fetch_number(connection: Connection[Any], name: str) -> int | None:
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(query("infrastructure", name)).fetchone()
    return None if row is None else row[0]


def _event_and_horizon(cursor: Cursor[Any]) -> RowMaker[tuple[LoggedEvent, int]]:
    make = logged_event_row(cursor)
    horizon = [column.name for column in cursor.description or ()].index("oldest_running")
    return lambda values: (make(values), values[horizon])
