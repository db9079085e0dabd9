"""Many who report, gate, register and create at the same moment, each on a connection of its own."""

from collections import Counter
from functools import partial
from random import Random
from typing import Any

import psycopg

from application.transition_service import TaskSpec, TransitionService
from application.write.answers import TaskInstanceAnswer
from domain.errors import CommandConflict
from infrastructure.errors import RetriesExhausted
from tests.support.agreement import Row, assert_agreement, rows, streams_of
from tests.support.attempts import attempt, ids, log, register, status
from tests.support.concurrently import at_once

PATIENT = 40
"""More attempts than others can spoil, even on a busy machine."""

ROUNDS = 25


class TestTheOrphanRace:
    """One instance of a task succeeds while another one fails."""

    def test_the_older_one_fails(self, service: TransitionService, connection: psycopg.Connection[Any]) -> None:
        tasks = ids(ROUNDS)
        two_instances_each(service, tasks)

        for task_id in tasks:
            failed, done = at_once(
                [
                    partial(service.transition_task_instance, f"{task_id}/1", "UNKNOWN_ERROR", max_retries=PATIENT),
                    partial(service.transition_task_instance, f"{task_id}/2", "DONE", max_retries=PATIENT),
                ]
            )

            assert (failed["error"], done["error"]) == (None, None)
            assert done["task_status"] == "DONE"
            assert status(service, f"ti:{task_id}/1") == ["ERROR_FATAL" if failed["orphaned"] else "UNKNOWN_ERROR"]
            assert reported(connection, f"{task_id}/1") == "UNKNOWN_ERROR"
        assert status(service, *(f"task:{task_id}" for task_id in tasks)) == ["DONE"] * ROUNDS
        assert_agreement(connection)

    def test_the_newest_one_fails(self, service: TransitionService, connection: psycopg.Connection[Any]) -> None:
        tasks = ids(ROUNDS)
        two_instances_each(service, tasks)
        service.transition_task_instances([f"{task_id}/1" for task_id in tasks], "RUNNING")

        for task_id in tasks:
            done, failed = at_once(
                [
                    partial(service.transition_task_instance, f"{task_id}/1", "DONE", max_retries=PATIENT),
                    partial(service.transition_task_instance, f"{task_id}/2", "ERROR", max_retries=PATIENT),
                ]
            )

            assert (failed["error"], done["error"]) == (None, None)
            orphaned = failed["orphaned"]
            assert status(service, f"task:{task_id}") == ["DONE" if orphaned else "REGISTERING"]
            assert status(service, f"ti:{task_id}/2") == ["ERROR_FATAL" if orphaned else "ERROR"]
            assert reported(connection, f"{task_id}/2") == "ERROR"
        assert_agreement(connection)


