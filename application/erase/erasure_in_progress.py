"""An erasure in progress: whom it is about, what it has changed, and its record in the log."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

from psycopg import Connection

from application.shared.current_status import database_now
from application.shared.store import Store
from domain.actor import Actor
from domain.entities.erasure import Erasure
from domain.entities.events import Event
from domain.entities.runner import NO_WORKFLOW
from domain.report_context import ReportContext
from infrastructure.sql import query

COMMAND = "command"
COPY = "copy"
"""The kinds of rows that are no events of the log: commands, and the copies of runners' events in an archive."""

OnStep = Callable[[str], None]


class EraseAnswer(TypedDict):
    """What was erased, or would be: the number of events, of rows by kind, and the workflows and archive files.

    `by_kind` counts events by the kind of their entity, commands whose answer or request had a reason, and the copies
    of runners' events in archives. `erased_as` replaces the person, and is None where nothing was changed.
    """

    erased_as: str | None
    events: int
    by_kind: dict[str, int]
    workflows: list[str]
    files: list[str]


class Wanted(NamedTuple):
    """Whom to erase, and in which workflow, if it is limited to one."""

    actor: str
    workflow_id: str | None

    @property
    def parameters(self) -> dict[str, Any]:
        """Return the parameters of the queries that find the person."""
        return self._asdict()


class Tally:
    """The rows that were changed, or would be."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self._rows: Counter[tuple[str, str | None]] = Counter()

    def add(self, rows: list[tuple[str, str | None, int]], path: Path | None = None) -> None:
        """Add the numbers of rows by kind and workflow, of the archive file at `path` if they are in one."""
        for kind, workflow_id, number in rows:
            self._rows[kind, workflow_id] += number
        if rows and path is not None:
            self.files.append(str(path))

    def answer(self, erased_as: str | None) -> EraseAnswer:
        """Return the sums."""
        by_kind: Counter[str] = Counter()
        for (kind, _), number in self._rows.items():
            by_kind[kind] += number
        workflows = {workflow_id for _, workflow_id in self._rows if workflow_id not in (None, NO_WORKFLOW)}
        return {
            "erased_as": erased_as,
            "events": sum(number for kind, number in by_kind.items() if kind not in (COMMAND, COPY)),
            "by_kind": dict(sorted(by_kind.items())),
            "workflows": sorted(map(str, workflows)),
            "files": sorted(self.files),
        }


class ErasureInProgress:
    """An erasure with its record in the log, which is written when the first event is found."""

    def __init__(self, store: Store, connection: Connection[Any], wanted: Wanted, context: ReportContext) -> None:
        self.wanted = wanted
        self._store, self._connection, self._context = store, connection, context
        row = connection.execute(query("infrastructure", "erasures/unfinished"), wanted.parameters).fetchone()
        self._number: int | None = row[0] if row else None

    @property
    def number(self) -> int:
        """Return the number of the erasure, which begins with this call if it has not begun."""
        if self._number is None:
            self._number = self._begin()
        return self._number

    def end(self) -> str | None:
        """Record that the erasure has ended, and return what replaces the person; None where nothing was found."""
        if self._number is None:
            return None
        erasure = Erasure.numbered(self._number)
        with self._connection.transaction():
            row = self._connection.execute(query("infrastructure", "erasures/end"), [self._number]).fetchone()
            assert row is not None
            self._append(erasure.end(row[0]))
        self._store.commit_notifier.notify()
        return erasure.id

    def _begin(self) -> int:
        with self._connection.transaction():
            row = self._connection.execute(
                query("infrastructure", "erasures/insert"), self.wanted.parameters
            ).fetchone()
            assert row is not None
            number = int(row[0])
            self._append(Erasure.numbered(number).begin(self._context_of(number), self.wanted.workflow_id))
        return number

    def _context_of(self, number: int) -> ReportContext:
        """Return who erases, under the new name where that is the person: the record must not keep theirs."""
        actor, reason = self._context.actor, self._context.reason
        if actor is not None and actor.is_called(self.wanted.actor):
            actor = Actor.erased(number)
        return ReportContext(actor, reason)

    def _append(self, event: Event) -> None:
        self._store.log.copy(self._connection, [event], database_now(self._connection))
