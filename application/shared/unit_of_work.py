"""One unit of work: a transaction that is retried where that can help, and carried out once for each command id.

Without a connection of the caller's, every attempt is a transaction of its own. With one, it is a savepoint in the
caller's transaction. A savepoint helps neither against a serialization failure nor against a row that the caller's
snapshot cannot see: only the caller can repeat the whole transaction, so psycopg's errors are raised at once.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple, Self, TypeVar, cast

import psycopg
from psycopg import Connection
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row
from pydantic_core import from_json, to_json

from application.shared.current_status import database_now
from application.shared.retry import (
    CONTENTION,
    MAX_RETRIES,
    SERIALIZATION_FAILURE,
    UNIQUE_VIOLATION,
    reporting_loss,
    retrying,
)
from application.shared.store import Store
from domain.entity import check_id
from domain.errors import SojournError
from domain.report_context import ReportContext
from domain.time import require_past
from infrastructure.errors import RetriesExhausted
from infrastructure.lock_timeout import list_lock_holders
from infrastructure.log.commands import Command, digest, first_answer, keep_answer
from infrastructure.log.event_log import STALE
from infrastructure.sql import query

Answer = TypeVar("Answer")

COMMAND_TABLE = "command"
"""The table that a failure names where another transaction carries out the command."""

RETRY_ON = CONTENTION | {UNIQUE_VIOLATION, STALE}
"""The SQLSTATEs that another attempt may avoid; after a unique violation, for example, it finds the other's row."""


class CommandRequest(NamedTuple):
    """A command id, and a digest of what is requested under it."""

    command_id: str
    digest: str

    @classmethod
    def of(cls, command_id: str | None, request: Sequence[Any]) -> Self | None:
        """Return the command under that id, or None where there is no id."""
        return None if command_id is None else cls(check_id("command", command_id), digest(request))

    def first_answer(self, connection: Connection[Any]) -> Any | None:
        """Return what the command was answered first, or None where it is new.

        Raises:
            CommandConflict: the id came with another request.
        """
        return first_answer(connection, self.command_id, self.digest)

    def answered(self, answer: Mapping[str, Any]) -> Command:
        """Return the command with its answer, for the log to keep."""
        return Command(self.command_id, self.digest, answer)


