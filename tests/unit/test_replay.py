"""A replay: given events, what the entities are; and whether each of them could be."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.actor import Actor
from domain.auditing.legality import find_violations
from domain.auditing.mismatch import Mismatch
from domain.auditing.replay import Replay
from domain.clock import DATABASE_CLOCK, UNKNOWN_CLOCK
from domain.entities.events import (
    Event,
    TaskInstanceCreated,
    TaskInstanceRefused,
    TaskInstanceTransitioned,
    TaskRefused,
    TaskRegistered,
    TaskReset,
    TaskTransitioned,
)
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.errors import UnknownLifecycle
from domain.lifecycles import get_lifecycle
from domain.lifecycles.lifecycle import Lifecycle
from domain.time import entry_time

JOBMON = get_lifecycle("jobmon")
NINE = datetime(2026, 1, 31, 9, tzinfo=UTC)


def minutes(count: int) -> datetime:
    return NINE + timedelta(minutes=count)


def registered(task_id: str = "t", **more: Any) -> TaskRegistered:
    content = {"lifecycle": "jobmon", "lifecycle_version": JOBMON.version, "max_attempts": 2, "status": "REGISTERING"}
    return TaskRegistered.model_validate(envelope(f"task:{task_id}", 1) | {"num_attempts": 0} | content | more)


def task_moved(version: int, previous: str, status: str, **more: Any) -> TaskTransitioned:
    content = {"previous_status": previous, "status": status, "num_attempts": 1}
    return TaskTransitioned.model_validate(envelope("task:t", version) | content | more)


def task_refused(version: int, status: str, reported: str, **more: Any) -> TaskRefused:
    content = {"status": status, "reported": reported, "rule": "invalid-transition", "num_attempts": 1}
    return TaskRefused.model_validate(envelope("task:t", version) | content | more)


def task_reset(version: int, previous: str, status: str = "REGISTERING", **more: Any) -> TaskReset:
    content = {"previous_status": previous, "status": status, "num_attempts": 0}
    return TaskReset.model_validate(envelope("task:t", version) | content | more)


def created(task_id: str = "t", name: str = "i", **more: Any) -> TaskInstanceCreated:
    content = {"task_id": task_id, "ordinal": 1, "status": "QUEUED"}
    return TaskInstanceCreated.model_validate(envelope(f"task_instance:{name}", 1) | content | more)


def instance_moved(version: int, previous: str, status: str, **more: Any) -> TaskInstanceTransitioned:
    content = {"task_id": "t", "previous_status": previous, "status": status, "reported": status}
    return TaskInstanceTransitioned.model_validate(envelope("task_instance:i", version) | content | more)


def instance_refused(version: int, status: str, reported: str, **more: Any) -> TaskInstanceRefused:
    content = {"task_id": "t", "status": status, "reported": reported, "rule": "untimely-transition"}
    return TaskInstanceRefused.model_validate(envelope("task_instance:i", version) | content | more)


def envelope(stream: str, version: int) -> dict[str, Any]:
    return {"stream": stream, "version": version, "workflow_id": "w", "recorded_at": NINE}


def pinned(name: str, version: int) -> Lifecycle:
    if (name, version) != JOBMON.key:
        raise UnknownLifecycle(name, ["jobmon"])
    return JOBMON


def given(*events: Event, lifecycle_of: Callable[[str, int], Lifecycle] = pinned) -> Replay:
    """A replay of those events, each of which is legal."""
    replay = Replay(lifecycle_of)
    for event in events:
        assert list(find_violations(event, replay)) == []
        replay.apply(event)
    return replay


def wrong(event: Event, before: Replay) -> list[tuple[str, object, object]]:
    """What is wrong with the next event, what was expected, and what was found."""
    return [(mismatch.what, mismatch.expected, mismatch.found) for mismatch in find_violations(event, before)]


QUEUED = (registered(), task_moved(2, "REGISTERING", "QUEUED"))
LAUNCHED = (
    *QUEUED,
    created(),
    instance_moved(2, "QUEUED", "INSTANTIATED"),
    task_moved(3, "QUEUED", "INSTANTIATING", cause="task_instance:i@2"),
    instance_moved(3, "INSTANTIATED", "LAUNCHED"),
    task_moved(4, "INSTANTIATING", "LAUNCHED", cause="task_instance:i@3"),
)
RUNNING = (*LAUNCHED, instance_moved(4, "LAUNCHED", "RUNNING"), task_moved(5, "LAUNCHED", "RUNNING"))
ENDED = (*RUNNING, task_moved(6, "RUNNING", "ERROR_FATAL"))


class TestFold:
    def test_a_task(self) -> None:
        replay = given(
            registered(template="align", array_id="a", occurred_at=minutes(1)),
            task_moved(2, "REGISTERING", "QUEUED", occurred_at=minutes(3)),
            task_refused(3, "QUEUED", "DONE", occurred_at=minutes(5)),
        )

        assert replay.entities == {
            "task:t": Task(
                "t",
                "w",
                JOBMON,
                2,
                "align",
                "a",
                status="QUEUED",
                num_attempts=1,
                version=3,
                entered_at=minutes(3),
                entered_clock=UNKNOWN_CLOCK,
            )
        }

    def test_an_instance_and_its_task(self) -> None:
        replay = given(
            *QUEUED,
            created(),
            instance_moved(
                2, "QUEUED", "INSTANTIATED", report_by_date=minutes(9), distributor_id="7", occurred_at=NINE
            ),
            instance_refused(3, "INSTANTIATED", "DONE", report_by_date=minutes(9), distributor_id="7"),
        )

        assert replay.task("t") == Task(
            "t",
            "w",
            JOBMON,
            2,
            status="QUEUED",
            num_attempts=1,
            instances=1,
            version=2,
            entered_at=NINE,
            entered_clock=DATABASE_CLOCK,
        )
        assert replay.entities["task_instance:i"] == TaskInstance(
            "i", "t", "w", 1, "INSTANTIATED", 3, NINE, minutes(9), "7", entered_clock=UNKNOWN_CLOCK
        )

    def test_nothing_is_entered_before_what_came_before_it(self) -> None:
        replay = given(
            registered(occurred_at=minutes(5)), task_moved(2, "REGISTERING", "QUEUED", occurred_at=minutes(1))
        )

        assert replay.entities["task:t"].entered_at == minutes(5)

    def test_a_reset(self) -> None:
        replay = given(*QUEUED, task_reset(3, "QUEUED"))

        task = replay.task("t")
        assert task is not None
        assert (task.status, task.num_attempts, task.version) == ("REGISTERING", 0, 3)

    def test_an_event_that_is_passed_over_counts_as_a_version(self) -> None:
        replay = given(*QUEUED)

        replay.skip("task:t", 3)
        replay.skip("task:other", 1)

        assert replay.entities["task:t"].version == 3
        assert "task:other" in replay.without_creation_event

    def test_under_another_lifecycle_the_same_events_come_to_the_same_statuses(self) -> None:
        machine = {"initial": "REGISTERING", "terminal": [], "transitions": {"REGISTERING": []}}
        strict = Lifecycle.model_validate({"name": "strict", "version": 1, "task": machine})
        replay = Replay(lambda _name, _version: strict)

        replay.apply(registered())
        found = wrong(QUEUED[1], replay)
        replay.apply(QUEUED[1])

        assert found == [("edge", [], "QUEUED")]
        assert replay.entities["task:t"].status == "QUEUED"


def test_times_are_compared_as_instants_where_clocks_are_set_back() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    before = datetime(2025, 10, 26, 0, 50, tzinfo=UTC).astimezone(berlin)
    after = datetime(2025, 10, 26, 1, 10, tzinfo=UTC).astimezone(berlin)

    assert entry_time(after, before) == after
    assert entry_time(before, after) == after


class TestWhatCanBe:
    @pytest.mark.parametrize(
        ("before", "event"),
        [
            (QUEUED, task_reset(3, "QUEUED")),
            (RUNNING, task_reset(6, "RUNNING")),
            (ENDED, task_reset(7, "ERROR_FATAL")),
            (QUEUED, task_refused(3, "QUEUED", "DONE")),
            (RUNNING, instance_refused(5, "RUNNING", "LAUNCHED")),
            (RUNNING, task_refused(6, "RUNNING", "REGISTERING", rule="superseded-instance")),
            (ENDED, instance_moved(5, "RUNNING", "ERROR_FATAL", reported="ERROR", rule="orphaned-instance")),
            (ENDED, instance_moved(5, "RUNNING", "KILL_SELF")),
            (QUEUED, task_moved(3, "QUEUED", "INSTANTIATING", num_attempts=2)),
        ],
    )
    def test_legal(self, before: tuple[Event, ...], event: Event) -> None:
        assert wrong(event, given(*before)) == []

    @pytest.mark.parametrize(
        ("before", "event", "expected"),
        [
            ((), QUEUED[1], [("beginning", "task.registered.v1", "task.transitioned.v1")]),
            (QUEUED, registered(version=3), [("beginning", None, "task.registered.v1")]),
            ((), registered(version=2), [("version", 1, 2)]),
            (QUEUED, task_moved(2, "QUEUED", "INSTANTIATING"), [("version", 3, 2)]),
            (QUEUED, task_moved(5, "QUEUED", "INSTANTIATING"), [("version", 3, 5)]),
            ((), registered(status="ERROR_RECOVERABLE"), [("initial-status", "REGISTERING", "ERROR_RECOVERABLE")]),
            ((), registered(status="QUEUED"), [("num-attempts", 1, 0)]),
            ((), registered(num_attempts=1), [("num-attempts", 0, 1)]),
            ((), registered(lifecycle="gone"), [("lifecycle", f"gone version {JOBMON.version}", None)]),
            ((), registered(lifecycle_version=9), [("lifecycle", "jobmon version 9", None)]),
            (QUEUED, created(status="RUNNING"), [("initial-status", "QUEUED", "RUNNING")]),
            (QUEUED, created(ordinal=2), [("ordinal", 1, 2)]),
            (QUEUED, created("other"), [("task", "other", None)]),
            (QUEUED, created(workflow_id="v"), [("workflow", "w", "v")]),
            (RUNNING, created(name="j"), [("ordinal", 2, 1)]),
            (QUEUED, task_moved(3, "QUEUED", "INSTANTIATING", workflow_id="v"), [("workflow", "w", "v")]),
            (QUEUED, task_moved(3, "LAUNCHED", "RUNNING"), [("previous-status", "QUEUED", "LAUNCHED")]),
            (QUEUED, task_moved(3, "QUEUED", "DONE"), [("edge", ["INSTANTIATING"], "DONE")]),
            (QUEUED, task_moved(3, "QUEUED", "QUEUED"), [("edge", ["INSTANTIATING"], "QUEUED")]),
            (QUEUED, task_moved(3, "QUEUED", "INSTANTIATING", num_attempts=3), [("num-attempts", [1, 2], 3)]),
            (QUEUED, task_moved(3, "QUEUED", "INSTANTIATING", num_attempts=0), [("num-attempts", [1, 2], 0)]),
            (QUEUED, task_refused(3, "QUEUED", "DONE", num_attempts=2), [("num-attempts", [1], 2)]),
            (QUEUED, task_refused(3, "RUNNING", "QUEUED"), [("status", "QUEUED", "RUNNING")]),
            (
                QUEUED,
                task_refused(3, "QUEUED", "INSTANTIATING"),
                [("refusal", "INSTANTIATING", "invalid-transition")],
            ),
            (LAUNCHED, instance_refused(4, "LAUNCHED", "RUNNING"), [("refusal", "RUNNING", "untimely-transition")]),
            (QUEUED, task_reset(3, "QUEUED", num_attempts=1), [("num-attempts", [0], 1)]),
            (QUEUED, task_reset(3, "QUEUED", "RUNNING"), [("reset", "REGISTERING", "RUNNING")]),
            (
                (*RUNNING, task_moved(6, "RUNNING", "DONE")),
                task_reset(7, "DONE"),
                [("reset", None, "task.reset.v1")],
            ),
            (LAUNCHED, instance_moved(4, "LAUNCHED", "RUNNING", task_id="o"), [("task", "t", "o")]),
            (
                RUNNING,
                instance_moved(5, "RUNNING", "ERROR_FATAL", reported="ERROR"),
                [("rule", list(JOBMON.rules), None)],
            ),
            (
                RUNNING,
                instance_moved(5, "RUNNING", "ERROR_FATAL", reported="ERROR", rule="orphaned-instance"),
                [("rule", None, "orphaned-instance")],
            ),
            (ENDED, instance_moved(5, "RUNNING", "ERROR"), [("rule", "orphaned-instance", None)]),
            (
                ENDED,
                instance_moved(5, "RUNNING", "DONE", reported="ERROR", rule="orphaned-instance"),
                [("status", "ERROR_FATAL", "DONE")],
            ),
            (
                (*LAUNCHED, task_moved(5, "LAUNCHED", "ERROR_FATAL")),
                # LAUNCHED has an edge to what it became, and none to what was reported.
                instance_moved(4, "LAUNCHED", "ERROR_FATAL", reported="ERROR", rule="orphaned-instance"),
                [("edge", list(JOBMON.instance.transitions["LAUNCHED"]) if JOBMON.instance else [], "ERROR")],
            ),
        ],
    )
    def test_illegal(self, before: tuple[Event, ...], event: Event, expected: object) -> None:
        assert wrong(event, given(*before)) == expected

    @pytest.mark.parametrize(
        "cause", ["task:t@3", "task:t@0", "task:o@1", "task_instance:i@5", "t@1", "x", "task:t@-1"]
    )
    def test_a_cause_that_is_not_before_its_effect(self, cause: str) -> None:
        event = task_moved(3, "QUEUED", "INSTANTIATING", cause=cause)

        assert wrong(event, given(*QUEUED, created())) == [("cause", cause, None)]

    def test_a_headless_stream_is_told_of_once_and_causes_nothing_more(self) -> None:
        replay = given(*QUEUED)
        gone = registered("g", lifecycle="gone")
        assert [what for what, _, _ in wrong(gone, replay)] == ["lifecycle"]
        replay.apply(gone)

        assert wrong(task_moved(2, "A", "B", stream="task:g"), replay) == []
        assert wrong(created("g"), replay) == []
        assert wrong(task_moved(3, "QUEUED", "INSTANTIATING", cause="task:g@1"), replay) == []

    def test_an_instance_where_the_lifecycle_has_none(self) -> None:
        alone = JOBMON.model_copy(update={"instance": None})
        replay = given(*QUEUED, lifecycle_of=lambda _name, _version: alone)

        assert wrong(created(), replay) == [("lifecycle", None, "jobmon")]

    def test_a_mismatch_says_what_is_wrong_with_which_event_of_whom(self) -> None:
        event = instance_moved(4, "LAUNCHED", "DONE", actor=Actor(component="worker"))

        (mismatch,) = find_violations(event, given(*LAUNCHED))

        assert mismatch == Mismatch(
            "ti:i",
            "edge",
            ["RUNNING", "UNKNOWN_ERROR", "NO_HEARTBEAT", "RESOURCE_ERROR", "KILL_SELF", "ERROR_FATAL"],
            "DONE",
            "task_instance:i@4 goes from LAUNCHED to DONE, and the machine has no such edge",
        )
