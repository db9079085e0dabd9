"""Rules about a task's own proposals, through the service: what they are passed, what they answer, what is kept."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import psycopg
import pytest

from application.maintain.slots import list_slots
from application.read.history import read_history
from application.replay.verify import verify_log
from application.transition_service import TaskSpec, TransitionService
from domain.entity import TASK, Entity
from domain.errors import InvalidAttributes, InvalidDetails, InvalidLimit, RuleFailed, TaskConflict
from domain.rules.core_rules import CORE_RULES
from tests.support.agreement import rows
from tests.support.attempts import ids
from tests.support.concurrently import at_once

NINE = datetime(2026, 1, 31, 9, tzinfo=UTC)
AN_HOUR = timedelta(hours=1)

TAGGED = """
name = "tagged"
version = 1
rules = ["concurrency-slots", "wait-for-scheduled-time"]
[reset]
to = "SCHEDULED"
[task]
initial = "SCHEDULED"
terminal = ["COMPLETED"]
[task.transitions]
SCHEDULED = ["SCHEDULED", "RUNNING"]
RUNNING = ["COMPLETED"]
COMPLETED = []
"""


@pytest.fixture
def tagged(tmp_path: Path) -> Path:
    """A lifecycle with a reset, under which a run first takes its slots and then looks whether it is due."""
    file = tmp_path / "tagged.toml"
    file.write_text(TAGGED)
    return file


def registered(service: TransitionService, *task_ids: str, **attributes: Any) -> None:
    """Tasks under Prefect's lifecycle, registered an hour before nine."""
    specs = [TaskSpec(task_id, max_attempts=1, attributes=attributes) for task_id in task_ids]
    service.register_tasks("w", specs, lifecycle="prefect", occurred_at=NINE - AN_HOUR)


def answered(service: TransitionService, status: str, task_id: str = "t", **more: Any) -> tuple[Any, ...]:
    answer = service.transition_task(task_id, status, **more)
    return answer["response"], answer["rule"], answer["status"], answer["delay_seconds"]


def holders(service: TransitionService) -> dict[str, set[str]]:
    return {slots["tag"]: {holder["task_id"] for holder in slots["holders"]} for slots in list_slots(service.store)}


