"""Subscriptions: consumers that follow the log from a checkpoint, each event once and in order."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from eventsourcing.persistence import Subscription as LibrarySubscription
from psycopg import Connection

from infrastructure.log.event_mapper import LoggedEvent
from infrastructure.log.tail import Tail
from infrastructure.sql import query

Consume = Callable[[Connection[Any], Sequence[LoggedEvent]], None]

BATCH = 5_000
POLL_SECONDS = 1.0
"""How long a wake-up may be missed for."""

HOLE_SECONDS = 0.02
"""How soon to look again at a hole that somebody may still fill."""

RECONNECT_SECONDS = (0.1, 0.5, 2.0, 5.0)
"""The waits between attempts to connect again; the last one repeats."""


class Subscription:
    """Hands the events after its checkpoint to `consume`, batch by batch.

    `consume` gets a connection whose transaction also moves the checkpoint: what it writes there is written exactly
    once, whatever crashes when. Two that run under one name take turns, and share the work without repeating any.
    """

    def __init__(
        self,
        dsn: str,
        name: str,
        consume: Consume,
        *,
        batch: int = BATCH,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self.name = name
        self._dsn = dsn
        self._consume = consume
        self._batch = batch
        self._poll_seconds = poll_seconds
        self._stopped = threading.Event()
        self._tail: Tail | None = None

    def catch_up(self) -> int:
        """Consume what there is, up to the end of the log, and answer with the number of events."""
        with self._listening() as bell, self._working() as worker:
            consumed = 0
            while True:
                count = self._step(worker, bell)
                consumed += count
                if not count and not self._waits_for_others:
                    return consumed
                if not count:
                    self._wait(bell, HOLE_SECONDS)

    def run(self) -> None:
        """Follow the log until stopped; connects again by itself when the connection is lost."""
        failures = 0
        while not self._stopped.is_set():
            try:
                with self._listening() as bell, self._working() as worker:
                    while not self._stopped.is_set():
                        consumed = self._step(worker, bell)
                        failures = 0
                        if not consumed:
                            self._wait(bell, HOLE_SECONDS if self._waits_for_others else self._poll_seconds)
            except psycopg.OperationalError:
                self._stopped.wait(RECONNECT_SECONDS[min(failures, len(RECONNECT_SECONDS) - 1)])
                failures += 1

    def stop(self) -> None:
        """Let `run` end after the batch that it is at; safe from any thread and from a signal handler."""
        self._stopped.set()

    @property
    def _waits_for_others(self) -> bool:
        return self._tail is not None and self._tail.waits_for_others

    def _step(self, worker: Connection[Any], bell: Connection[Any]) -> int:
        with worker.transaction():
            position = _one(worker, "hold_checkpoint", [self.name])
            tail = self._tail_at(position, bell)
            events = tail.read(worker, self._batch)
            if events:
                self._consume(worker, events)
                worker.execute(query("infrastructure", "advance_checkpoint"), [tail.position, self.name])
        return len(events)

    def _tail_at(self, position: int, bell: Connection[Any]) -> Tail:
        # Another consumer of this name may have moved the checkpoint, or this one's last batch was rolled back.
        if self._tail is None or self._tail.position != position:
            self._tail = Tail(position, lambda: _one(bell, "fence"))
        return self._tail

    def _wait(self, bell: Connection[Any], seconds: float) -> None:
        wait_for_bell(bell, seconds, self._stopped.is_set)

    def _listening(self) -> Connection[Any]:
        return listening(self._dsn)

    def _working(self) -> Connection[Any]:
        self._tail = None  # its fences were taken through a connection that is gone
        connection = psycopg.connect(self._dsn, autocommit=True)
        connection.execute(query("infrastructure", "begin_checkpoint"), [self.name])
        return connection


class Following(LibrarySubscription[Any]):
    """The library's kind of subscription: an iterator over the log that waits at its end. It keeps no checkpoint."""

    def __init__(self, recorder: Any, dsn: str, gt: int | None = None, topics: Sequence[str] = ()) -> None:
        super().__init__(recorder, gt, topics)
        self._bell = listening(dsn)
        self._tail = Tail(gt or 0, lambda: _one(self._bell, "fence"))
        self._read: deque[LoggedEvent] = deque()

    def __next__(self) -> LoggedEvent:
        """The next event; raises StopIteration once stopped."""
        while not self._read:
            if self._has_been_stopped:
                raise StopIteration
            events = self._tail.read(self._bell, BATCH)
            self._read.extend(event for event in events if not self._topics or event.topic in self._topics)
            if not events:
                seconds = HOLE_SECONDS if self._tail.waits_for_others else POLL_SECONDS
                wait_for_bell(self._bell, seconds, lambda: self._has_been_stopped)
        return self._read.popleft()

    def __exit__(self, *args: object, **kwargs: Any) -> None:
        super().__exit__(*args, **kwargs)
        self._bell.close()


def listening(dsn: str) -> Connection[Any]:
    """A connection that hears the bell. Made before the first read, so that no commit falls in between."""
    connection = psycopg.connect(dsn, autocommit=True)
    connection.execute(query("infrastructure", "listen"))
    return connection


def wait_for_bell(bell: Connection[Any], seconds: float, stopped: Callable[[], bool]) -> None:
    """Wait until the bell rings, so many seconds have passed, or it is stopped (which is noticed in 0.2 s)."""
    left = seconds
    while left > 0 and not stopped():
        turn = min(left, 0.2)
        if list(bell.notifies(timeout=turn, stop_after=1)):
            return
        left -= turn


def _one(connection: Connection[Any], name: str, parameters: Sequence[Any] = ()) -> int:
    row = connection.execute(query("infrastructure", name), parameters).fetchone()
    assert row is not None
    return int(row[0])
