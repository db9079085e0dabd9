"""`sojourn failures` and `sojourn workflow`, with their methods and routes, against a fold of the raw events."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient
from pydantic_core import to_jsonable_python

from application.transition_service import TaskSpec, TransitionService
from domain.actor import Actor
from domain.errors import InvalidTime, UnknownChoice, UnknownEntity
from interfaces.http.app import create_app
from tests.support.agreement import Row, moves, streams_of
from tests.support.command_line import document, run

EIGHT = datetime(2026, 1, 31, 8, tzinfo=UTC)
FAILED_INSTANCE = {"ERROR", "UNKNOWN_ERROR", "RESOURCE_ERROR", "ERROR_FATAL"}
FAILED_RUN = {"FAILED", "CRASHED"}


def minute(number: float) -> datetime:
    return EIGHT + timedelta(minutes=number)


@pytest.fixture
def failing(service: TransitionService) -> TransitionService:
    """Task `a` fails twice, `b` once for its memory, `c` succeeds; of a lifecycle without instances `p` crashes."""
    specs = [TaskSpec("a", 2, template="align"), TaskSpec("b", template="sort"), TaskSpec("c", template="sort")]
    service.register_tasks("w", specs, occurred_at=minute(0))
    service.register_tasks("runs", [TaskSpec("p"), TaskSpec("q")], "prefect", occurred_at=minute(1))
    ends = (
        (2, "a", "a/1", "ERROR", "node7", "exit 3"),
        (10, "b", "b/1", "RESOURCE_ERROR", "node8", "out of memory"),
        (20, "c", "c/1", "DONE", "node8", None),
        (30, "a", "a/2", "ERROR", "node8", "exit 3"),
    )
    for begin, task, instance, end, actor, reason in ends:
        service.gate_tasks_for_queueing([task], occurred_at=minute(begin))
        service.create_task_instances({instance: task}, occurred_at=minute(begin))
        for after, status in enumerate(("INSTANTIATED", "LAUNCHED", "RUNNING"), 1):
            there = Actor(component=actor, host=actor)
            service.transition_task_instance(instance, status, occurred_at=minute(begin + after), actor=there)
        # The distributor on another host learns of the end.
        head = Actor(component=actor, host="head")
        service.transition_task_instance(instance, end, occurred_at=minute(begin + 5), actor=head, reason=reason)
    for number, status, reason in ((40, "PENDING", None), (41, "RUNNING", None), (42, "CRASHED", "its node is gone")):
        service.transition_task("p", status, occurred_at=minute(number), actor="worker", reason=reason)
    service.transition_task_instance("a/1", "ERROR", occurred_at=minute(50), reason="again")  # refused
    return service


@pytest.fixture
def client(failing: TransitionService) -> Iterator[TestClient]:
    with TestClient(create_app(failing), "http://127.0.0.1") as connected:
        yield connected


def folded(connection: psycopg.Connection[Any], by: str) -> list[Row]:
    """The failures as the raw events make them, the most frequent first."""
    streams = streams_of(connection)
    groups: dict[str | None, list[Row]] = {}
    for stream, events in streams.items():
        kind, _, name = stream.partition(":")
        last, first = moves(events)[-1], events[0]
        instance = kind == "task_instance"
        if last["status"] not in (FAILED_INSTANCE if instance else FAILED_RUN):
            continue
        task = streams[f"task:{first['task_id']}"][0] if instance else first
        values = {
            "reason": last.get("reason"),
            "template": task.get("template"),
            "actor": (last.get("actor") or {}).get("component"),
            "node": node_of(moves(events)),
        }
        failures = groups.setdefault(values[by], [])
        example = f"ti:{name}" if instance else f"task:{name}"
        failures.append({"task": task["stream"], "at": last["entered_at"], "example": example})
    rows = [
        {
            "group": group,
            "n": len(failures),
            "tasks": len({failure["task"] for failure in failures}),
            "first_at": min(failure["at"] for failure in failures),
            "last_at": max(failure["at"] for failure in failures),
            "example": max(failures, key=lambda failure: failure["at"])["example"],
        }
        for group, failures in groups.items()
    ]
    return sorted(sorted(rows, key=lambda row: row["last_at"], reverse=True), key=lambda row: -row["n"])


def node_of(entered: list[Row]) -> str | None:
    """Return the host that last reported RUNNING, or else the last host."""
    hosts = [(event["status"], (event.get("actor") or {}).get("host")) for event in entered]
    running = [host for status, host in hosts if host and status == "RUNNING"]
    return next(iter([*reversed(running), *(host for _, host in reversed(hosts) if host)]), None)


@pytest.mark.parametrize("by", ["reason", "template", "actor", "node"])
def test_failures_are_those_of_the_raw_events(
    failing: TransitionService, client: TestClient, connection: psycopg.Connection[Any], by: Any
) -> None:
    expected = folded(connection, by)
    assert sum(row["n"] for row in expected) == 4
    assert failing.failures(by=by) == expected
    assert document(failing, "failures", "--by", by) == to_jsonable_python(expected)
    assert client.get(f"/api/v3/failures?by={by}").json() == to_jsonable_python(expected)
    assert failing.failures(by=by, limit=1) == expected[:1]


def test_the_node_is_where_the_attempt_ran(failing: TransitionService) -> None:
    failing.register_tasks("w2", [TaskSpec("d"), TaskSpec("e")])
    failing.gate_tasks_for_queueing(["d", "e"])
    failing.create_task_instances({"d/1": "d", "e/1": "e"})
    head = Actor(component="distributor", host="head")
    failing.transition_task_instances(["d/1", "e/1"], "INSTANTIATED", actor=head)
    failing.transition_task_instance("d/1", "NO_DISTRIBUTOR_ID", actor=head)
    failing.transition_task_instance("e/1", "RUNNING", actor=Actor(component="worker", host="node9"))
    failing.transition_task_instance("e/1", "ERROR", actor=Actor(component="worker"))

    assert {row["group"]: row["example"] for row in failing.failures("w2", by="node")} == {
        "head": "ti:d/1",  # it never ran: its last reporter
        "node9": "ti:e/1",
    }


def test_failures_of_a_workflow_and_a_time(failing: TransitionService, client: TestClient) -> None:
    assert [(row["group"], row["n"], row["tasks"], row["example"]) for row in failing.failures("w")] == [
        ("exit 3", 2, 1, "ti:a/2"),
        ("out of memory", 1, 1, "ti:b/1"),
    ]
    assert [row["example"] for row in failing.failures(since=minute(16))] == ["task:p", "ti:a/2"]
    assert [row["example"] for row in failing.failures(since=minute(15), until=minute(35))] == ["ti:b/1"]
    asked = ("--workflow", "w", "--since", minute(15).isoformat(), "--until", minute(36).isoformat())
    assert [row["example"] for row in document(failing, "failures", *asked)] == ["ti:a/2", "ti:b/1"]
    query = {"workflow_id": "w", "until": minute(15).isoformat()}
    assert [row["example"] for row in client.get("/api/v3/failures", params=query).json()] == ["ti:a/1"]


def test_a_table_names_what_has_no_name(failing: TransitionService) -> None:
    lines = run(failing, "failures", "--by", "template").stdout.splitlines()
    assert [line.split()[-1] for line in lines] == ["template", "align", "template)", "sort"]
    assert "(no template)" in lines[2]


def test_a_log_in_which_nothing_failed(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec("a")])
    assert document(service, "failures") == service.failures() == []
    assert "nothing failed" in run(service, "failures").stderr


def test_a_workflow_at_a_glance(
    failing: TransitionService, client: TestClient, connection: psycopg.Connection[Any]
) -> None:
    found = failing.workflow("w")
    assert {name: found[name] for name in ("tasks", "by_status", "failed", "active")} == {
        "tasks": 3,
        "by_status": {"ERROR_FATAL": 1, "ADJUSTING_RESOURCES": 1, "DONE": 1},
        "failed": 1,
        "active": 1,
    }
    times = [event["entered_at"] for events in streams_of(connection).values() for event in moves(events)]
    assert (found["first_at"], found["last_at"]) == (min(times), minute(35))
    assert found["failures"] == failing.failures("w")
    assert found["orphans"] == failing.orphans(workflow_id="w")
    slowest = found["slowest"]
    assert slowest[0]["template"] == "sort"
    assert slowest == sorted(slowest, key=lambda row: -row["p90_seconds"])
    measured = {(row["group"], row["status"]): row["n"] for row in failing.time_in_status("task", "template", "w")}
    assert len(slowest) == 10
    assert {(row["template"], row["status"]): row["n"] for row in slowest}.items() <= measured.items()
    at = {"at": minute(12).isoformat()}
    expected = to_jsonable_python(failing.workflow("w", minute(12)))
    assert document(failing, "workflow", "w", "--at", at["at"]) == expected
    assert client.get("/api/v3/workflows/w", params=at).json() == expected
    assert expected["by_status"] == {"REGISTERING": 2, "LAUNCHED": 1}
    assert [row["example"] for row in expected["failures"]] == ["ti:a/1"]


def test_a_workflow_for_people(failing: TransitionService) -> None:
    text = run(failing, "workflow", "w").stdout
    assert text.startswith("w  2 of 3 tasks ended (66.7 %)\nADJUSTING_RESOURCES 1, DONE 1, ERROR_FATAL 1\n")
    assert "\nFailures\n" in text
    assert "\nSlowest\n" in text


def test_a_workflow_before_its_first_task(failing: TransitionService) -> None:
    early = failing.workflow("w", minute(-1))
    assert (early["tasks"], early["by_status"], early["first_at"], early["failures"]) == (0, {}, None, [])
    assert "had no tasks at" in run(failing, "workflow", "w", "--at", minute(-1).isoformat()).stderr


def test_what_cannot_be_asked(failing: TransitionService, client: TestClient) -> None:
    with pytest.raises(UnknownChoice, match="by='host' is not one of reason, template, actor, node"):
        failing.failures(by="host")  # type: ignore[arg-type]
    with pytest.raises(UnknownEntity, match="no workflow 'rums'; did you mean 'runs'"):
        failing.workflow("rums")
    with pytest.raises(InvalidTime):
        failing.failures(since=datetime(2026, 1, 31))  # noqa: DTZ001 - refused for having no zone
    assert client.get("/api/v3/workflows/rums").status_code == 404
    assert client.get("/api/v3/failures?by=host").status_code == 422
    assert client.get("/api/v3/failures?workflow=w").status_code == 422
