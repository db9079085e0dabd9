"""An orphan, as every reading of orphans answers it."""

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
    "late-report",
]
"""The name of an orphan rule."""


class Orphan(TypedDict):
    """An entity, the rule by which it is an orphan, and since when.

    `evidence` has positions in the log, `expected` what should be there and is not.
    """

    entity: str
    rule: OrphanRule
    since: datetime
    evidence: list[int]
    expected: str
    explanation: str
    decided: bool
    workflow_id: str
