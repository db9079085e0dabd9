"""A connection that is lost in the middle of a call: what the error states is true."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from application.shared.current_status import CurrentStatus
from application.transition_service import TaskSpec, TransitionService
from infrastructure.errors import ConnectionLost
from infrastructure.log.event_log import EventLog
from tests.support.agreement import assert_agreement, rows
from tests.support.attempts import attempt, log, register
from tests.support.waiting import wait_for

Call = Callable[[], object]


class Killer:
    """Ends every other connection to the database, and waits until they are gone."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def kill(self, *, spare: int = 0) -> None:
        self._connection.execute(
            """
            SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
            WHERE datname = current_database() AND pid NOT IN (pg_backend_pid(), %s)
            """,
            [spare],
        )

    def wait_until_somebody_waits(self) -> None:
        waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        wait_for(lambda: self._connection.execute(waiting.encode()).fetchall())


@pytest.fixture
def killer(dsn: str) -> Iterator[Killer]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield Killer(connection)


@pytest.fixture
def running(service: TransitionService) -> TransitionService:
    """A service with a task that runs, and a new one."""
    register(service, "t1", "t2")
    attempt(service, "t1")
    return service


def lost(call: Call) -> ConnectionLost:
    """What the call raises."""
    with pytest.raises(ConnectionLost, match="the connection to the database was lost") as raised:
        call()
    return raised.value


@pytest.fixture
def killed_after(monkeypatch: pytest.MonkeyPatch, killer: Killer) -> Callable[[type, str], None]:
    """Makes every connection go, once, right after a method has done its work."""

    def arrange(owner: type, name: str) -> None:
        method = getattr(owner, name)

        def then_killed(*arguments: Any, **more: Any) -> Any:
            answer = method(*arguments, **more)
            monkeypatch.setattr(owner, name, method)
            killer.kill()
            return answer

        monkeypatch.setattr(owner, name, then_killed)

    return arrange


def test_whoever_loses_a_connection_loses_it_for_all(running: TransitionService, killer: Killer) -> None:
    """Given several connections that were in use at once, all of them ended: one call learns of it, the next go on."""
    with running.store.session(), running.store.session(), running.store.session():
        pass
    killer.kill()
    lost(lambda: running.transition_task_instance("t1/1", "DONE"))

    for _ in range(3):
        assert running.transition_task_instance("t1/1", "DONE")["error"] in (None, "invalid_ti_transition")


