"""Notifications after commits, which wake the followers of the log.

A NOTIFY inside the append would take a lock of the whole server at commit. Instead a thread with a connection of its
own sends one for all commits of the last moments. A follower that misses it finds the events with its next poll.
"""

import threading

import psycopg

from domain.errors import SojournError
from infrastructure.database.connect import connect
from infrastructure.forks import renew_in_children
from infrastructure.sql import query

CHANNEL = "sojourn_event"
COALESCE_SECONDS = 0.02
"""For how long commits are collected before one NOTIFY is sent for all of them."""

CLOSE_SECONDS = 5.0
"""How long the last notification may take; the thread is a daemon, so that it keeps no process from ending."""


class CommitNotifier:
    """Notifies the followers of the log of the commits of one process."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._pending = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        renew_in_children(self)

    def notify(self) -> None:
        """Have the followers notified of a commit; return at once."""
        if not self._pending.is_set():
            self._pending.set()
            if self._thread is None:
                self._start()

    def renew_after_fork(self) -> None:
        """Start with a thread and a connection of this process's own; the parent's thread does not run here."""
        was_closed = self._closed.is_set()
        self._pending, self._closed, self._thread, self._starting = (
            threading.Event(), threading.Event(), None, threading.Lock(),
        )  # fmt: skip
        if was_closed:
            self._closed.set()

    def close(self) -> None:
        """Send the notification that is still pending, and end the thread; leave one behind that the network holds."""
        self._closed.set()
        self._pending.set()
        if self._thread is not None:
            self._thread.join(CLOSE_SECONDS)

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="sojourn-commit-notifier", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        connection: psycopg.Connection | None = None
        while not self._closed.is_set():
            self._pending.wait()
            self._closed.wait(COALESCE_SECONDS)
            self._pending.clear()
            try:
                connection = connection or connect(self._dsn)
                connection.execute(query("infrastructure", "log/notify_commit"))
            except (psycopg.Error, SojournError):
                # Followers poll, so a lost notification delays them and loses no event.
                connection = None
        if connection is not None:
            connection.close()
