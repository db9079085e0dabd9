"""What entities wait for: stated by callers, written by rules, and which of several holds."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient

from application.transition_service import TaskSpec, TransitionService
from domain.errors import CommandConflict, InvalidWait, UnknownChoice
from interfaces.http.app import create_app
from tests.support.agreement import rows
from tests.support.attempts import attempt, register
from tests.support.command_line import run

NINE = datetime(2026, 1, 31, 9, tzinfo=UTC)
GPU = {"kind": "slot", "detail": "gpu", "holders": ["task:other"]}

WAITS = """
SELECT concat_ws(':', w.entity_kind, w.entity_id) AS entity, w.status, w.kind, w.detail, w.holders
FROM sojourn.wait AS w ORDER BY w.position
"""

BULK: dict[str, tuple[Callable[..., Any], set[str]]] = {
    "register": (lambda service, **wait: service.register_tasks("w", [TaskSpec("new")], **wait), {"task:new"}),
    "gate": (lambda service, **wait: service.gate_tasks_for_queueing(["t"], **wait), {"task:t"}),
    "move tasks": (lambda service, **wait: service.transition_tasks(["t"], "QUEUED", **wait), {"task:t"}),
    "create": (
        lambda service, **wait: service.create_task_instances({"t/1": "t"}, **wait),
        {"task:t", "task_instance:t/1"},
    ),
    "move instances": (
        lambda service, **wait: service.transition_task_instances(["r/1"], "ERROR", **wait),
        {"task_instance:r/1"},
    ),
    "reset tasks": (lambda service, **wait: service.reset_tasks(["r"], reset_if_running=True, **wait), {"task:r"}),
    "reset workflow": (lambda service, **wait: service.reset_workflow("w", ["RUNNING"], **wait), {"task:r"}),
    "queue a batch": (
        lambda service, **wait: service.arrays.queue_task_batch("1", ["t"], **wait),
        {"task:t", "task_instance:t/1"},
    ),
    "launch a batch": (
        lambda service, **wait: service.arrays.transition_to_launched("1", 1, 60, **wait),
        {"task:a", "task_instance:a/1"},
    ),
}
"""A call of each method about many -> the entities that wait after it."""


@pytest.fixture
def begun(service: TransitionService) -> TransitionService:
    """A service with a new task, one whose instance runs, and one whose instance is a batch of an array."""
    register(service, "t", "r", "a")
    attempt(service, "r")
    service.arrays.queue_task_batch(service.arrays.bind("w", "12", 7)["array_id"], ["a"])
    service.transition_task_instances(["a/1"], "INSTANTIATED")
    return service


@pytest.mark.fresh_database
@pytest.mark.parametrize("name", BULK)
def test_every_method_about_many_states_what_they_wait_for(
    name: str, begun: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    call, entities = BULK[name]

    call(begun, waits_for=GPU)

    waits = rows(connection, WAITS)
    assert {wait["entity"] for wait in waits} == entities
    assert {(wait["kind"], wait["detail"], *wait["holders"]) for wait in waits} == {("slot", "gpu", "task:other")}


def test_a_command_is_another_one_where_it_waits_for_something_else(service: TransitionService) -> None:
    register(service, "t")
    service.transition_tasks(["t"], "QUEUED", command_id="c", waits_for="slot")

    with pytest.raises(CommandConflict):
        service.transition_tasks(["t"], "QUEUED", command_id="c", waits_for="hold")


@pytest.mark.parametrize(
    ("wrong", "error"),
    [("slots", UnknownChoice), ({"kind": "slot", "tag": "gpu"}, InvalidWait), ({"detail": "gpu"}, InvalidWait)],
)
def test_what_is_no_wait_is_refused_and_nothing_is_written(
    service: TransitionService, wrong: Any, error: type[Exception]
) -> None:
    register(service, "t")

    with pytest.raises(error):
        service.transition_tasks(["t"], "QUEUED", waits_for=wrong)

    assert len(service.history("task:t")) == 1


def test_a_wait_is_kept_as_it_can_be_stored(service: TransitionService, connection: psycopg.Connection[Any]) -> None:
    register(service, "t")

    service.transition_tasks(["t"], "QUEUED", waits_for={"kind": "slot", "detail": "g\0pu", "holders": ["n"] * 999})

    (wait,) = rows(connection, WAITS)
    assert (wait["detail"], len(wait["holders"])) == ("g\ufffdpu", 100)


def test_a_run_without_a_slot_states_who_holds_it(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    service.limit_concurrency("gpu", 1)
    runs = [TaskSpec(name, attributes={"tags": ["gpu"]}) for name in ("one", "two")]
    service.register_tasks("w", runs, lifecycle="prefect")
    service.transition_tasks(["one", "two"], "PENDING")

    service.transition_tasks(["one", "two"], "RUNNING")

    assert rows(connection, WAITS) == [
        {"entity": "task:two", "status": "PENDING", "kind": "slot", "detail": "gpu", "holders": ["task:one"]}
    ]


def test_a_run_that_is_not_due_states_its_time(service: TransitionService, connection: psycopg.Connection[Any]) -> None:
    retried = {"retries": 1, "retry_delay_seconds": 60}
    service.register_tasks("w", [TaskSpec("t", attributes=retried)], lifecycle="prefect", occurred_at=NINE)
    ten = NINE + timedelta(hours=1)
    service.transition_task("t", "SCHEDULED", scheduled_time=ten, occurred_at=NINE)
    for status, at in [("RUNNING", NINE), ("RUNNING", ten), ("FAILED", ten), ("RUNNING", ten)]:
        service.transition_task("t", status, occurred_at=at)

    assert [(wait["status"], wait["kind"], wait["detail"]) for wait in rows(connection, WAITS)] == [
        ("SCHEDULED", "schedule", "2026-01-31T10:00:00+00:00"),
        ("SCHEDULED", "retry-delay", "2026-01-31T10:01:00+00:00"),  # as it failed
        ("SCHEDULED", "retry-delay", "2026-01-31T10:01:00+00:00"),  # as it was proposed too early
    ]


def test_waits_over_http(service: TransitionService, connection: psycopg.Connection[Any]) -> None:
    register(service, "1", "2")
    with TestClient(create_app(service), "http://127.0.0.1") as client:
        for path, body in [
            ("tasks/gate", {"task_ids": [1, 2], "waits_for": "resources"}),
            ("task_instances", {"instances": {"1/1": 1}, "waits_for": {"kind": "resources", "detail": "gpu"}}),
            ("task_instance/1/1/transition", {"to_status": "INSTANTIATED", "waits_for": GPU}),
        ]:
            assert client.post(f"/api/v3/{path}", json=body).status_code == 200
        wrong = client.post("/api/v3/tasks/transition", json={
            "task_ids": [1], "to_status": "QUEUED", "waits_for": "resource",
        })  # fmt: skip

    assert [(wait["entity"], wait["kind"], wait["detail"]) for wait in rows(connection, WAITS)] == [
        ("task:1", "resources", None),
        ("task:2", "resources", None),
        ("task_instance:1/1", "resources", "gpu"),
        ("task_instance:1/1", "slot", "gpu"),
        ("task:1", "slot", "gpu"),
    ]
    assert wrong.status_code == 422
    assert wrong.json()["fields"][0]["field"].startswith("body.waits_for"), wrong.json()
    assert "'retry-delay'" in str(wrong.json())


def test_history_and_why_say_what_a_run_waits_for(service: TransitionService) -> None:
    service.limit_concurrency("gpu", 1)
    runs = [TaskSpec(name, attributes={"tags": ["gpu"]}) for name in ("one", "two")]
    service.register_tasks("w", runs, lifecycle="prefect")
    service.transition_tasks(["one", "two"], "RUNNING")
    service.transition_task("one", "PAUSED", waits_for={"kind": "hold", "detail": "review"})

    (refused,) = [event for event in service.history("task:two") if event["response"] == "WAIT"]
    chain = " ".join(step["text"] for name in ("one", "two") for step in service.why(f"task:{name}")["chain"])

    assert refused["details"] == {"waits_for": {"kind": "slot", "detail": "gpu", "holders": ["task:one"]}}
    assert "it waits for slot (gpu), held by task:one" in chain
    assert "It waits for hold (review). " in service.why("task:one")["verdict"]
    assert "waits for slot (gpu), held by task:one" in service.why("task:two")["verdict"]
    assert "it waits for hold (review)" in chain
    assert service.status("task:two").get("waits_for") == {
        "kind": "slot", "detail": "gpu", "holders": ["task:one"], "since": refused["recorded_at"],
    }  # fmt: skip
    printed = run(service, "status", "task:two").stdout
    assert "waits for slot (gpu), held by task:one since " in " ".join(printed.split())
    printed = run(service, "history", "task:two").stdout
    assert "waits for slot (gpu), held by task:one" in " ".join(printed.split())


def test_intervals_say_what_was_stated_first_in_them(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    service.limit_concurrency("gpu", 1)
    runs = [TaskSpec(name, attributes={"tags": ["gpu"]}) for name in ("one", "two")]
    service.register_tasks("w", runs, lifecycle="prefect")
    service.transition_tasks(["one", "two"], "PENDING")
    service.transition_tasks(["one", "two"], "RUNNING")  # a rule lets the second one wait
    service.transition_task("one", "PAUSED", waits_for={"kind": "hold", "detail": "review"})
    service.transition_task("one", "COMPLETED")
    service.transition_task("two", "RUNNING")

    assert rows(
        connection,
        "SELECT task_id, status, waits_for, waits_for_detail FROM sojourn.status_interval_detail"
        " WHERE waits_for IS NOT NULL ORDER BY task_id",
    ) == [
        {"task_id": "one", "status": "PAUSED", "waits_for": "hold", "waits_for_detail": "review"},
        {"task_id": "two", "status": "PENDING", "waits_for": "slot", "waits_for_detail": "gpu"},
    ]
