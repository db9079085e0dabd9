"""Rebuild the projections from the log while readers and writers go on.

The log up to a position is *settled* once every transaction that could have drawn a position up to there has ended.
The settled part is read into new tables. Later events are added entity by entity, until few enough are left to swap the
tables, or writers are faster: then they wait for a moment, and the rest is added under the lock.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypedDict

from psycopg import Connection
from psycopg.errors import DeadlockDetected, DependentObjectsStillExist, LockNotAvailable
from psycopg.sql import SQL

from application.maintain.jobs.sketches import is_sketched, keep_sketches
from application.maintain.jobs.sums import is_summed, sum_now
from application.shared.owner import OwnerRequired, requiring_owner
from application.shared.retry import backoff_seconds
from application.shared.store import Store, schema
from domain.errors import SojournError
from infrastructure.database.hand_over import hand_over
from infrastructure.lock_holders import LockHolder, name_holders
from infrastructure.lock_timeout import list_lock_holders
from infrastructure.log.settling import WAIT_SECONDS, last_drawn_position, settle_log
from infrastructure.loggers import get_logger
from infrastructure.schema.migration import keep_current
from infrastructure.sql import query

log = get_logger("rebuild")

LOCK = 7205759403792794
"""The advisory lock that allows one rebuild of a database at a time."""

FEW = 5_000
"""How many events may be added while writers wait."""

SWAPS = 20
"""How often the swap tries to lock the tables."""

FROM_EVENTS = {
    "dependency": "rebuild/dependency",
    "wait": "rebuild/wait",
}
"""The tables whose rows each come from one event, with the query that adds them."""

STATUS = {
    "task_instance": "rebuild/task_instance",
    "task": "rebuild/task",
    "array": "rebuild/array",
}
"""The tables of current status, in the order of filling them: a task looks up what its last instance is."""

TABLES = (*FROM_EVENTS, *STATUS)

TOUCHED: Final = (
    "(e.entity_kind, e.entity_id) IN "
    "(SELECT sojourn.kind_of(s), sojourn.id_of(s) FROM unnest(%(streams)s::text[]) AS s (s))"
)
"""The condition of the events of some streams."""


class RebuildRunning(SojournError):
    """Raised when another rebuild of the database is running, or when something is moved to its archive or back.

    Fix: wait for it to end; `holders` has its session.
    """

    def __init__(self, holders: Sequence[LockHolder] = ()) -> None:
        self.holders = tuple(holders)
        super().__init__(
            f"another rebuild or archiving of this database is running, by {name_holders(holders)}: wait for it, or "
            "end it"
        )


class SwapPrevented(SojournError):
    """Raised when others used the tables for so long that a rebuild could not replace them; nothing has changed.

    Fix: end the long transactions of `holders`, and rebuild again.
    """

    def __init__(self, holders: Sequence[LockHolder] = ()) -> None:
        self.holders = tuple(holders)
        super().__init__(
            f"the tables are in use by {name_holders(holders)}, so that the new ones cannot take their place: nothing "
            "has changed; end the long transactions, and run `sojourn rebuild` again"
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


class RebuildForbidden(OwnerRequired):
    """Raised when the database user may not replace the tables; nothing has changed.

    Fix: let the owner of the schema rebuild, or a superuser.
    """

    def __init__(self, user: str) -> None:
        super().__init__(user, "rebuild the projections", "`sojourn rebuild`")


class Rebuilt(TypedDict):
    """The number of projected events, and the seconds that the rebuild took."""

    events: int
    seconds: float


OnStep = Callable[[str], None]


def rebuild_projections(store: Store, on_step: OnStep, *, wait_seconds: float = WAIT_SECONDS) -> Rebuilt:
    """Rebuild every projection from the log, and pass the name of each step to `on_step`.

    Raises:
        LockTimeout: a transaction that writes has not ended for `wait_seconds`.
        RebuildForbidden: the database user may not replace the tables.
        RebuildRunning: another rebuild of the database is running.
        SchemaNewer: a newer version of Sojourn has set up the database meanwhile.
        SwapPrevented: others used the tables for so long that they could not be replaced.
        TablesInUse: something that is not part of Sojourn is built on a table that is replaced.
    """
    started = time.monotonic()
    log.info("the projections are rebuilt from the log")
    with (
        _session(store) as connection,
        requiring_owner(connection, RebuildForbidden),
        keep_alone(connection),
        _new_tables(connection),
    ):
        _fill_and_swap(store, connection, on_step, _Writers(on_step, wait_seconds))
        if is_sketched(connection):
            on_step("sketching how long stays lasted")
            keep_sketches(store, on_step)
        if is_summed(connection):
            on_step("summing up hours and attempts")
            sum_now(store, on_step)
        events = _one(connection, "rebuild/count_events")
    seconds = time.monotonic() - started
    log.info("the projections are rebuilt: %d events in %.1f s", events, seconds)
    return {"events": events, "seconds": seconds}


@dataclass(frozen=True, slots=True)
class _Writers:
    """Waits for the transactions that write to the log, for `wait_seconds`, and passes to `on_step` who they are."""

    on_step: OnStep
    wait_seconds: float

    def settle(self, connection: Connection[Any]) -> int:
        """Return the position up to which no event can be added any more, once those that write now have ended."""
        return settle_log(connection, self.on_step, self.wait_seconds)


def _fill_and_swap(store: Store, connection: Connection[Any], on_step: OnStep, writers: _Writers) -> None:
    on_step("waiting for transactions that write")
    max_position = writers.settle(connection)
    on_step("reading the log")
    _fill_all(store, connection, max_position)
    on_step("adding what came in the meantime")
    max_position = _catch_up(connection, max_position, writers)
    on_step("putting the new tables in place")
    _swap(connection, max_position, writers)


@contextmanager
def _new_tables(connection: Connection[Any]) -> Iterator[None]:
    """Create the new tables, and drop whatever of them is left at the end."""
    connection.execute(query("projections", "rebuild/begin"))
    try:
        for table in TABLES:
            _carry_out(connection, "rebuild/options", table)
        yield
    finally:
        connection.execute(query("projections", "rebuild/end"))


def _fill_all(store: Store, connection: Connection[Any], max_position: int) -> None:
    """Fill what comes from single events on one connection, and the current status on another."""
    with _session(store) as other, ThreadPoolExecutor(1) as executor:
        half = executor.submit(_fill_from_events, other, max_position)
        try:
            for table in STATUS:
                _fill_status(connection, table, max_position, SQL("true"))
                _finish(connection, table)
        except BaseException:
            other.cancel_safe()
            raise
        half.result()


def _fill_from_events(connection: Connection[Any], max_position: int) -> None:
    _add_rows_of_events(connection, 0, max_position)
    for table in FROM_EVENTS:
        _finish(connection, table)


def _add_rows_of_events(connection: Connection[Any], after: int, max_position: int) -> None:
    for name in FROM_EVENTS.values():
        connection.execute(query("projections", name), {"after": after, "max_position": max_position})


def _fill_status(
    connection: Connection[Any], table: str, max_position: int, touched: SQL, streams: list[str] | None = None
) -> None:
    statement = SQL(query("projections", STATUS[table])).format(touched=touched)
    connection.execute(statement, {"max_position": max_position, "streams": streams})


def _finish(connection: Connection[Any], table: str) -> None:
    for name in ("rebuild/indexes", "rebuild/grants"):
        _carry_out(connection, name, table)
    connection.execute(SQL("ANALYZE sojourn_rebuild.{}").format(SQL(table)))


def _carry_out(connection: Connection[Any], name: str, table: str) -> None:
    """Execute the statements that a query makes from the table that will be replaced."""
    for (statement,) in connection.execute(query("projections", name), {"table": f"sojourn.{table}"}).fetchall():
        connection.execute(statement)


def _catch_up(connection: Connection[Any], max_position: int, writers: _Writers) -> int:
    """Add settled events until few are left or no fewer come meanwhile, and return the last position that was added.

    Writers that are faster than this would keep it for ever: the swap adds the rest while they wait.
    """
    before = None
    while (left := last_drawn_position(connection) - max_position) > FEW and (before is None or left < before):
        before = left
        settled = writers.settle(connection)
        _add(connection, max_position, settled)
        max_position = settled
    return max_position


def _add(connection: Connection[Any], after: int, max_position: int) -> None:
    """Add the events between two positions, and fill in the entities that they touch again."""
    span = {"after": after, "max_position": max_position}
    streams = [stream for (stream,) in connection.execute(query("projections", "rebuild/touched_streams"), span)]
    _add_rows_of_events(connection, after, max_position)
    connection.execute(query("projections", "rebuild/delete_touched"), {"streams": streams})
    for table in STATUS:
        _fill_status(connection, table, max_position, SQL(TOUCHED), streams)


def _swap(connection: Connection[Any], max_position: int, writers: _Writers) -> None:
    """Put the new tables in the place of the old ones, once nobody else uses these."""
    began = time.monotonic()
    for attempt in range(SWAPS):
        if attempt:
            time.sleep(min(backoff_seconds(attempt), 2.0))
            max_position = _catch_up(connection, max_position, writers)
        try:
            _swap_once(connection, max_position)
            return
        except (LockNotAvailable, DeadlockDetected):
            continue
        except DependentObjectsStillExist as error:
            raise TablesInUse(error.diag.message_detail or str(error)) from error
    raise SwapPrevented(list_lock_holders(connection, time.monotonic() - began, readers=True))


def _swap_once(connection: Connection[Any], max_position: int) -> None:
    """Add the last events under the lock and swap; every view is created again because it refers to the old tables."""
    with connection.transaction():
        connection.execute(query("projections", "rebuild/clear_sketches"))
        connection.execute(query("projections", "rebuild/clear_sums"))
        connection.execute(query("projections", "rebuild/lock"))
        keep_current(connection, schema())  # a newer version may have set the database up since this service connected
        _add(connection, max_position, last_drawn_position(connection))
        connection.execute(query("projections", "rebuild/swap"))
        for script in schema().objects:
            connection.execute(script.text)
        hand_over(connection)
        connection.execute(query("projections", "rebuild/drop_replaced"))


@contextmanager
def _session(store: Store) -> Iterator[Connection[Any]]:
    with store.database.dedicated() as connection:
        connection.execute(query("projections", "rebuild/session"))
        yield connection


@contextmanager
def keep_alone(connection: Connection[Any]) -> Iterator[None]:
    """Let no other rebuild, archiving, restoring or erasing change the database during a block.

    Raises:
        RebuildRunning: one is running.
    """
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone()
    if row is None or not row[0]:
        raise RebuildRunning(list_lock_holders(connection, 0, key=LOCK))
    try:
        yield
    finally:
        # The end of the session would release it too, but a moment after this process has gone on.
        if not connection.broken:
            connection.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def _one(connection: Connection[Any], name: str, package: str = "projections") -> int:
    row = connection.execute(query(package, name)).fetchone()
    assert row is not None
    return int(row[0])
