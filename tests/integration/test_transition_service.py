"""The service on a real database: its answers, and what the log has of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import psycopg
import pytest

from application.transition_service import TaskSpec, TransitionService
from domain.errors import (
    InvalidId,
    InvalidMaxAttempts,
    InvalidTime,
    TaskConflict,
    TaskInstanceConflict,
    UnknownEntity,
    UnknownLifecycle,
)
from tests.support.agreement import assert_agreement, rows
from tests.support.attempts import attempt, ids, log, register, status

NINE = datetime(2026, 1, 31, 9, tzinfo=UTC)
NO_LISTS: dict[str, list[str]] = {"invalid": [], "locked": [], "not_found": []}


class TestRegisterTasks:
    def test_a_task_is_registered_once(self, service: TransitionService, connection: psycopg.Connection[Any]) -> None:
        specs = [TaskSpec("t1", 3, template="align", array_id="a1"), TaskSpec("t2")]

        assert service.register_tasks("w", specs) == {"registered": 2, "existing": 0}
        assert service.register_tasks("w", specs) == {"registered": 0, "existing": 2}

        assert log(service, "task:t1") == ["task.registered REGISTERING"]
        (task,) = rows(connection, "SELECT * FROM sojourn.task WHERE task_id = 't1'")
        assert (task["workflow_id"], task["max_attempts"], task["template"], task["array_id"]) == (
            "w",
            3,
            "align",
            "a1",
        )

    def test_twice_in_one_call_with_the_same_content_is_once(self, service: TransitionService) -> None:
        answer = service.register_tasks("w", [TaskSpec("t1"), TaskSpec("t1")])

        assert answer == {"registered": 1, "existing": 1}

    @pytest.mark.parametrize(
        ("workflow_id", "spec", "difference"),
        [
            ("other", TaskSpec("t1", 3, "align"), {"workflow": ("w", "other")}),
            ("w", TaskSpec("t1", 4, "align"), {"max_attempts": (3, 4)}),
            ("w", TaskSpec("t1", 3, "sort"), {"template": ("align", "sort")}),
            ("w", TaskSpec("t1", 3, "align", "a1"), {"array": (None, "a1")}),
        ],
    )
    def test_other_content_is_a_conflict_and_nothing_of_the_call_is_kept(
        self, service: TransitionService, workflow_id: str, spec: TaskSpec, difference: dict[str, object]
    ) -> None:
        service.register_tasks("w", [TaskSpec("t1", 3, "align")])

        with pytest.raises(TaskConflict, match="t1") as raised:
            service.register_tasks(workflow_id, [TaskSpec("t0"), spec])

        assert raised.value.differences == difference
        assert status(service, "task:t0", "task:t1") == [None, "REGISTERING"]

    def test_a_conflict_within_one_call(self, service: TransitionService) -> None:
        with pytest.raises(TaskConflict):
            service.register_tasks("w", [TaskSpec("t1", 1), TaskSpec("t1", 2)])

    def test_an_unknown_lifecycle(self, service: TransitionService) -> None:
        with pytest.raises(UnknownLifecycle, match="did you mean 'jobmon'"):
            service.register_tasks("w", [TaskSpec("t1")], lifecycle="jobman")

    def test_nothing_to_register(self, service: TransitionService) -> None:
        assert service.register_tasks("w", []) == {"registered": 0, "existing": 0}


class TestCreateTaskInstances:
    def test_an_instance_is_created_once(self, service: TransitionService, connection: psycopg.Connection[Any]) -> None:
        register(service, "t1", "t2")
        service.gate_tasks_for_queueing(["t1", "t2"])

        assert service.create_task_instances({"a": "t1", "b": "t2"}) == {"created": 2, "existing": 0}
        assert service.create_task_instances({"a": "t1", "c": "t1"}) == {"created": 1, "existing": 1}

        found = rows(connection, "SELECT task_instance_id, ordinal, status FROM sojourn.task_instance ORDER BY 1")
        assert [tuple(row.values()) for row in found] == [("a", 1, "QUEUED"), ("b", 1, "QUEUED"), ("c", 2, "QUEUED")]
        assert_agreement(connection)

    def test_one_of_another_task_is_a_conflict(self, service: TransitionService) -> None:
        register(service, "t1", "t2")
        service.create_task_instances({"a": "t1"})

        with pytest.raises(TaskInstanceConflict, match="'a' belongs to task 't1', not to 't2'"):
            service.create_task_instances({"b": "t2", "a": "t2"})

        assert status(service, "ti:b") == [None]

    def test_one_of_an_unknown_task(self, service: TransitionService) -> None:
        register(service, "align-1")

        with pytest.raises(UnknownEntity, match="no task 'align-2'; did you mean 'align-1'"):
            service.create_task_instances({"a": "align-2"})

    def test_nothing_to_create(self, service: TransitionService) -> None:
        assert service.create_task_instances({}) == {"created": 0, "existing": 0}


class TestTransitionTaskInstance:
    def test_a_life_without_trouble(self, service: TransitionService, connection: psycopg.Connection[Any]) -> None:
        register(service, "t1")
        service.gate_tasks_for_queueing(["t1"])
        service.create_task_instances({"t1/1": "t1"})

        for report, implied in [
            ("INSTANTIATED", "INSTANTIATING"), ("LAUNCHED", "LAUNCHED"), ("RUNNING", "RUNNING"), ("DONE", "DONE"),
        ]:  # fmt: skip
            assert service.transition_task_instance("t1/1", report) == {
                "ti_updated": True,
                "task_transitioned": True,
                "task_status": implied,
                "error": None,
                "orphaned": False,
            }

        assert status(service, "task:t1", "ti:t1/1") == ["DONE", "DONE"]
        assert_agreement(connection)

    def test_a_retry(self, service: TransitionService) -> None:
        register(service, "t1")
        attempt(service, "t1")

        answer = service.transition_task_instance("t1/1", "ERROR", reason="exit status 3")

        assert (answer["task_transitioned"], answer["task_status"]) == (True, "REGISTERING")
        assert log(service, "task:t1")[-2:] == ["task.transitioned ERROR_RECOVERABLE", "task.transitioned REGISTERING"]

    def test_the_last_attempt(self, service: TransitionService) -> None:
        register(service, "t1", max_attempts=2)
        attempt(service, "t1")
        service.transition_task_instance("t1/1", "RESOURCE_ERROR")
        assert status(service, "task:t1") == ["ADJUSTING_RESOURCES"]
        attempt(service, "t1")

        answer = service.transition_task_instance("t1/2", "RESOURCE_ERROR")

        assert answer["task_status"] == "ERROR_FATAL"

    @pytest.mark.parametrize(
        ("report", "error"), [("LAUNCHED", "untimely_transition"), ("QUEUED", "invalid_ti_transition")]
    )
    def test_a_refusal_is_on_record_and_changes_nothing(
        self, service: TransitionService, report: str, error: str, connection: psycopg.Connection[Any]
    ) -> None:
        register(service, "t1")
        attempt(service, "t1")

        answer = service.transition_task_instance("t1/1", report)

        assert answer == {
            "ti_updated": False,
            "task_transitioned": False,
            "task_status": "RUNNING",
            "error": error,
            "orphaned": False,
        }
        assert log(service, "task_instance:t1/1")[-1] == "task_instance.refused RUNNING"
        assert status(service, "task:t1", "ti:t1/1") == ["RUNNING", "RUNNING"]
        assert_agreement(connection)

    def test_a_claim_is_kept_where_the_log_says_otherwise(
        self, service: TransitionService, connection: psycopg.Connection[Any]
    ) -> None:
        register(service, "t1")
        attempt(service, "t1")

        answer = service.transition_task_instance("t1/1", "DONE", current_ti_status="LAUNCHED")

        assert (answer["ti_updated"], answer["task_status"]) == (True, "DONE")
        (event,) = rows(
            connection, "SELECT data FROM sojourn.event WHERE stream = 'task_instance:t1/1' AND version = 5"
        )
        assert (event["data"]["claimed"], event["data"]["previous_status"]) == ("LAUNCHED", "RUNNING")

    def test_an_orphan(self, service: TransitionService, connection: psycopg.Connection[Any]) -> None:
        register(service, "t1")
        attempt(service, "t1")
        service.transition_task_instance("t1/1", "TRIAGING")
        service.transition_tasks(["t1"], "REGISTERING")
        attempt(service, "t1")
        service.transition_task_instance("t1/2", "DONE")

        answer = service.transition_task_instance("t1/1", "UNKNOWN_ERROR")

        assert answer == {
            "ti_updated": True,
            "task_transitioned": False,
            "task_status": "DONE",
            "error": None,
            "orphaned": True,
        }
        (audit,) = rows(
            connection,
            "SELECT * FROM sojourn.task_instance_status_audit WHERE task_instance_id = 't1/1' AND exited_at IS NULL",
        )
        assert (audit["new_status"], audit["reported"], audit["rule"]) == (
            "ERROR_FATAL", "UNKNOWN_ERROR", "orphaned-instance",
        )  # fmt: skip
        assert_agreement(connection)

    def test_one_that_nobody_has_created(self, service: TransitionService) -> None:
        assert service.transition_task_instance("t9/1", "RUNNING") == {
            "ti_updated": False,
            "task_transitioned": False,
            "task_status": None,
            "error": "not_found",
            "orphaned": False,
        }

    def test_the_date_to_report_by_is_kept_on_its_row(
        self, service: TransitionService, connection: psycopg.Connection[Any]
    ) -> None:
        register(service, "t1")
        attempt(service, "t1", until="LAUNCHED")

        service.transition_task_instance("t1/1", "RUNNING", report_by_date=NINE)
        service.transition_task_instance("t1/1", "TRIAGING")

        (row,) = rows(connection, "SELECT report_by_date FROM sojourn.task_instance")
        assert row["report_by_date"] == NINE

    def test_when_it_happened_is_kept_beside_when_it_was_recorded(
        self, service: TransitionService, connection: psycopg.Connection[Any]
    ) -> None:
        later = datetime.now(UTC) + timedelta(seconds=30)
        register(service, "t1")
        attempt(service, "t1")

        service.transition_task_instance("t1/1", "DONE", occurred_at=later)

        events = rows(connection, "SELECT * FROM sojourn.event ORDER BY position DESC LIMIT 2")
        for event in events:
            assert (event["occurred_at"], event["entered_at"]) == (later, later)
            assert event["recorded_at"] < later


class TestTransitionTask:
    def test_a_proposal_for_the_task_itself(self, service: TransitionService) -> None:
        register(service, "t1")

        assert service.transition_task("t1", "QUEUED") == {
            "status": "QUEUED",
            "response": "ACCEPT",
            "delay_seconds": None,
            "rule": None,
            "reason": None,
            "owner": None,
            "error": None,
        }

    def test_one_that_is_refused(self, service: TransitionService) -> None:
        register(service, "t1")

        answer = service.transition_task("t1", "DONE")

        assert (answer["status"], answer["response"], answer["rule"]) == ("REGISTERING", "ABORT", "invalid-transition")
        assert log(service, "task:t1")[-1] == "task.refused REGISTERING"

    def test_a_task_that_nobody_has_registered(self, service: TransitionService) -> None:
        answer = service.transition_task("t9", "DONE")

        assert (answer["status"], answer["error"]) == (None, "not_found")


class TestGate:
    def test_each_id_is_in_one_list_in_the_order_of_the_call(
        self, service: TransitionService, connection: psycopg.Connection[Any]
    ) -> None:
        register(service, "new", "adjusting", "recoverable", "done", "running")
        service.transition_tasks(["adjusting", "recoverable", "done"], "QUEUED")
        for to in ("INSTANTIATING", "RUNNING"):
            service.transition_tasks(["adjusting", "recoverable", "done"], to)
        service.transition_tasks(["adjusting"], "ADJUSTING_RESOURCES")
        service.transition_tasks(["recoverable"], "ERROR_RECOVERABLE")
        service.transition_tasks(["done"], "DONE")

        answer = service.gate_tasks_for_queueing(["recoverable", "done", "nowhere", "new", "adjusting", "new"])

        assert answer == {
            "gated": ["recoverable", "new", "adjusting"],
            "invalid": ["done"],
            "locked": [],
            "not_found": ["nowhere"],
        }
        found = rows(connection, "SELECT task_id, status, num_attempts FROM sojourn.task ORDER BY task_id")
        assert [tuple(row.values()) for row in found] == [
            ("adjusting", "QUEUED", 1), ("done", "DONE", 0), ("new", "QUEUED", 1), ("recoverable", "QUEUED", 1),
            ("running", "REGISTERING", 0),
        ]  # fmt: skip
        assert_agreement(connection)

    def test_attempts_add_up(self, service: TransitionService, connection: psycopg.Connection[Any]) -> None:
        register(service, "t1")
        attempt(service, "t1")
        service.transition_task_instance("t1/1", "ERROR")
        attempt(service, "t1")

        (task,) = rows(connection, "SELECT num_attempts, instances FROM sojourn.task")
        assert tuple(task.values()) == (2, 2)


class TestTransitionTasks:
    def test_each_by_its_own_machine(self, service: TransitionService) -> None:
        register(service, "a", "b", "c")
        service.transition_tasks(["a", "c"], "QUEUED")

        answer = service.transition_tasks(["c", "nowhere", "b", "a"], "INSTANTIATING")

        assert answer == {"transitioned": ["c", "a"], "invalid": ["b"], "locked": [], "not_found": ["nowhere"]}

    def test_attempts_are_counted_where_asked(
        self, service: TransitionService, connection: psycopg.Connection[Any]
    ) -> None:
        register(service, "a", "b")

        service.transition_tasks(["a"], "QUEUED", increment_attempts=True)
        service.transition_tasks(["b"], "QUEUED")

        found = rows(connection, "SELECT task_id, num_attempts FROM sojourn.task ORDER BY task_id")
        assert [tuple(row.values()) for row in found] == [("a", 1), ("b", 0)]


class TestTransitionTaskInstances:
    def test_instances_of_one_task_together(
        self, service: TransitionService, connection: psycopg.Connection[Any]
    ) -> None:
        register(service, "t1", "t2")
        attempt(service, "t1", "t2")
        service.transition_tasks(["t1"], "REGISTERING")
        attempt(service, "t1")

        answer = service.transition_task_instances(["t2/1", "t1/2", "t9/1", "t1/1"], "DONE")

        assert answer == {"transitioned": ["t2/1", "t1/2", "t1/1"], "invalid": [], "locked": [], "not_found": ["t9/1"]}
        assert status(service, "task:t1", "task:t2") == ["DONE", "DONE"]
        assert log(service, "task:t1")[-1] == "task.transitioned DONE"
        assert_agreement(connection)

    def test_what_cannot_is_on_record(self, service: TransitionService) -> None:
        register(service, "t1", "t2")
        attempt(service, "t1")
        attempt(service, "t2", until="QUEUED")

        answer = service.transition_task_instances(["t1/1", "t2/1"], "DONE")

        assert (answer["transitioned"], answer["invalid"]) == (["t1/1"], ["t2/1"])
        assert log(service, "task_instance:t2/1")[-1] == "task_instance.refused QUEUED"


class TestReset:
    def test_a_resumed_workflow(self, service: TransitionService, connection: psycopg.Connection[Any]) -> None:
        register(service, "done", "running", "failed", "launched", "new", max_attempts=1)
        attempt(service, "done", "running", "failed")
        attempt(service, "launched", until="LAUNCHED")
        service.transition_task_instance("done/1", "DONE")
        service.transition_task_instance("failed/1", "ERROR")

        answer = service.reset_tasks(
            ["done", "running", "failed", "launched", "new", "nowhere"], actor="ann", reason="resumed"
        )

        assert answer == {
            "reset": ["failed", "launched", "new"],
            "kept": ["done", "running"],
            "locked": [],
            "not_found": ["nowhere"],
            "killed": ["launched/1"],
        }
        assert log(service, "task:failed")[-1] == "task.reset REGISTERING"
        (event,) = rows(
            connection, "SELECT data FROM sojourn.event WHERE stream = 'task:failed' ORDER BY version DESC LIMIT 1"
        )
        assert (event["data"]["actor"]["component"], event["data"]["reason"]) == ("ann", "resumed")
        assert status(service, "ti:running/1", "ti:launched/1", "ti:failed/1") == ["RUNNING", "KILL_SELF", "ERROR"]
        assert_agreement(connection)

    def test_running_ones_too_if_asked(self, service: TransitionService, connection: psycopg.Connection[Any]) -> None:
        register(service, "t1")
        attempt(service, "t1")

        answer = service.reset_tasks(["t1"], reset_if_running=True)

        assert (answer["reset"], answer["killed"]) == (["t1"], ["t1/1"])
        (task,) = rows(connection, "SELECT status, num_attempts FROM sojourn.task")
        assert tuple(task.values()) == ("REGISTERING", 0)


class TestNothingAsked:
    def test_every_list_is_empty(self, service: TransitionService) -> None:
        assert service.gate_tasks_for_queueing([]) == {"gated": []} | NO_LISTS
        assert service.transition_tasks([], "QUEUED") == {"transitioned": []} | NO_LISTS
        assert service.transition_task_instances([], "DONE") == {"transitioned": []} | NO_LISTS
        assert service.reset_tasks([]) == {"reset": [], "kept": [], "locked": [], "not_found": [], "killed": []}

    def test_nothing_is_written(self, service: TransitionService, connection: psycopg.Connection[Any]) -> None:
        service.gate_tasks_for_queueing([])
        service.transition_tasks(["nowhere"], "QUEUED")

        assert rows(connection, "SELECT * FROM sojourn.event") == []


UNSTORABLE = ("", "x" * 256, "a\0b", "\ud800")


class TestIds:
    def test_any_text_of_up_to_255_characters_will_do(
        self, service: TransitionService, connection: psycopg.Connection[Any]
    ) -> None:
        for name in ("x" * 255, "ü" * 255, "a b", "t:1", "a'b\"c\\d%s", "日本/1", "🙂", "{}", " ", "@1"):
            service.register_tasks(name, [TaskSpec(name, template=name, array_id=name)])
            service.gate_tasks_for_queueing([name])
            service.create_task_instances({name: name})
            service.transition_task_instance(name, "INSTANTIATED", command_id=name)

            assert service.transition_task_instances([name], "RUNNING")["transitioned"] == [name]
            assert status(service, f"task:{name}", f"ti:{name}") == ["RUNNING", "RUNNING"]
        assert_agreement(connection)

    def test_what_cannot_be_one_is_refused_everywhere(self, service: TransitionService) -> None:
        register(service, "t1")
        calls: list[Callable[[Any], object]] = [
            lambda name: service.register_tasks(name, [TaskSpec("t2")]),
            lambda name: service.register_tasks("w", [TaskSpec(name)]),
            lambda name: service.create_task_instances({name: "t1"}),
            lambda name: service.create_task_instances({"t1/1": name}),
            lambda name: service.gate_tasks_for_queueing(["t1", name]),
            lambda name: service.transition_tasks(["t1", name], "QUEUED"),
            lambda name: service.transition_task_instances([name], "QUEUED"),
            lambda name: service.transition_task_instance(name, "RUNNING"),
            lambda name: service.transition_task(name, "QUEUED"),
            lambda name: service.reset_tasks([name]),
        ]
        for call, name in product(calls, (*UNSTORABLE, 17, None)):
            with pytest.raises(InvalidId, match="not a text of 1 to 255 characters"):
                call(name)
        assert status(service, "task:t1", "task:t2") == ["REGISTERING", None]

    def test_nor_can_it_be_a_command_id_a_template_or_an_array(self, service: TransitionService) -> None:
        for name in UNSTORABLE:
            with pytest.raises(InvalidId, match="command id"):
                service.transition_task_instance("t1/1", "RUNNING", command_id=name)
            with pytest.raises(InvalidId, match="template id"):
                TaskSpec("t1", template=name)
            with pytest.raises(InvalidId, match="array id"):
                TaskSpec("t1", array_id=name)

    @pytest.mark.parametrize("attempts", [0, -1, 2**31, "3", None])
    def test_a_task_has_a_number_of_attempts(self, service: TransitionService, attempts: Any) -> None:
        with pytest.raises(InvalidMaxAttempts, match="max_attempts of 1 to 2147483647"):
            TaskSpec("t1", max_attempts=attempts)


class TestWhatIsTold:
    def test_a_time_without_a_zone_is_refused(self, service: TransitionService) -> None:
        zoneless = datetime(2026, 1, 31, 9)  # noqa: DTZ001 - the very thing that is tested
        register(service, "t1")
        calls = (
            lambda: service.register_tasks("w", [TaskSpec("t2")], occurred_at=zoneless),
            lambda: service.create_task_instances({"t1/1": "t1"}, occurred_at=zoneless),
            lambda: service.gate_tasks_for_queueing(["t1"], occurred_at=zoneless),
            lambda: service.transition_tasks(["t1"], "QUEUED", occurred_at=zoneless),
            lambda: service.transition_task_instances(["t1/1"], "DONE", occurred_at=zoneless),
            lambda: service.transition_task_instance("t1/1", "DONE", occurred_at=zoneless),
            lambda: service.transition_task_instance("t1/1", "DONE", report_by_date=zoneless),
            lambda: service.transition_task("t1", "QUEUED", occurred_at=zoneless),
            lambda: service.reset_tasks(["t1"], occurred_at=zoneless),
        )
        for call in calls:
            with pytest.raises(InvalidTime, match="has no zone"):
                call()
        assert status(service, "task:t1", "task:t2") == ["REGISTERING", None]

    def test_nor_is_one_taken_that_could_not_be_read_back(self, service: TransitionService) -> None:
        for year in (1, 9999):
            with pytest.raises(InvalidTime, match="is out of range"):
                service.register_tasks("w", [TaskSpec("t1")], occurred_at=datetime(year, 1, 1, tzinfo=UTC))

        assert status(service, "task:t1") == [None]

    def test_no_reason_keeps_a_report_out_of_the_log(
        self, service: TransitionService, connection: psycopg.Connection[Any]
    ) -> None:
        reasons = {"a": "end of stderr: \0\0", "b": "half a character: \ud83d", "c": "x" * 60_000}
        register(service, *reasons)
        attempt(service, *reasons)

        for task_id, reason in reasons.items():
            answer = service.transition_task_instance(f"{task_id}/1", "ERROR", reason=reason, command_id=task_id)
            assert answer["ti_updated"]

        found = rows(connection, "SELECT data ->> 'reason' AS reason FROM sojourn.event WHERE data ? 'reason'")
        assert {row["reason"] for row in found} == {
            "end of stderr: \ufffd\ufffd",
            "half a character: \ufffd",
            "x" * 60_000,
        }


def test_several_chunks(service: TransitionService, connection: psycopg.Connection[Any]) -> None:
    tasks = ids(12_000)
    service.register_tasks("w", [TaskSpec(task_id) for task_id in tasks])

    gated = service.gate_tasks_for_queueing([*tasks, "nowhere"])
    created = service.create_task_instances({f"{task_id}/1": task_id for task_id in tasks})
    moved = service.transition_task_instances([f"{task_id}/1" for task_id in tasks], "INSTANTIATED")

    assert gated == {"gated": tasks, "invalid": [], "locked": [], "not_found": ["nowhere"]}
    assert created == {"created": 12_000, "existing": 0}
    assert len(moved["transitioned"]) == 12_000
    assert rows(connection, "SELECT status, version, count(*) FROM sojourn.task GROUP BY status, version") == [
        {"status": "INSTANTIATING", "version": 3, "count": 12_000}
    ]
    assert_agreement(connection)
