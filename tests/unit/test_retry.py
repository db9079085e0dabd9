"""Trying again: what is worth it, how often, and after how long."""

from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import errors

from application.shared.retry import (
    backoff_seconds,
    between_attempts,
    is_lost,
    on_retry,
    pause,
    reporting_loss,
    retrying,
)
from infrastructure.errors import ConnectionLost, RetriesExhausted


@pytest.fixture(autouse=True)
def waits() -> Iterator[list[float]]:
    """How long each pause would have been; no test waits for real."""
    waited: list[float] = []
    with between_attempts(waited.append):
        yield waited


def is_locked(error: psycopg.Error) -> bool:
    return isinstance(error, errors.LockNotAvailable)


def failing(*failures: Exception) -> Callable[[], str]:
    """A call that fails so, one after the other, and then answers `done`."""
    left = list(failures)

    def call() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return call


def test_another_attempt_may_succeed(waits: list[float]) -> None:
    failures = failing(errors.LockNotAvailable(), errors.LockNotAvailable())

    assert retrying("it", failures, max_retries=3, may_retry=is_locked) == "done"
    assert len(waits) == 2


@pytest.mark.parametrize(("max_retries", "attempts"), [(5, 5), (1, 1), (0, 1), (-3, 1)])
def test_it_ends(max_retries: int, attempts: int, waits: list[float]) -> None:
    with pytest.raises(RetriesExhausted, match=f"it is locked by others: gave up after {attempts} attempts") as raised:
        retrying("it", failing(*[errors.LockNotAvailable()] * 9), max_retries=max_retries, may_retry=is_locked)

    assert raised.value.attempts == attempts
    assert isinstance(raised.value.__cause__, errors.LockNotAvailable), "the SQLSTATE is not lost"
    assert len(waits) == attempts - 1


@pytest.mark.parametrize("error", [errors.UniqueViolation(), errors.AdminShutdown("gone"), KeyError()])
def test_an_error_that_no_attempt_cures_is_raised_at_once(error: Exception, waits: list[float]) -> None:
    with pytest.raises(type(error)) as raised:
        retrying("it", failing(error), max_retries=5, may_retry=is_locked)

    assert raised.value is error
    assert waits == []


def test_a_lost_connection_is_never_tried_again(waits: list[float]) -> None:
    with pytest.raises(errors.AdminShutdown):
        retrying("it", failing(errors.AdminShutdown("gone")), max_retries=5, may_retry=lambda _: True)

    assert waits == []


@pytest.mark.parametrize("safe_to_retry", [True, False])
def test_a_lost_connection_is_reported_with_whether_to_retry(safe_to_retry: bool) -> None:
    with pytest.raises(ConnectionLost) as raised, reporting_loss(safe_to_retry=safe_to_retry):
        raise errors.AdminShutdown("gone")

    assert raised.value.safe_to_retry == raised.value.repeatable == safe_to_retry
    assert isinstance(raised.value.__cause__, errors.AdminShutdown)


def test_other_errors_are_not_reported_as_a_loss() -> None:
    with pytest.raises(errors.UniqueViolation), reporting_loss(safe_to_retry=True):
        raise errors.UniqueViolation


def test_each_attempt_after_the_first_is_counted() -> None:
    counted: list[None] = []
    before = on_retry.set(lambda: counted.append(None))

    with pytest.raises(RetriesExhausted):
        retrying("it", failing(*[errors.LockNotAvailable()] * 9), max_retries=4, may_retry=is_locked)

    on_retry.reset(before)
    assert len(counted) == 3


def test_what_happens_between_attempts_ends_with_its_block(waits: list[float]) -> None:
    inner: list[float] = []
    with between_attempts(inner.append):
        pause(1)
    pause(2)

    assert (inner, waits) == ([1], [2])


def test_each_wait_is_twice_the_one_before_of_which_half_is_chance() -> None:
    for attempt, longest in [(1, 0.05), (2, 0.1), (3, 0.2), (4, 0.4)]:
        waits = {backoff_seconds(attempt) for _ in range(200)}
        assert longest / 2 <= min(waits) < max(waits) <= longest


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (psycopg.OperationalError("server closed the connection unexpectedly"), True),
        (errors.AdminShutdown(), True),
        (errors.CrashShutdown(), True),
        (errors.ConnectionFailure(), True),
        (errors.IdleInTransactionSessionTimeout(), True),
        (errors.LockNotAvailable(), False),
        (errors.QueryCanceled(), False),
        (errors.UniqueViolation(), False),
        (psycopg.ProgrammingError("no result"), False),
    ],
)
def test_whether_the_connection_is_gone(error: psycopg.Error, lost: bool) -> None:
    assert is_lost(error) == lost
