"""The critical path of a workflow: worked examples, and any workflow against brute force over its raw events."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import psycopg
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from application.transition_service import TaskSpec, TransitionService
from domain.errors import UnknownEntity
from tests.integration.test_attempts import SIMPLE
from tests.integration.test_time_by_reason import keep_waiting
from tests.support.agreement import rows
from tests.support.critical_path import BruteWorkflow, machines_of
from tests.support.examples import examples

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

numbers = count()


def minute(number: float) -> datetime:
    return NOON + number * MINUTE


def run(service: TransitionService, task: str, *way: tuple[str, float], **stated: Any) -> str:
    """Bring a task through statuses at minutes, and return its last instance.

    QUEUED begins an attempt, and `stated` says what LAUNCHED awaits.
    """
    instance = ""
    for status, number in way:
        at = minute(number)
        if status == "QUEUED":
            assert service.gate_tasks_for_queueing([task], occurred_at=at)["gated"]
            instance = f"{task}/{next(numbers)}"
            service.create_task_instances({instance: task}, occurred_at=at)
        else:
            more = stated if status == "LAUNCHED" else {}
            answer = service.transition_task_instance(instance, status, occurred_at=at, **more)
            assert answer["error"] is None
    return instance


def shown(service: TransitionService, number: float | None = None, workflow_id: str = "w") -> list[tuple[Any, ...]]:
    """The links in minutes, of instances without their numbers."""
    found = service.critical_path(workflow_id, None if number is None else minute(number))
    return [
        (
            link["entity"].partition("/")[0],
            link["kind"],
            (link["from"] - NOON) / MINUTE,
            (link["to"] - NOON) / MINUTE,
            link["saved_seconds"] / 60,
        )
        for link in found["links"]
    ]


def begin(queued: float, runs: float) -> list[tuple[str, float]]:
    return [("QUEUED", queued), ("INSTANTIATED", queued), ("LAUNCHED", queued), ("RUNNING", runs)]


@pytest.fixture
def joined(service: TransitionService) -> TransitionService:
    """Workflow `w`: `c` waits for `a`, which failed once, and for `b`, which ended before it."""
    specs = [TaskSpec("a", template="align"), TaskSpec("b"), TaskSpec("c", upstream=["a", "b"])]
    service.register_tasks("w", specs, occurred_at=NOON)
    run(service, "a", *begin(1, 4), ("ERROR", 10), *begin(12, 14), ("DONE", 20), waits_for="resources")
    run(service, "b", *begin(1, 4), ("DONE", 15))
    run(service, "c", *begin(21, 24), ("DONE", 30))
    return service


def test_the_path_leads_back_through_what_each_task_waited_for_last(joined: TransitionService) -> None:
    assert shown(joined) == [
        ("task:a", "waiting", 0, 1, 1),
        ("ti:a", "waiting-resources", 1, 4, 3),
        # `b` ended in minute 15, so that no more than 5 minutes are saved.
        ("ti:a", "failed-attempt", 4, 10, 5),
        ("task:a", "waiting-retry", 10, 12, 2),
        ("ti:a", "waiting-resources", 12, 14, 2),
        ("ti:a", "running", 14, 20, 5),
        ("task:c", "waiting", 20, 21, 1),
        ("ti:c", "waiting", 21, 24, 3),
        ("ti:c", "running", 24, 30, 6),
    ]


def test_what_it_answers_in_full(joined: TransitionService) -> None:
    found = joined.critical_path("w")

    assert (found["workflow_id"], found["seconds"], found["has_ended"]) == ("w", 1800.0, True)
    assert found["by_kind"] == {
        "running": 720.0, "failed-attempt": 360.0, "waiting": 300.0, "waiting-resources": 300.0, "waiting-retry": 120.0,
    }  # fmt: skip
    assert found["links"][0] == {
        "entity": "task:a", "kind": "waiting", "detail": None, "template": "align", "from": NOON, "to": minute(1),
        "seconds": 60.0, "share": pytest.approx(1 / 30, abs=1e-6), "saved_seconds": 60.0, "ties": [], "tied": 0,
    }  # fmt: skip


def test_while_it_runs_the_path_ends_now(joined: TransitionService) -> None:
    assert shown(joined, 13)[-2:] == [("task:a", "waiting-retry", 10, 12, 0), ("ti:a", "waiting-resources", 12, 13, 0)]
    assert joined.critical_path("w", minute(13))["links"][-1]["ties"] == ["task:b"]
    assert [joined.critical_path("w", minute(number))["has_ended"] for number in (-1, 13, 30)] == [False, False, True]
    assert shown(joined, 0) == shown(joined, -1) == []
    with pytest.raises(UnknownEntity, match=r"no workflow 'x'.* did you mean 'w'"):
        joined.critical_path("x")


def test_a_task_behind_a_failed_one_waits_for_it(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec("a", 1), TaskSpec("b", upstream=["a"])], occurred_at=NOON)
    run(service, "a", *begin(1, 2), ("ERROR", 5))

    assert shown(service, 8) == [
        ("task:a", "waiting", 0, 1, 1),
        ("ti:a", "waiting", 1, 2, 1),
        ("ti:a", "failed-attempt", 2, 5, 3),
        ("task:b", "waiting-dependency", 5, 8, 3),
    ]


def test_a_task_waits_for_another_workflow(service: TransitionService) -> None:
    service.register_tasks("v", [TaskSpec("a")], occurred_at=NOON)
    service.register_tasks("w", [TaskSpec("b", upstream=["a"])], occurred_at=minute(1))
    run(service, "a", *begin(1, 2), ("DONE", 5))
    run(service, "b", *begin(6, 6), ("DONE", 8))

    assert shown(service) == [
        ("task:b", "waiting-dependency", 1, 5, 4),
        ("task:b", "waiting", 5, 6, 1),
        ("ti:b", "running", 6, 8, 2),
    ]


def test_a_run_registers_its_parts_and_ends_after_them(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec("run")], SIMPLE, occurred_at=NOON)
    service.transition_task("run", "RUNNING", occurred_at=minute(2))
    service.register_tasks("w", [TaskSpec("a", parent="run")], SIMPLE, occurred_at=minute(4))
    service.register_tasks("w", [TaskSpec("b", parent="run")], SIMPLE, occurred_at=minute(6))
    for task, begun, ended in (("a", 5, 9), ("b", 7, 12)):
        service.transition_task(task, "RUNNING", occurred_at=minute(begun))
        service.transition_task(task, "DONE", occurred_at=minute(ended))
    service.transition_task("run", "DONE", occurred_at=minute(13))

    assert shown(service) == [
        ("task:run", "waiting", 0, 2, 2),
        # Both parts are registered in minute 2 then, and `a` ends in minute 7.
        ("task:run", "running", 2, 6, 4),
        ("task:b", "waiting", 6, 7, 1),
        ("task:b", "running", 7, 12, 3),
        ("task:run", "running", 12, 13, 1),
    ]


def test_what_a_run_did_to_register_a_part_was_not_in_vain_although_it_failed_later(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec("run", 9)], SIMPLE, occurred_at=NOON)
    for status, number in (("RUNNING", 1), ("AGAIN", 3), ("RUNNING", 4)):
        service.transition_task("run", status, occurred_at=minute(number))
    service.register_tasks("w", [TaskSpec("a", parent="run")], SIMPLE, occurred_at=minute(6))
    service.transition_task("a", "RUNNING", occurred_at=minute(6))
    service.transition_task("a", "DONE", occurred_at=minute(9))
    service.transition_task("run", "AGAIN", occurred_at=minute(10))
    service.transition_task("run", "RUNNING", occurred_at=minute(11))
    service.transition_task("run", "DONE", occurred_at=minute(12))

    assert [link[:4] for link in shown(service)] == [
        ("task:run", "waiting", 0, 1),
        ("task:run", "failed-attempt", 1, 3),  # it ended before the registration
        ("task:run", "waiting-retry", 3, 4),
        ("task:run", "running", 4, 6),
        ("task:a", "running", 6, 9),
        ("task:run", "failed-attempt", 9, 10),
        ("task:run", "waiting-retry", 10, 11),
        ("task:run", "running", 11, 12),
    ]


def test_the_newest_attempt_of_a_run_registers_its_parts(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec("run", 9)], occurred_at=NOON)
    lost = run(service, "run", *begin(1, 1), ("TRIAGING", 3))
    service.reset_tasks(["run"], reset_if_running=True, occurred_at=minute(4))
    run(service, "run", *begin(5, 6), ("ERROR", 11))
    service.register_tasks("w", [TaskSpec("a", parent="run")], SIMPLE, occurred_at=minute(8))
    service.transition_task("a", "RUNNING", occurred_at=minute(8))
    service.transition_task("a", "DONE", occurred_at=minute(10))
    run(service, "run", *begin(12, 12), ("DONE", 13))
    service.transition_task_instance(lost, "UNKNOWN_ERROR", occurred_at=minute(14))

    assert [link[:4] for link in shown(service)] == [
        ("task:run", "waiting", 0, 1),
        ("ti:run", "failed-attempt", 1, 6),  # the lost one, which failed later too
        ("ti:run", "running", 6, 8),
        ("task:a", "running", 8, 10),
        ("ti:run", "failed-attempt", 10, 11),
        ("ti:run", "failed-attempt", 11, 12),
        ("ti:run", "running", 12, 13),
    ]


def test_what_a_task_stated_later_ends_with_its_status(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec("t")], "prefect", occurred_at=NOON)
    for kind, number in (("hold", 1), ("schedule", 2), ("slot", 6)):
        keep_waiting(service, "t", {"kind": kind}, minute(number))
    keep_waiting(service, "t", {"kind": "resources"}, minute(3))  # it replaces the slot, which began later
    keep_waiting(service, "t", {"kind": "slot"}, minute(7))
    assert shown(service, 5)[-1][:4] == ("task:t", "waiting-resources", 3, 5)
    service.transition_task("t", "RUNNING", occurred_at=minute(4))  # reported late
    service.transition_task("t", "COMPLETED", occurred_at=minute(9))

    assert [link[1:4] for link in shown(service)] == [
        ("waiting", 0, 1),
        ("waiting-hold", 1, 2),
        ("waiting-schedule", 2, 3),
        ("waiting-resources", 3, 4),
        ("running", 4, 9),
    ]


def test_a_task_that_waits_for_what_it_is_a_part_of_is_no_riddle(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec("run")], SIMPLE, occurred_at=NOON)
    service.register_tasks("w", [TaskSpec("a", parent="run", upstream=["run"])], SIMPLE, occurred_at=NOON)

    assert shown(service, 5) == [("task:run", "waiting", 0, 5, 5)]


ATTEMPT = st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 5), st.booleans())
WAITS = st.sampled_from([None, None, "resources", "slot", "retry-delay"])
TASK = st.tuples(
    st.integers(0, 6),
    st.one_of(st.none(), st.integers(0, 4)),
    st.sets(st.integers(0, 4), max_size=3),
    st.lists(ATTEMPT, max_size=3),
    WAITS,
)


@for_all(
    tasks=st.lists(TASK, min_size=1, max_size=5),
    with_instances=st.booleans(),
    now=st.one_of(st.none(), st.integers(0, 30)),
)
@examples(quick=20, long=150)
def test_any_workflow(
    service: TransitionService,
    connection: psycopg.Connection[Any],
    tasks: list[Any],
    with_instances: bool,
    now: int | None,
) -> None:
    workflow = f"w{next(numbers)}"
    # A task that waits for what it is a part of has a test of its own.
    parents = {parent for index, (_, parent, *_) in enumerate(tasks) if parent is not None and parent < index}
    for index, (registered, parent, upstream, attempts, wait) in enumerate(tasks):
        spec = TaskSpec(
            name := f"{workflow}-{index}", 9,
            parent=None if parent is None or parent >= index else f"{workflow}-{parent}",
            upstream=[f"{workflow}-{other}" for other in sorted(upstream - parents) if other < index],
        )  # fmt: skip
        lifecycle = "jobmon" if with_instances else SIMPLE
        service.register_tasks(workflow, [spec], lifecycle, occurred_at=minute(registered))
        play(service, name, registered, attempts, {"waits_for": wait} if wait else {}, with_instances=with_instances)

    assert_as_by_brute_force(service, connection, workflow, 1000 if now is None else max(now, min(t[0] for t in tasks)))


@for_all(
    attempts=st.lists(ATTEMPT, min_size=1, max_size=3),
    parts=st.lists(st.tuples(st.integers(0, 15), ATTEMPT), min_size=1, max_size=3),
    is_lost=st.booleans(),
    with_instances=st.booleans(),
    now=st.one_of(st.none(), st.integers(0, 30)),
)
@examples(quick=20, long=150)
def test_any_run_with_its_parts(
    service: TransitionService,
    connection: psycopg.Connection[Any],
    attempts: list[Any],
    parts: list[Any],
    is_lost: bool,
    with_instances: bool,
    now: int | None,
) -> None:
    workflow, lifecycle = f"w{next(numbers)}", "jobmon" if with_instances else SIMPLE
    service.register_tasks(workflow, [TaskSpec(parent := f"{workflow}-run", 9)], lifecycle, occurred_at=NOON)
    since = 0
    if is_lost and with_instances:
        lost = run(service, parent, *begin(1, 1), ("TRIAGING", since := 2))
        service.reset_tasks([parent], reset_if_running=True, occurred_at=minute(since))
    play(service, parent, since, attempts, {}, with_instances=with_instances)
    if is_lost and with_instances:
        service.transition_task_instance(lost, "UNKNOWN_ERROR", occurred_at=minute(25))
    for index, (registered, attempt) in enumerate(parts):
        spec = TaskSpec(name := f"{workflow}-{index}", 9, parent=parent)
        service.register_tasks(workflow, [spec], lifecycle, occurred_at=minute(registered))
        play(service, name, registered, [attempt], {}, with_instances=with_instances)

    assert_as_by_brute_force(service, connection, workflow, 1000 if now is None else now)


def assert_as_by_brute_force(
    service: TransitionService, connection: psycopg.Connection[Any], workflow: str, until: int
) -> None:
    events = rows(connection, "SELECT * FROM sojourn.event WHERE workflow_id = %s ORDER BY position", workflow)
    definition = rows(
        connection,
        "SELECT l.definition FROM sojourn.task AS t JOIN sojourn.lifecycle AS l ON l.name = t.lifecycle AND "
        "l.version = t.lifecycle_version WHERE t.workflow_id = %s",
        workflow,
    )[0]["definition"]
    brute = BruteWorkflow([e.pop("data") | e for e in events], machines_of(definition), NOON, until)

    found = service.critical_path(workflow, minute(until))

    assert [
        (
            link["entity"], link["kind"], (link["from"] - NOON) / MINUTE, (link["to"] - NOON) / MINUTE,
            link["saved_seconds"] / 60, tuple(name.partition(":")[2] for name in link["ties"]),
        )
        for link in found["links"]
    ] == brute.links()  # fmt: skip
    assert found["seconds"] == 60 * (brute.end - brute.first)


def play(
    service: TransitionService,
    task: str,
    since: int,
    attempts: list[Any],
    stated: dict[str, Any],
    *,
    with_instances: bool,
) -> None:
    """Carry out attempts at a task, each after the one before; one that does not fail ends the task."""
    at = since
    for waited, queued, ran, fails in attempts:
        at += waited
        if with_instances:
            run(service, task, *begin(at, at + queued), ("ERROR" if fails else "DONE", at + queued + ran), **stated)
        else:
            if stated:
                service.transition_task(task, "AGAIN", occurred_at=minute(at), **stated)
            service.transition_task(task, "RUNNING", occurred_at=minute(at + queued))
            service.transition_task(task, "AGAIN" if fails else "DONE", occurred_at=minute(at + queued + ran))
        at += queued + ran
        if not fails:
            return