@dataclass(frozen=True, slots=True)
class UnitOfWork:
    """The way in which one call writes.

    `subject` is what others hold where every attempt fails. A unit is `safe_to_retry` where writing twice has the same
    effect as writing once; then a connection lost in the commit leaves no doubt. A command id makes it so. A unit
    `names_holders` of locks in its error, unless the caller answers without it: looking for them is a round trip. It
    is refused where `occurred_at` lies in the future.
    """

    store: Store
    subject: str
    connection: Connection[Any] | None = None
    max_retries: int = MAX_RETRIES
    command: CommandRequest | None = None
    safe_to_retry: bool = False
    names_holders: bool = True
    occurred_at: datetime | None = None

    @classmethod
    def for_request(
        cls,
        store: Store,
        subject: str,
        request: Sequence[Any],
        context: ReportContext,
        connection: Connection[Any] | None,
        max_retries: int = MAX_RETRIES,
        *,
        safe_to_retry: bool = False,
    ) -> Self:
        """Return the unit of a call: with a command id, `request` is carried out once, with what its context states."""
        stated = (context.reason, context.occurred_at, *context.stated_wait())
        command = CommandRequest.of(context.command_id, (*request, *stated))
        occurred_at = context.occurred_at
        return cls(store, subject, connection, max_retries, command, safe_to_retry, occurred_at=occurred_at)

    @property
    def owns_transaction(self) -> bool:
        """Return whether every attempt is a transaction of its own, because no transaction of the caller's is open."""
        caller = self.connection
        return caller is None or (caller.autocommit and commits_by_itself(caller))

    def within(self, connection: Connection[Any]) -> Self:
        """Return the same unit as a part of the transaction that is open on `connection`."""
        return replace(self, connection=connection, command=None, names_holders=False, occurred_at=None)

    def run(self, work: Callable[[Connection[Any]], Answer]) -> Answer:
        """Return the answer of `work`, written in one transaction, or the first answer of its command.

        Raises:
            RetriesExhausted: others held the subject during every attempt.
            FutureTime: it occurs in the future.
            ConnectionLost: the connection broke; it says whether the call may be repeated.
            CommandConflict: the command id came with another request.
            psycopg.Error: another attempt cannot help.
        """

        def attempt() -> Answer:
            safe = self.safe_to_retry or self.command is not None
            with self.store.transaction(self.connection, safe_to_retry=safe) as connection:
                return self._run_once(connection, work)

        return self._retry(attempt)

    def run_statement(self, work: Callable[[Connection[Any]], Answer]) -> Answer:
        """Return the answer of `work`, whose writing statement commits by itself: that saves two round trips.

        In a transaction of the caller's it is behind a savepoint. A command's answer is kept in the same transaction.
        """
        if self.command is not None:
            return self.run(work)

        def attempt() -> Answer:
            with (
                self.store.session(self.connection) as connection,
                nullcontext() if self.owns_transaction else connection.transaction(),
            ):
                self._require_past(connection)
                return work(connection)

        return self._retry(attempt)

    def _retry(self, attempt: Callable[[], Answer]) -> Answer:
        began = time.monotonic()
        try:
            # A loss that is in doubt is a ConnectionLost already; wherever else it happens, nothing was committed.
            with reporting_loss(safe_to_retry=True):
                return retrying(
                    self.subject,
                    attempt,
                    max_retries=self.max_retries,
                    may_retry=self._may_retry,
                    patience=self.store.lock_timeout,
                )
        except RetriesExhausted as error:
            if not self.names_holders:
                raise
            raise self._with_holders(error, time.monotonic() - began) from error.__cause__

    def _with_holders(self, error: RetriesExhausted, seconds: float) -> RetriesExhausted:
        """Return the error with the name of what is locked and of those who have held locks for `seconds`."""
        cause, command = error.__cause__, self.command
        is_command = command and isinstance(cause, psycopg.Error) and cause.diag.table_name == COMMAND_TABLE
        what = f"command {command.command_id!r}" if command and is_command else self.subject
        try:
            with self.store.session(self.connection) as connection:
                holders = list_lock_holders(connection, seconds)
        except SojournError:  # no connection is free; what the caller must know is that it gave up
            holders = []
        return RetriesExhausted(what, error.attempts, holders)

    def _run_once(self, connection: Connection[Any], work: Callable[[Connection[Any]], Answer]) -> Answer:
        if self.command is None:
            self._require_past(connection)
            return work(connection)
        # Another call with the same id fails here until this transaction has ended; its next attempt finds the answer.
        connection.execute(query("infrastructure", "commands/lock"), [self.command.command_id])
        known = self.command.first_answer(connection)
        if known is not None:
            return cast("Answer", known)
        self._require_past(connection)
        answer = work(connection)
        keep_answer(connection, self.command.answered(from_json(to_json(answer))))
        return answer

    def _require_past(self, connection: Connection[Any]) -> None:
        if self.occurred_at is not None:
            require_past("occurred_at", self.occurred_at, database_now(connection), self.store.clock_tolerance)

    def _may_retry(self, error: psycopg.Error) -> bool:
        if error.sqlstate not in RETRY_ON:
            return False
        if self.connection is None or self.owns_transaction:
            return True
        if error.sqlstate in (UNIQUE_VIOLATION, STALE):
            return _reads_committed(self.connection)
        return error.sqlstate != SERIALIZATION_FAILURE


def commits_by_itself(connection: Connection[Any]) -> bool:
    """Return whether a statement on this connection would be a transaction of its own."""
    return connection.info.transaction_status == TransactionStatus.IDLE


def _reads_committed(connection: Connection[Any]) -> bool:
    """Return whether every statement of the transaction sees what others have committed before it."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute("SELECT current_setting('transaction_isolation')").fetchone()
    return row is not None and row[0] in ("read committed", "read uncommitted")
