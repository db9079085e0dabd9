"""The log's newest transitions, read once for all who listen.

One tail follows the log's end while anybody listens, and keeps the last transitions. A listener has a position of its
own: what is no longer kept, it reads from the log, up to where the tail has come. Nothing before that can be missing.
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

KEPT = 10_000
"""How many transitions are kept for listeners: some 10 MB."""

PAGE = 1_000
KEEP_ALIVE_SECONDS = 15.0
RECONNECT_SECONDS = 1.0


class SseMessage(NamedTuple):
    """One transition, what it can be chosen by, and the bytes that every listener gets of it."""

    position: int
    entity: str
    workflow_id: str
    status: str
    sent: bytes


class Feed:
    """Follows the log while anybody listens."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._frames: list[SseMessage] = []
        self._kept_from = 0
        self._position = 0
        self._listeners = 0
        self._closed = False
        self._following: asyncio.Task[None] | None = None
        self._moved = asyncio.Event()
        self._begun = asyncio.Event()

    @property
    def listeners(self) -> int:
        """How many listen."""
        return self._listeners

    @property
    def closed(self) -> bool:
        """Whether it has ended: nothing more will come."""
        return self._closed

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        """Lets a listener begin, at the end of the log if it likes: its position."""
        self._listeners += 1
        if self._following is None:
            self._begun.clear()
            self._following = asyncio.create_task(self._follow())
        try:
            await self._begun.wait()
            yield self._position
        finally:
            self._listeners -= 1

    async def after(self, position: int) -> tuple[list[SseMessage], int]:
        """What comes next after a position and how far that reaches; nothing where it is time for a sign of life."""
        if position >= self._position and not self._closed:
            try:
                await asyncio.wait_for(self._moved.wait(), KEEP_ALIVE_SECONDS)
            except TimeoutError:
                return [], position
        if position >= self._position:
            return [], position
        if position < self._kept_from:
            return await to_thread.run_sync(self._from_log, position, self._position)
        some = self._frames[bisect_right(self._frames, position, key=lambda frame: frame.position) :][:PAGE]
        return some, some[-1].position if len(some) == PAGE else self._position

    def close(self) -> None:
        """Let every listener end."""
        self._closed = True
        self._begun.set()
        self._wake()

    async def _follow(self) -> None:
        reader = Reader(self._store, lambda: self._closed)
        limiter = CapacityLimiter(1)
        try:
            self._frames, self._position = [], await to_thread.run_sync(reader.begin, limiter=limiter)
            self._kept_from = self._position
            self._begun.set()
            while self._listeners and not self._closed:
                self._take(*await to_thread.run_sync(reader.read, limiter=limiter))
        finally:
            self._following = None
            reader.close()

    def _take(self, frames: list[SseMessage], position: int) -> None:
        if position == self._position:
            return
        self._frames += frames
        if len(self._frames) > 2 * KEPT:
            self._kept_from = self._frames[-KEPT - 1].position
            del self._frames[:-KEPT]
        self._position = position
        self._wake()

    def _wake(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def _from_log(self, position: int, end: int) -> tuple[list[SseMessage], int]:
        with self._store.session() as connection:
            events = self._store.log.read_after(connection, position, PAGE, stop=end)
        return list(frames(events)), events[-1].position if len(events) == PAGE else end


class Reader:
    """Reads the log's end in a thread, through a connection of its own."""

    def __init__(self, store: Store, stopped: Callable[[], bool]) -> None:
        self._store = store
        self._stopped = stopped
        self._bell: Connection[Any] | None = None
        self._tail: Tail | None = None

    def begin(self) -> int:
        """The end of the log, once nobody can write before it any more."""
        while not self._stopped():
            try:
                bell = self._connected()
                end, fence = _one(bell, "infrastructure", "log/last_position"), take_xid(bell)
                while _one(bell, "projections", "rebuild/oldest_running") < fence and not self._stopped():
                    wait_for_commit(bell, GAP_POLL_SECONDS, self._stopped)
                self._tail = self._tail_at(end)
                return end
            except psycopg.OperationalError:
                self._lost()
        return 0

    def read(self) -> tuple[list[SseMessage], int]:
        """What comes next and how far that reaches; waits a moment where nothing does."""
        assert self._tail is not None
        try:
            bell = self._connected()
            events = self._tail.read(bell, PAGE)
            if not events:
                wait_for_commit(bell, GAP_POLL_SECONDS if self._tail.waits_for_others else POLL_SECONDS, self._stopped)
        except psycopg.OperationalError:
            self._lost()
            self._tail = self._tail_at(self._tail.position)  # its barrier takes ids through a connection that is gone
            return [], self._tail.position
        return list(frames(events)), self._tail.position

    def close(self) -> None:
        """Close its connection."""
        if self._bell is not None:
            self._bell.close()
            self._bell = None

    def _connected(self) -> Connection[Any]:
        if self._bell is None:
            self._bell = connect_listener(self._store.database.dsn)
        return self._bell

    def _tail_at(self, position: int) -> Tail:
        return Tail(position, GapBarrier(lambda: take_xid(self._connected())))

    def _lost(self) -> None:
        self.close()
        _pause(RECONNECT_SECONDS, self._stopped)


def frames(events: Iterable[LoggedEvent]) -> Iterable[SseMessage]:
    """The transitions among events, as listeners get them."""
    for event in events:
        data = from_json(event.data)
        kind = event.entity.kind
        if kind in (TASK, TASK_INSTANCE) and (event.version == 1 or "previous_status" in data):
            yield _frame(event, data)


def _frame(event: LoggedEvent, data: dict[str, Any]) -> SseMessage:
    told = {
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
    sent = b"id: %d\nevent: transition\ndata: %b\n\n" % (event.position, to_json(told))
    return SseMessage(event.position, str(event.entity), event.workflow_id, str(data.get("status")), sent)


def _one(connection: Connection[Any], package: str, name: str) -> int:
    row = connection.execute(query(package, name)).fetchone()
    return int(row[0] or 0) if row else 0


def _pause(seconds: float, stopped: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not stopped():
        time.sleep(0.05)
