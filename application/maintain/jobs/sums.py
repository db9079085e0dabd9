"""Keep the sums: how many were in each status hour by hour, and the attempts of each workflow.

Sums of an hour or a workflow are made again from its transitions once events have changed it. Those that later events
have changed are not read, so that they may be written before the position up to which the sums count, and a kill at any
step leaves answers as they are.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from psycopg import Connection

from application.shared.store import Store
from infrastructure.lock_timeout import naming_lock_holders
from infrastructure.log.settling import settle_log
from infrastructure.sql import query

SUBSCRIPTION = "sums"
"""The subscription whose checkpoint is the position up to which the sums count."""

SECONDS = 30.0
"""After how many seconds a few events are summed up: sooner than a subscription counts as stalled."""

EVENTS = 50_000
"""How many events are summed up sooner; a transaction sums up the hours of as many."""

WORKFLOWS = 50
"""Of how many workflows one transaction sums up the attempts."""


def keep_sums(store: Store, on_step: Callable[[str], None], seconds: float = SECONDS, *, events: int = EVENTS) -> int:
    """Sum up what has changed once that is due, and return the position up to which the sums count.

    Raises:
        LockTimeout: a transaction that writes, or another that keeps the sums, does not end.
    """
    with store.database.dedicated() as connection:
        connection.execute(query("infrastructure", "subscriptions/begin"), [SUBSCRIPTION])
        wanted = {"seconds": seconds, "events": events}
        summed_to, is_due = connection.execute(query("projections", "sums/is_due"), wanted).fetchall()[0]
        if is_due:
            settled = settle_log(connection, on_step)
            _sum_hours(connection, on_step, events)
            _sum_attempts(connection, on_step)
            summed_to = _advance(connection, settled, summed_to)
        return int(summed_to)


def sum_now(store: Store, on_step: Callable[[str], None]) -> int:
    """Sum up what has changed without waiting for more, and return what `keep_sums` does."""
    return keep_sums(store, on_step, 0)


def is_summed(connection: Connection[Any]) -> bool:
    """Return whether maintenance keeps sums of this database."""
    return connection.execute(query("projections", "sums/is_kept")).fetchone() is not None


def _sum_hours(connection: Connection[Any], on_step: Callable[[str], None], events: int) -> None:
    """Sum up the hours that later events have changed, some at a time."""
    due = connection.execute(query("projections", "sums/hours_due")).fetchall()
    for hours in _split_hours(due, events):
        with _locked(connection):
            connection.execute(query("projections", "sums/keep_hours"), {"hours": hours})
        on_step(f"summed up to {hours[-1]:%Y-%m-%d %H:%M}")


def _split_hours(due: Sequence[tuple[datetime, int]], events: int) -> Iterator[list[datetime]]:
    """Yield the hours in parts of about as many events."""
    part: list[datetime] = []
    number = 0
    for hour, n in due:
        part.append(hour)
        number += n
        if number >= events:
            yield part
            part, number = [], 0
    if part:
        yield part


def _sum_attempts(connection: Connection[Any], on_step: Callable[[str], None]) -> None:
    """Sum up the attempts of the workflows that later events have changed, some at a time."""
    due = [row[0] for row in connection.execute(query("projections", "sums/workflows_due"))]
    for first in range(0, len(due), WORKFLOWS):
        with _locked(connection):
            wanted = {"workflow_ids": due[first : first + WORKFLOWS]}
            connection.execute(query("projections", "sums/keep_attempts"), wanted, prepare=False)
        on_step(f"summed up the attempts of {min(first + WORKFLOWS, len(due)):,} workflows of {len(due):,}")


def _advance(connection: Connection[Any], settled: int, summed_to: int) -> int:
    """Store that all events up to a position are summed up, and return the last one's."""
    (last,) = connection.execute(query("projections", "sums/last_position"), {"upto": settled}).fetchone() or (None,)
    reached = max(last or 0, summed_to)
    connection.execute(query("infrastructure", "subscriptions/advance"), [reached, SUBSCRIPTION])
    return reached


@contextmanager
def _locked(connection: Connection[Any]) -> Iterator[None]:
    """Open a transaction that holds the lock of the checkpoint, because an archive brings the sums up to date too."""
    what = f"the checkpoint of subscription {SUBSCRIPTION!r}"
    with naming_lock_holders(connection, what), connection.transaction():
        connection.execute(query("projections", "session/sketches"))
        connection.execute(query("infrastructure", "subscriptions/lock"), [SUBSCRIPTION])
        yield
