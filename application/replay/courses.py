"""Judge the families of a log by their courses, over several connections that all see one moment.

A family is a task with its instances. Families of one course differ in ids, texts and times only, so that a replay of
one of them judges all. The database finds the courses, and decides what no course has. Whatever it doubts is left to a
replay of every event, which names the mismatches.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, NamedTuple

from psycopg import Connection, DataError, OperationalError

from application.shared.progress import Progress
from application.shared.store import Store
from infrastructure.errors import DatabaseUnreachable
from infrastructure.sql import query

PART_EVENTS = 100_000
"""About how many events are judged at once, so that the database sorts them in memory."""

MOST_PARTS = 8
"""Into how many parts a large workflow is divided at most, because each of them reads the whole workflow."""

MOST_CONNECTIONS = 4

Check = Callable[[Connection[Any]], bool]
"""Returns whether something agrees with the log, in the snapshot of a connection."""

Judge = Callable[[Connection[Any], Sequence[int]], bool]
"""Returns whether a replay finds nothing wrong with the families that have the events at some positions."""


class Reading(NamedTuple):
    """What a judgement reads besides the events: rows of current status, and what decisions do.

    `by_state` has the lifecycles (`NAME VERSION`) whose rules read more than statuses: each of their tasks is replayed.
    """

    rows: bool = True
    decisions: bool = False
    by_state: Sequence[str] = ()


WITH_ROWS = Reading()


class Part(NamedTuple):
    """A part of the log: whole workflows between two positions, or the families of one workflow that share a hash."""

    first: int
    last: int
    workflows: list[str]
    parts: int = 1
    part: int = 0


@dataclass
class Judged:
    """The number of events, tasks and instances that were judged."""

    events: int = 0
    tasks: int = 0
    instances: int = 0


@dataclass
class _Work:
    """What the connections share: the checks and parts that are left, and what has been judged."""

    checks: Iterator[Check]
    parts: Iterator[Part]
    judge: Judge
    progress: Progress
    all_events: int
    reading: Reading
    judged: Judged = field(default_factory=Judged)
    courses: set[bytes] = field(default_factory=set)
    lock: Lock = field(default_factory=Lock)

    def next(self) -> Check | None:
        """Return the next check, or None at the end."""
        with self.lock:
            check = next(self.checks, None)
            part = next(self.parts, None) if check is None else None
        return check if part is None else lambda connection: self._judge_part(connection, part)

    def end(self) -> None:
        """Leave out what has not begun."""
        self.checks, self.parts = iter(()), iter(())

    def _judge_part(self, connection: Connection[Any], part: Part) -> bool:
        wanted = part._asdict() | self.reading._asdict() | {"by_state": list(self.reading.by_state)}
        rows = connection.execute(query("projections", "verify/courses"), wanted).fetchall()
        if any(row[-1] for row in rows):
            return False
        with self.lock:
            positions = [position for row in rows if row[0] not in self.courses for position in row[1]]
        if positions and not self.judge(connection, positions):
            return False
        self._count(rows)
        return True

    def _count(self, rows: Sequence[tuple[Any, ...]]) -> None:
        with self.lock:
            self.courses.update(row[0] for row in rows)
            self.judged.events += sum(row[2] for row in rows)
            self.judged.tasks += sum(row[3] for row in rows)
            self.judged.instances += sum(row[4] for row in rows)
            self.progress(self.judged.events, self.all_events)


def judge_courses(
    store: Store,
    connection: Connection[Any],
    checks: Sequence[Check],
    judge: Judge,
    progress: Progress,
    reading: Reading = WITH_ROWS,
) -> Judged | None:
    """Return what was judged in `connection`'s snapshot, where the checks agree too, or None where there is a doubt."""
    prepare(connection)
    with _read_parts(connection) as (parts, all_events), ExitStack() as stack:
        progress(0, all_events)
        work = _Work(iter(checks), parts, judge, progress, all_events, reading)
        number = min(os.cpu_count() or 1, MOST_CONNECTIONS) if all_events > PART_EVENTS else 1
        others = _open_others(store, connection, number, stack) if number > 1 else []
        if not (_work_over(others, work) if others else _work(connection, work)):
            return None
    return work.judged


def prepare(connection: Connection[Any]) -> None:
    """Set what the checks rely on for the transaction of a connection."""
    connection.execute(query("projections", "verify/session"))


@contextmanager
def _read_parts(connection: Connection[Any]) -> Iterator[tuple[Iterator[Part], int]]:
    """Yield the parts of the log as they are read, and the number of its events."""
    with connection.cursor(name="parts", scrollable=False) as cursor:
        cursor.itersize = 1
        cursor.execute(query("projections", "verify/parts"), {"events": PART_EVENTS})
        first = cursor.fetchone()
        rows = iter(()) if first is None else _with_first(first, cursor)
        yield (part for row in rows for part in _divide(row)), first[-1] if first else 0


def _with_first(first: tuple[Any, ...], rest: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    yield first
    yield from rest


def _divide(row: tuple[Any, ...]) -> Iterator[Part]:
    first, last, workflows, events, _ = row
    parts = min(-(-events // PART_EVENTS), MOST_PARTS) if len(workflows) == 1 else 1
    return (Part(first, last, workflows, parts, part) for part in range(parts))


def _open_others(store: Store, connection: Connection[Any], number: int, stack: ExitStack) -> list[Connection[Any]]:
    """Return a number of connections with the snapshot of `connection`, or fewer where the server has no more."""
    opened: list[Connection[Any]] = []
    try:
        for _ in range(number):
            opened.append(stack.enter_context(store.database.share_snapshot(connection)))
            prepare(opened[-1])
    except DatabaseUnreachable:
        pass
    return opened


def _work_over(connections: Sequence[Connection[Any]], work: _Work) -> bool:
    """Return whether everything agrees; at the first doubt, what the other connections do is cancelled."""
    with ThreadPoolExecutor(len(connections)) as executor:
        running: set[Future[bool]] = {executor.submit(_work, connection, work) for connection in connections}
        try:
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                if not all(future.result() for future in done):
                    return False
            return True
        finally:
            work.end()
            for connection in connections if running else ():
                connection.cancel_safe()


def _work(connection: Connection[Any], work: _Work) -> bool:
    return all(_agrees(connection, check) for check in iter(work.next, None))


def _agrees(connection: Connection[Any], check: Check) -> bool:
    try:
        with connection.transaction():
            return check(connection)
    except (DataError, OperationalError):  # a value that the database cannot read, or a limit of the session
        return False
