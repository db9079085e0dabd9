"""Making the projections anew from the log, beside those that are read, while others go on writing.

The log up to a position is *settled* once every transaction that could have drawn a position up to there has ended.
The settled part is read into new tables; what came in the meantime is added entity by entity, until so little is left
that the tables can be swapped: then writers wait for a moment, and the rest is added under the lock.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypedDict

from psycopg import Connection
from psycopg.errors import DeadlockDetected, DependentObjectsStillExist, LockNotAvailable
from psycopg.sql import SQL

from application.shared.retry import backoff_seconds
from application.shared.store import Store, schema
from domain.errors import SojournError
from infrastructure.log.tail import take_xid
from infrastructure.loggers import get_logger
from infrastructure.sql import query

log = get_logger("rebuild")

LOCK = 7205759403792794
"""The advisory lock of which a database has one rebuild at a time."""

FEW = 5_000
"""So many events may be added while writers wait."""

SWAPS = 20
"""How often to try for the lock under which the tables are swapped."""

TABLES = ("transition", "task", "task_instance", "array")


class RebuildRunning(SojournError):
    """Raised when another rebuild of the database is running.

    Fix: wait for it to end.
    """

    def __init__(self) -> None:
        super().__init__("another rebuild of this database is running: wait for it, or end it")


class SwapPrevented(SojournError):
    """Raised when others used the tables for so long that a rebuild could not replace them; nothing has changed.

    Fix: end the long transaction, and rebuild again.
    """

    def __init__(self) -> None:
        super().__init__(
            "the tables are in use by a long transaction, so that the new ones cannot take their place: nothing has "
            "changed; look for it in pg_stat_activity, and run `sojourn rebuild` again"
        )


class TablesInUse(SojournError):
    """Raised when a view or key of somebody's own is built on a table that a rebuild replaces; nothing has changed.

    Fix: build it on Sojourn's views, such as sojourn.current_task.
    """

    def __init__(self, dependents: str) -> None:
        super().__init__(
            f"something is built on the tables themselves ({'; '.join(dependents.splitlines())}): nothing has "
            "changed; build it on the views, such as sojourn.current_task, and run `sojourn rebuild` again"
        )


class Rebuilt(TypedDict):
    """How many events were projected, and how many seconds it took."""

    events: int
    seconds: float


Told = Callable[[str], None]


def rebuild(store: Store, told: Told) -> Rebuilt:
    """Make every projection anew; raises RebuildRunning or SwapPrevented. `told` hears of each step."""
    started = time.monotonic()
    log.info("the projections are rebuilt from the log")
    with _session(store) as connection, _alone(connection):
        connection.execute(query("projections", "rebuild/begin"))
        try:
            for table in TABLES:
                _carry_out(connection, "rebuild/options", table)
            told("waiting for transactions that write")
            max_position = _settled(connection)
            told("reading the log")
            _fill_all(store, connection, max_position)
            told("adding what came in the meantime")
            max_position = _catch_up(connection, max_position)
            told("putting the new tables in place")
            _swap(connection, max_position)
        finally:
            connection.execute(query("projections", "rebuild/end"))
        events = _one(connection, "rebuild/count_events")
    seconds = time.monotonic() - started
    log.info("the projections are rebuilt: %d events in %.1f s", events, seconds)
    return {"events": events, "seconds": seconds}


def _fill_all(store: Store, connection: Connection[Any], max_position: int) -> None:
    """Fill the transitions on one connection and the current status on another: the two halves of the work."""
    with _session(store) as other, ThreadPoolExecutor(1) as executor:
        half = executor.submit(_fill_transitions, other, 0, max_position)
        try:
            _fill_status(connection, max_position, SQL("true"))
            for table in TABLES[1:]:
                _finish(connection, table)
        except BaseException:
            other.cancel_safe()
            raise
        half.result()


def _fill_transitions(connection: Connection[Any], after: int, max_position: int) -> None:
    connection.execute(query("projections", "rebuild/transition"), {"after": after, "max_position": max_position})
    _finish(connection, "transition")


def _fill_status(
    connection: Connection[Any], max_position: int, touched: SQL, streams: list[str] | None = None
) -> None:
    for name in ("rebuild/task", "rebuild/task_instance", "rebuild/array"):
        statement = SQL(query("projections", name)).format(touched=touched)
        connection.execute(statement, {"max_position": max_position, "streams": streams})


def _finish(connection: Connection[Any], table: str) -> None:
    for name in ("rebuild/indexes", "rebuild/grants"):
        _carry_out(connection, name, table)
    connection.execute(SQL("ANALYZE sojourn_rebuild.{}").format(SQL(table)))


def _carry_out(connection: Connection[Any], name: str, table: str) -> None:
    """Carry out the statements that a query makes for a table, after what the table that is read is like."""
    for (statement,) in connection.execute(query("projections", name), {"table": f"sojourn.{table}"}).fetchall():
        connection.execute(statement)


def _catch_up(connection: Connection[Any], max_position: int) -> int:
    while _one(connection, "rebuild/last_position") - max_position > FEW:
        settled = _settled(connection)
        _add(connection, max_position, settled)
        max_position = settled
    return max_position


def _add(connection: Connection[Any], after: int, max_position: int) -> None:
    span = {"after": after, "max_position": max_position}
    streams = [stream for (stream,) in connection.execute(query("projections", "rebuild/touched_streams"), span)]
    connection.execute(query("projections", "rebuild/transition"), span)
    connection.execute(query("projections", "rebuild/delete_touched"), {"streams": streams})
    _fill_status(connection, max_position, SQL("e.stream = ANY (%(streams)s)"), streams)


def _swap(connection: Connection[Any], max_position: int) -> None:
    for attempt in range(SWAPS):
        if attempt:
            time.sleep(min(backoff_seconds(attempt), 2.0))
            max_position = _catch_up(connection, max_position)
        try:
            with connection.transaction():
                connection.execute(query("projections", "rebuild/lock"))
                _add(connection, max_position, _one(connection, "rebuild/last_position"))
                connection.execute(query("projections", "rebuild/swap"))
                for view in schema().objects:
                    connection.execute(view.text)
                connection.execute(query("projections", "rebuild/drop_replaced"))
            return
        except (LockNotAvailable, DeadlockDetected):
            continue
        except DependentObjectsStillExist as error:
            raise TablesInUse(error.diag.message_detail or str(error)) from error
    raise SwapPrevented


def _settled(connection: Connection[Any]) -> int:
    """The position up to which nothing more can come: who drew one of them has ended."""
    drawn, fence = _one(connection, "rebuild/last_position"), take_xid(connection)
    pause = 0.001
    while _one(connection, "rebuild/oldest_running") < fence:
        time.sleep(pause)
        pause = min(pause * 2, 0.5)
    return drawn


@contextmanager
def _session(store: Store) -> Iterator[Connection[Any]]:
    with store.database.dedicated() as connection:
        connection.execute(query("projections", "rebuild/session"))
        yield connection


@contextmanager
def _alone(connection: Connection[Any]) -> Iterator[None]:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone()
    if row is None or not row[0]:
        raise RebuildRunning
    try:
        yield
    finally:
        # The end of a session frees it too, but a moment after its client has gone on.
        if not connection.broken:
            connection.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def _one(connection: Connection[Any], name: str, package: str = "projections") -> int:
    row = connection.execute(query(package, name)).fetchone()
    assert row is not None
    return int(row[0])
