"""An array: given its events, what it is; its batches, and what killing one means for its tasks."""

from datetime import UTC, datetime
from typing import Any

import pytest

from domain.auditing.legality import find_violations
from domain.auditing.replay import Replay
from domain.entities.array import Array, check_concurrency
from domain.entities.events import ArrayBatchQueued, ArrayBound, ArrayConcurrencyChanged, Event, TaskInstanceCreated
from domain.entities.task_instance import NOT_IN_ARRAY, ArrayMember
from domain.errors import InvalidConcurrency
from tests.support.scenario import JOBMON, given, in_words
from tests.unit.test_replay import registered, task_moved

NINE = datetime(2026, 1, 31, 9, tzinfo=UTC)
ENVELOPE = {"stream": "array:7", "workflow_id": "w", "status": "BOUND", "recorded_at": NINE}


def bound(**more: Any) -> ArrayBound:
    base = {"version": 1, "task_template_version_id": "12", "max_concurrently_running": 5, "batch_number": 0}
    return ArrayBound.model_validate(ENVELOPE | base | more)


def queued(version: int, batch_number: int, size: int, **more: Any) -> ArrayBatchQueued:
    base = {"version": version, "batch_number": batch_number, "size": size, "max_concurrently_running": 5}
    return ArrayBatchQueued.model_validate(ENVELOPE | base | more)


def changed(version: int, most: int, **more: Any) -> ArrayConcurrencyChanged:
    base = {"version": version, "max_concurrently_running": most, "batch_number": 0}
    return ArrayConcurrencyChanged.model_validate(ENVELOPE | base | more)


def created(batch_number: int, step: int, ordinal: int = 1, **more: Any) -> TaskInstanceCreated:
    base = {
        "stream": f"task_instance:t/{ordinal}", "version": 1, "workflow_id": "w", "recorded_at": NINE, "task_id": "t",
        "status": "QUEUED", "ordinal": ordinal, "array_id": "7", "batch_number": batch_number, "step": step,
    }  # fmt: skip
    return TaskInstanceCreated.model_validate(base | more)


QUEUED = (registered(), task_moved(2, "REGISTERING", "QUEUED"))


def replayed(*events: Event) -> Replay:
    """A replay of those events, each of which is legal."""
    replay = Replay(lambda _name, _version: JOBMON)
    for event in events:
        assert list(find_violations(event, replay)) == []
        replay.apply(event)
    return replay


class TestItsEvents:
    def test_an_array_is_what_its_events_say(self) -> None:
        replay = replayed(bound(array_name="align"), changed(2, 9), *QUEUED, created(1, 0))

        assert replay.array("7") == Array("7", "w", "12", "align", 9, 0, 2, NINE, members=1)
        assert replayed(bound(), *QUEUED, created(1, 0), queued(2, 1, 1)).array("7") == Array(
            "7", "w", "12", None, 5, 1, 2, NINE
        )

    def test_what_it_decides_is_what_its_events_make_of_it(self) -> None:
        array = Array.begin(Array("7", "w", "12", "align", 5).bind()).with_member().with_member()

        changed_too = array.evolve(array.change_concurrency(6))
        batched = changed_too.evolve(changed_too.queue_batch(workflow_run_id="3"))

        assert (array.next_member(), changed_too.next_member()) == (ArrayMember("7", 1, 2), ArrayMember("7", 1, 2))
        assert batched == array._replace(max_concurrently_running=6, last_batch=1, version=3, members=0)
        assert batched.next_member() == ArrayMember("7", 2, 0)

    @pytest.mark.parametrize("value", [-1, 2**31, "5", 5.0, None, True])
    def test_what_cannot_be_a_limit(self, value: object) -> None:
        with pytest.raises(InvalidConcurrency, match="max_concurrently_running is a number of 0 to 2147483647"):
            check_concurrency(value)

    @pytest.mark.parametrize("value", [0, 1, 2**31 - 1])
    def test_what_can(self, value: int) -> None:
        assert check_concurrency(value) == value


