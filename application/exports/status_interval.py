"""A status that a task or an instance was in: the row of all formats except jsonl."""

from datetime import datetime
from typing import NamedTuple


class StatusInterval(NamedTuple):
    """One status, the time it was entered and left, and the report that caused it.

    `exited_at` is None if no exit was observed; `ended_at` is then the time of reading. `ordinal` counts a task's
    instances from 1 and is None for the task itself. `actor` is the component that reported the status, on `host` if
    that is known. `owner` is the runner that owned the task. `waits_for` is the kind of what the
    report states that it waits for in the status.
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
    waits_for: str | None
    waits_for_detail: str | None

    @property
    def worker(self) -> str | None:
        """Return the place of work that reported the status: a runner, or a component and its host."""
        if self.owner or not self.host:
            return self.owner or self.actor
        return f"{self.actor}@{self.host}"

    @property
    def ends(self) -> bool:
        """Return whether the entity ended in this status, so the interval is neither waiting nor work."""
        return self.terminal and self.exited_at is None
