"""How much the log has of one workflow."""

from typing import NamedTuple

from application.shared.store import Store
from infrastructure.sql import query


class WorkflowCounts(NamedTuple):
    """How many tasks, instances, events, transitions, refusals and orphans a workflow has.

    `never_started` counts the tasks that are still in their first status. `orphans` counts those that the orphan
    rule has ended, and those that are open.
    """

    tasks: int
    never_started: int
    task_instances: int
    events: int
    transitions: int
    refused: int
    orphans: int


def count_workflow(store: Store, workflow_id: str) -> WorkflowCounts:
    """Return the counts of that workflow; all are 0 where the log has none of that name."""
    with store.session() as connection:
        row = connection.execute(query("projections", "read/workflow_counts"), {"workflow_id": workflow_id}).fetchone()
    assert row is not None
    return WorkflowCounts(*row)
