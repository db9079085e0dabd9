"""The links of the tasks of a batch: what the log knows of them, and what the batch's lines have added."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from psycopg import Connection

from application.imports.change import AddUpstream, Change, RegisterTask
from application.shared.current_status import existing_ids
from application.shared.store import chunked
from application.write.upstream import read_upstream, read_waited_for
from domain.decisions.upstream import require_no_cycle
from infrastructure.sql import query


@dataclass(frozen=True, slots=True)
class BatchLinks:
    """Links by task.

    `existing` are the tasks of the log that a line names. `upstream` has the tasks that each task waits for, as far as
    a line or a check for cycles needs them. `waited_for` are the tasks that another one waits for.
    """

    existing: frozenset[str] = frozenset()
    upstream: dict[str, frozenset[str]] = field(default_factory=dict)
    waited_for: dict[str, bool] = field(default_factory=dict)

    def without_known(self, task_id: str, upstream: Iterable[str]) -> list[str]:
        """Return those of `upstream` that the task does not wait for yet."""
        known = self.upstream.get(task_id, ())
        return [name for name in upstream if name not in known]

    def require_no_cycle(self, task_id: str, upstream: Sequence[str]) -> None:
        """Check that none of `upstream` leads back to the task.

        Raises:
            UpstreamCycle: one does.
        """
        # Only what another task waits for can be led back to, which spares most tasks the walk.
        if task_id in upstream or (task_id in self.waited_for and task_id in self._above(upstream)):
            known = {name: sorted(ids) for name, ids in self.upstream.items()}
            require_no_cycle("upstream", known | {task_id: [*known.get(task_id, ()), *upstream]})

    def _above(self, task_ids: Iterable[str]) -> set[str]:
        above: set[str] = set()
        left = list(task_ids)
        while left:
            task_id = left.pop()
            if task_id not in above:
                above.add(task_id)
                left += self.upstream.get(task_id, ())
        return above


def load_links(connection: Connection[Any], changes: Sequence[Change]) -> BatchLinks:
    """Read what the log knows of the links that `changes` state; where these add some, nobody else may meanwhile."""
    linked = linked_tasks(changes)
    if not linked:
        return BatchLinks()
    adding = [change.task_id for change in changes if isinstance(change, AddUpstream)]
    if adding:
        connection.execute(query("projections", "lock/upstream"))
    existing = frozenset[str]().union(
        *(existing_ids(connection, "find/existing_tasks", ids) for ids in chunked(linked))
    )
    upstream = read_upstream(connection, [change.task_id for change in changes if _states_upstream(change)])
    if adding:
        above = connection.execute(query("projections", "read/upstream_above"), [linked])
        upstream |= {task_id: set(ids) for task_id, ids in above}
    known = {task_id: frozenset(ids) for task_id, ids in upstream.items()}
    return BatchLinks(existing, known, dict.fromkeys(read_waited_for(connection, adding), True))


def linked_tasks(changes: Iterable[Change]) -> list[str]:
    """Return the tasks that `changes` name as a parent or as what another task waits for."""
    return list(dict.fromkeys(task_id for change in changes for task_id in _linked(change)))


def _states_upstream(change: Change) -> TypeGuard[RegisterTask | AddUpstream]:
    return isinstance(change, RegisterTask | AddUpstream) and bool(change.upstream)


def _linked(change: Change) -> Iterator[str]:
    if _states_upstream(change):
        yield from change.upstream
    if isinstance(change, RegisterTask) and change.parent is not None:
        yield change.parent
