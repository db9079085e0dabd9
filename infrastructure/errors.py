"""Errors of the database, and which of them the domain lets through."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import errors

from domain.errors import Archived, Contention, Interruption, SojournError
from infrastructure.lock_holders import LockHolder, name_holders

# A rule or a write that meets one of these has not failed by itself: the caller decides whether to retry.
Interruption.register(psycopg.Error)
for contended in (errors.LockNotAvailable, errors.DeadlockDetected, errors.SerializationFailure):
    Contention.register(contended)


ARCHIVED = "SJ004"
"""The SQLSTATE of an append for a new entity whose id or workflow is in an archive; the detail is the tombstone."""


class RetriesExhausted(SojournError):
    """Raised when others kept locked what a call needs during every attempt; nothing is written.

    Fix: call again later, or with a larger max_retries; `holders` names the sessions that have held locks for so long.
    """

    def __init__(self, what: str, attempts: int, holders: Sequence[LockHolder] = ()) -> None:
        self.attempts = attempts
        self.holders = tuple(holders)
        super().__init__(
            f"{what} is locked by {name_holders(holders)}: gave up after {attempts} attempts; try again later"
        )


class LockTimeout(SojournError):
    """Raised when others kept a lock for longer than a call waits for it (SOJOURN_LOCK_TIMEOUT); nothing is written.

    Fix: call again later, or end the transactions of `holders`, which have held locks for so long.
    """

    def __init__(self, what: str, seconds: float, holders: Sequence[LockHolder] = ()) -> None:
        self.seconds = seconds
        self.holders = tuple(holders)
        super().__init__(
            f"{what} is locked by {name_holders(holders)}: gave up after {seconds:.1f} s; try again later, or end "
            "their transactions"
        )


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
        super().__init__(f"the database {lacks} ({why}); resolve that on the server, then repeat the call")


class DatabaseReadOnly(SojournError):
    """Raised when the database takes no writes: it is a standby, an opened case, or read-only by a setting.

    Fix: name the primary server, or set default_transaction_read_only to off for the role and the database.
    """

    def __init__(self, why: str) -> None:
        super().__init__(
            f"the database takes no writes ({why}); name the primary server, or set default_transaction_read_only "
            "to off for the role"
        )


class StatementCancelled(SojournError):
    """Raised when the database cancelled a statement, mostly because of a statement_timeout; nothing is written.

    Fix: raise the statement_timeout of the role, then repeat the call.
    """

    def __init__(self, why: str) -> None:
        super().__init__(
            f"the database cancelled a statement ({why}); raise statement_timeout for the role, or ask less"
        )


class UnstorableValue(SojournError, ValueError):
    """Raised when a value cannot be sent to the database, such as a text with NUL.

    Fix: pass text without NUL and without halves of surrogate pairs, and times before the year 10,000.
    """

    def __init__(self, why: str) -> None:
        super().__init__(f"a value cannot be sent to the database: {why}")


READ_ONLY = "25006"
CANCELLED = "57014"


@contextmanager
def typed_errors() -> Iterator[None]:
    """Raise Sojourn's own error for a psycopg error of the block that states what is wrong with the database."""
    try:
        yield
    except UnicodeEncodeError as error:
        raise UnstorableValue("half of a surrogate pair is not text") from error
    except psycopg.Error as error:
        typed = _type(error)
        if typed is None:
            raise
        raise typed from error


def _type(error: psycopg.Error) -> SojournError | None:
    sqlstate, why = error.sqlstate or "", str(error).partition("\n")[0]
    if isinstance(error, psycopg.DataError) and error.sqlstate is None:
        return UnstorableValue(why)
    if sqlstate.startswith("53") or sqlstate in LACKS:
        return DatabaseExhausted(sqlstate, why)
    if sqlstate == ARCHIVED and error.diag.message_detail:
        return Archived(**json.loads(error.diag.message_detail))
    if sqlstate == READ_ONLY:
        return DatabaseReadOnly(why)
    return StatementCancelled(why) if sqlstate == CANCELLED else None


class DatabaseUnreachable(SojournError):
    """Raised when no connection to the database can be made, or none of the pool becomes free in time.

    Fix: check the DSN and the server, or pass a larger max_size.
    """

    def __init__(self, why: str) -> None:
        super().__init__(
            f"cannot connect to the database ({' '.join(why.split())}); check --dsn or SOJOURN_DSN, "
            "or leave both out to use the embedded one"
        )


class UnreadableDsn(DatabaseUnreachable):
    """Raised when a DSN cannot be read; the message repeats no part of it, because that could be a password.

    Fix: write it as postgresql://user:password@host:port/database or as key=value pairs, with other signs escaped.
    """

    def __init__(self, why: str) -> None:
        super().__init__(f"the DSN cannot be read: {why}")


class DatabaseTooOld(SojournError):
    """Raised when the server is older than PostgreSQL 15.

    Fix: use a newer server, or the embedded one.
    """

    def __init__(self, version: int) -> None:
        self.version = version
        super().__init__(f"the server is PostgreSQL {version // 10000}; Sojourn needs 15 or newer")


class DatabaseNotUtf8(SojournError):
    """Raised when the database has another encoding than UTF8, which cannot hold every text.

    Fix: create a database with ENCODING 'UTF8', and name that one.
    """

    def __init__(self, database: str, encoding: str) -> None:
        self.database = database
        self.encoding = encoding
        super().__init__(
            f"database {database!r} has the encoding {encoding}, not UTF8; create another one: "
            "CREATE DATABASE name TEMPLATE template0 ENCODING 'UTF8'"
        )


class TransactionPooling(SojournError):
    """Raised when a pooler gives each transaction another session, so that none has the settings of its connection.

    Fix: set `pool_mode = session` for the database in the pooler, or pass the DSN of the server itself.
    """

    def __init__(self) -> None:
        super().__init__(
            "the pooler in front of the database does not keep a session for each connection; set pool_mode = session "
            "for this database in it, or name the server itself with --dsn or SOJOURN_DSN"
        )


class ServiceClosed(SojournError):
    """Raised when a method of a service is called after its `close()`, or after its `with` block.

    Fix: call `TransitionService.connect` for another one.
    """

    def __init__(self) -> None:
        super().__init__("the service is closed; call TransitionService.connect for another one")
