"""Retry: a bounded number of attempts, further and further apart, while others hold what a call needs."""

import math
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

import psycopg

from infrastructure.errors import ConnectionLost, RetriesExhausted
from infrastructure.loggers import get_logger

log = get_logger("retry")

Answer = TypeVar("Answer")

MAX_RETRIES = 5
"""The number of attempts that a call makes, unless its caller passes another one."""

LOCK_NOT_AVAILABLE = "55P03"
DEADLOCK = "40P01"
SERIALIZATION_FAILURE = "40001"
UNIQUE_VIOLATION = "23505"

CONTENTION = frozenset({LOCK_NOT_AVAILABLE, DEADLOCK, SERIALIZATION_FAILURE})
"""The SQLSTATEs of a conflict with another transaction that another attempt may not meet again."""

CONNECTION_LOST_CLASSES = ("08", "57P", "25P03", "25P04")
"""The beginnings of SQLSTATEs that end a connection: it broke, was terminated, or was idle or busy for too long."""

BASE_SECONDS = 0.05
"""The wait before the second attempt; it doubles with each."""

on_retry: ContextVar[Callable[[], None] | None] = ContextVar("on_retry", default=None)
"""Called before every attempt after the first, to count them."""

_wait: ContextVar[Callable[[float], object]] = ContextVar("wait", default=time.sleep)


@contextmanager
def between_attempts(wait: Callable[[float], object]) -> Iterator[None]:
    """Call `wait` with the number of seconds wherever a call in the block would sleep until its next attempt.

    A test makes here happen what an attempt waits for, so that it depends on no clock.
    """
    previous = _wait.set(wait)
    try:
        yield
    finally:
        _wait.reset(previous)


def pause(seconds: float) -> None:
    """Wait until the next attempt: sleep, or what `between_attempts` puts in its place."""
    _wait.get()(seconds)


def retrying(
    subject: str,
    attempt: Callable[[], Answer],
    *,
    max_retries: int = MAX_RETRIES,
    may_retry: Callable[[psycopg.Error], bool],
    patience: float = math.inf,
) -> Answer:
    """Return the answer of `attempt`, made up to `max_retries` times (at least once).

    An attempt that fails after `patience` seconds is the last, because it has waited for a lock for all that time.

    Raises:
        RetriesExhausted: others held `subject` during every attempt; the last one's error is its cause.
        psycopg.Error: an attempt failed in a way that `may_retry` does not accept.
    """
    attempts = max(1, max_retries)
    number = 1
    while True:
        began = time.monotonic()
        try:
            return attempt()
        except psycopg.Error as error:
            if is_lost(error) or not may_retry(error):
                raise
            if number == attempts or time.monotonic() - began >= patience:
                raise RetriesExhausted(subject, number) from error
            log.debug("%s is held by others (SQLSTATE %s): attempt %d of %d", subject, error.sqlstate, number, attempts)
        count = on_retry.get()
        if count is not None:
            count()
        pause(backoff_seconds(number))
        number += 1


def backoff_seconds(attempt: int) -> float:
    """Return how long to wait after that attempt (the first is 1): 50 ms doubled each time, of which half is chance."""
    return BASE_SECONDS * float(2 ** (attempt - 1)) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


@contextmanager
def reporting_loss(*, safe_to_retry: bool) -> Iterator[None]:
    """Raise ConnectionLost, with `safe_to_retry`, for a psycopg error in the block that ended the connection."""
    try:
        yield
    except psycopg.Error as error:
        if is_lost(error):
            raise ConnectionLost(safe_to_retry=safe_to_retry, why=str(error)) from error
        raise


def is_lost(error: psycopg.Error) -> bool:
    """Return whether the error ended the connection: its SQLSTATE says so, or the server sent none."""
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate.startswith(CONNECTION_LOST_CLASSES)
