"""`sojourn reset` and `sojourn cancel` of a workflow, with their methods and routes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient

from application.transition_service import TaskSpec, TransitionService
from domain.errors import UnknownEntity, UnknownStatus, WrongLifecycle
from infrastructure.errors import RetriesExhausted
from interfaces.http.app import create_app
from tests.support.agreement import assert_agreement, rows
from tests.support.command_line import document, run

EIGHT = datetime(2026, 1, 31, 8, tzinfo=UTC)


def minute(number: float) -> datetime:
    return EIGHT + timedelta(minutes=number)


def events(connection: psycopg.Connection[Any]) -> int:
    return int(rows(connection, "SELECT count(*) AS n FROM sojourn.event")[0]["n"])


def statuses(service: TransitionService, workflow_id: str) -> dict[str, str]:
    return {row["entity"]: row["status"] for row in service.list_tasks(workflow_id)}


@pytest.fixture
def mixed(service: TransitionService) -> TransitionService:
    """Of `w`, one task has failed, one is done, one runs and one has not begun; `other` has a failed task too."""
    service.register_tasks("w", [TaskSpec(name, 1) for name in ("failed", "done", "runs", "new")])
    service.register_tasks("other", [TaskSpec("elsewhere", 1)])
    names = ["failed", "done", "runs", "elsewhere"]
    service.gate_tasks_for_queueing(names)
    service.create_task_instances({f"{name}/1": name for name in names})
    for status in ("INSTANTIATED", "LAUNCHED", "RUNNING"):
        service.transition_task_instances([f"{name}/1" for name in names], status)
    service.transition_task_instances(["failed/1", "elsewhere/1"], "ERROR", reason="exit 3")
    service.transition_task_instance("done/1", "DONE")
    return service


def test_a_reset_moves_what_has_failed(mixed: TransitionService, connection: psycopg.Connection[Any]) -> None:
    """Leave what is done and what runs, and leave other workflows alone."""
    expected = {
        "workflow_id": "w",
        "tasks": {"failed": {"from": "ERROR_FATAL", "to": "REGISTERING"}},
        "refused": {"done": "reset", "runs": "reset"},
    }
    before = events(connection)
    assert document(mixed, "reset", "--workflow", "w", "--dry-run") == expected
    assert mixed.reset_workflow("w", dry_run=True) == expected
    assert events(connection) == before, "a dry run records nothing"

    assert mixed.reset_workflow("w", reason="repaired") == expected
    assert events(connection) == before + 1
    assert mixed.history("task:failed")[-1]["reason"] == "repaired"
    assert statuses(mixed, "w") == {
        "task:failed": "REGISTERING", "task:done": "DONE", "task:runs": "RUNNING", "task:new": "REGISTERING",
    }  # fmt: skip
    assert statuses(mixed, "other") == {"task:elsewhere": "ERROR_FATAL"}
    assert mixed.reset_workflow("w")["tasks"] == {}
    assert_agreement(connection)


def test_a_reset_of_a_status(mixed: TransitionService, connection: psycopg.Connection[Any]) -> None:
    """Running tasks are reset where their status is named, and their instances are ordered to end."""
    answer = document(mixed, "reset", "--workflow", "w", "--status", "RUNNING", "--status", "DONE")
    assert answer["tasks"] == {"runs": {"from": "RUNNING", "to": "REGISTERING"}}
    assert answer["refused"] == {"done": "reset"}
    assert mixed.status("ti:runs/1")["status"] == "KILL_SELF"
    assert mixed.status("task:failed")["status"] == "ERROR_FATAL"
    assert_agreement(connection)


def test_people_see_what_would_move(mixed: TransitionService) -> None:
    done = run(mixed, "reset", "--workflow", "w", "--dry-run")
    assert done.exit_code == 0
    assert [line.split() for line in done.stdout.splitlines()][1:] == [
        ["failed", "ERROR_FATAL", "REGISTERING"], ["done", "reset"], ["runs", "reset"],
    ]  # fmt: skip
    assert "1 tasks would move, 2 refused" in done.stderr


def test_a_lifecycle_without_a_status_for_it_cancels_nothing(
    mixed: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    before = events(connection)
    with pytest.raises(WrongLifecycle, match="lifecycle 'jobmon' names no status for cancelled tasks"):
        mixed.cancel_workflow("w")
    assert isinstance(run(mixed, "cancel", "--workflow", "w").exception, WrongLifecycle)
    assert events(connection) == before


def test_a_cancellation_ends_tasks_with_their_attempts(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    service.register_tasks("jobs", [TaskSpec(name) for name in ("waits", "runs", "over")], "slurm")
    service.create_task_instances({"runs/1": "runs", "over/1": "over"})
    service.transition_task_instances(["runs/1", "over/1"], "RUNNING")
    service.transition_task_instance("over/1", "COMPLETED")
    expected = {
        "workflow_id": "jobs",
        "tasks": {
            name: {"from": status, "to": "CANCELLED"} for name, status in (("runs", "RUNNING"), ("waits", "PENDING"))
        },
        "refused": {},
    }
    before = events(connection)
    assert document(service, "cancel", "--workflow", "jobs", "--dry-run") == expected
    assert events(connection) == before
    assert document(service, "cancel", "--workflow", "jobs", "--reason", "not needed") == expected
    assert service.status("ti:runs/1")["status"] == "CANCELLED"
    assert statuses(service, "jobs") == {"task:waits": "CANCELLED", "task:runs": "CANCELLED", "task:over": "COMPLETED"}
    assert service.orphans(workflow_id="jobs") == []
    assert_agreement(connection)


def test_a_cancellation_of_a_status_states_the_rule_of_each_refusal(service: TransitionService) -> None:
    service.register_tasks("own", [TaskSpec("ended"), TaskSpec("queued")], "fetch_ml")
    service.transition_task("ended", "failed")
    assert service.cancel_workflow("own", ["failed"]) == {
        "workflow_id": "own", "tasks": {}, "refused": {"ended": "invalid-transition"},
    }  # fmt: skip
    assert service.cancel_workflow("own")["tasks"] == {"queued": {"from": "queued", "to": "cancelled"}}


def test_what_a_runner_owns_is_cancelled(service: TransitionService) -> None:
    service.register_tasks("runs", [TaskSpec("a"), TaskSpec("b")], "prefect")
    for status in ("PENDING", "RUNNING"):
        service.transition_task("a", status, "worker-1")
    assert service.cancel_workflow("runs")["tasks"] == {
        "a": {"from": "RUNNING", "to": "CANCELLED"}, "b": {"from": "SCHEDULED", "to": "CANCELLED"},
    }  # fmt: skip


def test_the_routes(mixed: TransitionService, connection: psycopg.Connection[Any]) -> None:
    with TestClient(create_app(mixed), "http://127.0.0.1") as client:

        def post(path: str, body: dict[str, Any], key: str | None = None) -> tuple[int, Any]:
            answer = client.post(f"/api/v3{path}", json=body, headers={"Idempotency-Key": key} if key else {})
            return answer.status_code, answer.json()

        before = events(connection)
        planned = post("/workflows/w/reset", {"statuses": ["ERROR_FATAL"], "dry_run": True})
        assert events(connection) == before
        done = post("/workflows/w/reset", {"statuses": ["ERROR_FATAL"], "actor": "operator"}, key="once")
        assert planned == done == (200, mixed_answer())
        assert post("/workflows/w/reset", {"statuses": ["ERROR_FATAL"], "actor": "operator"}, key="once") == done
        assert mixed.history("task:failed")[-1]["actor"] == "operator"
        assert post("/workflows/w/cancel", {})[0] == 409
        assert post("/workflows/wx/cancel", {})[0] == 404
        assert post("/workflows/w/reset", {"statuses": ["EROR_FATAL"]})[0] == 422
        assert post("/workflows/w/reset", {"status": ["ERROR_FATAL"]})[0] == 422


def mixed_answer() -> dict[str, Any]:
    return {"workflow_id": "w", "tasks": {"failed": {"from": "ERROR_FATAL", "to": "REGISTERING"}}, "refused": {}}


def test_a_locked_task_leaves_the_workflow_as_it_is(
    mixed: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    before = events(connection)
    with psycopg.connect(mixed.dsn) as other:
        other.execute("SELECT FROM sojourn.task WHERE task_id = 'new' FOR UPDATE")
        with pytest.raises(RetriesExhausted):
            mixed.reset_workflow("w", max_retries=1)
    assert events(connection) == before


def test_in_the_callers_transaction_nothing_is_kept_that_is_rolled_back(
    mixed: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    before = events(connection)
    with psycopg.connect(mixed.dsn) as caller:
        assert mixed.reset_workflow("w", connection=caller)["tasks"]
        caller.rollback()
    assert events(connection) == before


def test_what_cannot_be_asked(mixed: TransitionService) -> None:
    with pytest.raises(UnknownEntity):
        mixed.reset_workflow("v")
    with pytest.raises(UnknownStatus, match="did you mean 'ERROR_FATAL'"):
        mixed.reset_workflow("w", ["EROR_FATAL"])
