"""Errors of the database, and which of them the domain lets through."""

import psycopg
from psycopg import errors

from domain.errors import Contention, Interruption, SojournError

# A rule or a write that meets one of these has not failed by itself: the caller decides whether to retry.
Interruption.register(psycopg.Error)
for contended in (errors.LockNotAvailable, errors.DeadlockDetected, errors.SerializationFailure):
    Contention.register(contended)


class RetriesExhausted(SojournError):
    """Others kept rows locked for as long as the caller was willing to retry; try again later."""

    def __init__(self, what: str, attempts: int) -> None:
        self.attempts = attempts
        super().__init__(f"{what} is locked by others: gave up after {attempts} attempts; try again later")


class ConnectionLost(SojournError):
    """The connection to the database broke during a call; `repeatable` states whether to repeat the call."""

    def __init__(self, *, repeatable: bool, why: str) -> None:
        self.repeatable = repeatable
        advice = (
            "nothing was written or it is safe twice: the call may be repeated"
            if repeatable
            else "it may have been written: read the status before you repeat the call, or give it a command_id"
        )
        super().__init__(f"the connection to the database was lost ({why.strip()}); {advice}")
