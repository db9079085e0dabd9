"""One run of the demo, as two workflows of its own, so the demo can run any number of times on one database."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from application.shared.progress import Progress
from application.shared.sigterm import sigterm_as_interrupt
from application.transition_service import TaskSpec, TransitionService
from sojourn.demo.commands import NEVER_STARTED, Command, plan_commands, plan_second_commands
from sojourn.demo.distributor import ACTOR, DONE, Distributor
from sojourn.demo.pool import Pool

WORKERS = 3


RUN_LIFECYCLE = "prefect"
"""The lifecycle of the task that a workflow's commands are a part of: it reports for itself, as a flow run does."""


@dataclass(frozen=True, slots=True)
class Run:
    """The result of a run: the orphaned instances, and a sentence for each result that was not planned."""

    workflow_id: str
    orphans: list[str]
    surprises: list[str]
    second_workflow_id: str | None = None

    @property
    def workflow_ids(self) -> list[str]:
        """The workflows of the run."""
        return [self.workflow_id, *([self.second_workflow_id] if self.second_workflow_id else [])]


def run_demo(service: TransitionService, progress: Progress) -> Run:
    """Run the commands of both workflows. Report the number of ended ones of each to `progress`."""
    workflow_id = f"demo-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    second_workflow_id = f"{workflow_id}-second"
    with sigterm_as_interrupt(), TemporaryDirectory(prefix="sojourn-demo-") as folder:
        first = plan_commands(workflow_id, Path(folder))
        second = plan_second_commands(second_workflow_id)
        with Pool(WORKERS, service.dsn, Path(folder)) as pool:
            distributor = run_workflow(service, workflow_id, first, pool, progress)
            second_distributor = run_workflow(service, second_workflow_id, second, pool, progress)
    surprises = [*find_surprises(first, distributor), *find_surprises(second, second_distributor)]
    if not distributor.orphans:
        surprises.append("no task instance was orphaned, although a worker was killed")
    return Run(workflow_id, distributor.orphans, surprises, second_workflow_id)


def run_workflow(
    service: TransitionService, workflow_id: str, planned: list[Command], pool: Pool, progress: Progress
) -> Distributor:
    """Run the commands of a workflow as parts of one task, which fails where not all of them are done."""
    run_id = f"{workflow_id}/run"
    service.register_tasks(workflow_id, [TaskSpec(run_id, 1, "run")], RUN_LIFECYCLE, actor=ACTOR)
    service.transition_task(run_id, "RUNNING", actor=ACTOR)
    distributor = Distributor(service, workflow_id, planned, pool, progress, run_id)
    distributor.run()
    undone = sum(distributor.ended.get(command.task_id) != DONE for command in planned)
    status, reason = ("FAILED", f"{undone} commands are not done") if undone else ("COMPLETED", None)
    service.transition_task(run_id, status, actor=ACTOR, reason=reason)
    return distributor


def find_surprises(planned: list[Command], distributor: Distributor) -> Iterator[str]:
    """Yield a sentence for each result that was not planned."""
    for command in planned:
        status = distributor.ended.get(command.task_id, NEVER_STARTED)
        if status != command.ends:
            yield f"task {command.task_id!r} ended in {status}, not in {command.ends}"
