"""The log's newest transitions, read once for all listeners.

One tail follows the end of the log while there are listeners, and keeps the last transitions. Every listener has its
own position. It reads from the log what is no longer kept, up to the tail's position: nothing before that is missing.
"""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from http import HTTPStatus

import psycopg
from anyio import CapacityLimiter

from application.shared.store import Store
from domain.errors import SojournError
from infrastructure.log.tail import read_events
from infrastructure.loggers import get_logger
from interfaces.http.cuttable_work import run_cuttable
from interfaces.http.log_reader import BATCH, Beginning, LogReader
from interfaces.http.problems import DATABASE_AWAY, ProblemError
from interfaces.http.sse_message import SseMessage, build_messages, take_bytes

log = get_logger("feed")

MAX_KEPT = 10_000
MAX_KEPT_BYTES = 8 * 1024 * 1024
"""How many transitions are kept for listeners; twice as many while the oldest are not yet dropped."""

MAX_SENT_BYTES = 256 * 1024
"""How many bytes of transitions a listener gets at once, or else one transition."""

KEEP_ALIVE_SECONDS = 15.0
RESTART_SECONDS = 1.0
"""The wait before the log is read again after an error."""

STANDBY = "the database is a standby, whose log cannot be followed; ask a server of its primary"


class Feed:
    """Follows the log while there are listeners, and goes on after any error.

    Where the database does not answer a read within `answer_seconds`, another connection replaces the one that waits.
    """

    def __init__(self, store: Store, answer_seconds: float) -> None:
        self._store = store
        self._seconds = answer_seconds
        self._kept: list[SseMessage] = []
        self._kept_bytes = 0
        self._kept_from = 0
        self._position = 0
        self._listeners = 0
        self._closed = False
        self._begun: asyncio.Future[Beginning] | None = None
        self._following: asyncio.Task[None] | None = None
        self._advanced = asyncio.Event()
        self._resuming = CapacityLimiter(1)

    @property
    def listeners(self) -> int:
        """Return the number of listeners."""
        return self._listeners

    @property
    def closed(self) -> bool:
        """Return whether the feed has ended, so that nothing more will come."""
        return self._closed

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[Beginning]:
        """Count a listener in, and yield where the stream of one begins that asks for what is new.

        Raises:
            ProblemError: the log cannot be followed.
        """
        self._listeners += 1
        try:
            yield await self._begin()
        finally:
            self._listeners -= 1

    async def read_after(self, position: int) -> tuple[Sequence[SseMessage], int]:
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
            return await self._read_from_log(position)
        first = bisect_right(self._kept, position, key=lambda message: message.position)
        messages = self._kept[first : first + BATCH]
        taken = take_bytes(messages, MAX_SENT_BYTES)
        is_all = first + len(taken) == len(self._kept)
        return taken, self._position if is_all else taken[-1].position

    def close(self) -> None:
        """End the stream of every listener."""
        self._closed = True
        self._wake_listeners()
        if self._following is not None:
            self._following.cancel()

    async def _begin(self) -> Beginning:
        if self._following is None or self._begun is None:
            self._begun = asyncio.get_running_loop().create_future()
            self._following = asyncio.create_task(self._follow(self._begun))
        beginning = await asyncio.shield(self._begun)
        return Beginning(self._position, beginning.known)

    async def _follow(self, begun: "asyncio.Future[Beginning]") -> None:
        try:
            with closing(self._open()) as reader:
                if not await self._find_beginning(reader, begun):
                    return
                await self._read_on(reader)
            while self._is_wanted:
                await asyncio.sleep(RESTART_SECONDS)
                with closing(self._open()) as reader:
                    await self._read_on(reader)
        finally:
            self._following = None
            if not begun.done():
                begun.set_exception(_unavailable(DATABASE_AWAY))

    async def _find_beginning(self, reader: LogReader, begun: "asyncio.Future[Beginning]") -> bool:
        try:
            beginning = await run_cuttable(reader.begin, seconds=self._seconds)
        except Exception as error:
            log.error("the log cannot be followed: %s", error)
            on_standby = isinstance(error, psycopg.errors.ReadOnlySqlTransaction)
            begun.set_exception(_unavailable(STANDBY if on_standby else DATABASE_AWAY))
            begun.exception()  # a listener that has gone does not retrieve it
            return False
        self._kept, self._kept_bytes = [], 0
        self._position = self._kept_from = beginning.position
        begun.set_result(beginning)
        return True

    async def _read_on(self, reader: LogReader) -> None:
        """Read until nobody listens any more, or until an error: the events may be read again through another one."""
        try:
            while self._is_wanted:
                self._keep(*await run_cuttable(reader.read_after, self._position, seconds=self._seconds))
        except Exception as error:
            log.error("the log cannot be followed (%s): it is tried again every %g s", error, RESTART_SECONDS)

    @property
    def _is_wanted(self) -> bool:
        return self._listeners > 0 and not self._closed

    def _open(self) -> LogReader:
        return LogReader(self._store, lambda: self._closed)

    def _keep(self, messages: list[SseMessage], position: int) -> None:
        if position == self._position:
            return
        self._kept += messages
        self._kept_bytes += sum(len(message.sent) for message in messages)
        if len(self._kept) > 2 * MAX_KEPT or self._kept_bytes > 2 * MAX_KEPT_BYTES:
            self._drop_oldest()
        self._position = position
        self._wake_listeners()

    def _drop_oldest(self) -> None:
        number = 0
        while len(self._kept) - number > MAX_KEPT or self._kept_bytes > MAX_KEPT_BYTES:
            self._kept_bytes -= len(self._kept[number].sent)
            number += 1
        self._kept_from = self._kept[number - 1].position
        del self._kept[:number]

    def _wake_listeners(self) -> None:
        advanced, self._advanced = self._advanced, asyncio.Event()
        advanced.set()

    async def _read_from_log(self, position: int) -> tuple[Sequence[SseMessage], int]:
        """Read what is no longer kept. One listener reads at a time, so that they leave connections for others."""
        try:
            return await run_cuttable(
                self._read_log, position, self._position, seconds=self._seconds, limiter=self._resuming
            )
        except (SojournError, psycopg.Error) as error:
            log.error(
                "events after %d cannot be read (%s): it is tried again every %g s", position, error, RESTART_SECONDS
            )
            await asyncio.sleep(RESTART_SECONDS)
            return [], position

    def _read_log(self, position: int, end: int) -> tuple[list[SseMessage], int]:
        with self._store.session() as connection:
            read, _ = read_events(connection, position, BATCH, MAX_SENT_BYTES)
        events = [event for event in read if event.position <= end]
        return list(build_messages(events)), events[-1].position if events else end


def _unavailable(detail: str) -> ProblemError:
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", detail, {})
