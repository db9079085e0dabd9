"""A status that no machine has is a mistake of the caller's, so it is an error and not a refused report."""

from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient

from application.transition_service import TaskSpec, TransitionService
from domain.errors import UnknownStatus
from infrastructure.log.event_log import CHUNK
from interfaces.http.app import create_app
from tests.support.agreement import rows
from tests.support.attempts import attempt, ids, register, status
from tests.support.concurrently import at_once

OWN = """
name = "own"
version = 1
[task]
initial = "new"
terminal = ["gone"]
[task.transitions]
new = ["gone"]
gone = []
[task_instance]
initial = "here"
terminal = ["away"]
[task_instance.transitions]
here = ["away"]
away = []
[gate]
to = "new"
"""

Call = Callable[..., object]
CALLS: dict[str, Call] = {
    "report": lambda service, **more: service.transition_task_instance("t1/1", "RUNING", **more),
    "expected status": lambda service, **more: service.transition_task_instance("t1/1", "DONE", "RUNING", **more),
    "proposal": lambda service, **more: service.transition_task("t1", "RUNING", **more),
    "many reports": lambda service, **more: service.transition_task_instances(["t1/1"], "RUNING", **more),
    "many proposals": lambda service, **more: service.transition_tasks(["t1", "nowhere"], "RUNING", **more),
}


@pytest.fixture
def running(service: TransitionService) -> TransitionService:
    """A service with a task that runs."""
    register(service, "t1", "t2")
    attempt(service, "t1")
    return service


def stored(connection: psycopg.Connection[Any]) -> list[Any]:
    return [rows(connection, f"SELECT * FROM sojourn.{table} ORDER BY 1") for table in ("event", "command")]


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
class TestEveryCall:
    def test_raises_an_error_with_the_nearest_name_and_stores_nothing(
        self, running: TransitionService, connection: psycopg.Connection[Any], call: Call
    ) -> None:
        before = stored(connection)

        for more in ({}, {"command_id": "c1"}):
            with pytest.raises(UnknownStatus, match=r"^no status 'RUNING'; did you mean 'RUNNING'\?$") as raised:
                call(running, **more)

        assert (raised.value.name, raised.value.nearest) == ("RUNING", ("RUNNING",))
        assert "RUNNING" in raised.value.known
        assert stored(connection) == before

    def test_leaves_the_callers_transaction_usable(
        self, running: TransitionService, connection: psycopg.Connection[Any], call: Call
    ) -> None:
        before = stored(connection)

        with connection.transaction():
            with pytest.raises(UnknownStatus):
                call(running, connection=connection)
            assert stored(connection) == before


@pytest.mark.parametrize("unknown", ["FINISHED", "", "a\0b", "\ud800", "running", "RUNNING "])
def test_whatever_the_name_is(running: TransitionService, unknown: str) -> None:
    for call in (
        partial(running.transition_task_instance, "t1/1"),
        partial(running.transition_task_instances, ["t1/1"]),
        partial(running.transition_task, "t1"),
        partial(running.transition_tasks, ["t1"]),
    ):
        with pytest.raises(UnknownStatus):
            call(unknown)


def test_a_status_of_the_other_machine_is_refused_and_kept(running: TransitionService) -> None:
    """It is a name that the lifecycle has, so the report is on record."""
    assert running.transition_task_instance("t1/1", "REGISTERING")["error"] == "invalid_ti_transition"
    assert running.transition_tasks(["t1"], "TRIAGING")["invalid"] == ["t1"]
    assert [event["reported"] for event in running.history("ti:t1/1")][-1] == "REGISTERING"


def test_the_name_of_a_state_is_free(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec("run")], "prefect")

    assert service.transition_task("run", "PENDING", state_name="Getting ready")["error"] is None


def test_an_unknown_entity_is_not_found_whatever_it_reports(running: TransitionService) -> None:
    assert running.transition_task_instance("t9/1", "RUNING")["error"] == "not_found"
    assert running.transition_tasks(["t9"], "RUNING")["not_found"] == ["t9"]


