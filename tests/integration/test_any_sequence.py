"""Whatever is asked of the service, the projections say what the log says."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import psycopg
from hypothesis import given as for_all
from hypothesis import strategies as st

from application.array_service import ArrayService
from application.replay.verify import verify_log
from application.replay.what_if import try_history
from application.transition_service import TaskSpec, TransitionService
from domain.auditing.what_if import Divergence
from domain.errors import UnknownBatch
from tests.support.agreement import assert_agreement, moves, rows, streams_of
from tests.support.examples import examples
from tests.support.scenario import INSTANCE_MACHINE, TASK_MACHINE

Step = Callable[[TransitionService, str], object]
"""What somebody asks, of a workflow with two tasks."""

instance_statuses = st.sampled_from(INSTANCE_MACHINE.statuses)
task_statuses = st.sampled_from(TASK_MACHINE.statuses)
occurred = st.none() | st.integers(-1_000, 1_000).map(
    lambda minutes: datetime(2026, 1, 31, tzinfo=UTC) + timedelta(minutes=minutes)
)
numbers = st.integers(0, 3)


def reporting(status: str, which: int, occurred_at: datetime | None) -> Step:
    return lambda service, workflow: service.transition_task_instance(
        instances_of(workflow)[which], status, occurred_at=occurred_at
    )


def reporting_together(status: str, occurred_at: datetime | None) -> Step:
    return lambda service, workflow: service.transition_task_instances(
        instances_of(workflow), status, occurred_at=occurred_at
    )


def creating(which: int, occurred_at: datetime | None) -> Step:
    def step(service: TransitionService, workflow: str) -> None:
        task = tasks_of(workflow)[which % 2]
        service.create_task_instances({instances_of(workflow)[which]: task}, occurred_at=occurred_at)

    return step


def gating(occurred_at: datetime | None) -> Step:
    return lambda service, workflow: service.gate_tasks_for_queueing(tasks_of(workflow), occurred_at=occurred_at)


def proposing(status: str, which: int, occurred_at: datetime | None) -> Step:
    return lambda service, workflow: service.transition_task(
        tasks_of(workflow)[which % 2], status, occurred_at=occurred_at
    )


def proposing_together(status: str, increment_attempts: bool) -> Step:
    return lambda service, workflow: service.transition_tasks(
        tasks_of(workflow), status, increment_attempts=increment_attempts
    )


def resetting(reset_if_running: bool) -> Step:
    return lambda service, workflow: service.reset_tasks(tasks_of(workflow), reset_if_running=reset_if_running)


def advancing(occurred_at: datetime | None) -> Step:
    """All that can, go on as they would without any trouble."""

    def step(service: TransitionService, workflow: str) -> None:
        for status in ("DONE", "RUNNING", "LAUNCHED", "INSTANTIATED"):
            service.transition_task_instances(instances_of(workflow), status, occurred_at=occurred_at)

    return step


def queueing(occurred_at: datetime | None) -> Step:
    return lambda service, workflow: ArrayService(service.store).queue_task_batch(
        array_of(service, workflow), tasks_of(workflow), occurred_at=occurred_at
    )


def launching(batch_number: int, occurred_at: datetime | None) -> Step:
    def step(service: TransitionService, workflow: str) -> None:
        with suppress(UnknownBatch):
            ArrayService(service.store).transition_to_launched(
                array_of(service, workflow), batch_number, 60, occurred_at=occurred_at
            )

    return step


def killing(batch_number: int) -> Step:
    def step(service: TransitionService, workflow: str) -> None:
        service.transition_task_instances(instances_of(workflow), "KILL_SELF")
        with suppress(UnknownBatch):
            ArrayService(service.store).transition_to_killed(array_of(service, workflow), batch_number)

    return step


def submitting(distributor_id: str, occurred_at: datetime | None) -> Step:
    return lambda service, workflow: ArrayService(service.store).log_distributor_id(
        array_of(service, workflow), dict.fromkeys(instances_of(workflow), distributor_id), occurred_at=occurred_at
    )


def array_of(service: TransitionService, workflow: str) -> str:
    return ArrayService(service.store).bind(workflow, "12", 7)["array_id"]


def tasks_of(workflow: str) -> list[str]:
    return [f"{workflow}/1", f"{workflow}/2"]


def instances_of(workflow: str) -> list[str]:
    return [f"{workflow}/{task}/{ordinal}" for ordinal in (1, 2) for task in (1, 2)]


steps = st.one_of(
    st.builds(advancing, occurred),
    st.builds(creating, numbers, occurred),
    st.builds(reporting, instance_statuses, numbers, occurred),
    st.builds(reporting_together, instance_statuses, occurred),
    st.builds(gating, occurred),
    st.builds(proposing, task_statuses, numbers, occurred),
    st.builds(proposing_together, task_statuses, st.booleans()),
    st.builds(resetting, st.booleans()),
    st.builds(queueing, occurred),
    st.builds(launching, st.integers(1, 2), occurred),
    st.builds(killing, st.integers(1, 2)),
    st.builds(submitting, st.sampled_from(["4711", "4712"]), occurred),
)

workflows = count()


@examples(quick=6, long=25)
@for_all(st.lists(steps, min_size=5, max_size=20))
def test_whatever_is_asked(
    service: TransitionService, connection: psycopg.Connection[Any], sequence: list[Step]
) -> None:
    workflow = f"w{next(workflows)}"
    service.register_tasks(workflow, [TaskSpec(name, max_attempts=2) for name in tasks_of(workflow)])
    for name, instance in zip(tasks_of(workflow), instances_of(workflow), strict=False):
        service.create_task_instances({instance: name})

    for step in sequence:
        step(service, workflow)

    assert_agreement(connection)
    assert verify_log(service.store)["mismatches"] == []
    assert_as_of_is_a_replay_until_then(connection, workflow)
    assert_nothing_diverges(service, workflow)


def assert_nothing_diverges(service: TransitionService, workflow: str) -> None:
    """All of it would be decided again as it was, and is legal."""
    found: list[Divergence] = []
    assert try_history(service.store, workflow, diverged=found.append).events > 0
    assert found == []


def assert_as_of_is_a_replay_until_then(connection: psycopg.Connection[Any], workflow: str) -> None:
    streams = {
        stream: moves(events)
        for stream, events in streams_of(connection).items()
        if events[0]["workflow_id"] == workflow
    }
    times = sorted({event["entered_at"] for events in streams.values() for event in events})
    for time in times[:: max(1, len(times) // 3)]:
        until_then = {
            stream: entered[-1]
            for stream, events in streams.items()
            if (entered := [event for event in events if event["entered_at"] <= time])
        }
        created = Counter(event["task_id"] for event in until_then.values() if "task_id" in event)
        with connection.transaction():
            connection.execute("SELECT set_config('sojourn.as_of', %s, true)", [time.isoformat()])
            tasks = rows(connection, "SELECT * FROM sojourn.current_task WHERE workflow_id = %s", workflow)
            instances = rows(connection, "SELECT * FROM sojourn.current_task_instance WHERE workflow_id = %s", workflow)
        assert {f"task:{row['task_id']}": (row["status"], row["num_attempts"], row["instances"]) for row in tasks} == {
            stream: (event["status"], event["num_attempts"], created[stream.removeprefix("task:")])
            for stream, event in until_then.items()
            if stream.startswith("task:")
        }
        assert {f"task_instance:{row['task_instance_id']}": row["status"] for row in instances} == {
            stream: event["status"] for stream, event in until_then.items() if stream.startswith("task_instance:")
        }