class TestWhatIsKept:
    def test_a_time_that_others_wait_for(self, service: TransitionService) -> None:
        registered(service, "t")
        service.transition_task("t", "SCHEDULED", scheduled_time=NINE + AN_HOUR, state_name="Late", occurred_at=NINE)
        service.transition_task("t", "PENDING", occurred_at=NINE)
        early = partial(answered, service, "RUNNING", occurred_at=NINE)

        assert early() == ("WAIT", "wait-for-scheduled-time", "PENDING", 3600.0)
        with TransitionService.connect(service.dsn) as other:  # which remembers nothing
            assert answered(other, "RUNNING", occurred_at=NINE) == early()
            assert answered(other, "RUNNING", occurred_at=NINE + AN_HOUR)[0] == "ACCEPT"

        scheduled, waits = (read_history(service.store, Entity(TASK, "t"))[number] for number in (1, 3))
        assert scheduled["state"] == {
            "type": "SCHEDULED", "name": "Late", "scheduled_time": "2026-01-31T10:00:00Z", "details": {},
        }  # fmt: skip
        assert (waits["response"], waits["delay_seconds"]) == ("WAIT", 3600.0)
        assert waits["rule_reason"] == "it is scheduled for 2026-01-31T10:00:00+00:00"
        assert verify_log(service.store)["mismatches"] == []

    def test_details(self, service: TransitionService) -> None:
        registered(service, "t")
        details = {"transition_id": "x", "result": {"where": "s3\0", "parts": [1, None, 2.5]}}
        service.transition_task("t", "RUNNING")
        service.transition_task("t", "COMPLETED", details=details)

        assert answered(service, "SCHEDULED", details={"transition_id": "x"})[1] == "prevent-duplicate-transitions"
        with TransitionService.connect(service.dsn) as other:
            assert answered(other, "SCHEDULED")[:3] == ("REJECT", "keep-persisted-result", "COMPLETED")
        assert verify_log(service.store)["mismatches"] == []

    def test_a_name_that_is_empty_is_none(self, service: TransitionService) -> None:
        registered(service, "t")
        service.transition_task("t", "PENDING", state_name="", scheduled_time=NINE)

        state = read_history(service.store, Entity(TASK, "t"))[-1]["state"]
        assert state
        assert state["name"] == "Pending"

    @pytest.mark.parametrize("details", [{"at": NINE}, {"n": float("nan")}, [1], {1: {2}}])
    def test_details_that_are_no_json(self, service: TransitionService, details: Any) -> None:
        registered(service, "t")

        with pytest.raises(InvalidDetails, match="are not a JSON object"):
            service.transition_task("t", "PENDING", details=details)

    def test_what_it_was_registered_with(self, service: TransitionService) -> None:
        registered(service, "t", retries=1, retry_delay_seconds=60, tags=["b", "a", "b"])
        registered(service, "t", retries=1, retry_delay_seconds=60.0, tags=("a", "b"))
        with pytest.raises(TaskConflict, match=r"attributes is .*'retries': 1.*, not .*'retries': 2"):
            registered(service, "t", retries=2)
        service.transition_task("t", "RUNNING", occurred_at=NINE)

        with TransitionService.connect(service.dsn) as other:
            assert answered(other, "FAILED", occurred_at=NINE)[:3] == ("REJECT", "retry-failed", "SCHEDULED")
        assert answered(service, "RUNNING", occurred_at=NINE) == ("WAIT", "wait-for-scheduled-time", "SCHEDULED", 60.0)
        (failed,) = [
            event for event in read_history(service.store, Entity(TASK, "t")) if event["rule"] == "retry-failed"
        ]
        assert (failed["reported"], failed["status"], failed["response"]) == ("FAILED", "SCHEDULED", "REJECT")
        assert failed["state"] is not None
        assert failed["state"]["name"] == "AwaitingRetry"

    @pytest.mark.parametrize(
        ("attributes", "problem"),
        [
            ({"retrys": 1}, "did you mean 'retries'"),
            ({"tags": "gpu"}, "tags are a list"),
            ({"tags": [""]}, "tag id ''"),
            ({"retries": 1.5}, "retries is a whole number"),
            ({"retry_delay_seconds": float("inf")}, "retry_delay_seconds is a number"),
            ({"retries": True}, "not True"),
        ],
    )
    def test_what_no_rule_could_read(self, attributes: dict[str, Any], problem: str) -> None:
        with pytest.raises(InvalidAttributes, match=problem):
            TaskSpec("t", attributes=attributes)


def test_of_two_who_begin_it_at_once_one_does(service: TransitionService) -> None:
    tasks = ids(10)
    registered(service, *tasks)
    service.transition_tasks(tasks, "PENDING")

    with TransitionService.connect(service.dsn) as other:
        for task in tasks:
            answers = at_once([partial(answered, one, "RUNNING", task) for one in (service, other)])
            assert {answer[:2] for answer in answers} == {("ACCEPT", None), ("ABORT", "invalid-transition")}


def test_many_that_a_rule_does_not_let_go_where_they_are_proposed(service: TransitionService) -> None:
    registered(service, "now", "late", "failing", retries=1)
    service.transition_task("late", "SCHEDULED", scheduled_time=NINE + AN_HOUR, occurred_at=NINE - AN_HOUR)
    service.transition_task("failing", "RUNNING")

    begun = service.transition_tasks(["now", "late"], "RUNNING", occurred_at=NINE)
    failed = service.transition_tasks(["now", "failing"], "FAILED")

    assert (begun["transitioned"], begun["invalid"]) == (["now"], ["late"])
    assert (failed["transitioned"], failed["invalid"]) == ([], ["now", "failing"])
    assert service.transition_task("failing", "SCHEDULED")["status"] == "SCHEDULED"


