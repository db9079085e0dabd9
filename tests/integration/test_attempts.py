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
from tests.support.simple_lifecycle import simple_lifecycle

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

numbers = count()

SIMPLE = simple_lifecycle(
    {
        "WAITING": ["RUNNING"],
        "RUNNING": ["DONE", "FAILED", "LOST", "AGAIN", "PAUSED"],
        "PAUSED": ["RUNNING", "DONE"],
        "LOST": ["AGAIN"],
        "AGAIN": ["RUNNING"],
        "DONE": ["WAITING"],
        "FAILED": [],
    },
    failures=["FAILED", "LOST"],
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
            "cancelled": 0,
            "interrupted": 0,
            "lost": 0,
            "open": 1,
            "total_seconds": 60.0 * (10 + 8 + 6),
            # Time in a queue is no run time.
            "run_seconds": 60.0 * (7 + 5),
            "wasted_seconds": 60.0 * 5,
            "wasted_share": pytest.approx(5 / 12, abs=1e-6),
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


def test_a_pause_is_no_run_time(service: TransitionService, connection: psycopg.Connection[Any]) -> None:
    service.register_tasks("w", [TaskSpec("t", 9)], SIMPLE, occurred_at=NOON)
    for status, minute in (("RUNNING", 1), ("PAUSED", 5), ("RUNNING", 7), ("PAUSED", 8), ("DONE", 20)):
        service.transition_task("t", status, occurred_at=NOON + minute * MINUTE)

    connection.execute("SELECT set_config('sojourn.as_of', %s, false)", [(NOON + 60 * MINUTE).isoformat()])
    found = connection.execute("SELECT outcome, seconds, run_seconds FROM sojourn.attempt ORDER BY ordinal").fetchall()
    assert found == [("interrupted", 360.0, 240.0), ("succeeded", 780.0, 60.0)]


def report(service: TransitionService, instance: str, *way: tuple[str, float]) -> None:
    """Create an instance `TASK/N` at the first of these minutes, and report the other statuses at theirs."""
    (_, begin), *following = way
    service.create_task_instances({instance: instance.rpartition("/")[0]}, occurred_at=NOON + begin * MINUTE)
    for status, minute in following:
        assert service.transition_task_instance(instance, status, occurred_at=NOON + minute * MINUTE)["error"] is None


def test_what_was_cancelled_before_it_ran_has_not_failed(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec(f"t{number}", 9) for number in range(4)], "slurm", occurred_at=NOON)
    report(service, "t0/1", ("PENDING", 0), ("CANCELLED", 50))
    report(service, "t1/1", ("PENDING", 0), ("RUNNING", 40), ("CANCELLED", 50))
    report(service, "t2/1", ("PENDING", 0), ("RUNNING", 40), ("FAILED", 45))
    report(service, "t3/1", ("PENDING", 0), ("RUNNING", 40), ("COMPLETED", 45))

    (found,) = count_attempts(service.store, at=NOON + 60 * MINUTE)

    assert (found["cancelled"], found["failed"], found["succeeded"], found["open"]) == (1, 2, 1, 0)
    assert (found["total_seconds"], found["run_seconds"]) == (60.0 * (50 + 50 + 45 + 45), 60.0 * (10 + 5 + 5))
    assert (found["wasted_seconds"], found["wasted_share"]) == (60.0 * 15, 0.75)
    assert found["first_try_share"] == pytest.approx(1 / 3, abs=1e-6)


DAY = 24 * 60.0
"""Minutes."""


def test_an_attempt_that_never_ended_counts_up_to_the_end_of_its_workflow(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec("t", 9), TaskSpec("u", 9)], "spark", occurred_at=NOON)
    report(service, "t/1", ("RUNNING", 1))
    report(service, "t/2", ("RUNNING", 3), ("SUCCESS", 8))
    report(service, "u/1", ("RUNNING", 2), ("SUCCESS", 10))

    ended, going_on = (count_attempts(service.store, at=NOON + minute * MINUTE)[0] for minute in (9 * DAY, 9))

    assert (ended["succeeded"], ended["lost"], ended["open"]) == (2, 1, 0)
    assert (ended["total_seconds"], ended["run_seconds"]) == (60.0 * (5 + 8 + 9),) * 2
    assert (ended["wasted_seconds"], ended["first_try_share"]) == (0.0, 1.0)
    # Before its last task has ended, the workflow goes on.
    assert (going_on["succeeded"], going_on["lost"], going_on["open"]) == (1, 0, 2)
    assert going_on["total_seconds"] == 60.0 * (5 + 7 + 8)


