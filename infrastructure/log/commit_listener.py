"""Waiting for commits: the other end of `CommitNotifier`."""

import time
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import Connection

from infrastructure.database.connect import connect
from infrastructure.sql import query

RECONNECT_SECONDS = 0.1
"""The wait before a listener connects again."""

STOP_SECONDS = 0.2
"""How soon a waiting thread notices that it was stopped."""


class CommitListener:
    """Waits for commits through a connection of its own, and connects again where that is lost."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: Connection[Any] | None = connect_listener(dsn)

    def wait(self, seconds: float) -> None:
        """Wait for a notification of a commit, for `seconds` at most."""
        try:
            if self._connection is None:
                self._connection = connect_listener(self._dsn)
                return  # a commit may have come while nobody listened
            wait_for_commit(self._connection, seconds, lambda: False)
        except psycopg.OperationalError:
            self.close()
            time.sleep(RECONNECT_SECONDS)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def connect_listener(dsn: str) -> Connection[Any]:
    """Return a connection that receives a notification after commits.

    Connect before the first read, so that no commit falls between the read and the wait.
    """
    connection = connect(dsn)
    connection.execute(query("infrastructure", "log/listen"))
    return connection


def wait_for_commit(listener: Connection[Any], seconds: float, is_stopped: Callable[[], bool]) -> None:
    """Wait for a notification of a commit, for `seconds` at most, or until `is_stopped`."""
    left = seconds
    while left > 0 and not is_stopped():
        turn = min(left, STOP_SECONDS)
        if list(listener.notifies(timeout=turn, stop_after=1)):
            return
        left -= turn
