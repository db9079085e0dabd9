"""Command ids: the same request twice is carried out once."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import psycopg
import pytest

from application.transition_service import TaskSpec, TransitionService
from domain.errors import CommandConflict
from infrastructure.log.commands import first_answer
from tests.support.agreement import assert_agreement, rows
from tests.support.attempts import attempt, register, status
from tests.support.concurrently import at_once
from tests.support.writing_calls import CALLS, Call, begin

NINE = datetime(2026, 1, 31, 9, tzinfo=UTC)


@pytest.fixture
def running(service: TransitionService) -> TransitionService:
    """A service with a task that runs."""
    register(service, "t1")
    attempt(service, "t1")
    return service


def written(connection: psycopg.Connection[Any]) -> int:
    """The number of events."""
    return int(rows(connection, "SELECT count(*) AS events FROM sojourn.event")[0]["events"])


def test_a_report_that_comes_again_gets_its_first_answer_and_writes_nothing(
    running: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    first = running.transition_task_instance("t1/1", "ERROR", command_id="c1", report_by_date=NINE, reason="exit 3")
    events = written(connection)
    running.gate_tasks_for_queueing(["t1"])

    again = running.transition_task_instance("t1/1", "ERROR", command_id="c1", report_by_date=NINE, reason="exit 3")

    assert again == first
    assert (first["ti_updated"], first["task_status"]) == (True, "REGISTERING")
    assert written(connection) == events + 1


def test_a_refusal_too(running: TransitionService, connection: psycopg.Connection[Any]) -> None:
    first = running.transition_task_instance("t1/1", "LAUNCHED", command_id="c1")
    events = written(connection)

    assert running.transition_task_instance("t1/1", "LAUNCHED", command_id="c1") == first
    assert (first["error"], written(connection)) == ("untimely_transition", events)


def test_what_was_not_found_may_be_asked_again(running: TransitionService) -> None:
    assert running.transition_task_instance("t1/2", "INSTANTIATED", command_id="c1")["error"] == "not_found"
    running.create_task_instances({"t1/2": "t1"})

    assert running.transition_task_instance("t1/2", "INSTANTIATED", command_id="c1")["ti_updated"]


def test_what_was_locked_may_be_asked_again(running: TransitionService, dsn: str) -> None:
    with psycopg.connect(dsn) as other:
        other.execute("SELECT FROM sojourn.task FOR NO KEY UPDATE")
        answer = running.transition_task_instance("t1/1", "DONE", command_id="c1", max_retries=1)
    assert answer["error"] == "max_retries_exceeded"

    assert running.transition_task_instance("t1/1", "DONE", command_id="c1")["ti_updated"]


@pytest.mark.parametrize(
    "other",
    [
        {"to_status": "DONE"},
        {"current_ti_status": "RUNNING"},
        {"report_by_date": NINE + timedelta(minutes=1)},
        {"reason": "exit 4"},
        {"occurred_at": NINE},
        {"task_instance_id": "t1/2"},
    ],
)
def test_another_request_is_a_conflict(
    running: TransitionService, connection: psycopg.Connection[Any], other: dict[str, Any]
) -> None:
    request: dict[str, Any] = {
        "task_instance_id": "t1/1",
        "to_status": "ERROR",
        "report_by_date": NINE,
        "reason": "exit 3",
    }
    running.transition_task_instance(**request, command_id="c1")
    events = written(connection)

    with pytest.raises(CommandConflict, match="command 'c1' was carried out with another request"):
        running.transition_task_instance(**request | other, command_id="c1")

    assert written(connection) == events


def test_the_same_id_for_a_task_is_a_conflict(running: TransitionService) -> None:
    running.transition_task_instance("t1/1", "DONE", command_id="c1")

    with pytest.raises(CommandConflict):
        running.transition_task("t1", "DONE", command_id="c1")


def test_a_tasks_own_proposal(service: TransitionService, connection: psycopg.Connection[Any]) -> None:
    register(service, "t1")

    first = service.transition_task("t1", "QUEUED", command_id="c1")
    again = service.transition_task("t1", "QUEUED", command_id="c1")

    assert again == first
    assert (first["response"], status(service, "task:t1"), written(connection)) == ("ACCEPT", ["QUEUED"], 2)


def test_every_event_that_a_command_makes_names_it(
    running: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    running.transition_task_instance("t1/1", "ERROR", command_id="c1")

    found = rows(connection, "SELECT stream FROM sojourn.event WHERE data ->> 'command_id' = 'c1' ORDER BY position")
    assert [row["stream"] for row in found] == ["task_instance:t1/1", "task:t1", "task:t1"]


ZONES = (UTC, timezone(timedelta(hours=5, minutes=30)))


def test_the_same_instant_in_another_zone_is_the_same_request(running: TransitionService) -> None:
    first, again = (
        running.transition_task_instance(
            "t1/1", "ERROR", command_id="c1", report_by_date=NINE.astimezone(zone), occurred_at=NINE.astimezone(zone)
        )
        for zone in ZONES
    )
    assert again == first
    gated, gated_again = (
        running.gate_tasks_for_queueing(["t1"], command_id="c2", occurred_at=NINE.astimezone(zone)) for zone in ZONES
    )
    assert gated_again == gated


def test_a_run_that_had_to_wait_for_a_slot_may_propose_again(service: TransitionService) -> None:
    service.limit_concurrency("gpu", 1)
    tasks = [TaskSpec(name, attributes={"tags": ["gpu"]}) for name in ("a", "b")]
    service.register_tasks("w", tasks, lifecycle="prefect")
    service.transition_task("a", "RUNNING")
    assert service.transition_task("b", "RUNNING", command_id="begin-b")["response"] == "WAIT"
    service.transition_task("a", "COMPLETED")

    first, again = (service.transition_task("b", "RUNNING", command_id="begin-b") for _ in range(2))

    assert (first["response"], again) == ("ACCEPT", first)


def test_what_the_gate_refused_may_be_proposed_again(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    register(service, "t1")
    for _ in range(2):
        assert service.transition_task("t1", "INSTANTIATING", command_id="c1")["response"] == "ABORT"
    service.gate_tasks_for_queueing(["t1"])

    first, again = (service.transition_task("t1", "INSTANTIATING", command_id="c1") for _ in range(2))

    assert (first["response"], again) == ("ACCEPT", first)
    refused = "SELECT count(*) AS n FROM sojourn.event WHERE name = 'task.refused.v1'"
    assert rows(connection, refused) == [{"n": 2}]
    assert_agreement(connection)


@pytest.mark.parametrize("name", ["transition_task", "transition_task_instance"])
def test_a_report_that_another_call_carries_out_right_after_its_lookup_gets_the_first_answer(
    service: TransitionService, connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Given a call that has looked its command up, and not yet read what it is about."""
    begin(service)
    first, events = list[Any](), list[int]()

    def look_up_before_another(*command: Any) -> Any:
        monkeypatch.setattr("application.shared.unit_of_work.first_answer", first_answer)
        known = first_answer(*command)
        first.append(CALLS[name](service, command_id="c1"))
        events.append(written(connection))
        return known

    monkeypatch.setattr("application.shared.unit_of_work.first_answer", look_up_before_another)
    second = CALLS[name](service, command_id="c1")

    assert second == first[0]
    assert written(connection) == events[0]
    assert_agreement(connection)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
