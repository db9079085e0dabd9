"""Attempts at tasks: worked examples, and any sequence against a few lines of Python over the raw events."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, NamedTuple

import psycopg
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from application.analyse.attempts import count_attempts
from application.transition_service import TaskSpec, TransitionService
from domain.errors import UnknownEntity
from domain.lifecycles.lifecycle import Lifecycle
from tests.support.agreement import Row, moves, streams_of
from tests.support.examples import examples
from tests.support.scenario import INSTANCE_MACHINE

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

numbers = count()

SIMPLE = Lifecycle.model_validate(
    {
        "name": "simple",
        "version": 1,
        "attempt": "RUNNING",
        "task": {
            "initial": "WAITING",
            "terminal": ["DONE", "FAILED"],
            "failures": ["FAILED", "LOST"],
            "available_for_run": ["AGAIN"],
            "transitions": {
                "WAITING": ["RUNNING"],
                "RUNNING": ["DONE", "FAILED", "LOST", "AGAIN", "PAUSED"],
                "PAUSED": ["RUNNING", "DONE"],
                "LOST": ["AGAIN"],
                "AGAIN": ["RUNNING"],
                "DONE": ["WAITING"],
                "FAILED": [],
            },
        },
    }
)


def attempted(service: TransitionService, *ways: list[tuple[str, float]], lifecycle: Any = "jobmon") -> list[str]:
    """A task for each way, whose instances report statuses at minutes; after an end another instance is created."""
    names = []
    for way in ways:
        names.append(task := f"t{next(numbers)}")
        service.register_tasks("w", [TaskSpec(task, 9, "align")], lifecycle, occurred_at=NOON)
        instances = 0
        for status, minute in way:
            at = NOON + minute * MINUTE
            if status == "QUEUED":
                service.gate_tasks_for_queueing([task], occurred_at=at)
                instances += 1
                service.create_task_instances({f"{task}/{instances}": task}, occurred_at=at)
            else:
                answer = service.transition_task_instance(f"{task}/{instances}", status, occurred_at=at)
                assert answer["error"] is None
    return names


RUNS = [("INSTANTIATED", 1), ("LAUNCHED", 2), ("RUNNING", 3)]


def test_an_instance_is_an_attempt(service: TransitionService) -> None:
    attempted(
        service,
        [("QUEUED", 0), *RUNS, ("DONE", 10)],
        [("QUEUED", 0), *RUNS, ("ERROR", 8), ("QUEUED", 9), ("INSTANTIATED", 12)],
        [],
    )

    assert count_attempts(service.store, at=NOON + 15 * MINUTE) == [
        {
            "group": None,
            "tasks": 2,  # the third has not been tried
            "attempts": 3,
            "attempts_per_task": 1.5,
            "most_attempts": 2,
            "succeeded": 1,
            "failed": 1,
            "interrupted": 0,
            "open": 1,
            "total_seconds": 60.0 * (10 + 8 + 6),
            "wasted_seconds": 60.0 * 8,
            "wasted_share": pytest.approx(1 / 3, abs=1e-6),
            "first_try_share": 0.5,
        }
    ]


def test_as_of_a_time_an_attempt_has_not_ended(service: TransitionService) -> None:
    attempted(service, [("QUEUED", 0), *RUNS, ("ERROR", 8)])

    (found,) = count_attempts(service.store, by="template", at=NOON + 5 * MINUTE)

    assert (found["group"], found["open"], found["failed"], found["total_seconds"]) == ("align", 1, 0, 300.0)
    assert found["first_try_share"] is None
    assert count_attempts(service.store, at=NOON - MINUTE) == []
    with pytest.raises(UnknownEntity, match="no workflow 'nowhere'"):
        count_attempts(service.store, workflow_id="nowhere")


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ([], []),
        ([("RUNNING", 1)], [(None, 59)]),
        ([("RUNNING", 1), ("DONE", 5)], [("succeeded", 4)]),
        ([("RUNNING", 1), ("FAILED", 5)], [("failed", 4)]),
        # It waits to be tried again: that time is nobody's attempt.
        ([("RUNNING", 1), ("AGAIN", 5), ("RUNNING", 9), ("DONE", 10)], [("failed", 4), ("succeeded", 1)]),
        ([("RUNNING", 1), ("LOST", 5), ("AGAIN", 7)], [("failed", 4)]),
        ([("RUNNING", 1), ("PAUSED", 5), ("DONE", 7)], [("succeeded", 6)]),
        ([("RUNNING", 1), ("PAUSED", 5), ("RUNNING", 7)], [("interrupted", 6), (None, 53)]),
    ],
)
def test_without_instances_an_attempt_is_what_the_task_counts(
    service: TransitionService,
    connection: psycopg.Connection[Any],
    way: list[tuple[str, float]],
    expected: list[tuple[str | None, float]],
) -> None:
    service.register_tasks("w", [TaskSpec("t", 9)], SIMPLE, occurred_at=NOON)
    for status, minute in way:
        assert service.transition_task("t", status, occurred_at=NOON + minute * MINUTE)["error"] is None

    assert in_view(connection, NOON + 60 * MINUTE) == [
        (ordinal, outcome, 60.0 * minutes) for ordinal, (outcome, minutes) in enumerate(expected, 1)
    ]


@pytest.mark.parametrize("to", ["WAITING", "PAUSED"])
def test_a_reset_interrupts_an_attempt(
    service: TransitionService, connection: psycopg.Connection[Any], to: str
) -> None:
    resettable = SIMPLE.model_dump(by_alias=True) | {"name": "resettable", "reset": {"to": to}}
    service.register_tasks("w", [TaskSpec("t", 9)], Lifecycle.model_validate(resettable), occurred_at=NOON)
    service.transition_task("t", "RUNNING", occurred_at=NOON + MINUTE)
    service.reset_tasks(["t"], reset_if_running=True, occurred_at=NOON + 3 * MINUTE)
    service.transition_task("t", "RUNNING", occurred_at=NOON + 7 * MINUTE)

    assert in_view(connection, NOON + 8 * MINUTE) == [(1, "interrupted", 120.0), (2, None, 60.0)]


def in_view(connection: psycopg.Connection[Any], at: datetime) -> list[tuple[Any, ...]]:
    connection.execute("SELECT set_config('sojourn.as_of', %s, false)", [at.isoformat()])
    return connection.execute("SELECT ordinal, outcome, seconds FROM sojourn.attempt ORDER BY ordinal").fetchall()


# Any attempts, against a fold of what the log says of each instance.

ends = st.sampled_from(["DONE", "ERROR", "RESOURCE_ERROR", "UNKNOWN_ERROR", None])
lives = st.lists(st.lists(st.tuples(ends, st.integers(0, 9)), max_size=3), max_size=4)


class Attempt(NamedTuple):
    task: str
    ordinal: int
    status: str
    seconds: float


@examples(quick=5, long=20)
@for_all(lives=lives, at=st.integers(0, 40))
def test_any_attempts(
    service: TransitionService, connection: psycopg.Connection[Any], lives: list[list[tuple[str | None, int]]], at: int
) -> None:
    workflow = f"any-{next(numbers)}"
    service.register_tasks(workflow, [TaskSpec(f"{workflow}/beside")], occurred_at=NOON)
    for place, life in enumerate(lives):
        live(service, workflow, f"{workflow}/{place}", life)
    time = NOON + at * MINUTE
    streams = streams_of(connection)
    made = [
        attempt
        for name, events in streams.items()
        if name.startswith(f"task_instance:{workflow}/")
        for attempt in made_by(events, time)
    ]

    found = count_attempts(service.store, workflow_id=workflow, at=time)

    assert found == ([expected(made)] if made else [])


def live(service: TransitionService, workflow: str, task: str, life: list[tuple[str | None, int]]) -> None:
    """Attempt after attempt, each ending the given minutes after it began, until one succeeds or goes on."""
    service.register_tasks(workflow, [TaskSpec(task, 9)], occurred_at=NOON)
    at = NOON
    for ordinal, (end, minutes) in enumerate(life, 1):
        if service.gate_tasks_for_queueing([task], occurred_at=at)["gated"] != [task]:
            return
        instance = f"{task}/{ordinal}"
        service.create_task_instances({instance: task}, occurred_at=at)
        for status in ("INSTANTIATED", "LAUNCHED", "RUNNING"):
            service.transition_task_instance(instance, status, occurred_at=at)
        at += minutes * MINUTE
        if end is not None:
            service.transition_task_instance(instance, end, occurred_at=at)


def made_by(events: list[Row], at: datetime) -> Iterator[Attempt]:
    there = [event for event in moves(events) if event["entered_at"] <= at]
    if there:
        last = there[-1]
        until = last["entered_at"] if INSTANCE_MACHINE.is_terminal(last["status"]) else at
        seconds = (until - there[0]["entered_at"]).total_seconds()
        yield Attempt(there[0]["task_id"], there[0]["ordinal"], last["status"], seconds)


def expected(made: list[Attempt]) -> dict[str, Any]:
    tasks = {attempt.task for attempt in made}
    failed = [attempt for attempt in made if attempt.status in INSTANCE_MACHINE.failures]
    succeeded = [attempt for attempt in made if attempt.status == "DONE"]
    firsts = [attempt for attempt in made if attempt.ordinal == 1 and attempt in [*failed, *succeeded]]
    total, wasted = (sum(attempt.seconds for attempt in group) for group in (made, failed))
    return {
        "group": None,
        "tasks": len(tasks),
        "attempts": len(made),
        "attempts_per_task": pytest.approx(len(made) / len(tasks), abs=1e-6),
        "most_attempts": max(attempt.ordinal for attempt in made),
        "succeeded": len(succeeded),
        "failed": len(failed),
        "interrupted": 0,
        "open": len(made) - len(failed) - len(succeeded),
        "total_seconds": total,
        "wasted_seconds": wasted,
        "wasted_share": pytest.approx(wasted / total, abs=1e-6) if total else None,
        "first_try_share": (
            pytest.approx(sum(attempt in succeeded for attempt in firsts) / len(firsts), abs=1e-6) if firsts else None
        ),
    }
