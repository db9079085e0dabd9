"""Read the end of the log for a feed, in threads and through one connection."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, NamedTuple

from psycopg import Connection

from application.shared.store import Store
from infrastructure.database.cut import cuttable
from infrastructure.log.commit_listener import connect_listener, wait_for_commit
from infrastructure.log.tail import GAP_POLL_SECONDS, POLL_SECONDS, GapBarrier, Tail, is_settled, take_xid
from infrastructure.sql import query
from interfaces.http.sse_message import SseMessage, build_messages

BATCH = 1_000
"""The number of events that are read at once."""

WINDOW = 10_000
"""How far before the end of the log a position may lie that a running transaction has drawn."""


class Beginning(NamedTuple):
    """Where a stream begins that asks for what is new: after `position`, except for the positions `known` already."""

    position: int
    known: frozenset[int] = frozenset()


class LogReader:
    """Reads the log's newest events and waits for commits. After an error it is of no more use."""

    def __init__(self, store: Store, is_stopped: Callable[[], bool]) -> None:
        self._store = store
        self._is_stopped = is_stopped
        self._listener: Connection[Any] | None = None
        self._tail: Tail | None = None
        self._busy = Lock()

    def begin(self) -> Beginning:
        """Return the beginning of a stream, without waiting for a transaction that may still write before it."""
        with self._connected() as listener:
            end, xid = self._store.log.last_position(listener) or 0, take_xid(listener)
            return Beginning(end) if is_settled(listener, xid) else _begin_before_gap(listener, end)

    def read_after(self, position: int) -> tuple[list[SseMessage], int]:
        """Return the next messages and the position that they reach; without news, wait a moment for a commit."""
        with self._connected() as listener:
            if self._tail is None:
                self._tail = Tail(position, GapBarrier.through(listener))
            events = self._tail.read(listener, BATCH)
            if not events:
                seconds = GAP_POLL_SECONDS if self._tail.waits_for_others else POLL_SECONDS
                wait_for_commit(listener, seconds, self._is_stopped)
            return list(build_messages(events)), self._tail.position

    def close(self) -> None:
        """Close the connection, unless a thread that was left behind still uses it."""
        if self._listener is not None and self._busy.acquire(blocking=False):
            self._listener.close()
            self._busy.release()

    @contextmanager
    def _connected(self) -> Iterator[Connection[Any]]:
        with self._busy:
            if self._listener is None:
                self._listener = connect_listener(self._store.database.dsn)
            with cuttable(self._listener):
                yield self._listener


def _begin_before_gap(connection: Connection[Any], end: int) -> Beginning:
    """Return the beginning before the first position that a running transaction may fill."""
    expected = max(end - WINDOW, 0) + 1
    window = {"after": expected - 1, "stop": end}
    positions = [row[0] for row in connection.execute(query("infrastructure", "log/positions_between"), window)]
    for number, position in enumerate(positions):
        if position != expected:
            return Beginning(expected - 1, frozenset(positions[number:]))
        expected += 1
    return Beginning(end)
