"""What views and use cases answer as of a time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from application.array_service import ArrayService
from application.read.audit import read_audit, read_instance_audit
from application.read.status import read_status
from application.shared.existence import first_seen_at
from application.transition_service import TaskSpec, TransitionService
from domain.entity import Entity, parse_entity
from domain.errors import UnknownEntity
from tests.support.agreement import Row, rows

START = datetime(2026, 1, 31, 8, tzinfo=UTC)


def minute(number: float) -> datetime:
    return START + timedelta(minutes=number)


@pytest.fixture
def attempted(service: TransitionService) -> TransitionService:
    """A task `t` of workflow `w`, whose instance begins in minute 3, runs from minute 6, and is done in minute 10."""
    service.register_tasks("w", [TaskSpec("t", template="align")], occurred_at=minute(0))
    service.gate_tasks_for_queueing(["t"], occurred_at=minute(2))
    service.create_task_instances({"t/1": "t"}, occurred_at=minute(3))
    for number, name in ((4, "INSTANTIATED"), (5, "LAUNCHED"), (6, "RUNNING")):
        service.transition_task_instance("t/1", name, occurred_at=minute(number))
    service.transition_task_instance("t/1", "LAUNCHED", occurred_at=minute(8))
    service.transition_task_instance("t/1", "DONE", occurred_at=minute(10))
    return service


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, ("REGISTERING", 0, 0, 1)),
        (1.5, ("REGISTERING", 0, 0, 1)),
        (2, ("QUEUED", 2, 1, 2)),
        (9, ("RUNNING", 6, 1, 5)),
        (10, ("DONE", 10, 1, 6)),
        (600, ("DONE", 10, 1, 6)),
        (None, ("DONE", 10, 1, 6)),
    ],
)
def test_a_tasks_status(attempted: TransitionService, number: float | None, expected: tuple[Any, ...]) -> None:
    name, since, attempts, version = expected

    found = read_status(attempted.store, parse_entity("task:t"), None if number is None else minute(number))

    assert found == {
        "entity": "task:t",
        "status": name,
        "since": minute(since),
        "lifecycle": "jobmon",
        "attempts": attempts,
        "version": version,
    }


@pytest.mark.parametrize(
    ("number", "name", "since", "version"),
    [
        (3, "QUEUED", 3, 1),
        (7, "RUNNING", 6, 4),
        (8, "RUNNING", 6, 5),  # what was refused is in the log by then
        (10, "DONE", 10, 6),
        (None, "DONE", 10, 6),
    ],
)
def test_an_instances_status(
    attempted: TransitionService, number: float | None, name: str, since: float, version: int
) -> None:
    found = read_status(attempted.store, parse_entity("ti:t/1"), None if number is None else minute(number))

    assert (found["status"], found["since"], found["version"]) == (name, minute(since), version)
    assert (found["entity"], found["attempts"], found["lifecycle"]) == ("ti:t/1", 1, "jobmon")


def test_before_it_existed_there_is_no_status(attempted: TransitionService) -> None:
    found = read_status(attempted.store, parse_entity("ti:t/1"), minute(2.5))

    assert found.pop("entity") == "ti:t/1"  # type: ignore[misc]
    assert set(found.values()) == {None}
    assert first_seen_at(attempted.store, "task_instance", "t/1") == minute(3)


def test_what_never_existed_is_unknown_at_any_time(attempted: TransitionService) -> None:
    for at in (None, minute(0), minute(600)):
        with pytest.raises(UnknownEntity):
            read_status(attempted.store, Entity("task", "nobody"), at)


def test_the_beginning_is_that_of_what_was_asked_for(attempted: TransitionService) -> None:
    attempted.register_tasks("later", [TaskSpec("u")], occurred_at=minute(60))

    assert first_seen_at(attempted.store, "task") == minute(0)
    assert first_seen_at(attempted.store, "task_instance") == minute(3)
    assert first_seen_at(attempted.store, "task", workflow_id="later") == minute(60)
    assert first_seen_at(attempted.store, "task_instance", workflow_id="later") is None


def read(attempted: TransitionService, number: float | None = None, **wanted: Any) -> list[tuple[Any, ...]]:
    at = None if number is None else minute(number)
    with read_audit(attempted.store, at=at, **wanted) as found:
        return [tuple(row.values()) for row in found]


def test_an_audit_as_of_a_time_leaves_its_last_status_open(attempted: TransitionService) -> None:
    assert read(attempted, 4.5) == [
        ("t", "w", None, "REGISTERING", minute(0), minute(2), 120.0),
        ("t", "w", "REGISTERING", "QUEUED", minute(2), minute(4), 120.0),
        ("t", "w", "QUEUED", "INSTANTIATING", minute(4), None, 30.0),
    ]
    assert read(attempted, -1) == []


def test_an_audit_is_of_a_task_of_a_workflow_or_of_all(attempted: TransitionService) -> None:
    attempted.register_tasks("other", [TaskSpec("u")], occurred_at=minute(1))
    attempted.register_tasks("other", [TaskSpec("v")], occurred_at=minute(1))

    assert [row[0] for row in read(attempted, 2)] == ["t", "u", "v", "t"]
    assert [row[0] for row in read(attempted, 2, limit=3)] == ["t", "u", "v"]
    assert [row[0] for row in read(attempted, 2, task_id="u")] == ["u"]
    assert [row[0] for row in read(attempted, 2, workflow_id="other")] == ["u", "v"]
    assert read(attempted, 2, workflow_id="w", task_id="u") == []
    with pytest.raises(UnknownEntity, match="no workflow 'othr'; did you mean 'other'"):
        read(attempted, workflow_id="othr")
    with pytest.raises(UnknownEntity, match="no task 'x'"):
        read(attempted, task_id="x")


def test_the_audit_of_instances_is_of_a_task_an_array_or_of_all(attempted: TransitionService) -> None:
    arrays = ArrayService(attempted.store)
    attempted.register_tasks("other", [TaskSpec("u")], occurred_at=minute(1))
    array = arrays.bind("other", "tv", 5, occurred_at=minute(1))["array_id"]
    arrays.queue_task_batch(array, ["u"], occurred_at=minute(3))

    def audit(**wanted: Any) -> list[tuple[str, str | None, str, float | None]]:
        with read_instance_audit(attempted.store, at=minute(4.5), **wanted) as rows:
            return [
                (row["task_id"], row["previous_status"], row["new_status"], row["duration_seconds"]) for row in rows
            ]

    of_t = [("t", None, "QUEUED", 60.0), ("t", "QUEUED", "INSTANTIATED", 30.0)]
    of_u = [("u", None, "QUEUED", 90.0)]
    assert audit(task_id="t") == audit(workflow_id="w") == of_t
    assert audit(array_id=array) == of_u
    assert sorted(audit(), key=lambda row: row[0]) == of_t + of_u
    with pytest.raises(UnknownEntity, match="no array"):
        audit(array_id="none")


def test_an_open_status_lasts_until_it_is_asked_for(
    attempted: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    attempted.register_tasks("w", [TaskSpec("u")], occurred_at=minute(11))

    before = now(connection)
    *_, ended, last = read(attempted)
    after = now(connection)

    assert last[3:6] == ("REGISTERING", minute(11), None)
    assert (before - minute(11)).total_seconds() <= last[6] <= (after - minute(11)).total_seconds()
    # A terminal one lasts for no time that grows.
    assert ended[3:] == ("DONE", minute(10), None, None)


VIEWS = {
    "task_status_audit": "new_status",
    "task_instance_status_audit": "new_status",
    "current_task": "status",
    "current_task_instance": "status",
}


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_answers_as_of_the_sessions_time_until_it_is_reset(
    attempted: TransitionService, connection: psycopg.Connection[Any], view: str
) -> None:
    unset = contents(connection, view)

    connection.execute(f"SET sojourn.as_of = '{minute(4.5).isoformat()}'".encode())
    then = contents(connection, view)
    connection.execute(f"SET sojourn.as_of = '{minute(-1).isoformat()}'".encode())
    too_early = contents(connection, view)
    connection.execute("RESET sojourn.as_of")

    assert rows(connection, "SELECT current_setting('sojourn.as_of') AS left_behind") == [{"left_behind": ""}]
    assert contents(connection, view) == unset
    assert {row["entered_at"] > minute(4.5) for row in then} == {False}
    assert [row[VIEWS[view]] for row in then][-1] == ("INSTANTIATED" if "instance" in view else "INSTANTIATING")
    assert [row[VIEWS[view]] for row in unset][-1] == "DONE"
    assert too_early == []


def test_asking_as_of_a_time_leaves_the_session_as_it_was(attempted: TransitionService) -> None:
    read(attempted, 4)
    read_status(attempted.store, parse_entity("task:t"), minute(4))

    with attempted.store.session() as used:
        assert rows(used, "SELECT sojourn.as_of() AS left_behind") == [{"left_behind": None}]
    assert read(attempted)[-1][3] == "DONE"


def test_an_interval_is_never_negative(service: TransitionService, connection: psycopg.Connection[Any]) -> None:
    ahead = now(connection) + timedelta(seconds=30)
    service.register_tasks("w", [TaskSpec("t")], occurred_at=ahead)

    ((*_, entered_at, exited_at, seconds),) = read(service)

    assert (entered_at, exited_at, seconds) == (ahead, None, 0.0)


def contents(connection: psycopg.Connection[Any], view: str) -> list[Row]:
    """What a view has, but for durations, which go on."""
    found = rows(connection, f"SELECT * FROM sojourn.{view} ORDER BY entered_at, version")
    return [{name: value for name, value in row.items() if name != "duration"} for row in found]


def now(connection: psycopg.Connection[Any]) -> datetime:
    moment: datetime = rows(connection, "SELECT clock_timestamp() AS now")[0]["now"]
    return moment