def test_a_rule_that_fails_is_raised_and_nothing_is_written(
    service: TransitionService, connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError

    registered(service, "t", tags=["gpu"])
    # The last one before it takes slots.
    monkeypatch.setattr(CORE_RULES["retry-failed"], "before_transition", fails)
    service.transition_task("t", "RUNNING")
    before = rows(connection, "SELECT * FROM sojourn.event")

    with pytest.raises(RuleFailed, match="rule 'retry-failed' failed on the way from RUNNING to FAILED: ZeroDivision"):
        service.transition_task("t", "FAILED", command_id="c")

    assert rows(connection, "SELECT * FROM sojourn.event") == before
    assert rows(connection, "SELECT * FROM sojourn.command") == []
    assert holders(service)["gpu"] == {"t"}


class TestSlots:
    def test_no_more_run_at_once_than_may(
        self, service: TransitionService, connection: psycopg.Connection[Any]
    ) -> None:
        tasks, limit, workers = ids(24), 2, 4
        service.limit_concurrency("gpu", limit)
        registered(service, *tasks, tags=["gpu", "free"])

        def work(part: list[str]) -> None:
            with TransitionService.connect(service.dsn) as own:
                for task in part:
                    tries = islice(cycle([None]), 5_000)
                    assert any(
                        own.transition_task(task, "RUNNING", max_retries=50)["response"] == "ACCEPT" for _ in tries
                    )
                    assert own.transition_task(task, "COMPLETED")["response"] == "ACCEPT"

        at_once([partial(work, tasks[number::workers]) for number in range(workers)])

        stays = rows(
            connection,
            "SELECT entered_at, exited_at FROM sojourn.task_status_audit WHERE new_status = 'RUNNING'",
        )
        assert len(stays) == len(tasks)
        at_a_time = [
            sum(other["entered_at"] <= stay["entered_at"] < other["exited_at"] for other in stays) for stay in stays
        ]
        assert max(at_a_time) <= limit
        assert holders(service) == {"gpu": set()}
        assert verify_log(service.store)["mismatches"] == []

    def test_a_transaction_that_is_rolled_back_takes_none(
        self, service: TransitionService, connection: psycopg.Connection[Any]
    ) -> None:
        service.limit_concurrency("gpu", 1)
        registered(service, "t", "other", tags=["gpu"])

        with connection.transaction(force_rollback=True):
            assert service.transition_task("t", "RUNNING", connection=connection)["response"] == "ACCEPT"
        assert holders(service) == {"gpu": set()}

        assert service.transition_tasks(["t", "other"], "RUNNING")["transitioned"] == ["t"]
        assert answered(service, "RUNNING", "other") == ("WAIT", "concurrency-slots", "SCHEDULED", 30.0)

    def test_a_bulk_gate_into_running_keeps_the_limit(self, service: TransitionService, tmp_path: Path) -> None:
        file = tmp_path / "gated.toml"
        file.write_text(TAGGED.replace("[task]", '[gate]\nto = "RUNNING"\n[task]'))
        tasks, limit = ids(20), 3
        service.limit_concurrency("gpu", limit)
        service.register_tasks("w", [TaskSpec(task, attributes={"tags": ["gpu"]}) for task in tasks], lifecycle=file)

        halves = [partial(service.gate_tasks_for_queueing, tasks[start::2], max_retries=50) for start in range(2)]
        answers = at_once(halves)

        gated = {task for answer in answers for task in answer["gated"]}
        assert len(gated) == limit
        assert sorted(gated.union(*(answer["invalid"] for answer in answers))) == sorted(tasks)
        assert holders(service) == {"gpu": gated}
        assert service.gate_tasks_for_queueing(tasks)["gated"] == []
        assert verify_log(service.store)["mismatches"] == []

    def test_one_that_a_rule_further_in_withdraws_takes_none(self, service: TransitionService, tagged: Path) -> None:
        service.limit_concurrency("gpu", 1)
        service.register_tasks("w", [TaskSpec("t", attributes={"tags": ["gpu"]})], lifecycle=tagged)
        service.transition_task("t", "SCHEDULED", scheduled_time=NINE + AN_HOUR)

        assert answered(service, "RUNNING", occurred_at=NINE)[:3] == ("WAIT", "wait-for-scheduled-time", "SCHEDULED")
        assert holders(service) == {"gpu": set()}

    def test_who_remembers_what_is_no_longer_so_takes_none(self, service: TransitionService, tagged: Path) -> None:
        service.limit_concurrency("gpu", 1)
        service.register_tasks("w", [TaskSpec("t", attributes={"tags": ["gpu"]})], lifecycle=tagged)
        service.transition_task("t", "SCHEDULED")
        with TransitionService.connect(service.dsn) as other:
            for status in ("RUNNING", "COMPLETED"):
                other.transition_task("t", status)

        assert answered(service, "RUNNING")[1] == "invalid-transition"
        assert holders(service) == {"gpu": set()}

    def test_a_transaction_that_cannot_see_the_newest_holders_fails(
        self, service: TransitionService, connection: psycopg.Connection[Any]
    ) -> None:
        service.limit_concurrency("gpu", 1)
        registered(service, "t", "other", tags=["gpu"])
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ

        with connection.transaction(force_rollback=True):
            connection.execute("SELECT FROM sojourn.slot")
            service.transition_task("other", "RUNNING")
            with pytest.raises(psycopg.errors.SerializationFailure):
                service.transition_task("t", "RUNNING", connection=connection)

        assert holders(service) == {"gpu": {"other"}}

    @pytest.mark.fresh_database
    def test_a_tag_that_others_hold_for_long(
        self, service: TransitionService, connection: psycopg.Connection[Any]
    ) -> None:
        connection.execute("ALTER FUNCTION sojourn.take_slots SET lock_timeout = '20ms'")
        service.limit_concurrency("gpu", 1)
        registered(service, "t", tags=["gpu"])

        with psycopg.connect(service.dsn) as other:
            other.execute("SELECT FROM sojourn.slot_limit FOR UPDATE")
            answer = service.transition_task("t", "RUNNING", max_retries=2)
            with connection.transaction():
                within = service.transition_task("t", "RUNNING", max_retries=1, connection=connection)
                assert connection.execute("SELECT 1").fetchone() == (1,)

        assert answer["error"] == within["error"] == "max_retries_exceeded"
        assert len(read_history(service.store, Entity(TASK, "t"))) == 1
        assert answered(service, "RUNNING")[0] == "ACCEPT"

    def test_whatever_ends_a_run_frees_its_slot(self, service: TransitionService, tagged: Path) -> None:
        service.limit_concurrency("gpu", 1)
        service.register_tasks("w", [TaskSpec("t", attributes={"tags": ["gpu"]})], lifecycle=tagged)
        endings: list[Callable[[], object]] = [
            partial(service.reset_tasks, ["t"], reset_if_running=True),
            partial(service.transition_tasks, ["t"], "COMPLETED"),
        ]

        for end in endings:
            assert answered(service, "RUNNING")[0] == "ACCEPT"
            end()
            assert holders(service) == {"gpu": set()}

    def test_a_limit_counts_who_runs_already(self, service: TransitionService) -> None:
        registered(service, "t", "other", "third", tags=["gpu"])
        service.transition_tasks(["t", "other"], "RUNNING")

        service.limit_concurrency("gpu", 1)
        assert answered(service, "RUNNING", "third")[0] == "WAIT"
        service.limit_concurrency("gpu", 3)
        assert answered(service, "RUNNING", "third")[0] == "ACCEPT"
        service.limit_concurrency("gpu", None)
        assert [slots["slots"] for slots in list_slots(service.store)] == [None]

    @pytest.mark.parametrize("slots", [-1, 2**31, "3"])
    def test_a_limit_that_is_none(self, service: TransitionService, slots: Any) -> None:
        with pytest.raises(InvalidLimit, match="limit of 0 to"):
            service.limit_concurrency("gpu", slots)
