"""Keep the sketches: count the stays that have ended in buckets, up to where the log is complete.

The sums and the position up to which they count are written in one transaction, so that a kill at any step neither
loses nor doubles a stay.
"""

from collections.abc import Callable
from typing import Any

from psycopg import Connection

from application.shared.store import Store
from infrastructure.lock_timeout import naming_lock_holders
from infrastructure.log.settling import last_drawn_position, settle_log
from infrastructure.sql import query

SUBSCRIPTION = "sketches"
"""The subscription whose checkpoint is the position up to which the sketches count."""

BATCH = 50_000
"""How many events one transaction sketches."""


def keep_sketches(store: Store, on_step: Callable[[str], None], *, batch: int = BATCH) -> int:
    """Sketch the stays that have ended since the last time, and return the position up to which they are counted.

    Raises:
        LockTimeout: a transaction that writes, or another that keeps the sketches, does not end.
    """
    with store.database.dedicated() as connection:
        connection.execute(query("infrastructure", "subscriptions/begin"), [SUBSCRIPTION])
        settled = _find_settled(connection, on_step)
        sketched_to = _sketch_batch(connection, settled, batch)
        while (reached := _sketch_batch(connection, settled, batch)) > sketched_to:
            sketched_to = reached
            on_step(f"sketched up to position {sketched_to:,}")
        return sketched_to


def is_sketched(connection: Connection[Any]) -> bool:
    """Return whether maintenance keeps sketches of this database."""
    return connection.execute(query("projections", "sketches/is_kept")).fetchone() is not None


def _find_settled(connection: Connection[Any], on_step: Callable[[str], None]) -> int:
    """Return the position to sketch up to. Nobody is waited for where nothing was written."""
    row = connection.execute(query("projections", "sketches/sketched_to")).fetchone()
    assert row is not None
    return row[0] if last_drawn_position(connection) <= row[0] else settle_log(connection, on_step)


def _sketch_batch(connection: Connection[Any], settled: int, batch: int) -> int:
    """Sketch the next events, and return the position up to which all are sketched."""
    what = f"the checkpoint of subscription {SUBSCRIPTION!r}"
    with naming_lock_holders(connection, what), connection.transaction():
        connection.execute(query("projections", "session/sketches"))
        row = connection.execute(query("infrastructure", "subscriptions/lock"), [SUBSCRIPTION]).fetchone()
        assert row is not None
        after: int = row[0]
        wanted = {"after": after, "upto": settled, "limit": batch}
        (upto,) = connection.execute(query("projections", "sketches/next_position"), wanted).fetchone() or (None,)
        if upto is None:
            return after
        connection.execute(query("projections", "sketches/add"), {"after": after, "upto": upto}, prepare=False)
        connection.execute(query("infrastructure", "subscriptions/advance"), [upto, SUBSCRIPTION])
        return int(upto)
