"""Find out who holds the locks that a call has waited for, so that its error can name them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import tuple_row

from infrastructure.sql import query


class LockHolder(NamedTuple):
    """A session that holds locks: its process, or None for a prepared transaction.

    The role of the caller may not see the state of other roles' sessions, nor since when their transactions run; then
    these are None.
    """

    pid: int | None
    user: str | None = None
    application: str | None = None
    state: str | None = None
    since: datetime | None = None

    def __str__(self) -> str:
        process = f"pid {self.pid}" if self.pid else "a prepared transaction"
        since = f"its transaction began {self.since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if self.since else None
        return ", ".join(filter(None, (process, self.user, self.application, self.state, since)))


def name_holders(holders: Sequence[LockHolder]) -> str:
    """Return who holds a lock, for a sentence: `others (pid 7, ann, psql, active; pid 8)`, or `others`."""
    return f"others ({'; '.join(map(str, holders))})" if holders else "others"


def find_lock_holders(
    connection: Connection[Any], seconds: float, *, readers: bool = False, key: int | None = None
) -> list[LockHolder]:
    """Return up to three other sessions that have held locks of Sojourn's for that many seconds, the oldest first.

    With `readers`, sessions that have only read count too, because nobody can replace a table before they end.
    With `key`, only those that hold this advisory lock count.
    """
    wanted = {"seconds": seconds, "readers": readers, "key": key}
    with connection.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.execute(query("infrastructure", "locks/holders"), wanted).fetchall()
    return [LockHolder(*row) for row in rows]
