"""A status that a task or an instance was in: what all formats but jsonl are made of."""

from datetime import datetime
from typing import NamedTuple


class StatusInterval(NamedTuple):
    """One status, from when to when, and what is known of how it came about.

    `exited_at` is None where no exit was observed: the stay has then lasted until `ended_at`, the time of reading.
    `ordinal` counts a task's instances from 1 and is None for the task itself. `actor` is the component that
    reported the status, on `host` where that is known; `owner` the runner to whom the task belonged.
    """

    position: int
    kind: str
    id: str
    task_id: str
    workflow_id: str
    template: str | None
    ordinal: int | None
    version: int
    previous_status: str | None
    status: str
    entered_at: datetime
    exited_at: datetime | None
    ended_at: datetime
    terminal: bool
    failure: bool
    reported: str | None
    rule: str | None
    actor: str | None
    host: str | None
    reason: str | None
    owner: str | None

    @property
    def worker(self) -> str | None:
        """Who said so, as a place where work is done: a runner, or a component and its host."""
        if self.owner or not self.host:
            return self.owner or self.actor
        return f"{self.actor}@{self.host}"

    @property
    def ends(self) -> bool:
        """Whether the entity has come to its end here: such a stay is no waiting and no work."""
        return self.terminal and self.exited_at is None
