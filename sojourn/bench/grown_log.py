"""A log of many workflows that grows by whole ones: attempts that fail and are tried again, and some left behind."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from application.maintain.maintenance import maintain_once
from application.transition_service import TransitionService
from application.write.registration import TaskSpec
from sojourn.bench.scratch import STEPS, Scratch

TASKS = 2_500
"""The number of tasks of a workflow."""

FAILED_OF = 20
"""The number of attempts of which one fails and is tried again."""

LEFT_OF = 1_000
"""The number of attempts of which one is left behind in RUNNING."""

PARTS = 4
"""In how many parts the tasks of a workflow move, each with durations of its own."""

TEMPLATES = ("align", "sort", "call", "merge", "report")

EVERY = timedelta(hours=1)
"""How long after one workflow the next one begins."""

MINUTES = (0.5, 1.5, 4.0, 40.0)
"""How long the first part takes to each of STEPS; the others take longer."""

WRITERS = 2
"""How many threads add workflows: the one prepares what it sends while the server works for the other."""

ReportEvents = Callable[[int, int], None]
"""Receives the number of events in the log, and the one that it grows to."""


@dataclass
class GrownLog:
    """The log of a scratch database, as one service writes it: workflows follow each other from `begin` on."""

    scratch: Scratch
    begin: datetime
    tasks: int = TASKS
    workflows: int = 0

    @property
    def last_workflow(self) -> str:
        """The workflow that was written last."""
        return f"workflow-{self.workflows - 1:04}"

    @property
    def left_behind(self) -> str:
        """An attempt of the last workflow that is still in RUNNING."""
        return f"{self.last_workflow}/{self.tasks - 1:05}/1"

    @property
    def days(self) -> tuple[datetime, datetime]:
        """The last whole day before the last workflow began, or from the beginning where there is none."""
        until = self.begin + (self.workflows - 1) * EVERY
        return max(self.begin, until - timedelta(days=1)), until

    def grow(self, events: int, report_events: ReportEvents) -> None:
        """Add workflows until the log has a number of events, then collect its statistics and sketch it."""
        with ThreadPoolExecutor(WRITERS) as writers:
            while (reached := self.scratch.events) < events:
                report_events(reached, events)
                list(writers.map(self._add_workflow, range(self.workflows, self.workflows + WRITERS)))
                self.workflows += WRITERS
        self.scratch.execute("VACUUM (ANALYZE)")
        maintain_once(self.scratch.service.store, lambda _: None)

    def _add_workflow(self, number: int) -> None:
        workflow, start = f"workflow-{number:04}", self.begin + number * EVERY
        service, names = self.scratch.service, [f"{workflow}/{number:05}" for number in range(self.tasks)]
        specs = [TaskSpec(name, template=TEMPLATES[place % len(TEMPLATES)]) for place, name in enumerate(names)]
        service.register_tasks(workflow, specs, occurred_at=start)
        size = -(-len(names) // PARTS)
        for place, first in enumerate(range(0, len(names), size)):
            part, slower = names[first : first + size], 1 + 0.37 * place
            failed = part[::FAILED_OF]
            left = names[-max(1, len(names) // LEFT_OF) :]
            _run(service, part, 1, start, slower, {"ERROR": failed, "RUNNING": left})
            _run(service, failed, 2, start + timedelta(minutes=MINUTES[-1] * slower), slower, {})


def _run(
    service: TransitionService,
    tasks: Sequence[str],
    ordinal: int,
    start: datetime,
    slower: float,
    ends: dict[str, Sequence[str]],
) -> None:
    """Run an attempt of each task to DONE, or to where `ends` has it."""
    service.gate_tasks_for_queueing(tasks, occurred_at=start)
    attempts = {f"{task}/{ordinal}": task for task in tasks}
    service.create_task_instances(attempts, occurred_at=start)
    for status, moved, minutes in _moves(list(attempts), ordinal, ends):
        at = start + timedelta(minutes=minutes * slower)
        service.transition_task_instances(moved, status, occurred_at=at)


def _moves(
    attempts: Sequence[str], ordinal: int, ends: dict[str, Sequence[str]]
) -> Iterator[tuple[str, Sequence[str], float]]:
    failed, left = ({f"{task}/{ordinal}" for task in ends.get(status, ())} for status in ("ERROR", "RUNNING"))
    for status, minutes in zip(STEPS[:-1], MINUTES, strict=False):
        yield status, attempts, minutes
    yield "ERROR", [name for name in attempts if name in failed], MINUTES[-1] / 2
    yield STEPS[-1], [name for name in attempts if name not in failed | left], MINUTES[-1]
