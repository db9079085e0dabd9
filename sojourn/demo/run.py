"""One run of the demo, as a workflow of its own, so the demo can run any number of times on one database."""

import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from application.shared.progress import Progress
from application.transition_service import TransitionService
from sojourn.demo.commands import Command, plan_commands
from sojourn.demo.distributor import Distributor
from sojourn.demo.pool import Pool

WORKERS = 3


@dataclass(frozen=True, slots=True)
class Run:
    """The result of a run: the orphaned instances, and a sentence for each result that was not planned."""

    workflow_id: str
    orphans: list[str]
    surprises: list[str]


def run_demo(service: TransitionService, progress: Progress) -> Run:
    """Run the commands. Report the number of ended ones to `progress`."""
    workflow_id = f"demo-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    with sigterm_as_interrupt(), TemporaryDirectory(prefix="sojourn-demo-") as folder:
        planned = plan_commands(workflow_id, Path(folder))
        with Pool(WORKERS, service.dsn, Path(folder)) as pool:
            distributor = Distributor(service, workflow_id, planned, pool, progress)
            distributor.run()
    return Run(workflow_id, distributor.orphans, list(find_surprises(planned, distributor)))


def find_surprises(planned: list[Command], distributor: Distributor) -> Iterator[str]:
    """Yield a sentence for each result that was not planned."""
    for command in planned:
        status = distributor.ended[command.task_id]
        if status != command.ends:
            yield f"task {command.task_id!r} ended in {status}, not in {command.ends}"
    if not distributor.orphans:
        yield "no task instance was orphaned, although a worker was killed"


@contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does, so it cleans up."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
