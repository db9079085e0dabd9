"""Check the status of a call about many entities: one that none of their lifecycles has is a mistake of the call."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from psycopg import Connection

from application.shared.store import Store, chunked
from domain.entity import TASK, TASK_INSTANCE
from domain.errors import UnknownStatus
from domain.lifecycles.lifecycle import Lifecycle
from infrastructure.sql import query

LIFECYCLES = {TASK: "find/lifecycles_of_tasks", TASK_INSTANCE: "find/lifecycles_of_task_instances"}


class StatusCheck:
    """Checks a status that a call proposes for entities of a kind, chunk by chunk.

    Where one of the lifecycles has the status, it is refused for the entities of the others, as an edge that their
    machine does not have. The other chunks are only read where a chunk does not know the status.
    """

    def __init__(self, store: Store, kind: str, ids: Sequence[str], status: str) -> None:
        self._store = store
        self._kind = kind
        self._ids = ids
        self._status = status
        self._is_known = False

    def check(self, connection: Connection[Any], found: Iterable[Lifecycle]) -> None:
        """Check the status for a chunk whose entities have the lifecycles `found`.

        Raises:
            UnknownStatus: no machine of any entity's lifecycle has it.
        """
        if self._is_known:
            return
        lifecycles = set(found)
        if lifecycles and not self._is_in(lifecycles):
            lifecycles |= set(self._read_lifecycles(connection))
            if not self._is_in(lifecycles):
                raise UnknownStatus(self._status, sorted(set(self._statuses(lifecycles))))
        self._is_known = bool(lifecycles)

    def _is_in(self, lifecycles: Iterable[Lifecycle]) -> bool:
        return any(lifecycle.knows_status(self._status) for lifecycle in lifecycles)

    def _statuses(self, lifecycles: Iterable[Lifecycle]) -> Iterator[str]:
        for lifecycle in lifecycles:
            yield from (lifecycle.task if self._kind == TASK else lifecycle.instance_machine).statuses

    def _read_lifecycles(self, connection: Connection[Any]) -> Iterable[Lifecycle]:
        for ids in chunked(self._ids):
            rows = connection.execute(query("projections", LIFECYCLES[self._kind]), [ids]).fetchall()
            yield from (self._store.lifecycles.by_key(*key) for key in rows)
