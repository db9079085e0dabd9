"""The history of one entity."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import psycopg
import pytest

from application.read.history import HistoryEvent, follow_history, read_history
from application.transition_service import TaskSpec, TransitionService
from domain.actor import Actor
from domain.entity import Entity, parse_entity
from domain.errors import UnknownEntity
from tests.support.attempts import attempt, register

MOMENT = datetime(2026, 1, 31, 8, tzinfo=UTC)


def history(service: TransitionService, entity: str) -> list[HistoryEvent]:
    return read_history(service.store, parse_entity(entity))


def short(events: list[HistoryEvent]) -> list[tuple[Any, ...]]:
    return [(e["name"].split(".")[1], e["previous_status"], e["status"], e["reported"], e["rule"]) for e in events]


def test_a_report_and_what_it_causes_are_told_apart(service: TransitionService) -> None:
    register(service, "t")
    attempt(service, "t", until="LAUNCHED")
    service.transition_task_instance("t/1", "RUNNING")

    task, instance = history(service, "task:t"), history(service, "ti:t/1")

    assert short(instance)[-1] == ("transitioned", "LAUNCHED", "RUNNING", "RUNNING", None)
    assert short(task)[-1] == ("transitioned", "LAUNCHED", "RUNNING", None, None)
    assert instance[-1]["cause"] is None
    assert task[-1]["cause"] == instance[-1]["position"]
    assert [event["version"] for event in task] == [1, 2, 3, 4, 5]
    assert {event["entity"] for event in task} == {"task:t"}


def test_nobody_reports_a_registration_or_a_creation(service: TransitionService) -> None:
    register(service, "t")
    attempt(service, "t", until="QUEUED")

    assert short(history(service, "task:t"))[0] == ("registered", None, "REGISTERING", None, None)
    assert short(history(service, "task_instance:t/1")) == [("created", None, "QUEUED", None, None)]


def test_a_refused_report_shows_where_the_entity_stayed(service: TransitionService) -> None:
    register(service, "t")
    attempt(service, "t")
    entered_at = history(service, "ti:t/1")[-1]["entered_at"]
    service.transition_task_instance("t/1", "LAUNCHED", current_ti_status="INSTANTIATED")

    refused = history(service, "ti:t/1")[-1]

    assert short([refused]) == [("refused", "RUNNING", "RUNNING", "LAUNCHED", "untimely-transition")]
    assert refused["claimed"] == "INSTANTIATED"
    assert refused["entered_at"] == entered_at


def test_an_orphan_keeps_what_it_reported(service: TransitionService) -> None:
    register(service, "t")
    attempt(service, "t")
    service.create_task_instances({"t/2": "t"})
    for status in ("INSTANTIATED", "LAUNCHED", "RUNNING", "DONE"):
        service.transition_task_instance("t/2", status)
    service.transition_task_instance("t/1", "UNKNOWN_ERROR")

    assert short(history(service, "ti:t/1"))[-1] == (
        "transitioned", "RUNNING", "ERROR_FATAL", "UNKNOWN_ERROR", "orphaned-instance",
    )  # fmt: skip


def test_a_reset_says_by_whom_and_why_and_causes_the_ends_of_instances(service: TransitionService) -> None:
    register(service, "t")
    attempt(service, "t")
    service.reset_tasks(["t"], reset_if_running=True, actor="resume", reason="the cluster was down")

    reset, killed = history(service, "task:t")[-1], history(service, "ti:t/1")[-1]

    assert short([reset]) == [("reset", "RUNNING", "REGISTERING", None, None)]
    assert (reset["actor"], reset["reason"], reset["num_attempts"]) == ("resume", "the cluster was down", 0)
    assert (killed["status"], killed["cause"]) == ("KILL_SELF", reset["position"])


def test_the_actor_and_the_times_are_as_they_were_told(service: TransitionService) -> None:
    actor = Actor(component="worker", host="node7", pid=42, user="ada")
    register(service, "t")
    attempt(service, "t")
    service.transition_task_instance(
        "t/1", "DONE", actor=actor, reason="finished", occurred_at=MOMENT, command_id="c1",
        report_by_date=MOMENT + timedelta(days=1),
    )  # fmt: skip

    *_, before, last = history(service, "ti:t/1")

    assert [last[key] for key in ("actor", "host", "pid", "user")] == ["worker", "node7", 42, "ada"]
    assert (last["reason"], last["command_id"]) == ("finished", "c1")
    assert last["report_by_date"] == MOMENT + timedelta(days=1)
    assert last["occurred_at"] == MOMENT
    assert last["recorded_at"] > MOMENT
    assert last["entered_at"] == before["entered_at"], "a status is not entered before the one before it"


@pytest.mark.parametrize("name", ["a@1", "a@1:b@22", "@", "ti:x", "50%", "läuft"])
def test_a_cause_is_found_whatever_ids_look_like(service: TransitionService, name: str) -> None:
    service.register_tasks("w", [TaskSpec(name)])
    service.gate_tasks_for_queueing([name])
    service.create_task_instances({f"{name}@7": name})
    service.transition_task_instance(f"{name}@7", "INSTANTIATED")

    cause = read_history(service.store, Entity("task", name))[-1]["cause"]

    assert cause == read_history(service.store, Entity("task_instance", f"{name}@7"))[-1]["position"]


def test_an_unknown_entity_is_an_error_that_names_the_nearest(service: TransitionService) -> None:
    register(service, "align-17")

    with pytest.raises(UnknownEntity, match="no task 'align-71'; did you mean 'align-17'"):
        history(service, "task:align-71")
    with pytest.raises(UnknownEntity, match=r"no task instance 'align-17', but there is task:align-17$"):
        history(service, "ti:align-17")


def await_next(following: Iterator[list[HistoryEvent]]) -> list[HistoryEvent]:
    """What comes next, in a thread of its own, so that a follower that never wakes fails instead of hanging."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(next, following).result(30)


def test_a_commit_wakes_a_follower_before_it_polls(service: TransitionService) -> None:
    register(service, "t", "other")
    following = follow_history(service.store, parse_entity("task:t"), poll_seconds=60)
    next(following)

    service.gate_tasks_for_queueing(["other"])
    service.gate_tasks_for_queueing(["t"])

    assert [event["status"] for event in await_next(following)] == ["QUEUED"]


def test_a_follower_finds_what_nobody_notified_it_of(service: TransitionService, dsn: str) -> None:
    register(service, "t")
    following = follow_history(service.store, parse_entity("task:t"), poll_seconds=0.05)
    next(following)

    with psycopg.connect(dsn) as connection:
        service.gate_tasks_for_queueing(["t"], connection=connection)
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        )

    assert [event["status"] for event in await_next(following)] == ["QUEUED"]


def test_a_follower_is_told_what_comes_after(service: TransitionService) -> None:
    register(service, "t")
    following = follow_history(service.store, parse_entity("task:t"))
    first = next(following)

    service.gate_tasks_for_queueing(["t"])
    service.transition_task("t", "DONE")
    (more,) = islice(following, 1)

    assert [event["status"] for event in first] == ["REGISTERING"]
    assert short(more) == [
        ("transitioned", "REGISTERING", "QUEUED", "QUEUED", None),
        ("refused", "QUEUED", "QUEUED", "DONE", "invalid-transition"),
    ]
