"""Reports that share a transaction: each is decided and answered on its own, and none can fail another."""

import asyncio
from typing import Any

import psycopg
import pytest

from application.replay.verify import verify_log
from application.shared.retry import on_retry
from application.transition_service import TransitionService
from application.write.report_writer import write_many
from application.write.reports import TaskInstanceReport
from domain.decisions.proposals import InstanceReport
from domain.report_context import NO_CONTEXT
from infrastructure.errors import ConnectionLost
from interfaces.http.report_batcher import ReportBatcher
from tests.support.agreement import rows
from tests.support.attempts import attempt, ids, register, status


def make_reports(*reports: tuple[str, str]) -> list[TaskInstanceReport]:
    return [TaskInstanceReport(instance, to, NO_CONTEXT) for instance, to in reports]


def errors(answers: Any) -> list[str | None]:
    return [answer["error"] if answer else "alone" for answer in answers]


def test_a_refusal_leaves_the_others_as_they_would_be_alone(service: TransitionService) -> None:
    register(service, *ids(4))
    instances = attempt(service, *ids(4))

    answers = write_many(
        service.store,
        make_reports(
            (instances[0], "DONE"), (instances[1], "INSTANTIATED"), (instances[2], "LAUNCHED"), (instances[3], "ERROR")
        ),
    )

    assert errors(answers) == [None, "invalid_ti_transition", "untimely_transition", None]
    assert [answer and answer["task_status"] for answer in answers] == ["DONE", "RUNNING", "RUNNING", "REGISTERING"]
    assert status(service, *(f"task:{name}" for name in ids(4))) == ["DONE", "RUNNING", "RUNNING", "REGISTERING"]
    assert verify_log(service.store)["mismatches"] == []


def test_what_is_locked_unknown_or_reported_twice_is_left_to_be_taken_alone(
    service: TransitionService, dsn: str
) -> None:
    register(service, "t1", "t2")
    attempt(service, "t1", "t2")
    with psycopg.connect(dsn) as other:
        other.execute("SELECT FROM sojourn.task WHERE task_id = 't2' FOR NO KEY UPDATE")
        answers = write_many(
            service.store, make_reports(("t1/1", "DONE"), ("t2/1", "DONE"), ("nix", "DONE"), ("t1/1", "ERROR"))
        )

    assert errors(answers) == [None, "alone", "alone", "alone"]
    assert status(service, "ti:t1/1", "ti:t2/1") == ["DONE", "RUNNING"]


def test_instances_of_one_task_are_decided_one_after_the_other(service: TransitionService) -> None:
    """The second attempt ends the task; what the first reports in the same group comes from an orphan."""
    register(service, "t1")
    attempt(service, "t1")
    service.transition_task_instance("t1/1", "TRIAGING")
    service.transition_tasks(["t1"], "REGISTERING")
    attempt(service, "t1")

    answers = write_many(service.store, make_reports(("t1/2", "DONE"), ("t1/1", "UNKNOWN_ERROR")))

    assert [answer and (answer["error"], answer["orphaned"]) for answer in answers] == [(None, False), (None, True)]
    assert status(service, "ti:t1/2", "ti:t1/1", "task:t1") == ["DONE", "ERROR_FATAL", "DONE"]


def test_who_meets_a_lock_does_not_hold_up_those_who_report_at_the_same_time(
    service: TransitionService, dsn: str
) -> None:
    names = ids(30)
    register(service, *names)
    instances = attempt(service, *names)

    async def report_all(lock: psycopg.Connection[Any]) -> list[str | None]:
        batcher = ReportBatcher(service.store, 10)
        reports = make_reports(*((name, "DONE") for name in instances))
        first, *others = [asyncio.create_task(batcher.write(one)) for one in reports]
        answers = await asyncio.gather(*others)
        assert not first.done(), "its row is still locked"
        lock.rollback()
        return errors([await first, *answers])

    with psycopg.connect(dsn) as other:
        other.execute("SELECT FROM sojourn.task WHERE task_id = %s FOR NO KEY UPDATE", [names[0]])
        answered = asyncio.run(report_all(other))

    assert answered == [None] * 30
    assert set(status(service, *(f"task:{name}" for name in names))) == {"DONE"}


def test_a_lone_report_is_not_waited_for_either(service: TransitionService, dsn: str) -> None:
    register(service, "t1")
    attempt(service, "t1")
    retries: list[None] = []
    before = on_retry.set(lambda: retries.append(None))
    with psycopg.connect(dsn) as other:
        other.execute("SELECT FROM sojourn.task FOR NO KEY UPDATE")
        assert write_many(service.store, make_reports(("t1/1", "DONE"))) == [None]
    on_retry.reset(before)

    assert retries == []
    assert errors(write_many(service.store, make_reports(("t1/1", "DONE")))) == [None]


class FailingReport(TaskInstanceReport):
    """A report that cannot be decided on."""

    @property
    def proposal(self) -> InstanceReport:
        """Fail, as a rule of a user's may."""
        raise ZeroDivisionError


def test_a_group_that_fails_is_written_one_by_one(service: TransitionService) -> None:
    register(service, "t1", "t2")
    attempt(service, "t1", "t2")
    reports = [*make_reports(("t1/1", "DONE")), FailingReport("t2/1", "DONE", NO_CONTEXT)]

    assert write_many(service.store, reports) == [None, None]
    assert status(service, "ti:t1/1", "ti:t2/1") == ["RUNNING", "RUNNING"], "nothing of a failed group is written"

    async def report_all() -> list[Any]:
        batcher = ReportBatcher(service.store, 10)
        return await asyncio.gather(*(batcher.write(one) for one in reports), return_exceptions=True)

    first, second = asyncio.run(report_all())
    assert first["task_status"] == "DONE"
    assert isinstance(second, ZeroDivisionError)


def test_a_group_whose_commit_is_in_doubt_is_not_written_again(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    register(service, "t1", "t2")
    attempt(service, "t1", "t2")
    before = rows(connection, "SELECT count(*) FROM sojourn.event")
    connection.execute(
        """
        CREATE FUNCTION public.die() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(10); END';
        CREATE CONSTRAINT TRIGGER die AFTER INSERT ON sojourn.stored_event DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION public.die();
        """
    )

    with pytest.raises(ConnectionLost) as raised:
        write_many(service.store, make_reports(("t1/1", "DONE"), ("t2/1", "DONE")))

    assert not raised.value.safe_to_retry
    assert rows(connection, "SELECT count(*) FROM sojourn.event") == before
