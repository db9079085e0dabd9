"""How long tasks wait and run: a worked example, and any tasks against a few lines of Python over the raw events."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import psycopg
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from application.transition_service import TaskSpec, TransitionService
from domain.actor import Actor
from domain.lifecycles.lifecycle import Lifecycle
from tests.support.agreement import Row, streams_of
from tests.support.examples import examples
from tests.support.stays import Stay, percentile, stays_of

MONDAY = datetime(2026, 1, 26, 23, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NEXT = {"WAITING": ["RUNNING", "GONE"], "RUNNING": ["DONE", "WAITING", "PAUSED"], "PAUSED": ["RUNNING"], "DONE": [],
        "GONE": []}  # fmt: skip
QUEUE = Lifecycle.model_validate(
    {
        "name": "queue",
        "version": 1,
        "attempt": "RUNNING",
        "task": {"initial": "WAITING", "terminal": ["DONE", "GONE"], "running": ["RUNNING"], "transitions": NEXT},
    }
)
numbers = count()


def live(service: TransitionService, spec: TaskSpec, *way: tuple[str, float], user: str = "ada") -> None:
    (_, begin), *following = way
    actor = Actor(component="client", user=user)
    service.register_tasks("w", [spec], QUEUE, occurred_at=MONDAY + begin * MINUTE, actor=actor)
    for status, minutes in following:
        answer = service.transition_task(spec.task_id, status, occurred_at=MONDAY + minutes * MINUTE, actor="node7")
        assert answer["error"] is None


def test_tasks_of_two_users(service: TransitionService) -> None:
    fast, slow = ({"partition": name} for name in ("fast", "slow"))
    live(service, TaskSpec("1", 9, "x", attributes=fast), ("WAITING", 0), ("RUNNING", 10), ("DONE", 20))
    live(
        service, TaskSpec("2", 9, "x", attributes=slow),
        ("WAITING", 0), ("RUNNING", 5), ("PAUSED", 10), ("RUNNING", 15), ("DONE", 20), user="bob",
    )  # fmt: skip
    live(service, TaskSpec("3", 9, attributes=slow), ("WAITING", 0), ("GONE", 4), user="bob")
    live(service, TaskSpec("4", 9, "x"), ("WAITING", 30))  # after midnight
    at = MONDAY + 50 * MINUTE

    ada, bob = service.queue_wait("user", until=MONDAY + 30 * MINUTE, at=at)

    assert ada == {
        "group": "ada", "period": None, "tasks": 1, "started": 1, "ended": 1, "wait_seconds": 600.0, "wait_p50": 600.0,
        "wait_p90": 600.0, "run_seconds": 600.0, "run_p50": 600.0, "run_p90": 600.0, "expansion_mean": 2.0,
        "expansion_p50": 2.0, "expansion_p90": 2.0,
    }  # fmt: skip
    # The pause is a wait; the task that never ran has a wait, and no expansion factor.
    assert (bob["tasks"], bob["started"], bob["ended"], bob["expansion_mean"]) == (2, 1, 2, 2.0)
    assert (bob["wait_seconds"], bob["wait_p50"], bob["run_seconds"], bob["run_p50"]) == (840.0, 420.0, 600.0, 600.0)
    partitions = service.queue_wait("partition", at=at)
    assert [(row["group"], row["tasks"]) for row in partitions] == [(None, 1), ("fast", 1), ("slow", 2)]
    days = service.queue_wait("template", "day", at=at)
    assert [(row["period"], row["group"], row["tasks"], row["started"]) for row in days] == [
        ("2026-01-26", None, 1, 0),
        ("2026-01-26", "x", 2, 2),
        ("2026-01-27", "x", 1, 0),
    ]
    (week,) = service.queue_wait(per="week", since=MONDAY + 30 * MINUTE, at=at)
    assert (week["period"], week["wait_seconds"], week["run_p50"]) == ("2026-01-26", 1200.0, None)


def test_as_of_a_time_before_it_there_is_nothing(service: TransitionService) -> None:
    live(service, TaskSpec("1"), ("WAITING", 0))

    assert service.queue_wait(at=MONDAY - MINUTE) == []


# Any tasks, against a fold of what the log says.

moves = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30)), max_size=5)
lives = st.lists(st.tuples(st.sampled_from([None, "x", "y"]), st.integers(0, 60), moves), min_size=1, max_size=6)


@examples(quick=6, long=40)
@for_all(drawn=lives, at=st.integers(60, 200))
def test_any_tasks(service: TransitionService, connection: psycopg.Connection[Any], drawn: Any, at: int) -> None:
    workflow = f"w{next(numbers)}"
    for place, (template, begin, steps) in enumerate(drawn):
        live_any(service, workflow, f"{workflow}/{place}", template, begin, steps)
    time = MONDAY + at * MINUTE
    grouped: dict[tuple[str | None, str], list[list[Stay]]] = defaultdict(list)
    for stream, events in streams_of(connection).items():
        if stream.startswith(f"task:{workflow}/"):
            stays = stays_of(events, time)
            grouped[events[0].get("template"), f"{stays[0].entered_at:%Y-%m-%dT%H:00:00Z}"].append(stays)

    found = service.queue_wait("template", "hour", workflow, at=time)

    assert {(row.pop("group"), row.pop("period")): row for row in found} == {  # type: ignore[misc]
        key: expected(tasks) for key, tasks in grouped.items()
    }


def live_any(
    service: TransitionService, workflow: str, task: str, template: str | None, begin: int, steps: Any
) -> None:
    status, at = "WAITING", MONDAY + begin * MINUTE
    service.register_tasks(workflow, [TaskSpec(task, 9, template)], QUEUE, occurred_at=at)
    for choice, minutes in steps:
        if not NEXT[status]:
            return
        status, at = NEXT[status][choice % len(NEXT[status])], at + minutes * MINUTE
        service.transition_task(task, status, occurred_at=at)


def expected(tasks: Sequence[Sequence[Stay]]) -> Row:
    waits: list[float] = []
    runs: list[float] = []
    factors: list[float] = []
    for stays in tasks:
        ran = [stay.seconds for stay in stays if stay.status == "RUNNING"]
        total: float = sum(ran)
        waited = sum(stay.seconds for stay in stays if stay.status in ("WAITING", "PAUSED"))
        waits.append(waited)
        if ran:
            runs.append(total)
        if stays[-1].status in ("DONE", "GONE") and total:
            factors.append((waited + total) / total)
    return {
        "tasks": len(tasks),
        "started": len(runs),
        "ended": sum(stays[-1].status in ("DONE", "GONE") for stays in tasks),
        "wait_seconds": sum(waits),
        "wait_p50": pytest.approx(percentile(waits, 0.5)),
        "wait_p90": pytest.approx(percentile(waits, 0.9)),
        "run_seconds": sum(runs),
        "run_p50": quantile(runs, 0.5),
        "run_p90": quantile(runs, 0.9),
        "expansion_mean": pytest.approx(sum(factors) / len(factors), abs=1e-6) if factors else None,
        "expansion_p50": quantile(factors, 0.5),
        "expansion_p90": quantile(factors, 0.9),
    }


def quantile(values: list[float], share: float) -> Any:
    return pytest.approx(percentile(values, share), abs=1e-6) if values else None
