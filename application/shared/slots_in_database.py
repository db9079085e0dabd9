"""Slots that all processes share: rows of the database, taken and given back in the transaction that decides."""

from collections.abc import Iterable
from typing import Any

from psycopg import Connection
from psycopg.pq import TransactionStatus

from infrastructure.sql import query


class SlotsInDatabase:
    """Counts who holds a slot of which tag; see domain.rules.slots.Slots.

    `connection` is in the transaction that holds the run's task locked: what it takes is given back with a rollback.
    """

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def take(self, holder: str, tags: Iterable[str]) -> str | None:
        """See Slots."""
        row = self._connection.execute(query("infrastructure", "slots/take"), [holder, list(tags)]).fetchone()
        assert row is not None
        return row[0]  # type: ignore[no-any-return]

    def give_back(self, holder: str) -> None:
        """See Slots."""
        # Where taking them failed, the transaction that is to be rolled back takes no more statements.
        if self._connection.info.transaction_status != TransactionStatus.INERROR:
            self._connection.execute(query("infrastructure", "slots/release"), [holder])
