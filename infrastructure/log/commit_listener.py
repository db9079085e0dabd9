"""Waiting for commits: the other end of `CommitNotifier`."""

from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import Connection

from infrastructure.sql import query

STOP_SECONDS = 0.2
"""How soon a waiting thread notices that it was stopped."""


def connect_listener(dsn: str) -> Connection[Any]:
    """Return a connection that receives a notification after commits.

    Connect before the first read, so that no commit falls between the read and the wait.
    """
    connection = psycopg.connect(dsn, autocommit=True)
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