class TestOne:
    def test_before_anything_is_sent_it_may_be_repeated(self, running: TransitionService, killer: Killer) -> None:
        killer.kill()

        error = lost(lambda: running.transition_task_instance("t1/1", "DONE"))

        assert error.repeatable
        assert running.transition_task_instance("t1/1", "DONE")["ti_updated"]

    def test_once_the_append_is_sent_it_is_in_doubt(
        self, running: TransitionService, killed_after: Callable[[type, str], None]
    ) -> None:
        killed_after(CurrentStatus, "family")

        error = lost(lambda: running.transition_task_instance("t1/1", "DONE"))

        assert not error.repeatable
        assert "read the status before you repeat the call, or give it a command_id" in str(error)

    def test_a_command_id_takes_the_doubt_away(
        self, running: TransitionService, killed_after: Callable[[type, str], None]
    ) -> None:
        killed_after(CurrentStatus, "family")

        assert lost(lambda: running.transition_task_instance("t1/1", "DONE", command_id="c1")).repeatable
        assert running.transition_task_instance("t1/1", "DONE", command_id="c1")["ti_updated"]
        assert log(running, "task_instance:t1/1")[4:] == ["task_instance.transitioned DONE"]

    def test_also_where_the_append_was_made_and_only_its_answer_is_lost(
        self,
        running: TransitionService,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        append = EventLog.append

        def answer_lost(*arguments: Any, **more: Any) -> None:
            append(*arguments, **more)
            monkeypatch.setattr(EventLog, "append", append)
            raise psycopg.OperationalError("server closed the connection unexpectedly")

        monkeypatch.setattr(EventLog, "append", answer_lost)

        assert lost(lambda: running.transition_task_instance("t1/1", "DONE", command_id="c1")).repeatable
        assert running.transition_task_instance("t1/1", "DONE", command_id="c1")["ti_updated"]
        assert log(running, "task_instance:t1/1")[4:] == ["task_instance.transitioned DONE"]

    def test_while_the_server_is_at_it(self, running: TransitionService, killer: Killer, dsn: str) -> None:
        with psycopg.connect(dsn) as other, ThreadPoolExecutor() as threads:
            other.execute("INSERT INTO sojourn.command (command_id, request, response) VALUES ('c1', '', '{}')")
            call = threads.submit(running.transition_task_instance, "t1/1", "DONE", command_id="c1")
            killer.wait_until_somebody_waits()
            killer.kill(spare=other.info.backend_pid)

            assert lost(call.result).repeatable
            other.rollback()

        assert running.transition_task_instance("t1/1", "DONE", command_id="c1")["ti_updated"]


class TestMany:
    def test_before_anything_is_sent_it_may_be_repeated(self, running: TransitionService, killer: Killer) -> None:
        killer.kill()

        assert lost(lambda: running.gate_tasks_for_queueing(["t2"])).repeatable
        assert running.gate_tasks_for_queueing(["t2"])["gated"] == ["t2"]

    def test_in_the_middle_nothing_was_written_and_it_may_be_repeated(
        self,
        running: TransitionService,
        killed_after: Callable[[type, str], None],
    ) -> None:
        calls: list[tuple[type, str, Call]] = [
            (EventLog, "copy", lambda: running.gate_tasks_for_queueing(["t2"])),
            (CurrentStatus, "lock_tasks", lambda: running.transition_tasks(["t2"], "QUEUED")),
            (EventLog, "copy", lambda: running.transition_task_instances(["t1/1"], "DONE")),
            (EventLog, "copy", lambda: running.reset_tasks(["t2"])),
            (EventLog, "copy", lambda: running.register_tasks("w", [TaskSpec("t3")])),
            (EventLog, "copy", lambda: running.create_task_instances({"t2/1": "t2"})),
        ]
        running.transition_task("t2", "QUEUED")
        running.transition_task("t2", "INSTANTIATING")
        running.transition_task("t2", "ERROR_RECOVERABLE")
        with psycopg.connect(running.dsn) as reader:
            before = rows(reader, "SELECT count(*) FROM sojourn.event")
        for owner, name, call in calls:
            killed_after(owner, name)

            assert lost(call).repeatable

            with psycopg.connect(running.dsn) as reader:
                assert rows(reader, "SELECT count(*) FROM sojourn.event") == before

    def test_in_the_commit_it_is_in_doubt_unless_it_does_not_matter(
        self, running: TransitionService, killer: Killer, dsn: str
    ) -> None:
        with psycopg.connect(dsn, autocommit=True) as owner:
            owner.execute(
                """
                CREATE FUNCTION public.die() RETURNS trigger LANGUAGE plpgsql
                AS 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(10); END';
                CREATE CONSTRAINT TRIGGER die AFTER INSERT ON sojourn.stored_event DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION public.die();
                """
            )

        assert not lost(lambda: running.transition_tasks(["t2"], "QUEUED")).repeatable
        assert not lost(lambda: running.transition_task_instances(["t1/1"], "DONE")).repeatable
        assert lost(lambda: running.register_tasks("w", [TaskSpec("t3")])).repeatable
        assert lost(lambda: running.create_task_instances({"t2/1": "t2"})).repeatable

    def test_the_next_call_has_another_connection(
        self,
        running: TransitionService,
        killed_after: Callable[[type, str], None],
        dsn: str,
    ) -> None:
        killed_after(EventLog, "copy")
        lost(lambda: running.gate_tasks_for_queueing(["t2"]))

        assert running.gate_tasks_for_queueing(["t2"])["gated"] == ["t2"]
        with psycopg.connect(dsn) as reader:
            assert_agreement(reader)


class TestTheCallersConnection:
    def test_its_transaction_is_gone_and_ours_with_it(
        self, running: TransitionService, killed_after: Callable[[type, str], None], dsn: str
    ) -> None:
        killed_after(CurrentStatus, "family")
        with psycopg.connect(dsn) as caller:
            caller.execute("SELECT")

            assert lost(lambda: running.transition_task_instance("t1/1", "DONE", connection=caller)).repeatable
            assert caller.closed

        with psycopg.connect(dsn) as reader:
            assert rows(reader, "SELECT status FROM sojourn.task WHERE task_id = 't1'") == [{"status": "RUNNING"}]

    def test_in_autocommit_it_is_as_much_in_doubt_as_our_own(
        self, running: TransitionService, killed_after: Callable[[type, str], None], dsn: str
    ) -> None:
        killed_after(CurrentStatus, "family")
        with psycopg.connect(dsn, autocommit=True) as caller:
            assert not lost(lambda: running.transition_task_instance("t1/1", "DONE", connection=caller)).repeatable