class TestEveryMethod:
    def test_that_comes_again_gets_its_first_answer_and_writes_nothing(
        self, service: TransitionService, connection: psycopg.Connection[Any], call: Call
    ) -> None:
        begin(service)

        first = call(service, command_id="c1")
        events = written(connection)
        again = call(service, command_id="c1")

        assert again == first
        assert written(connection) == events
        leases = "SELECT holder, heartbeat_at FROM sojourn.lease ORDER BY holder"
        before = rows(connection, leases)
        call(service, command_id="c1")
        assert rows(connection, leases) == before
        assert_agreement(connection)

    def test_with_another_request_is_a_conflict(
        self, service: TransitionService, connection: psycopg.Connection[Any], call: Call
    ) -> None:
        begin(service)
        call(service, command_id="c1")
        events = written(connection)

        with pytest.raises(CommandConflict, match="command 'c1'"):
            call(service, command_id="c1", reason="another")

        assert written(connection) == events

    def test_at_once_is_carried_out_once(
        self, service: TransitionService, connection: psycopg.Connection[Any], call: Call
    ) -> None:
        begin(service)

        first, second = at_once([lambda: call(service, command_id="c1")] * 2)

        assert first == second
        assert rows(connection, "SELECT count(*) AS n FROM sojourn.command") == [{"n": 1}]
        assert_agreement(connection)

    def test_that_is_rolled_back_may_come_again(
        self, service: TransitionService, connection: psycopg.Connection[Any], call: Call
    ) -> None:
        begin(service)
        before = written(connection)
        with connection.transaction(force_rollback=True):
            call(service, command_id="c1", connection=connection)
        assert written(connection) == before

        call(service, command_id="c1")

        assert written(connection) > before
