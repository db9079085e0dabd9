"""Reading the log's end while others write it, without missing an event.

Positions are drawn before they are committed: what is read next to the end may have holes that are filled later, or
never. A hole is passed only once nobody can fill it any more. Whoever drew its position owned a transaction id before
(the trigger `own_transaction_id` sees to it), and so a lower one than the *fence*, an id that is taken after the hole
was seen. Once the oldest running transaction is not below the fence, the hole's owner has ended: what is still missing
in that same snapshot will never come.

The end of a snapshot (pg_snapshot_xmax) does not do for a fence: it is one past the last transaction that *completed*,
and the hole's owner may have a higher id.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from psycopg import Connection

from infrastructure.log.event_mapper import LoggedEvent
from infrastructure.sql import query


class Fence(NamedTuple):
    """Every hole up to `position` was seen before transaction id `xid` was taken."""

    xid: int
    position: int


class Tail:
    """The events after a position, in order, each once. `fence_xid` takes a new transaction id on its own."""

    def __init__(self, position: int, fence_xid: Callable[[], int]) -> None:
        self.position = position
        self.waits_for_others = False
        self._fence_xid = fence_xid
        self._fence: Fence | None = None

    def read(self, connection: Connection[Any], limit: int) -> list[LoggedEvent]:
        """At most `limit` of the events that come next; none where the next one may still be on its way.

        Afterwards `waits_for_others` says whether there is a hole that somebody may still fill.
        """
        rows = connection.execute(
            query("infrastructure", "events_after_with_horizon"),
            {"position": self.position, "limit": limit},
            prepare=True,
        ).fetchall()
        oldest_running = rows[0][-1]
        events = [LoggedEvent.of(row[:-1]) for row in rows if row[0] is not None]
        certain = self._certain(events, oldest_running)
        self.waits_for_others = len(certain) < len(events)
        if certain:
            self.position = certain[-1].id
        return certain

    def _certain(self, events: Sequence[LoggedEvent], oldest_running: int) -> list[LoggedEvent]:
        certain = []
        before = self.position
        for event in events:
            if event.id > before + 1 and not self._is_dead(event.id - 1, oldest_running):
                self._raise_fence(event.id - 1, events[-1].id)
                break
            certain.append(event)
            before = event.id
        return certain

    def _is_dead(self, hole: int, oldest_running: int) -> bool:
        return self._fence is not None and hole <= self._fence.position and oldest_running >= self._fence.xid

    def _raise_fence(self, hole: int, seen: int) -> None:
        if self._fence is None or hole > self._fence.position:
            self._fence = Fence(self._fence_xid(), seen)
