"""Lists of workflows, tasks and task instances, against a fold of the log that shares nothing with the product."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import psycopg
import pytest

from application.transition_service import TaskSpec, TransitionService
from domain.errors import InvalidTime, UnknownEntity, UnknownStatus
from tests.support.agreement import Row, moves, streams_of

EIGHT = datetime(2026, 1, 31, 8, tzinfo=UTC)


def minute(number: float) -> datetime:
    return EIGHT + timedelta(minutes=number)


@pytest.fixture
def busy(service: TransitionService) -> TransitionService:
    """Three workflows: one under way with a retry and a refusal, one that is over, one of another lifecycle."""
    service.register_tasks(
        "w", [TaskSpec("a", template="align"), TaskSpec("b", 1, template="align"), TaskSpec("c")], occurred_at=minute(0)
    )
    service.register_tasks("over", [TaskSpec("d", template="sort")], occurred_at=minute(1))
    service.register_tasks("own", [TaskSpec("p"), TaskSpec("q")], "pynenc", occurred_at=minute(2))
    service.gate_tasks_for_queueing(["a", "b", "d"], occurred_at=minute(3))
    service.create_task_instances({"a/1": "a", "b/1": "b", "d/1": "d"}, occurred_at=minute(3))
    for number, status in ((4, "INSTANTIATED"), (5, "LAUNCHED"), (6, "RUNNING")):
        service.transition_task_instances(["a/1", "b/1", "d/1"], status, occurred_at=minute(number), actor="node7")
    service.transition_task_instance("d/1", "DONE", occurred_at=minute(7), actor="node8")
    service.transition_task_instance("b/1", "ERROR", occurred_at=minute(8), actor="node7", reason="exit 3")
    service.transition_task_instance("a/1", "ERROR", occurred_at=minute(9), actor="node9", reason="exit 1")
    service.transition_task_instance("d/1", "RUNNING", occurred_at=minute(10))  # refused: it moves nothing
    service.transition_task("p", "PENDING", "runner-1", occurred_at=minute(11), actor="node7")
    return service


def newest(events: list[Row]) -> Row:
    return moves(events)[-1]


def cause_of(streams: dict[str, list[Row]], event: Row) -> Row:
    """The event that made another one happen, or nothing."""
    stream, _, version = event.get("cause", "").rpartition("@")
    return streams[stream][int(version) - 1] if stream else {}


def folded(connection: psycopg.Connection[Any], kind: str) -> list[Row]:
    """The rows of a list as the raw events make them, the newest first."""
    streams = streams_of(connection)
    listed = []
    for stream, events in streams.items():
        of, _, name = stream.partition(":")
        if of != kind:
            continue
        first, last = events[0], newest(events)
        task = first if kind == "task" else streams[f"task:{first['task_id']}"][0]
        row = {
            "entity": f"task:{name}" if kind == "task" else f"ti:{name}",
            "workflow_id": first["workflow_id"],
            "template": task.get("template"),
            "status": last["status"],
            "since": last["entered_at"],
            "attempts": last["num_attempts"] if kind == "task" else first["ordinal"],
            "rule": last.get("rule"),
            "actor": (last.get("actor") or {}).get("component"),
            "reason": last.get("reason") or cause_of(streams, last).get("reason"),
        }
        if kind == "task_instance":
            report_by = events[-1].get("report_by_date")
            row |= {
                "task_id": first["task_id"],
                "distributor_id": events[-1].get("distributor_id"),
                "report_by_date": datetime.fromisoformat(report_by) if report_by else None,
            }
        listed.append(row)
    return sorted(sorted(listed, key=lambda row: row["entity"]), key=lambda row: row["since"], reverse=True)


FAILURES = {"ERROR_FATAL", "ERROR", "FAILED"}
ENDED = {"DONE", "ERROR_FATAL", "ERROR", "SUCCESS", "FAILED"}


def chosen(rows: list[Row], asked: Row) -> list[Row]:
    """The rows that filters leave, one condition after the other."""
    conditions: dict[str, Callable[[Row, Any], bool]] = {
        "workflow_id": lambda row, value: row["workflow_id"] == value,
        "status": lambda row, value: row["status"] in ([value] if isinstance(value, str) else value),
        "template": lambda row, value: row["template"] == value,
        "failed": lambda row, value: row["status"] in FAILURES,
        "active": lambda row, value: row["status"] not in ENDED,
        "since": lambda row, value: row["since"] >= value,
        "until": lambda row, value: row["since"] < value,
        "actor": lambda row, value: row["actor"] == value,
    }
    limit = asked.get("limit", len(rows))
    kept = [
        row for row in rows if all(conditions[name](row, value) for name, value in asked.items() if name != "limit")
    ]
    return kept[:limit]


FILTERS: Sequence[Row] = (
    {},
    {"workflow_id": "w"},
    {"status": "DONE"},
    {"status": ["DONE", "RUNNING", "ERROR_FATAL"]},
    {"template": "align"},
    {"failed": True},
    {"active": True},
    {"since": minute(8)},
    {"until": minute(8)},
    {"actor": "node7"},
    {"limit": 2},
)


@pytest.mark.parametrize("kind", ["task", "task_instance"])
def test_every_filter_and_every_pair_of_them(
    busy: TransitionService, connection: psycopg.Connection[Any], kind: str
) -> None:
    rows = folded(connection, kind)
    read: Any = busy.list_tasks if kind == "task" else busy.list_task_instances
    assert len(rows) == (6 if kind == "task" else 3)
    answers = set()
    for one, other in product(FILTERS, FILTERS):
        asked = one | other
        found = read(**asked)
        assert found == chosen(rows, asked), asked
        answers.add(str(found))
    assert len(answers) >= len(rows), "the filters choose different rows"


def test_rule_actor_and_reason_are_of_the_last_transition(busy: TransitionService) -> None:
    (failed,) = busy.list_tasks(failed=True)
    assert (failed["entity"], failed["status"], failed["since"]) == ("task:b", "ERROR_FATAL", minute(8))
    assert (failed["rule"], failed["actor"], failed["reason"]) == (None, "node7", "exit 3")
    (again,) = busy.list_tasks(actor="node9")
    assert (again["entity"], again["rule"], again["reason"]) == ("task:a", "retry", "exit 1")
    (over,) = busy.list_task_instances("over")
    assert (over["entity"], over["status"], over["task_id"], over["actor"]) == ("ti:d/1", "DONE", "d", "node8")


def workflows(connection: psycopg.Connection[Any]) -> list[Row]:
    """The rows of the list of workflows without their orphans, as the raw events make them."""
    streams = streams_of(connection)
    rows: dict[str, Row] = {}
    for stream, events in streams.items():
        first, last = events[0], newest(events)
        row = rows.setdefault(
            first["workflow_id"],
            {"tasks": 0, "by_status": {}, "failed": 0, "active": 0, "first_at": None, "last_at": EIGHT},
        )
        row["last_at"] = max(row["last_at"], last["entered_at"])
        if stream.startswith("task:"):
            status = last["status"]
            row["tasks"] += 1
            row["by_status"][status] = row["by_status"].get(status, 0) + 1
            row["failed"] += status in FAILURES
            row["active"] += status not in ENDED
            row["first_at"] = min(row["first_at"] or first["entered_at"], first["entered_at"])
    listed = [{"workflow_id": name, **row} for name, row in rows.items()]
    return sorted(listed, key=lambda row: row["last_at"], reverse=True)


def test_workflows(busy: TransitionService, connection: psycopg.Connection[Any]) -> None:
    expected = workflows(connection)

    def found(**asked: Any) -> list[Row]:
        rows: Any = busy.list_workflows(**asked)
        return [{name: value for name, value in row.items() if name != "orphans"} for row in rows]

    assert [row["workflow_id"] for row in expected] == ["own", "w", "over"]
    assert found() == expected
    assert found(failed=True) == [row for row in expected if row["failed"]] != expected
    assert found(active=True) == [row for row in expected if row["active"]] != expected
    assert found(failed=True, active=True) == expected[1:2]
    assert found(since=minute(9)) == expected[:2]
    assert found(until=minute(9)) == expected[2:]
    assert found(since=minute(9), until=minute(11)) == expected[1:2]
    assert found(limit=1) == expected[:1]


def test_a_workflow_in_which_everything_has_ended_has_no_orphans(busy: TransitionService) -> None:
    assert {row["workflow_id"]: row["orphans"] for row in busy.list_workflows()} == {"own": None, "w": None, "over": 0}
    assert busy.orphans(workflow_id="over") == []

    busy.create_task_instances({"d/2": "d"})
    assert [row["entity"] for row in busy.orphans(workflow_id="over")] == ["ti:d/2"]
    assert {row["workflow_id"]: row["orphans"] for row in busy.list_workflows()}["over"] is None


def test_an_empty_log(service: TransitionService) -> None:
    assert service.list_workflows() == []
    assert service.list_tasks() == []
    assert service.list_task_instances(status="RUNNING") == []


def test_what_cannot_be_asked(busy: TransitionService) -> None:
    with pytest.raises(UnknownEntity, match="no workflow 'owm'; did you mean 'own'"):
        busy.list_tasks("owm")
    with pytest.raises(UnknownStatus, match="no status 'DOEN'; did you mean 'DONE'"):
        busy.list_tasks(status=["RUNNING", "DOEN"])
    with pytest.raises(UnknownStatus):
        busy.list_task_instances(status="REGISTERING")
    with pytest.raises(InvalidTime, match="has no zone"):
        busy.list_workflows(since=datetime(2026, 1, 31))  # noqa: DTZ001 - refused for having no zone
    with pytest.raises(TypeError, match="until='today' is not a datetime"):
        busy.list_workflows(until="today")  # type: ignore[arg-type]
