"""Read as of a time: every view answers with what had happened by then."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection

from application.shared.store import Store
from domain.time import require_past
from infrastructure.lock_timeout import naming_lock_holders
from infrastructure.sql import query

READ = "what the answer is read from"
"""What others hold where reading waits in vain."""


@contextmanager
def as_of(store: Store, at: datetime | None) -> Iterator[Connection[Any]]:
    """Open a transaction whose views answer as of `at`, or as of now where it is None.

    Raises:
        FutureTime: `at` lies in the future.
        LockTimeout: others are replacing what the block reads.
    """
    with store.session() as connection, naming_lock_holders(connection, READ), connection.transaction():
        if at is not None:
            row = connection.execute(query("projections", "session/set_as_of"), [at.isoformat()]).fetchone()
            assert row is not None
            require_past("at", at, row[1], store.clock_tolerance)
        yield connection


class Clocks(NamedTuple):
    """The database's time, and the time to answer for where none is given: the same, or the end of an opened case."""

    effective: datetime
    database: datetime


def read_clocks(store: Store) -> Clocks:
    """Return both times."""
    with store.session() as connection:
        row = connection.execute(query("projections", "session/clocks")).fetchone()
    assert row is not None
    return Clocks(*row)


def effective_now(store: Store) -> datetime:
    """Return the time to answer for where none is given: now, or the end of an opened case."""
    return read_clocks(store).effective
