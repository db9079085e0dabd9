"""An orphan, as every reading of orphans answers it."""

from datetime import datetime
from typing import TypedDict


class Orphan(TypedDict):
    """An entity, the rule by which it is an orphan, and since when.

    `evidence` has positions in the log, `expected` what should be there and is not.
    """

    entity: str
    rule: str
    since: datetime
    evidence: list[int]
    expected: str
    explanation: str
    decided: bool
    workflow_id: str
