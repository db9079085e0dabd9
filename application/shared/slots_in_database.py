"""Slots that all processes share: database rows, taken and freed in the transaction of the decision."""

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg import Connection
from psycopg.pq import TransactionStatus

from domain.waits_for import MOST_HOLDERS
from infrastructure.sql import query


class SlotsInDatabase:
    """Counts the holders of each tag's slots in the database, as domain.rules.slots.Slots describes.

    `connection` is in the transaction that has locked the task, so a rollback frees what was taken.
    """

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def take(self, holder: str, tags: Iterable[str]) -> str | None:
        """Take one slot of each tag, as Slots.take does."""
        row = self._connection.execute(query("infrastructure", "slots/take"), [holder, list(tags)]).fetchone()
        assert row is not None
        return row[0]  # type: ignore[no-any-return]

    def is_closed(self, tag: str) -> bool:
        """Return whether the limit of a tag is 0, as Slots.is_closed does."""
        row = self._connection.execute(query("infrastructure", "slots/limit_of"), [tag]).fetchone()
        return row is not None and row[0] == 0

    def holders_of(self, tag: str) -> Sequence[str]:
        """Return the tasks that hold a slot of a tag, those that took theirs first at the beginning."""
        found = self._connection.execute(query("infrastructure", "slots/holders"), [tag, MOST_HOLDERS])
        return [holder for (holder,) in found]

    def give_back(self, holder: str) -> None:
        """Free every slot of `holder`, as Slots.give_back does."""
        # A transaction in which taking slots failed accepts no more statements; its rollback frees the slots.
        if self._connection.info.transaction_status != TransactionStatus.INERROR:
            self._connection.execute(query("infrastructure", "slots/release"), [holder])
