"""The shape of an orphan in answers."""

from datetime import datetime
from typing import Literal, TypedDict

OrphanRule = Literal[
    "terminal-parent",
    "superseded",
    "missed-heartbeat",
    "never-launched",
    "dead-runner",
    "stuck",
    "stalled-task",
    "ended-parent",
    "blocked-upstream",
    "late-report",
]
"""The name of an orphan rule."""


class Orphan(TypedDict):
    """An entity, the rule that makes it an orphan, and since when.

    `evidence` lists positions in the log; `expected` names what is missing. `lifecycle` is that of its task, and
    `instances` the number of the task's instances.
    """

    entity: str
    rule: OrphanRule
    since: datetime
    evidence: list[int]
    expected: str
    explanation: str
    decided: bool
    workflow_id: str
    task_id: str
    lifecycle: str
    status: str
    instances: int