class TestManyUnderSeveralLifecycles:
    @pytest.fixture
    def mixed(self, running: TransitionService, tmp_path: Any) -> TransitionService:
        """A service with tasks of another lifecycle too."""
        (tmp_path / "own.toml").write_text(OWN)
        running.register_tasks("w", [TaskSpec("o1")], tmp_path / "own.toml")
        running.create_task_instances({"o1/1": "o1"})
        return running

    def test_a_status_that_one_of_them_has_is_invalid_for_the_others(self, mixed: TransitionService) -> None:
        moved = mixed.transition_tasks(["t2", "o1"], "QUEUED")
        reported = mixed.transition_task_instances(["t1/1", "o1/1"], "away")

        assert (moved["transitioned"], moved["invalid"]) == (["t2"], ["o1"])
        assert (reported["transitioned"], reported["invalid"]) == (["o1/1"], ["t1/1"])

    def test_a_status_that_none_of_them_has_is_an_error_with_the_names_of_all(self, mixed: TransitionService) -> None:
        with pytest.raises(UnknownStatus, match="did you mean 'away'") as raised:
            mixed.transition_task_instances(["t1/1", "o1/1"], "awy")

        assert {"RUNNING", "away"} <= set(raised.value.known)

    def test_another_chunk_may_have_the_status(
        self, mixed: TransitionService, connection: psycopg.Connection[Any]
    ) -> None:
        many = ids(CHUNK)
        register(mixed, *many)
        with pytest.raises(UnknownStatus):
            mixed.transition_tasks([*many, "o1"], "gnoe")
        before = stored(connection)[0]

        answer = mixed.transition_tasks([*many, "o1"], "gone")

        assert (answer["transitioned"], answer["invalid"]) == (["o1"], many)
        assert len(stored(connection)[0]) == len(before) + CHUNK + 1


def test_a_batch_of_an_array_whose_lifecycle_lacks_the_status(
    service: TransitionService, connection: psycopg.Connection[Any], tmp_path: Any
) -> None:
    (tmp_path / "own.toml").write_text(OWN.replace('to = "new"', 'to = "gone"'))
    service.register_tasks("w", [TaskSpec("o1")], tmp_path / "own.toml")
    array = service.arrays.bind("w", "7", 5)["array_id"]
    service.arrays.queue_task_batch(array, ["o1"])
    before = stored(connection)

    with pytest.raises(UnknownStatus, match="no status 'LAUNCHED'"):
        service.arrays.transition_to_launched(array, 1, 60)
    with pytest.raises(UnknownStatus, match="no status 'ERROR_FATAL'"):
        service.arrays.transition_to_killed(array, 1)

    assert stored(connection) == before


class TestOverHttp:
    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("/task_instance/t1/1/transition", {"to_status": "RUNING"}),
            ("/task_instance/t1/1/transition", {"to_status": "DONE", "current_ti_status": "RUNING"}),
            ("/task/t1/transition", {"to_status": "RUNING"}),
            ("/tasks/transition", {"task_ids": ["t1"], "to_status": "RUNING"}),
            ("/task_instances/transition", {"task_instance_ids": ["t1/1"], "to_status": "RUNING"}),
        ],
    )
    @pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "c1"}], ids=["", "key"])
    def test_it_is_a_422_with_the_nearest_name(
        self,
        running: TransitionService,
        connection: psycopg.Connection[Any],
        path: str,
        body: dict[str, Any],
        headers: dict[str, str],
    ) -> None:
        before = stored(connection)
        with TestClient(create_app(running), "http://127.0.0.1") as client:
            answer = client.post(f"/api/v3{path}", json=body, headers=headers)

        assert answer.status_code == 422
        problem = answer.json()
        assert (problem["kind"], problem["name"], problem["nearest"]) == ("status", "RUNING", ["RUNNING"])
        assert stored(connection) == before

    def test_it_fails_no_other_report_that_arrives_with_it(self, service: TransitionService) -> None:
        names = ids(12)
        register(service, *names)
        attempt(service, *names)
        with TestClient(create_app(service), "http://127.0.0.1") as client:

            def report(name: str) -> Any:
                body = {"to_status": "DOEN" if name == names[3] else "DONE"}
                return client.post(f"/api/v3/task_instance/{name}/1/transition", json=body)

            answers = at_once([partial(report, name) for name in names])

        assert [answer.status_code for answer in answers] == [200, 200, 200, 422, *[200] * 8]
        assert status(service, *(f"task:{name}" for name in names[2:5])) == ["DONE", "RUNNING", "DONE"]