def test_what_a_record_of_the_past_leaves_open_ends_with_its_last_event(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec("t", 9), TaskSpec("u", 9)], "spark", occurred_at=NOON)
    report(service, "t/1", ("RUNNING", 1))
    report(service, "u/1", ("RUNNING", 2), ("SUCCESS", 10))

    later, sooner = (count_attempts(service.store, at=NOON + minute * MINUTE)[0] for minute in (DAY + 11, DAY + 10))

    assert (later["lost"], later["open"], later["total_seconds"]) == (1, 0, 60.0 * (9 + 8))
    assert (sooner["lost"], sooner["open"], sooner["total_seconds"]) == (0, 1, 60.0 * (DAY + 9 + 8))


def test_an_attempt_that_is_reported_as_it_happens_goes_on_however_quiet_it_is(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    service.register_tasks("w", [TaskSpec("t", 9)], "spark")
    service.create_task_instances({"t/1": "t"})

    # A later time cannot be asked about, so that the view's own is moved in a transaction that is rolled back.
    with connection.transaction(force_rollback=True):
        connection.execute("SELECT set_config('sojourn.as_of', (now() + interval '9 days')::text, true)")
        found = connection.execute("SELECT outcome, seconds >= 9 * 86400 - 60 FROM sojourn.attempt").fetchall()

    assert found == [(None, True)]


# Any attempts, against a fold of what the log says of each instance.

ends = st.sampled_from(["DONE", "ERROR", "RESOURCE_ERROR", "UNKNOWN_ERROR", None])
lives = st.lists(st.lists(st.tuples(ends, st.integers(0, 9)), max_size=3), max_size=4)


class Attempt(NamedTuple):
    task: str
    ordinal: int
    status: str
    seconds: float
    run_seconds: float


@examples(quick=5, long=20)
@for_all(lives=lives, at=st.integers(0, 40) | st.just(2 * 24 * 60))
def test_any_attempts(
    service: TransitionService, connection: psycopg.Connection[Any], lives: list[list[tuple[str | None, int]]], at: int
) -> None:
    workflow = f"any-{next(numbers)}"
    service.register_tasks(workflow, [TaskSpec(f"{workflow}/beside")], occurred_at=NOON)
    for place, life in enumerate(lives):
        live(service, workflow, f"{workflow}/{place}", life)
    time = NOON + at * MINUTE
    streams = {name: events for name, events in streams_of(connection).items() if f":{workflow}/" in name}
    # What was recorded long after it happened ends with its last event, once nothing has followed for a day.
    last = max(event["entered_at"] for events in streams.values() for event in moves(events))
    until = last if time - last > timedelta(days=1) else time
    made = [
        attempt
        for name, events in streams.items()
        if name.startswith("task_instance:")
        for attempt in made_by(events, time, until)
    ]

    found = count_attempts(service.store, workflow_id=workflow, at=time)

    assert found == ([expected(made, lost=until < time)] if made else [])


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


def made_by(events: list[Row], at: datetime, open_until: datetime) -> Iterator[Attempt]:
    there = [event for event in moves(events) if event["entered_at"] <= at]
    if there:
        last = there[-1]
        until = last["entered_at"] if INSTANCE_MACHINE.is_terminal(last["status"]) else open_until
        seconds = (until - there[0]["entered_at"]).total_seconds()
        left = [*(event["entered_at"] for event in there[1:]), until]
        ran = sum(
            (exit_at - event["entered_at"]).total_seconds()
            for event, exit_at in zip(there, left, strict=True)
            if event["status"] in ("RUNNING", "TRIAGING")
        )
        yield Attempt(there[0]["task_id"], there[0]["ordinal"], last["status"], seconds, ran)


def expected(made: list[Attempt], *, lost: bool) -> dict[str, Any]:
    tasks = {attempt.task for attempt in made}
    failed = [attempt for attempt in made if attempt.status in INSTANCE_MACHINE.failures]
    succeeded = [attempt for attempt in made if attempt.status == "DONE"]
    firsts = [attempt for attempt in made if attempt.ordinal == 1 and attempt in [*failed, *succeeded]]
    total = sum(attempt.seconds for attempt in made)
    ran, wasted = (sum(attempt.run_seconds for attempt in group) for group in (made, failed))
    unended = len(made) - len(failed) - len(succeeded)
    return {
        "group": None,
        "tasks": len(tasks),
        "attempts": len(made),
        "attempts_per_task": pytest.approx(len(made) / len(tasks), abs=1e-6),
        "most_attempts": max(attempt.ordinal for attempt in made),
        "succeeded": len(succeeded),
        "failed": len(failed),
        "cancelled": 0,
        "interrupted": 0,
        "lost": unended if lost else 0,
        "open": 0 if lost else unended,
        "total_seconds": total,
        "run_seconds": ran,
        "wasted_seconds": wasted,
        "wasted_share": pytest.approx(wasted / ran, abs=1e-6) if ran else None,
        "first_try_share": (
            pytest.approx(sum(attempt in succeeded for attempt in firsts) / len(firsts), abs=1e-6) if firsts else None
        ),
    }
