"""Subscriptions: consumers that follow the log from a checkpoint, each event once and in order."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from psycopg import Connection

from infrastructure.database.connect import connect
from infrastructure.errors import LockTimeout
from infrastructure.lock_timeout import naming_lock_holders
from infrastructure.log.commit_listener import connect_listener, wait_for_commit
from infrastructure.log.logged_event import LoggedEvent
from infrastructure.log.tail import BATCH, GAP_POLL_SECONDS, POLL_SECONDS, GapBarrier, Tail
from infrastructure.loggers import get_logger
from infrastructure.sql import query

log = get_logger("subscription")

Consume = Callable[[Connection[Any], Sequence[LoggedEvent]], None]

RECONNECT_SECONDS = (0.1, 0.5, 2.0, 5.0)
"""The waits between attempts to connect again; the last one repeats."""


class Subscription:
    """Hands the events after its checkpoint to `consume`, batch by batch.

    `consume` gets a connection whose transaction also moves the checkpoint, so whatever it writes there is written
    exactly once, even after a crash. Its statements find tables by the role's own search path. Two subscriptions under
    one name take turns and share the work.
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
        """Consume every event up to the end of the log, and return their number.

        Raises:
            LockTimeout: another consumer under this name does not end its batch.
        """
        with connect_listener(self._dsn) as listener, self._connect_worker() as worker:
            consumed = 0
            while True:
                count = self._consume_batch(worker, listener)
                consumed += count
                if not count and not self._waits_for_others:
                    return consumed
                if not count:
                    wait_for_commit(listener, GAP_POLL_SECONDS, self._stopped.is_set)

    def run(self) -> None:
        """Follow the log until stopped, and connect again when the connection is lost."""
        failures = 0
        while not self._stopped.is_set():
            try:
                with connect_listener(self._dsn) as listener, self._connect_worker() as worker:
                    while not self._stopped.is_set():
                        consumed = self._consume_batch(worker, listener)
                        failures = 0
                        if not consumed:
                            seconds = GAP_POLL_SECONDS if self._waits_for_others else self._poll_seconds
                            wait_for_commit(listener, seconds, self._stopped.is_set)
            except LockTimeout as error:
                log.warning("subscription %s waits: %s", self.name, error)
            except psycopg.OperationalError:
                self._stopped.wait(RECONNECT_SECONDS[min(failures, len(RECONNECT_SECONDS) - 1)])
                failures += 1

    def stop(self) -> None:
        """End `run` after its present batch; safe from any thread and from a signal handler."""
        self._stopped.set()

    @property
    def _waits_for_others(self) -> bool:
        return self._tail is not None and self._tail.waits_for_others

    def _consume_batch(self, worker: Connection[Any], listener: Connection[Any]) -> int:
        with worker.transaction():
            tail = self._tail_at(self._hold_checkpoint(worker, listener), listener)
            events = tail.read(worker, self._batch)
            if events:
                worker.execute(query("infrastructure", "connections/use_role_settings"))
                self._consume(worker, events)
                worker.execute(query("infrastructure", "connections/use_own_search_path"))
                worker.execute(query("infrastructure", "subscriptions/advance"), [tail.position, self.name])
        return len(events)

    def _hold_checkpoint(self, worker: Connection[Any], listener: Connection[Any]) -> int:
        # The worker's transaction has failed where it waited in vain, so the listener looks for the holders.
        with naming_lock_holders(listener, f"the checkpoint of subscription {self.name!r}"):
            row = worker.execute(query("infrastructure", "subscriptions/lock"), [self.name]).fetchone()
        assert row is not None
        return int(row[0])

    def _tail_at(self, position: int, listener: Connection[Any]) -> Tail:
        # The checkpoint has moved where another consumer of this name has worked, or the last batch was rolled back.
        if self._tail is None or self._tail.position != position:
            self._tail = Tail(position, GapBarrier.through(listener))
        return self._tail

    def _connect_worker(self) -> Connection[Any]:
        self._tail = None  # its barrier takes ids through a connection that is gone
        connection = connect(self._dsn)
        with naming_lock_holders(connection, f"the checkpoint of subscription {self.name!r}"):
            connection.execute(query("infrastructure", "subscriptions/begin"), [self.name])
        return connection
