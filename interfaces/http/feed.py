"""The log's newest transitions, read once for all listeners.

One tail follows the end of the log while there are listeners, and keeps the last transitions. Every listener has its
own position. It reads from the log what is no longer kept, up to the tail's position: nothing before that is missing.
"""

import asyncio
import time
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import psycopg
from anyio import CapacityLimiter, to_thread
from psycopg import Connection
from pydantic_core import from_json, to_json

from application.shared.store import Store
from domain.entity import TASK, TASK_INSTANCE
from infrastructure.log.commit_listener import connect_listener, wait_for_commit
from infrastructure.log.logged_event import LoggedEvent
from infrastructure.log.tail import GAP_POLL_SECONDS, POLL_SECONDS, GapBarrier, Tail, take_xid
from infrastructure.sql import query

MAX_KEPT = 10_000
"""How many transitions are kept for listeners: some 10 MB."""

BATCH = 1_000
KEEP_ALIVE_SECONDS = 15.0
RECONNECT_SECONDS = 1.0


class SseMessage(NamedTuple):
    """One transition: the fields that filters match, and the bytes that every listener gets."""

    position: int
    entity: str
    workflow_id: str
    status: str
    sent: bytes


class Feed:
    """Follows the log while there are listeners."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: list[SseMessage] = []
        self._kept_from = 0
        self._position = 0
        self._listeners = 0
        self._closed = False
        self._following: asyncio.Task[None] | None = None
        self._advanced = asyncio.Event()
        self._started = asyncio.Event()

    @property
    def listeners(self) -> int:
        """Return the number of listeners."""
        return self._listeners

    @property
    def closed(self) -> bool:
        """Return whether the feed has ended, so that nothing more will come."""
        return self._closed

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[int]:
        """Count a listener in, and yield the position at the end of the log."""
        self._listeners += 1
        if self._following is None:
            self._started.clear()
            self._following = asyncio.create_task(self._follow())
        try:
            await self._started.wait()
            yield self._position
        finally:
            self._listeners -= 1

    async def read_after(self, position: int) -> tuple[list[SseMessage], int]:
        """Return the next messages after `position` and the position that they reach.

        Without news it waits, and returns no message when a keepalive is due.
        """
        if position >= self._position and not self._closed:
            try:
                await asyncio.wait_for(self._advanced.wait(), KEEP_ALIVE_SECONDS)
            except TimeoutError:
                return [], position
        if position >= self._position:
            return [], position
        if position < self._kept_from:
            return await to_thread.run_sync(self._read_log, position, self._position)
        first = bisect_right(self._kept, position, key=lambda message: message.position)
        batch = self._kept[first : first + BATCH]
        return batch, batch[-1].position if len(batch) == BATCH else self._position

    def close(self) -> None:
        """End the stream of every listener."""
        self._closed = True
        self._started.set()
        self._wake_listeners()

    async def _follow(self) -> None:
        reader = LogReader(self._store, lambda: self._closed)
        limiter = CapacityLimiter(1)
        try:
            self._kept, self._position = [], await to_thread.run_sync(reader.find_end, limiter=limiter)
            self._kept_from = self._position
            self._started.set()
            while self._listeners and not self._closed:
                self._keep(*await to_thread.run_sync(reader.read_next, limiter=limiter))
        finally:
            self._following = None
            reader.close()

    def _keep(self, messages: list[SseMessage], position: int) -> None:
        if position == self._position:
            return
        self._kept += messages
        if len(self._kept) > 2 * MAX_KEPT:
            self._kept_from = self._kept[-MAX_KEPT - 1].position
            del self._kept[:-MAX_KEPT]
        self._position = position
        self._wake_listeners()

    def _wake_listeners(self) -> None:
        advanced, self._advanced = self._advanced, asyncio.Event()
        advanced.set()

    def _read_log(self, position: int, end: int) -> tuple[list[SseMessage], int]:
        with self._store.session() as connection:
            events = self._store.log.read_after(connection, position, BATCH, stop=end)
        return list(build_messages(events)), events[-1].position if len(events) == BATCH else end


class LogReader:
    """Reads the end of the log in a thread, through a connection of its own."""

    def __init__(self, store: Store, stopped: Callable[[], bool]) -> None:
        self._store = store
        self._stopped = stopped
        self._listener: Connection[Any] | None = None
        self._tail: Tail | None = None

    def find_end(self) -> int:
        """Return the position of the log's end, once no open transaction can write before it any more."""
        while not self._stopped():
            try:
                listener = self._connect()
                end, fence = _fetch_number(listener, "infrastructure", "log/last_position"), take_xid(listener)
                while _fetch_number(listener, "projections", "rebuild/oldest_running") < fence and not self._stopped():
                    wait_for_commit(listener, GAP_POLL_SECONDS, self._stopped)
                self._tail = self._tail_at(end)
                return end
            except psycopg.OperationalError:
                self._disconnect()
        return 0

    def read_next(self) -> tuple[list[SseMessage], int]:
        """Return the next messages and the position that they reach; without news, wait a moment for a commit."""
        assert self._tail is not None
        try:
            listener = self._connect()
            events = self._tail.read(listener, BATCH)
            if not events:
                seconds = GAP_POLL_SECONDS if self._tail.waits_for_others else POLL_SECONDS
                wait_for_commit(listener, seconds, self._stopped)
        except psycopg.OperationalError:
            self._disconnect()
            self._tail = self._tail_at(self._tail.position)  # the old barrier uses the connection that was lost
            return [], self._tail.position
        return list(build_messages(events)), self._tail.position

    def close(self) -> None:
        """Close the connection."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _connect(self) -> Connection[Any]:
        if self._listener is None:
            self._listener = connect_listener(self._store.database.dsn)
        return self._listener

    def _tail_at(self, position: int) -> Tail:
        return Tail(position, GapBarrier(lambda: take_xid(self._connect())))

    def _disconnect(self) -> None:
        self.close()
        _pause(RECONNECT_SECONDS, self._stopped)


def build_messages(events: Iterable[LoggedEvent]) -> Iterable[SseMessage]:
    """Yield a message for each transition among the events."""
    for event in events:
        if event.is_transition and event.entity.kind in (TASK, TASK_INSTANCE):
            yield _build_message(event, from_json(event.data))


def _build_message(event: LoggedEvent, data: dict[str, Any]) -> SseMessage:
    document = {
        "position": event.position,
        "entity": str(event.entity),
        "workflow_id": event.workflow_id,
        "version": event.version,
        "name": event.name,
        "previous_status": data.get("previous_status"),
        "status": data.get("status"),
        "reported": data.get("reported"),
        "rule": data.get("rule"),
        "occurred_at": event.occurred_at,
        "recorded_at": event.recorded_at,
        "entered_at": event.entered_at,
        "actor": (data.get("actor") or {}).get("component"),
        "reason": data.get("reason"),
        "task_id": data.get("task_id"),
    }
    sent = b"id: %d\nevent: transition\ndata: %b\n\n" % (event.position, to_json(document))
    return SseMessage(event.position, str(event.entity), event.workflow_id, str(data.get("status")), sent)


def _fetch_number(connection: Connection[Any], package: str, name: str) -> int:
    row = connection.execute(query(package, name)).fetchone()
    return int(row[0] or 0) if row else 0


def _pause(seconds: float, stopped: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not stopped():
        time.sleep(0.05)
