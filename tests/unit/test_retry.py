"""Trying again: what is worth it, how often, and after how long."""

from collections.abc import Callable

import psycopg
import pytest
from psycopg import errors

from application.shared.retry import backoff_seconds, is_lost, retrying
from infrastructure.errors import ConnectionLost, RetriesExhausted


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited; no test waits for real."""
    waited: list[float] = []
    monkeypatch.setattr("application.shared.retry.time.sleep", waited.append)
    return waited


def failing(*failures: Exception) -> Callable[[], str]:
    """A call that fails so, one after the other, and then answers `done`."""
    left = list(failures)

    def call() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return call


@pytest.mark.parametrize("error", [errors.LockNotAvailable, errors.DeadlockDetected, errors.SerializationFailure])
def test_contention_is_worth_another_attempt(error: type[psycopg.Error], waits: list[float]) -> None:
    assert retrying("it", failing(error(), error()), max_retries=3) == "done"
    assert len(waits) == 2


@pytest.mark.parametrize(("max_retries", "attempts"), [(5, 5), (1, 1), (0, 1), (-3, 1)])
def test_it_ends(max_retries: int, attempts: int, waits: list[float]) -> None:
    with pytest.raises(RetriesExhausted, match=f"it is locked by others: gave up after {attempts} attempts") as raised:
        retrying("it", failing(*[errors.LockNotAvailable()] * 9), max_retries=max_retries)

    assert raised.value.attempts == attempts
    assert len(waits) == attempts - 1


def test_what_no_attempt_cures_is_raised_at_once(waits: list[float]) -> None:
    with pytest.raises(errors.UniqueViolation):
        retrying("it", failing(errors.UniqueViolation()), max_retries=5)
    with pytest.raises(KeyError):
        retrying("it", failing(KeyError()), max_retries=5)
    assert waits == []


def test_unless_the_caller_knows_that_it_does() -> None:
    assert retrying("it", failing(errors.UniqueViolation()), max_retries=5, curable=frozenset({"23505"})) == "done"


@pytest.mark.parametrize("repeatable", [True, False])
def test_a_lost_connection_is_not_tried_again(repeatable: bool, waits: list[float]) -> None:
    with pytest.raises(ConnectionLost) as told:
        retrying("it", failing(errors.AdminShutdown("gone")), max_retries=5, repeatable=repeatable)
    with pytest.raises(ConnectionLost) as asked:
        retrying("it", failing(errors.AdminShutdown("gone")), max_retries=5, repeatable=lambda: repeatable)

    assert told.value.repeatable == asked.value.repeatable == repeatable
    assert isinstance(told.value.__cause__, errors.AdminShutdown)
    assert waits == []


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
