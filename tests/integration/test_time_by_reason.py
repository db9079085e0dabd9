"""How long entities waited for each reason, and in each named state: worked, and against a few lines of Python."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import count, groupby
from typing import Any

import psycopg
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from application.transition_service import TaskSpec, TransitionService
from application.write.array_batch import append_events
from domain.report_context import ReportContext
from domain.rule_outcome import Response, RuleOutcome
from domain.waits_for import WaitsFor
from tests.support.agreement import Row, streams_of
from tests.support.examples import examples
from tests.support.stays import stays_of

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
workflows = count()

WAITS = (
    {"kind": "slot", "detail": "gpu"},
    {"kind": "slot", "detail": "7"},
    {"kind": "resources", "detail": "Priority"},
    {"kind": "resources", "detail": "17"},
    {"kind": "hold"},
    {"kind": "dependency", "detail": "t1"},
    {"kind": "dependency", "detail": "t2"},
    {"kind": "schedule", "detail": "2026-01-31T13:00:00+00:00"},
)
REASONS = (
    "slot (gpu)", "slot (7)", "resources (Priority)", "resources", "hold", "dependency", "dependency", "schedule",
)  # fmt: skip
"""The reason of each of the waits: with its detail only where that names a class."""


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def keep_waiting(service: TransitionService, task_id: str, wait: dict[str, Any], occurred_at: datetime) -> None:
    """Record that a rule let the task wait."""
    outcome = RuleOutcome("a-rule", Response.WAIT, waits_for=WaitsFor(**wait))
    with service.store.transaction() as connection:
        task = service.store.status.task(connection, task_id, lock=True)
        assert task
        refused = task.refuse("RUNNING", outcome, ReportContext(occurred_at=occurred_at))
        append_events(service.store, connection, [refused], [task])  # type: ignore[list-item]


def by_reason(service: TransitionService, seconds: float, **more: Any) -> dict[tuple[str, str | None], Any]:
    found = service.time_in_status(by="reason", at=at(seconds), **more)
    return {(row["status"], row["group"]): (row["n"], row["open"], row["total_seconds"]) for row in found}


def test_an_interval_is_split_where_each_reason_began(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec("t")], "prefect", occurred_at=at(0))
    keep_waiting(service, "t", {"kind": "schedule"}, at(10))
    keep_waiting(service, "t", {"kind": "slot", "detail": "gpu"}, at(40))
    keep_waiting(service, "t", {"kind": "slot", "detail": "gpu"}, at(70))  # the same again: one stretch
    service.transition_task("t", "RUNNING", occurred_at=at(100), waits_for="resources")

    assert by_reason(service, 130) == {
        ("SCHEDULED", None): (1, 0, 10.0),
        ("SCHEDULED", "schedule"): (1, 0, 30.0),
        ("SCHEDULED", "slot (gpu)"): (1, 0, 60.0),
        ("RUNNING", "resources"): (1, 1, 30.0),
    }
    assert by_reason(service, 50) == {
        ("SCHEDULED", None): (1, 0, 10.0),
        ("SCHEDULED", "schedule"): (1, 0, 30.0),
        ("SCHEDULED", "slot (gpu)"): (1, 1, 10.0),
    }


def test_what_is_stated_last_replaces_what_began_later(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec("t")], "prefect", occurred_at=at(0))
    for wait, seconds in [("hold", 10), ("resources", 60), ("dependency", 30)]:
        keep_waiting(service, "t", {"kind": wait}, at(seconds))

    assert by_reason(service, 100) == {
        ("SCHEDULED", None): (1, 0, 10.0),
        ("SCHEDULED", "hold"): (1, 0, 20.0),
        ("SCHEDULED", "dependency"): (1, 1, 70.0),
    }


def test_stays_that_state_their_reason_at_once_later_and_too_late_are_divided_alike(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    service.register_tasks("w", [TaskSpec("later"), TaskSpec("too-late")], "prefect", occurred_at=at(0))
    service.register_tasks("w", [TaskSpec("at-once")], "prefect", occurred_at=at(0), waits_for="hold")
    gpu = {"kind": "slot", "detail": "gpu"}
    for task, wait, seconds in [
        ("later", gpu, 20), ("later", {"kind": "resources"}, 50), ("too-late", {"kind": "hold"}, 10),
        ("too-late", gpu, 60),
    ]:  # fmt: skip
        keep_waiting(service, task, wait, at(seconds))
    # The slot was stated of 60, but its task ran since 30, as it reports only now.
    for task, seconds in [("later", 80), ("at-once", 40), ("too-late", 30)]:
        service.transition_task(task, "RUNNING", occurred_at=at(seconds))
    ended = {
        ("SCHEDULED", None): (2, 0, 20.0 + 10.0),
        ("SCHEDULED", "hold"): (2, 0, 40.0 + 20.0),
        ("SCHEDULED", "slot (gpu)"): (1, 0, 30.0),
    }

    assert by_reason(service, 100) == ended | {
        ("SCHEDULED", "resources"): (1, 0, 30.0),
        ("RUNNING", None): (3, 3, 20.0 + 60.0 + 70.0),
    }
    assert by_reason(service, 55) == ended | {
        ("SCHEDULED", "resources"): (1, 1, 5.0),
        ("RUNNING", None): (2, 2, 15.0 + 25.0),
    }
    assert by_reason(service, 25) == {
        ("SCHEDULED", None): (2, 0, 20.0 + 10.0),
        ("SCHEDULED", "hold"): (2, 2, 25.0 + 15.0),
        ("SCHEDULED", "slot (gpu)"): (1, 1, 5.0),
    }
    assert in_sql(connection, 55, "hold") == [(2, 0, 60.0, 30.0, 30.0)]
    assert in_sql(connection, None, "hold") == [(2, 0, 60.0, 30.0, 30.0)]


def in_sql(connection: psycopg.Connection[Any], seconds: float | None, reason: str) -> list[tuple[Any, ...]]:
    """The group of a reason as the database answers on its own, as of a time or now."""
    connection.execute("SELECT set_config('sojourn.as_of', %s, false)", ["" if seconds is None else str(at(seconds))])
    return connection.execute(
        "SELECT n, open, total_seconds, mean_seconds, p50_seconds FROM sojourn.time_in_status('task', 'reason', 'w')"
        ' WHERE "group" = %s',
        [reason],
    ).fetchall()


def test_time_in_named_states(service: TransitionService) -> None:
    retried = {"retries": 1, "retry_delay_seconds": 60}
    service.register_tasks("w", [TaskSpec("t", attributes=retried)], "prefect", occurred_at=at(0))
    for status, name, seconds in [
        ("SCHEDULED", "Late", 10), ("RUNNING", None, 30), ("FAILED", None, 60), ("RUNNING", "Retrying", 200),
    ]:  # fmt: skip
        service.transition_task("t", status, state_name=name, occurred_at=at(seconds))
    service.register_tasks("w", [TaskSpec("j")], occurred_at=at(0))
    service.transition_tasks(["j"], "ERROR_FATAL", occurred_at=at(5))

    found = service.time_in_status(by="state-name", at=at(210), terminal=True)

    assert {(row["status"], row["group"], row["total_seconds"]) for row in found} == {
        ("SCHEDULED", "Scheduled", 10.0),
        ("SCHEDULED", "Late", 20.0),
        ("SCHEDULED", "AwaitingRetry", 140.0),
        ("RUNNING", "Running", 30.0),
        ("RUNNING", "Retrying", 10.0),
        ("REGISTERING", "Registering", 210.0),
    }


# Any sequence, against a few lines of Python over the raw events.

steps = st.lists(
    st.tuples(
        st.sampled_from(["wait", "wait", "wait", "SCHEDULED", "PENDING", "RUNNING", "COMPLETED"]),
        st.integers(0, len(WAITS) - 1),
        st.sampled_from([0, 1, 7, 60]),
        st.sampled_from([0, 0, 0, 5, 100]),
    ),
    max_size=14,
)


@examples(quick=7, long=60)
@for_all(sequence=steps, moment=st.integers(0, 200), terminal=st.booleans())
def test_any_sequence(
    service: TransitionService,
    connection: psycopg.Connection[Any],
    sequence: list[tuple[str, int, int, int]],
    moment: int,
    terminal: bool,
) -> None:
    workflow = f"w{next(workflows)}"
    service.register_tasks(workflow, [TaskSpec(f"{workflow}/t")], "prefect", occurred_at=NOON)
    seconds = 0
    for step, number, later, earlier in sequence:
        seconds += later
        stated_at = at(seconds - earlier)
        if step == "wait":
            keep_waiting(service, f"{workflow}/t", WAITS[number], max(stated_at, NOON))
        else:
            wait = WAITS[number] if number % 2 else None
            service.transition_task(f"{workflow}/t", step, occurred_at=max(stated_at, NOON), waits_for=wait)
    events = streams_of(connection)[f"task:{workflow}/t"]

    found = by_reason(service, moment, workflow_id=workflow, terminal=terminal)
    whole = service.time_in_status(at=at(moment), workflow_id=workflow, terminal=terminal)

    assert found == expected(events, at(moment), terminal=terminal)
    assert total(found) == pytest.approx({row["status"]: row["total_seconds"] for row in whole})


def expected(events: list[Row], moment: datetime, *, terminal: bool) -> dict[tuple[str, str | None], Any]:
    """Sum up, second by second, what the newest statement of each interval said that had begun by then."""
    seconds: Counter[tuple[str, str | None]] = Counter()
    stretches, still = Counter[tuple[str, str | None]](), Counter[tuple[str, str | None]]()
    moves = [place for place, event in enumerate(events) if "previous_status" in event or event["version"] == 1]
    for stay, begin, end in zip(stays_of(events, moment), moves, [*moves[1:], len(events)], strict=False):
        if stay.status in ("COMPLETED", "FAILED", "CANCELLED", "CRASHED") and not terminal:
            continue
        reasons = [
            reason_at(events[begin:end], stay.entered_at, second) for second in each(stay.entered_at, stay.until)
        ]
        if not reasons:
            reasons_at_once = [reason_at(events[begin:end], stay.entered_at, stay.entered_at)]
            stretches[stay.status, reasons_at_once[0]] += 1
        for reason in reasons:
            seconds[stay.status, reason] += 1
        for reason, _ in groupby(reasons):
            stretches[stay.status, reason] += 1
        if stay.exited_at is None:
            last = reasons[-1] if reasons else reason_at(events[begin:end], stay.entered_at, stay.entered_at)
            still[stay.status, last] += 1
    return {key: (n, still[key], float(seconds[key])) for key, n in stretches.items()}


def each(begin: datetime, end: datetime) -> list[datetime]:
    return [begin + timedelta(seconds=number) for number in range(int((end - begin).total_seconds()))]


def reason_at(events: list[Row], entered_at: datetime, moment: datetime) -> str | None:
    stated = [event for event in events if event.get("waits_for") and max(event["occurred_at"], entered_at) <= moment]
    return reason_of(stated[-1]["waits_for"]) if stated else None


def reason_of(wait: dict[str, Any]) -> str:
    return REASONS[
        [each["kind"] + each.get("detail", "") for each in WAITS].index(wait["kind"] + wait.get("detail", ""))
    ]


def total(found: dict[tuple[str, str | None], Any]) -> dict[str, float]:
    sums: dict[str, float] = defaultdict(float)
    for (status, _), (_, _, seconds) in found.items():
        sums[status] += seconds
    return dict(sums)
