"""One run of the demo: a workflow of its own, so that it can be run again and again on one database."""

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
from sojourn.demo.commands import Command, commands
from sojourn.demo.distributor import Distributor
from sojourn.demo.pool import Pool

WORKERS = 3


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a run: the instances that were orphaned, and a sentence for all that went other than planned."""

    workflow_id: str
    orphans: list[str]
    surprises: list[str]


def run(service: TransitionService, progress: Progress) -> Run:
    """Run the commands; `progress` is told how many of them have ended for good."""
    workflow_id = f"demo-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    with interrupted_by_sigterm(), TemporaryDirectory(prefix="sojourn-demo-") as folder:
        planned = commands(workflow_id, Path(folder))
        with Pool(WORKERS, service.dsn, Path(folder)) as pool:
            distributor = Distributor(service, workflow_id, planned, pool, progress)
            distributor.run()
    return Run(workflow_id, distributor.orphans, list(surprises(planned, distributor)))


def surprises(planned: list[Command], distributor: Distributor) -> Iterator[str]:
    """A sentence for everything that went other than planned."""
    for command in planned:
        status = distributor.ended[command.task_id]
        if status != command.ends:
            yield f"task {command.task_id!r} ended in {status}, not in {command.ends}"
    if not distributor.orphans:
        yield "no task instance was orphaned, although a worker was killed"


@contextmanager
def interrupted_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end this block as Ctrl-C does, so that it cleans up after itself."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