def test_the_log_has_what_was_accepted_and_nothing_else(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    register(service, "t1", "t2", "t3")
    instances = attempt(service, "t1", "t2", "t3")

    def reporter(name: str) -> list[tuple[str, str, TaskInstanceAnswer]]:
        dice = Random(name)
        answers = []
        for _ in range(30):
            instance, reported = dice.choice(instances), dice.choice(["TRIAGING", "RUNNING", "LAUNCHED", "KILL_SELF"])
            answers.append((instance, reported, service.transition_task_instance(instance, reported, actor=name)))
        return answers

    names = [f"reporter {number}" for number in range(8)]
    answered = at_once([partial(reporter, name) for name in names])

    for name, answers in zip(names, answered, strict=True):
        assert {answer["error"] for _, _, answer in answers} <= {
            None, "untimely_transition", "invalid_ti_transition", "max_retries_exceeded",
        }  # fmt: skip
        written = [answer for answer in answers if answer[2]["error"] != "max_retries_exceeded"]
        assert events_of(connection, name) == [
            (f"task_instance:{instance}", reported, answer["ti_updated"]) for instance, reported, answer in written
        ]
    assert_agreement(connection)


class TestRegisteringAtOnce:
    def test_one_registers_and_for_all_others_it_is_there(
        self, service: TransitionService, connection: psycopg.Connection[Any]
    ) -> None:
        specs = [TaskSpec(task_id) for task_id in ids(50)]

        answers = at_once([partial(service.register_tasks, "w", specs)] * 6)

        assert Counter(answer["registered"] for answer in answers) == {50: 1, 0: 5}
        assert all(answer["registered"] + answer["existing"] == 50 for answer in answers)
        assert_agreement(connection)

    def test_each_task_is_registered_once_where_they_overlap(
        self, service: TransitionService, connection: psycopg.Connection[Any]
    ) -> None:
        tasks = ids(60)
        parts = [[TaskSpec(task_id) for task_id in tasks[start : start + 30]] for start in (0, 10, 20, 30)]

        answers = at_once([partial(service.register_tasks, "w", part) for part in parts])

        assert sum(answer["registered"] for answer in answers) == 60
        assert {len(events) for events in streams_of(connection).values()} == {1}


def test_instances_that_are_created_at_once_are_numbered_without_gaps(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    register(service, "t1")

    def create(number: int) -> int:
        wanted = {f"{number}/{name}": "t1" for name in "abc"}
        while True:
            try:
                return service.create_task_instances(wanted)["created"]
            except RetriesExhausted:
                continue

    assert at_once([partial(create, number) for number in range(8)]) == [3] * 8

    found = rows(connection, "SELECT ordinal FROM sojourn.task_instance ORDER BY ordinal")
    assert [row["ordinal"] for row in found] == list(range(1, 25))
    assert_agreement(connection)


def test_a_task_is_gated_once_by_however_many(service: TransitionService, connection: psycopg.Connection[Any]) -> None:
    tasks = ids(200)
    register(service, *tasks)

    answers = at_once([partial(service.gate_tasks_for_queueing, tasks)] * 4)

    assert sorted(task_id for answer in answers for task_id in answer["gated"]) == tasks
    for answer in answers:
        assert sorted(answer["gated"] + answer["invalid"] + answer["locked"]) == tasks
    assert rows(connection, "SELECT DISTINCT status, num_attempts FROM sojourn.task") == [
        {"status": "QUEUED", "num_attempts": 1}
    ]
    assert_agreement(connection)


class TestTheSameCommandAtOnce:
    def test_it_is_carried_out_once(self, service: TransitionService, connection: psycopg.Connection[Any]) -> None:
        register(service, "t1")
        attempt(service, "t1")

        answers = at_once(
            [partial(service.transition_task_instance, "t1/1", "ERROR", command_id="c1", max_retries=PATIENT)] * 6
        )

        assert answers == [answers[0]] * 6
        assert (answers[0]["ti_updated"], answers[0]["task_status"]) == (True, "REGISTERING")
        assert log(service, "task_instance:t1/1")[4:] == ["task_instance.transitioned ERROR"]
        assert_agreement(connection)

    def test_one_of_two_requests_gets_it(self, service: TransitionService) -> None:
        register(service, "t1", "t2")
        attempt(service, "t1", "t2")

        def report(instance: str) -> TaskInstanceAnswer | None:
            try:
                return service.transition_task_instance(instance, "DONE", command_id="c1", max_retries=PATIENT)
            except CommandConflict:
                return None

        answers = at_once([partial(report, "t1/1"), partial(report, "t2/1")])

        assert Counter(answer is None for answer in answers) == {True: 1, False: 1}
        assert sorted(map(str, status(service, "task:t1", "task:t2"))) == ["DONE", "RUNNING"]


def two_instances_each(service: TransitionService, tasks: list[str]) -> None:
    """Tasks that run in their second instance, while triage has had no report from the first."""
    register(service, *tasks)
    first = attempt(service, *tasks)
    service.transition_task_instances(first, "TRIAGING")
    service.transition_tasks(tasks, "REGISTERING")
    attempt(service, *tasks)


def reported(connection: psycopg.Connection[Any], instance: str) -> str:
    last: Row = streams_of(connection)[f"task_instance:{instance}"][-1]
    return str(last["reported"])


def events_of(connection: psycopg.Connection[Any], actor: str) -> list[tuple[str, str, bool]]:
    """What an actor reported of instances, in the order of the log, and whether it was accepted."""
    found = rows(
        connection,
        """
        SELECT stream, data ->> 'reported' AS reported, data ? 'previous_status' AS accepted FROM sojourn.event
        WHERE data -> 'actor' ->> 'component' = %s AND starts_with(stream, 'task_instance:') ORDER BY position
        """,
        actor,
    )
    return [(row["stream"], row["reported"], row["accepted"]) for row in found]
