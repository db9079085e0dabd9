"""The bell: wakes whoever follows the log, after a commit and from a connection of its own.

A NOTIFY inside the append would take a lock of the whole server at commit. Here a thread sends one for all commits of
the last moments; who misses it finds the events with the next poll.
"""

import threading

import psycopg

from infrastructure.sql import query

CHANNEL = "sojourn_event"
COALESCE_SECONDS = 0.02
"""For how long commits are gathered before one NOTIFY is sent for them all."""


class CommitNotifier:
    """Rings for the commits of one process."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._rung = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def notify(self) -> None:
        """Say that something was committed; returns at once."""
        if not self._rung.is_set():
            self._rung.set()
            if self._thread is None:
                self._start()

    def close(self) -> None:
        """Send what is still to be sent, and end."""
        self._closed.set()
        self._rung.set()
        if self._thread is not None:
            self._thread.join()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="sojourn-bell", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        connection: psycopg.Connection | None = None
        while not self._closed.is_set():
            self._rung.wait()
            self._closed.wait(COALESCE_SECONDS)
            self._rung.clear()
            try:
                connection = connection or psycopg.connect(self._dsn, autocommit=True)
                connection.execute(query("infrastructure", "ring"))
            except psycopg.Error:
                # Followers poll: a bell that does not ring costs them a moment, and nobody an event.
                connection = None
        if connection is not None:
            connection.close()
