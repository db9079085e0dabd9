"""Any proposal of any runner under any lifecycle: no illegal edge, never two owners, projections as a replay has them.

`tests.support.agreement` knows the lifecycles only by the definitions that the log keeps.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from application.maintain.rebuild import rebuild_projections
from application.replay.verify import verify_log
from application.transition_service import TaskSpec, TransitionService
from domain.errors import UnknownStatus
from domain.lifecycles import get_lifecycle, shipped
from domain.lifecycles.lifecycle import Lifecycle
from tests.support.agreement import Row, assert_agreement, rows
from tests.support.concurrently import at_once
from tests.support.examples import examples

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
RUNNERS = ("ada", "bob")
UNKNOWN = "nowhere"
workflows = count()

tasks = st.sampled_from((0, 1, 2))
choices = st.sampled_from(range(30))
ways = st.lists(choices, min_size=1, max_size=6)
runners = st.none() | st.sampled_from(("", *RUNNERS))
times = st.none() | st.integers(-100, 100).map(lambda minutes: NOON + timedelta(minutes=minutes))
details = st.none() | st.fixed_dictionaries({}, optional={"transition_id": st.sampled_from("xy"), "result": st.just(1)})


class Proposals(RuleBasedStateMachine):
    """Three tasks under a lifecycle, for which anybody may propose anything."""

    service: TransitionService
    lifecycle: Lifecycle

    @initialize(way=ways, other=ways)
    def register(self, way: list[int], other: list[int]) -> None:
        workflow = f"w{next(workflows)}"
        self.tasks = [f"{workflow}/{number}" for number in range(3)]
        self.instances: list[str] = []
        slots = "concurrency-slots" in self.lifecycle.rules
        specs = [TaskSpec(task, 2, attributes={"tags": [workflow]} if slots else None) for task in self.tasks]
        self.service.limit_concurrency(workflow, 1)
        self.service.register_tasks(workflow, specs, self.lifecycle)
        self.go_on(0, way)
        self.go_on(1, other)

    @rule(task=tasks, to=choices, runner=runners, at=times, due=times, details=details)
    def propose(self, task: int, to: int, runner: str | None, at: Any, due: Any, details: Any) -> None:
        with self.unknown_is_refused(self.status(to)):
            self.service.transition_task(
                self.tasks[task], self.status(to), runner_id=runner, occurred_at=at, scheduled_time=due, details=details
            )

    @rule(task=tasks, way=ways)
    def go_on(self, task: int, way: list[int]) -> None:
        """From status to status that may follow: mostly its owner takes it there."""
        for to in way:
            with self.service.store.session() as connection:
                found = self.service.store.status.task(connection, self.tasks[task])
            assert found is not None
            following = [*self.lifecycle.task.transitions[found.status]] or [found.status]
            runner = found.owner if found.owner and to < 20 else RUNNERS[to % 2]
            self.service.transition_task(found.id, following[to % len(following)], runner_id=runner)

    @rule(to=choices, runner=runners)
    def propose_for_all(self, to: int, runner: str | None) -> None:
        with self.unknown_is_refused(self.status(to)):
            self.service.transition_tasks(self.tasks, self.status(to), runner_id=runner)

    @rule(task=tasks, to=choices)
    def propose_at_once(self, task: int, to: int) -> None:
        propose = partial(self.service.transition_task, self.tasks[task], self.status(to))
        with self.unknown_is_refused(self.status(to)):
            at_once([partial(propose, runner_id=runner) for runner in RUNNERS])

    @precondition(lambda self: self.lifecycle.gate)
    @rule()
    def gate(self) -> None:
        self.service.gate_tasks_for_queueing(self.tasks)

    @precondition(lambda self: self.lifecycle.reset)
    @rule()
    def reset(self) -> None:
        self.service.reset_tasks(self.tasks, reset_if_running=True)

    @precondition(lambda self: self.lifecycle.instance)
    @rule(task=tasks, at=times)
    def create(self, task: int, at: Any) -> None:
        self.instances.append(f"{self.tasks[task]}/{len(self.instances)}")
        self.service.create_task_instances({self.instances[-1]: self.tasks[task]}, occurred_at=at)

    @precondition(lambda self: self.instances)
    @rule(which=choices, to=choices, at=times)
    def report(self, which: int, to: int, at: Any) -> None:
        assert self.lifecycle.instance
        statuses = self.lifecycle.instance.statuses
        instance = self.instances[which % len(self.instances)]
        self.service.transition_task_instance(instance, statuses[to % len(statuses)], occurred_at=at)

    @rule(runner=st.sampled_from(RUNNERS), at=times)
    def heartbeat(self, runner: str, at: Any) -> None:
        self.service.heartbeat(runner, 60, occurred_at=at)

    @precondition(lambda self: self.instances)
    @rule(which=choices, at=times)
    def go_on_for_a_minute(self, which: int, at: Any) -> None:
        self.service.heartbeat_task_instances([self.instances[which % len(self.instances)]], 60, occurred_at=at)

    @rule()
    def recover(self) -> None:
        answer = self.service.recover(max_pending_seconds=0, runner_dead_after=0)
        assert answer["skipped"] == []

    def teardown(self) -> None:
        assert verify_log(self.service.store)["mismatches"] == []

    def status(self, choice: int) -> str:
        known = (*self.lifecycle.task.statuses, UNKNOWN)
        return known[choice % len(known)]

    @contextmanager
    def unknown_is_refused(self, status: str) -> Iterator[None]:
        """Nothing of the block is stored where the status is unknown."""
        if status != UNKNOWN:
            yield
            return
        before = self.service.store.recorder.max_notification_id()
        with pytest.raises(UnknownStatus):
            yield
        assert self.service.store.recorder.max_notification_id() == before


@pytest.mark.parametrize("lifecycle", shipped())
@pytest.mark.fresh_database
def test_whoever_proposes_whatever(
    service: TransitionService, connection: psycopg.Connection[Any], lifecycle: str
) -> None:
    run_state_machine_as_test(
        type("ProposalsHere", (Proposals,), {"service": service, "lifecycle": get_lifecycle(lifecycle)}),
        settings=examples(
            quick=3,
            long=15,
            stateful_step_count=12,
            # Not made shorter: what is illegal in the log stays there.
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )

    assert_agreement(connection)
    assert_slots(connection)
    with unchanged(connection):
        rebuild_projections(service.store, lambda _: None)


@contextmanager
def unchanged(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """What happens in the block leaves every projection as it was."""
    before = projected(connection)
    yield
    assert projected(connection) == before


def projected(connection: psycopg.Connection[Any]) -> list[list[Row]]:
    return [
        rows(connection, f"SELECT * FROM sojourn.{table} ORDER BY {key}")
        for table, key in (("task", "1"), ("task_instance", "1"), ("transition", "position"))
    ]


def assert_slots(connection: psycopg.Connection[Any]) -> None:
    """Who runs holds a slot, nobody does who has ended, and no two tasks ran at once where one may."""
    holders = {row["holder"] for row in rows(connection, "SELECT holder FROM sojourn.slot")}
    tagged = {
        row["task_id"]: row["status"]
        for row in rows(connection, "SELECT task_id, status FROM sojourn.task WHERE attributes ? 'tags'")
    }
    assert {task for task, status in tagged.items() if status == "RUNNING"} <= holders
    assert {tagged[holder] for holder in holders} <= {"RUNNING", "CANCELLING"}
    assert rows(connection, "SELECT tag FROM sojourn.slot GROUP BY tag HAVING count(*) > 1") == []
