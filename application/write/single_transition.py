"""One entity's transition, with what follows from it: decided on what is read, appended if it is still so.

Two round trips: a read, and an append that locks, compares versions and writes; one where this process remembers the
entity. Where the log has moved on in between, the second attempt decides under the locks; where deciding takes what
tasks share, already the first one does.
"""

from collections.abc import Callable
from typing import Any, cast

import psycopg
from psycopg import Connection
from psycopg.pq import TransactionStatus

from application.shared.entity_cache import Found
from application.shared.retry import CONTENTION, SERIALIZATION_FAILURE, UNIQUE_VIOLATION, retrying
from application.shared.store import Store
from application.write.answers import TaskAnswer, TaskInstanceAnswer
from domain.decisions.decision import Decision
from domain.entity import Entity
from domain.errors import InvalidTransition
from domain.report_context import ReportContext
from domain.rule_names import INVALID, ORPHANED_INSTANCE, UNTIMELY
from domain.rule_outcome import Response
from domain.rules.rulebook import takes_slots
from infrastructure.errors import RetriesExhausted
from infrastructure.log.commands import Command, digest, first_answer
from infrastructure.log.event_log import STALE

Answer = TaskInstanceAnswer | TaskAnswer


class SingleTransition:
    """Carries out one proposal: `find` reads what it is about, `decide` says what comes of it."""

    def __init__(
        self,
        store: Store,
        entity: Entity,
        find: Callable[[Connection[Any], bool], Found | None],
        decide: Callable[[Connection[Any], Found], Decision],
        answer: Callable[[Decision], Answer],
        report: ReportContext,
        request: tuple[Any, ...],
    ) -> None:
        self._store = store
        self._entity = entity
        self._find = find
        self._decide = decide
        self._answer = answer
        self._command_id = report.command_id
        self._request = request
        self._moved_on = False
        self._commits = False
        self._in_doubt = False
        self._left: Found | None = None

    def carry_out(self, connection: Connection[Any] | None, max_retries: int) -> Answer | None:
        """The answer, or None where there is nothing of that name; raises RetriesExhausted."""
        curable = CONTENTION | {STALE, UNIQUE_VIOLATION}
        if connection is not None:
            curable -= {SERIALIZATION_FAILURE}  # no savepoint cures it: the caller's whole transaction is to repeat
        answer = retrying(
            f"{self._entity.title} or what it belongs to",
            lambda: self._attempt(connection),
            max_retries=max_retries,
            curable=curable,
            repeatable=lambda: self._command_id is not None or not self._in_doubt,
        )
        self._store.bell.notify()
        return answer

    def _attempt(self, connection: Connection[Any] | None) -> Answer | None:
        with self._store.session(connection) as used:
            # Within a transaction of the caller's, nothing is written if the connection is lost.
            self._commits = used.info.transaction_status == TransactionStatus.IDLE
            if connection is not None or self._moved_on:
                with used.transaction():
                    answer = self._read_and_append(used)
            else:
                answer = self._overtakable(used)
        if connection is None and self._left is not None:
            self._store.remembered.put(self._entity, self._left)
        return answer

    def _overtakable(self, connection: Connection[Any]) -> Answer | None:
        try:
            found = self._store.remembered.pop(self._entity)
            if found is None:
                known = self._first_answer(connection)
                found = self._find(connection, False) if known is None else None
                if found is None:
                    return known
            if not takes_slots(found[1]):
                return self._decide_and_append(connection, found)
        except psycopg.Error as error:
            if error.sqlstate not in (STALE, UNIQUE_VIOLATION):
                raise
        self._moved_on = True
        with connection.transaction():
            return self._read_and_append(connection)

    def _read_and_append(self, connection: Connection[Any]) -> Answer | None:
        known = self._first_answer(connection)
        found = self._find(connection, True) if known is None else None
        return self._decide_and_append(connection, found) if found else known

    def _decide_and_append(self, connection: Connection[Any], found: Found) -> Answer:
        instance, task = found
        decision = self._decide(connection, found)
        answer = self._answer(decision)
        self._in_doubt = self._commits
        self._store.log.append(connection, task, instance, decision.events, self._command(answer))
        self._left = decision.instance, decision.task
        return answer

    def _first_answer(self, connection: Connection[Any]) -> Answer | None:
        if self._command_id is None:
            return None
        return cast("Answer | None", first_answer(connection, self._command_id, digest(self._request)))

    def _command(self, answer: Answer) -> Command | None:
        return Command(self._command_id, digest(self._request), answer) if self._command_id else None


def task_instance_answer(decision: Decision) -> TaskInstanceAnswer:
    """A decision about a task instance, as the contract shapes it."""
    error = None
    if decision.refused:
        error = "untimely_transition" if decision.rule == UNTIMELY else "invalid_ti_transition"
    return {
        "ti_updated": not decision.refused,
        "task_transitioned": decision.task_moved,
        "task_status": decision.task.status,
        "error": error,
        "orphaned": decision.rule == ORPHANED_INSTANCE,
    }


def task_instance_failure(error: str) -> TaskInstanceAnswer:
    """The answer where nothing could be decided about a task instance."""
    return {
        "ti_updated": False,
        "task_transitioned": False,
        "task_status": None,
        "error": error,
        "orphaned": False,
    }


def task_answer(decision: Decision) -> TaskAnswer:
    """A decision about a task, as the contract shapes it."""
    return {
        "status": decision.task.status,
        "response": decision.response.value,
        "delay_seconds": decision.outcome.delay_seconds,
        "rule": decision.rule,
        "reason": decision.outcome.reason or _why_no_edge(decision),
        "owner": decision.task.owner,
        "error": None,
    }


def _why_no_edge(decision: Decision) -> str | None:
    if not decision.refused or decision.rule not in (INVALID, UNTIMELY):
        return None
    task, proposed = decision.task, vars(decision.events[0])["reported"]
    return str(InvalidTransition(task.status, proposed, task.lifecycle.task.next_statuses(task.status)))


def task_failure(error: str) -> TaskAnswer:
    """The answer where nothing could be decided about a task."""
    return {
        "status": None,
        "response": Response.ABORT.value,
        "delay_seconds": None,
        "rule": None,
        "reason": None,
        "owner": None,
        "error": error,
    }


def or_failure(carry_out: Callable[[], Answer | None], failure: Callable[[str], Answer]) -> Answer:
    """The answer, or the one for a thing that is not there or stayed locked."""
    try:
        answer = carry_out()
    except RetriesExhausted:
        return failure("max_retries_exceeded")
    return failure("not_found") if answer is None else answer
