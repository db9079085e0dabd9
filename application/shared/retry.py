"""Trying again when others hold what a call needs: a bounded number of attempts, further and further apart."""

import random
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeVar

import psycopg

from infrastructure.errors import ConnectionLost, RetriesExhausted

Answer = TypeVar("Answer")

LOCK_NOT_AVAILABLE = "55P03"
DEADLOCK = "40P01"
SERIALIZATION_FAILURE = "40001"
UNIQUE_VIOLATION = "23505"

CONTENTION = frozenset({LOCK_NOT_AVAILABLE, DEADLOCK, SERIALIZATION_FAILURE})
"""The SQLSTATEs that another attempt may cure."""

LOST = ("08", "57P", "25P03", "25P04")
"""How the SQLSTATEs begin that end a connection: it broke, was terminated, or was idle or at work for too long."""

BASE_SECONDS = 0.05
"""The wait before the second attempt; it doubles with each."""

told_of_retry: ContextVar[Callable[[], None] | None] = ContextVar("told_of_retry", default=None)
"""Who counts the attempts after the first."""


def retrying(
    what: str,
    attempt: Callable[[], Answer],
    *,
    max_retries: int,
    curable: frozenset[str] = CONTENTION,
    repeatable: bool | Callable[[], bool] = False,
) -> Answer:
    """What `attempt` answers, tried at most `max_retries` times (at least once) while others hold `what`.

    Raises RetriesExhausted, or ConnectionLost, which says whether the call may be repeated: it may where `repeatable`.
    """
    attempts = max(1, max_retries)
    for number in range(attempts):
        if number:
            _tell_of_retry()
            time.sleep(backoff_seconds(number))
        try:
            return attempt()
        except psycopg.Error as error:
            if is_lost(error):
                may_repeat = repeatable() if callable(repeatable) else repeatable
                raise ConnectionLost(repeatable=may_repeat, why=str(error)) from error
            if error.sqlstate not in curable:
                raise
    raise RetriesExhausted(what, attempts)


def _tell_of_retry() -> None:
    tell = told_of_retry.get()
    if tell is not None:
        tell()


def backoff_seconds(attempt: int) -> float:
    """How long to wait before that attempt (the first is 0): 50 ms doubled each time, of which half is chance."""
    return BASE_SECONDS * float(2 ** (attempt - 1)) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


def is_lost(error: psycopg.Error) -> bool:
    """Whether the connection is gone: the server said so, or nothing any more."""
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate.startswith(LOST)
