"""The demo's distributor, when no message comes from its workers."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from io import StringIO
from typing import cast

import psycopg
import pytest
from rich.console import Console

from application.transition_service import TransitionService
from interfaces.cli.commands._demo_story import print_findings
from sojourn.demo import distributor
from sojourn.demo.commands import Command
from sojourn.demo.distributor import Distributor
from sojourn.demo.findings import read_findings
from sojourn.demo.messages import Message, Order
from sojourn.demo.pool import Pool
from sojourn.demo.run import Run

TASK = "w/t"


@dataclass
class Silent:
    """A pool of one worker that never sends a message; `reports` has the statuses that each instance reports."""

    service: TransitionService
    reports: list[tuple[str, ...]]
    orders: list[Order] = field(default_factory=list)

    @property
    def free(self) -> list["Silent"]:
        return [self]

    def send(self, order: Order) -> None:
        for status in self.reports[len(self.orders)]:
            self.service.transition_task_instance(order.task_instance_id, status, actor="worker")
        self.orders.append(order)

    def messages(self, timeout: float) -> Iterator[Message]:
        assert timeout == 0
        yield from ()


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributor, "LAUNCH_WITHIN", timedelta(0))


def test_an_instance_that_never_begins_is_given_up_and_tried_again(
    service: TransitionService, connection: psycopg.Connection
) -> None:
    pool = Silent(service, reports=[(), ("RUNNING", "DONE")])

    distributed = run(service, pool)

    assert distributed.ended == {TASK: "DONE"}
    assert history(connection, f"{TASK}/1") == ["QUEUED", "INSTANTIATED", "LAUNCHED", "NO_HEARTBEAT", "ERROR"]
    assert history(connection, f"{TASK}/2") == ["QUEUED", "INSTANTIATED", "LAUNCHED", "RUNNING", "DONE"]


def test_an_instance_whose_worker_dies_as_it_ends_is_not_run_again(
    service: TransitionService, connection: psycopg.Connection
) -> None:
    pool = Silent(service, reports=[("RUNNING", "DONE")])

    distributed = run(service, pool)

    assert distributed.ended == {TASK: "DONE"}
    assert history(connection, f"{TASK}/1")[-1] == "DONE"
    assert len(pool.orders) == 1


def test_what_is_lost_while_it_runs_is_orphaned_once_its_retry_has_won(
    service: TransitionService, connection: psycopg.Connection
) -> None:
    pool = Silent(service, reports=[("RUNNING",), ("RUNNING", "DONE")])

    distributed = run(service, pool)

    assert distributed.orphans == [f"{TASK}/1"]
    assert history(connection, f"{TASK}/1")[-2:] == ["TRIAGING", "ERROR_FATAL"]
    assert distributed.ended == {TASK: "DONE"}


def test_the_story_has_the_reported_and_the_applied_status(service: TransitionService) -> None:
    distributed = run(service, Silent(service, reports=[("RUNNING",), ("RUNNING", "DONE")]))
    findings = read_findings(service.store, Run("w", distributed.orphans, []), lambda _reached, _last: None)

    console = Console(file=StringIO(), width=200)
    print_findings(console, findings)

    lines = cast("StringIO", console.file).getvalue().splitlines()
    assert lines[0] == "1 tasks ran as 2 task instances in workflow w: 22 transitions, 1 refused."
    for beginning in (
        "DONE             1               1",
        "ERROR_FATAL                      1",
        "UNKNOWN_ERROR was reported (its process is gone and left no exit status)",
        "Replayed 23 events of 3 entities: the log is legal, and the projections agree",
    ):
        assert [line for line in lines if line.startswith(beginning)], lines
    for ending in (" history --full ti:w/t/1", " blocked --workflow w", " critical-path w"):
        assert [line for line in lines if line.endswith(ending)], lines


def run(service: TransitionService, pool: Silent) -> Distributor:
    command = Command(TASK, "t", ("true",))
    distributed = Distributor(service, "w", [command], cast("Pool", pool), lambda _reached, _last: None)
    distributed.run()
    return distributed


def history(connection: psycopg.Connection, task_instance_id: str) -> list[str]:
    rows = connection.execute(
        "SELECT new_status FROM sojourn.task_instance_status_audit WHERE task_instance_id = %s ORDER BY version",
        [task_instance_id],
    )
    return [row[0] for row in rows]
