"""Errors of the database, and which of them the domain lets through."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import errors

from domain.errors import Contention, Interruption, SojournError
from infrastructure.lock_holders import LockHolder

# A rule or a write that meets one of these has not failed by itself: the caller decides whether to retry.
Interruption.register(psycopg.Error)
for contended in (errors.LockNotAvailable, errors.DeadlockDetected, errors.SerializationFailure):
    Contention.register(contended)


class RetriesExhausted(SojournError):
    """Raised when others kept locked what a call needs during every attempt; nothing is written.

    Fix: call again later, or with a larger max_retries; `holders` names the sessions that have held locks for so long.
    """

    def __init__(self, what: str, attempts: int, holders: Sequence[LockHolder] = ()) -> None:
        self.attempts = attempts
        self.holders = tuple(holders)
        others = f"others ({'; '.join(map(str, holders))})" if holders else "others"
        super().__init__(f"{what} is locked by {others}: gave up after {attempts} attempts; try again later")


class ConnectionLost(SojournError):
    """Raised when the connection to the database broke during a call.

    Fix: repeat the call where `repeatable`; else read the status first. With a command_id it is always safe.
    """

    def __init__(self, *, safe_to_retry: bool, why: str) -> None:
        self.safe_to_retry = safe_to_retry
        advice = (
            "nothing was written or it is safe twice: the call may be repeated"
            if safe_to_retry
            else "it may have been written: read the status before you repeat the call, or give it a command_id"
        )
        first_line = why.strip().partition("\n")[0]  # libpq explains itself in further lines
        super().__init__(f"the connection to the database was lost ({first_line}); {advice}")

    @property
    def repeatable(self) -> bool:
        """Return `safe_to_retry`, under its older name, which is also its key over HTTP."""
        return self.safe_to_retry


LACKS = {
    "53100": "has no disk space left",
    "53200": "has no memory left",
    "53300": "has no connection left",
    "53400": "has reached one of its limits",
    "58030": "cannot read or write its disk",
}
"""What SQLSTATEs of an exhausted database state about it."""


class DatabaseExhausted(SojournError):
    """Raised when the database lacks disk space, memory or another resource; the transaction is rolled back.

    Fix: free the resource on the server, then repeat the call; `sqlstate` says which it is.
    """

    def __init__(self, sqlstate: str, why: str) -> None:
        self.sqlstate = sqlstate
        lacks = LACKS.get(sqlstate, "lacks a resource")
        super().__init__(f"the database {lacks} ({why}); free it on the server, then repeat the call")


@contextmanager
def typed_errors() -> Iterator[None]:
    """Raise DatabaseExhausted for a psycopg error of the block that states that the database lacks something."""
    try:
        yield
    except psycopg.Error as error:
        if is_exhausted(error):
            raise DatabaseExhausted(str(error.sqlstate), str(error).partition("\n")[0]) from error
        raise


def is_exhausted(error: psycopg.Error) -> bool:
    """Return whether the error states that the database lacks a resource."""
    sqlstate = error.sqlstate or ""
    return sqlstate.startswith("53") or sqlstate in LACKS


class ServiceClosed(SojournError):
    """Raised when a method of a service is called after its `close()`, or after its `with` block.

    Fix: call `TransitionService.connect` for another one.
    """

    def __init__(self) -> None:
        super().__init__("the service is closed; call TransitionService.connect for another one")