@pytest.mark.parametrize(
    ("before", "event", "expected"),
    [
        ((), queued(1, 1, 1), [("beginning", "array.bound.v1", "array.batch_queued.v1")]),
        ((bound(),), bound(version=2), [("beginning", None, "array.bound.v1")]),
        ((), bound(batch_number=3), [("batch-number", 0, 3)]),
        ((bound(),), changed(3, 9), [("version", 2, 3)]),
        ((bound(),), changed(2, 9, batch_number=1), [("batch-number", 0, 1)]),
        ((bound(),), changed(2, 9, workflow_id="v"), [("workflow", "w", "v")]),
        ((bound(), *QUEUED, created(1, 0)), queued(2, 1, 2), [("size", 1, 2)]),
        ((bound(), *QUEUED, created(1, 0)), queued(2, 2, 1), [("batch-number", 1, 2)]),
        ((bound(), *QUEUED, created(1, 0)), queued(2, 1, 1, max_concurrently_running=6), [("concurrency", 5, 6)]),
        ((bound(), *QUEUED), created(1, 1), [("step", 0, 1)]),
        ((bound(), *QUEUED), created(2, 0), [("batch-number", 1, 2)]),
        ((bound(), *QUEUED), created(1, 0, array_id="8"), [("array", "8", None)]),
        ((bound(workflow_id="v"), *QUEUED), created(1, 0), [("workflow", "v", "w")]),
    ],
)
def test_what_cannot_be(before: tuple[Event, ...], event: Event, expected: object) -> None:
    found = [(wrong.what, wrong.expected, wrong.found) for wrong in find_violations(event, replayed(*before))]

    assert found == expected


def test_an_instance_keeps_its_place_and_its_id_on_the_cluster() -> None:
    scenario = given("QUEUED", "QUEUED", attempts=1)
    instance = scenario.instances[1]._replace(member=ArrayMember("7", 1, 0))
    submitted = instance.submit("4711_0", stdout="/out")

    after = instance.evolve(submitted)

    assert (after.distributor_id, after.status, after.member) == ("4711_0", "QUEUED", ArrayMember("7", 1, 0))
    assert after.evolve(after.transition("INSTANTIATED")).distributor_id == "4711_0"
    assert scenario.instances[1].member == NOT_IN_ARRAY
    assert (submitted.stdout, submitted.is_transition) == ("/out", False)


@pytest.mark.parametrize(
    ("task", "becomes"),
    [
        ("REGISTERING", ["task refuses ERROR_FATAL (invalid-transition)"]),
        ("ADJUSTING_RESOURCES", ["task ADJUSTING_RESOURCES -> ERROR_FATAL"]),
        ("QUEUED", ["task refuses ERROR_FATAL (invalid-transition)"]),
        ("INSTANTIATING", ["task INSTANTIATING -> ERROR_RECOVERABLE", "task ERROR_RECOVERABLE -> ERROR_FATAL"]),
        ("LAUNCHED", ["task LAUNCHED -> ERROR_FATAL"]),
        ("RUNNING", ["task RUNNING -> ERROR_FATAL"]),
        ("ERROR_RECOVERABLE", ["task ERROR_RECOVERABLE -> ERROR_FATAL"]),
    ],
)
def test_an_instance_requested_to_kill_itself_ends_together_with_its_task(task: str, becomes: list[str]) -> None:
    assert in_words(given(task, "KILL_SELF", attempts=1).report("ERROR_FATAL")) == [
        "ti/1 KILL_SELF -> ERROR_FATAL",
        *becomes,
    ]


@pytest.mark.parametrize("task", ["DONE", "ERROR_FATAL"])
def test_where_the_task_has_ended_only_the_instance_ends(task: str) -> None:
    decision = given(task, "KILL_SELF", attempts=1).report("ERROR_FATAL")

    assert in_words(decision) == ["ti/1 KILL_SELF -> ERROR_FATAL (orphaned-instance)"]


def test_a_task_whose_newer_instance_runs_goes_on() -> None:
    decision = given("RUNNING", "KILL_SELF", "RUNNING", attempts=2).report("ERROR_FATAL", instance=1)

    assert in_words(decision) == ["ti/1 KILL_SELF -> ERROR_FATAL", "task refuses ERROR_FATAL (superseded-instance)"]
