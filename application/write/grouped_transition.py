"""Reports about several task instances in one transaction: each is decided and answered on its own.

Many who report at once share the round trips and the commit. What the group can't take (rows that others hold, ids
that nobody knows, a second report about one instance) is left to SingleTransition, so that nobody waits for another.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from application.shared import current_status
from application.shared.current_status import OnLocked, database_now
from application.shared.store import Store
from application.write.answers import TaskInstanceAnswer
from application.write.single_transition import task_instance_answer
from domain.decisions import proposals
from domain.decisions.decide import decide
from domain.decisions.decision import Family
from domain.entities.events import Event
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.report_context import ReportContext


@dataclass(frozen=True, slots=True)
class InstanceReport:
    """What somebody says of one task instance, as `TransitionService.transition_task_instance` takes it."""

    task_instance_id: str
    to_status: str
    report: ReportContext
    current_ti_status: str | None = None
    report_by_date: datetime | None = None


def report_together(store: Store, reports: Sequence[InstanceReport]) -> list[TaskInstanceAnswer | None]:
    """The answer to each report, in their order; None where it has to be taken alone.

    Raises what the database or a rule fails with: then nothing is written.
    """
    answers: list[TaskInstanceAnswer | None] = [None] * len(reports)
    with store.transaction() as connection:
        ids = list({report.task_instance_id for report in reports})
        families = store.status.lock_families(connection, ids, OnLocked.SKIP_LOCKED)
        entered = {member.stream: member.entered_at for family in families for member in family if member.entered_at}
        events = _decide(reports, families, answers)
        store.log.copy(connection, events, database_now(connection), entered)
    return answers


def _decide(
    reports: Sequence[InstanceReport],
    families: Sequence[current_status.Family],
    answers: list[TaskInstanceAnswer | None],
) -> Iterator[Event]:
    # Instances of one task share it: each is decided on the task as the one before has left it.
    tasks: dict[str, Task] = {}
    instances: dict[str, TaskInstance] = {}
    for instance, task in families:
        tasks[task.id] = task
        instances[instance.id] = instance
    for number, said in enumerate(reports):
        found = instances.pop(said.task_instance_id, None)
        if found is None:
            continue
        decision = decide(
            Family(found, tasks[found.task_id]),
            proposals.InstanceReport(said.to_status, said.current_ti_status, said.report_by_date),
            said.report,
        )
        tasks[found.task_id] = decision.task
        answers[number] = task_instance_answer(decision)
        yield from decision.events
