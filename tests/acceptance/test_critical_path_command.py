"""`sojourn critical-path` and its route, against the answer of the service, which others compare with the raw log."""

from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from pydantic_core import to_jsonable_python

from application.transition_service import TaskSpec, TransitionService
from interfaces.http.app import create_app
from tests.support.command_line import document, run

EIGHT = datetime(2026, 1, 31, 8, tzinfo=UTC)


def minute(number: float) -> datetime:
    return EIGHT + timedelta(minutes=number)


@pytest.fixture
def joined(service: TransitionService) -> TransitionService:
    """Under `w`, `c` waits for `a` and `b`, which end together."""
    specs = [TaskSpec("a"), TaskSpec("b"), TaskSpec("c", upstream=["a", "b"])]
    service.register_tasks("w", specs, "fetch_ml", occurred_at=minute(0))
    for task, begun, ended in (("a", 2, 9), ("b", 3, 9), ("c", 10, 15)):
        service.transition_task(task, "preparing", occurred_at=minute(begun), runner_id="r")
        service.transition_task(task, "running", occurred_at=minute(begun), runner_id="r")
        service.transition_task(task, "collecting", occurred_at=minute(ended), runner_id="r")
        service.transition_task(task, "completed", occurred_at=minute(ended), runner_id="r")
    return service


def test_the_command_and_the_route_answer_as_the_service(joined: TransitionService) -> None:
    for at in (None, minute(5)):
        expected = to_jsonable_python(joined.critical_path("w", at))
        options = ["--at", at.isoformat()] if at else []
        with TestClient(create_app(joined), "http://127.0.0.1") as client:
            answer = client.get("/api/v3/critical-path/w", params={"at": at.isoformat()} if at else {})

        assert document(joined, "critical-path", "w", *options, "--json") == answer.json() == expected
    assert [link["kind"] for link in expected["links"]] == ["waiting", "running"]


def test_people_read_what_each_link_cost(joined: TransitionService) -> None:
    printed = [line.split() for line in run(joined, "critical-path", "w").stdout.splitlines()]

    assert run(joined, "critical-path", "w", "--at", minute(5).isoformat()).stdout.startswith("w  5m so far: ")
    # Both take their time from minute 0 on, and `a` comes first by its id.
    assert printed[0] == ["w", "15m:", "running", "80.0", "%,", "waiting", "20.0", "%"]
    assert [(row[0], row[1], row[4:]) for row in printed[2:]] == [
        ("task:a", "waiting", ["2m", "13.3", "%", "0s"]),
        ("task:a", "running", ["7m", "46.7", "%", "0s", "task:b"]),
        ("task:c", "waiting", ["1m", "6.7", "%", "1m"]),
        ("task:c", "running", ["5m", "33.3", "%", "5m"]),
    ]


def test_an_unknown_workflow_is_answered_with_the_nearest(joined: TransitionService) -> None:
    assert str(run(joined, "critical-path", "ww").exception) == "no workflow 'ww'; did you mean 'w'?"


def test_before_it_existed_a_workflow_has_no_path(joined: TransitionService) -> None:
    early = run(joined, "critical-path", "w", "--at", minute(-5).isoformat(), "--json")
    assert (early.exit_code, "had no tasks at" in early.stderr) == (0, True)
