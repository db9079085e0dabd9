"""What changed between two times."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from application.read.diff import find_differences
from application.transition_service import TaskSpec, TransitionService
from domain.errors import TimesReversed, UnknownEntity
from tests.support.agreement import moves, streams_of

EIGHT = datetime(2026, 1, 31, 8, tzinfo=UTC)


def minute(number: float) -> datetime:
    return EIGHT + timedelta(minutes=number)


@pytest.fixture
def attempted(service: TransitionService) -> TransitionService:
    """Task `t` fails once and is gated again; task `u` of another workflow is registered in minute 3."""
    service.register_tasks("w", [TaskSpec("t")], occurred_at=minute(0))
    service.gate_tasks_for_queueing(["t"], occurred_at=minute(1))
    service.create_task_instances({"t/1": "t"}, occurred_at=minute(2))
    service.register_tasks("other", [TaskSpec("u")], occurred_at=minute(3))
    for number, status in ((4, "INSTANTIATED"), (5, "LAUNCHED"), (6, "RUNNING"), (7, "ERROR")):
        service.transition_task_instance("t/1", status, occurred_at=minute(number))
    service.gate_tasks_for_queueing(["t"], occurred_at=minute(8))
    return service


def changes(
    service: TransitionService, start: float, end: float, workflow_id: str | None = None
) -> list[tuple[str, str | None, str]]:
    with find_differences(service.store, minute(start), minute(end), workflow_id) as rows:
        return [(row["entity"], row["before"], row["after"]) for row in rows]


def test_before_and_after(attempted: TransitionService) -> None:
    assert changes(attempted, 1, 6) == [
        ("task:t", "QUEUED", "RUNNING"), ("task:u", None, "REGISTERING"), ("ti:t/1", None, "RUNNING"),
    ]  # fmt: skip
    assert changes(attempted, 6, 7) == [("task:t", "RUNNING", "REGISTERING"), ("ti:t/1", "RUNNING", "ERROR")]
    assert changes(attempted, 3, 60, "other") == []
    assert changes(attempted, 2, 60, "other") == [("task:u", None, "REGISTERING")]


def test_what_is_back_where_it_was_has_not_changed(attempted: TransitionService) -> None:
    assert changes(attempted, 1, 8, "w") == [("ti:t/1", None, "ERROR")]
    assert changes(attempted, -2, -1) == changes(attempted, 7, 7) == []


def test_it_is_the_difference_of_the_statuses_at_both_times(
    attempted: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    streams = streams_of(connection)

    def statuses(at: datetime) -> dict[str, str]:
        entered = {name: [event for event in moves(log) if event["entered_at"] <= at] for name, log in streams.items()}
        return {name: events[-1]["status"] for name, events in entered.items() if events}

    for start in range(-1, 10):
        for end in range(start, 10):
            before, after = statuses(minute(start)), statuses(minute(end))
            assert changes(attempted, start, end) == [
                (name.replace("task_instance:", "ti:"), before.get(name), after[name])
                for name in sorted(after)
                if before.get(name) != after[name]
            ]


def test_times_in_the_wrong_order_and_unknown_workflows(attempted: TransitionService) -> None:
    with pytest.raises(TimesReversed, match="lies before"):
        changes(attempted, 2, 1)
    with pytest.raises(UnknownEntity, match="no workflow 'othr'; did you mean 'other'"):
        changes(attempted, 1, 2, "othr")
