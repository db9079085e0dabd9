"""`connection=`: the service in a transaction that is not its own."""

import inspect
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row

from application.array_service import ArrayService
from application.reading import Reading
from application.shared.retry import between_attempts
from application.transition_service import TaskSpec, TransitionService
from domain.errors import TaskConflict, TaskInstanceConflict, UnknownEntity
from infrastructure.errors import RetriesExhausted
from tests.support.agreement import assert_agreement, rows
from tests.support.attempts import status
from tests.support.waiting import wait_for
from tests.support.writing_calls import CALLS, OF_THEIR_OWN, READING, Call, begin

every_method = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@pytest.fixture
def begun(service: TransitionService, connection: psycopg.Connection[Any]) -> TransitionService:
    """A service on which every call writes something, and a table of the caller's own."""
    connection.execute("CREATE TABLE public.callers (what text)")
    return begin(service)


@pytest.fixture
def caller(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    """The caller's connection, which begins a transaction with its first statement, as psycopg's do."""
    with psycopg.connect(dsn) as connected:
        yield connected


def methods(of: type) -> dict[str, Callable[..., object]]:
    return {name: method for name, method in inspect.getmembers(of, inspect.isfunction) if not name.startswith("_")}


def no_attempt_after_the_first(_: float) -> None:
    pytest.fail("another attempt in this transaction cannot help")


class TestTheListOfMethods:
    def test_names_every_public_method_that_writes(self) -> None:
        writing = (methods(TransitionService).keys() - methods(Reading).keys() - {"close"}) | (
            methods(ArrayService).keys() - READING
        )

        assert writing == CALLS.keys() | OF_THEIR_OWN

    def test_each_takes_the_same_keyword_arguments(self) -> None:
        public = methods(TransitionService) | methods(ArrayService)
        for name in CALLS:
            parameters = inspect.signature(public[name]).parameters
            assert {"actor", "reason", "occurred_at", "command_id", "connection"} <= parameters.keys(), name


def wait_for_a_waiter(connection: psycopg.Connection[Any]) -> None:
    """Return once a statement of this database waits for a lock."""
    waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    wait_for(lambda: connection.execute(waiting.encode()).fetchall())


def events(connection: psycopg.Connection[Any]) -> int:
    return int(rows(connection, "SELECT count(*) AS n FROM sojourn.event")[0]["n"])


def state(connection: psycopg.Connection[Any]) -> TransactionStatus:
    return connection.info.transaction_status


def callers(connection: psycopg.Connection[Any]) -> list[str]:
    return [row["what"] for row in rows(connection, "SELECT what FROM public.callers")]


@every_method
class TestEveryMethod:
    def test_the_callers_commit_commits_it(
        self,
        begun: TransitionService,
        connection: psycopg.Connection[Any],
        caller: psycopg.Connection[Any],
        call: Call,
    ) -> None:
        before = events(connection)
        caller.execute("INSERT INTO public.callers VALUES ('mine')")

        call(begun, connection=caller)

        assert state(caller) == TransactionStatus.INTRANS
        assert (events(connection), callers(connection)) == (before, [])
        caller.commit()
        assert events(connection) > before
        assert callers(connection) == ["mine"]
        assert_agreement(connection)

    def test_the_callers_rollback_undoes_it(
        self,
        begun: TransitionService,
        connection: psycopg.Connection[Any],
        caller: psycopg.Connection[Any],
        call: Call,
    ) -> None:
        before = events(connection)

        call(begun, connection=caller)
        caller.rollback()

        assert events(connection) == before
        call(begun, connection=caller)  # as if it had never been
        caller.commit()
        assert events(connection) > before
        assert_agreement(connection)

    def test_on_a_connection_that_is_idle_it_begins_the_callers_transaction(
        self,
        begun: TransitionService,
        connection: psycopg.Connection[Any],
        caller: psycopg.Connection[Any],
        call: Call,
    ) -> None:
        before = events(connection)
        assert state(caller) == TransactionStatus.IDLE

        call(begun, connection=caller)

        assert state(caller) == TransactionStatus.INTRANS
        assert events(connection) == before
        caller.commit()
        assert events(connection) > before

    def test_within_an_outer_block_of_the_callers(
        self, begun: TransitionService, connection: psycopg.Connection[Any], call: Call
    ) -> None:
        before = events(connection)

        with connection.transaction(force_rollback=True):
            connection.execute("INSERT INTO public.callers VALUES ('mine')")
            with connection.transaction():
                call(begun, connection=connection)
            assert events(connection) > before
            assert callers(connection) == ["mine"]

        assert (events(connection), callers(connection)) == (before, [])

    def test_whatever_kind_of_rows_and_cursors_the_caller_likes(
        self, begun: TransitionService, dsn: str, call: Call
    ) -> None:
        with psycopg.connect(dsn, row_factory=dict_row, cursor_factory=psycopg.ClientCursor) as caller:
            call(begun, connection=caller)

            assert (caller.row_factory, caller.cursor_factory) == (dict_row, psycopg.ClientCursor)
            assert caller.execute("SELECT 1 AS one").fetchone() == {"one": 1}

    def test_an_autocommit_connection_commits_at_once(
        self, begun: TransitionService, dsn: str, connection: psycopg.Connection[Any], call: Call
    ) -> None:
        before = events(connection)
        with psycopg.connect(dsn, autocommit=True) as caller:
            call(begun, connection=caller)

            assert state(caller) == TransactionStatus.IDLE
            assert events(connection) > before


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (
            lambda s, connection: s.register_tasks("w", [TaskSpec("t0"), TaskSpec("t1", 9)], connection=connection),
            TaskConflict,
        ),
        (
            lambda s, connection: s.create_task_instances({"t2/1": "t2", "t1/1": "t2"}, connection=connection),
            TaskInstanceConflict,
        ),
        (
            lambda s, connection: s.create_task_instances({"t2/1": "t2", "x": "nowhere"}, connection=connection),
            UnknownEntity,
        ),
    ],
)
def test_an_error_writes_nothing_and_leaves_the_transaction_usable(
    begun: TransitionService,
    connection: psycopg.Connection[Any],
    caller: psycopg.Connection[Any],
    call: Call,
    error: type[Exception],
) -> None:
    before = events(connection)
    caller.execute("INSERT INTO public.callers VALUES ('mine')")

    with pytest.raises(error):
        call(begun, connection=caller)

    assert state(caller) == TransactionStatus.INTRANS
    caller.commit()
    assert (events(connection), callers(connection)) == (before, ["mine"])


class TestLocks:
    def test_what_stays_locked_leaves_the_callers_transaction_usable(
        self,
        begun: TransitionService,
        dsn: str,
        connection: psycopg.Connection[Any],
        caller: psycopg.Connection[Any],
    ) -> None:
        caller.execute("INSERT INTO public.callers VALUES ('mine')")
        with psycopg.connect(dsn) as other:
            other.execute("SELECT FROM sojourn.task FOR NO KEY UPDATE")

            answer = begun.transition_task_instance("t1/1", "DONE", max_retries=1, connection=caller)
            lists = begun.transition_tasks(["t2"], "QUEUED", max_retries=1, connection=caller)

        assert (answer["error"], lists["locked"]) == ("max_retries_exceeded", ["t2"])
        caller.commit()
        assert callers(connection) == ["mine"]

    def test_it_tries_again_behind_a_savepoint(
        self,
        begun: TransitionService,
        dsn: str,
        connection: psycopg.Connection[Any],
        caller: psycopg.Connection[Any],
    ) -> None:
        caller.execute("INSERT INTO public.callers VALUES ('mine')")
        with psycopg.connect(dsn) as other:
            begun.transition_task_instance("t1/1", "DONE", connection=other)
            with between_attempts(lambda _: other.commit()):
                answer = begun.transition_task_instance("t1/1", "TRIAGING", connection=caller)

        assert (answer["error"], answer["task_status"]) == ("invalid_ti_transition", "DONE")
        caller.commit()
        assert callers(connection) == ["mine"]
        assert_agreement(connection)

    def test_a_row_that_another_inserts_meanwhile_is_found_by_the_next_attempt(
        self,
        begun: TransitionService,
        dsn: str,
        connection: psycopg.Connection[Any],
        caller: psycopg.Connection[Any],
    ) -> None:
        caller.execute("SELECT")
        with psycopg.connect(dsn) as other:
            begun.register_tasks("w", [TaskSpec("t3")], connection=other)
            with ThreadPoolExecutor(1) as thread:
                waiting = thread.submit(begun.register_tasks, "w", [TaskSpec("t3")], connection=caller)
                wait_for_a_waiter(connection)
                other.commit()
                answer = waiting.result()

        assert answer == {"registered": 0, "existing": 1}

    def test_the_error_behind_the_last_attempt_is_its_cause(
        self, begun: TransitionService, dsn: str, caller: psycopg.Connection[Any]
    ) -> None:
        with psycopg.connect(dsn) as other:
            other.execute("SELECT FROM sojourn.task FOR NO KEY UPDATE")
            with between_attempts(lambda _: None), pytest.raises(RetriesExhausted) as raised:
                begun.create_task_instances({"t2/1": "t2"}, connection=caller)

        assert isinstance(raised.value.__cause__, psycopg.errors.LockNotAvailable)

    def test_a_command_that_another_carries_out_meanwhile(
        self,
        begun: TransitionService,
        connection: psycopg.Connection[Any],
        caller: psycopg.Connection[Any],
    ) -> None:
        caller.execute("INSERT INTO public.callers VALUES ('mine')")
        first = begun.transition_task_instance("t1/1", "DONE", command_id="c1")
        before = events(connection)

        assert begun.transition_task_instance("t1/1", "DONE", command_id="c1", connection=caller) == first
        caller.commit()
        assert (events(connection), callers(connection)) == (before, ["mine"])


@pytest.mark.parametrize("level", [psycopg.IsolationLevel.REPEATABLE_READ, psycopg.IsolationLevel.SERIALIZABLE])
@every_method
def test_what_only_the_caller_can_repeat_is_raised_at_once(
    begun: TransitionService,
    connection: psycopg.Connection[Any],
    caller: psycopg.Connection[Any],
    call: Call,
    level: psycopg.IsolationLevel,
) -> None:
    """The caller has its snapshot; somebody else makes the same call and commits; then the caller makes it."""
    caller.isolation_level = level
    caller.execute("SELECT FROM sojourn.task")
    call(begun)
    before = events(connection)

    with between_attempts(no_attempt_after_the_first), pytest.raises(psycopg.Error) as raised:
        call(begun, connection=caller)

    assert raised.value.sqlstate in ("40001", "23505")
    assert state(caller) == TransactionStatus.INTRANS, "behind a savepoint"
    caller.rollback()
    assert events(connection) == before
    call(begun, connection=caller)
    caller.commit()
    assert_agreement(connection)


@every_method
def test_a_command_that_the_callers_snapshot_cannot_see_is_not_repeated(
    begun: TransitionService, connection: psycopg.Connection[Any], caller: psycopg.Connection[Any], call: Call
) -> None:
    caller.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    caller.execute("SELECT FROM sojourn.task")
    first = call(begun, command_id="c1")
    before = events(connection)

    with between_attempts(no_attempt_after_the_first), pytest.raises(psycopg.Error) as raised:
        call(begun, connection=caller, command_id="c1")

    assert raised.value.sqlstate in ("40001", "23505")
    caller.rollback()
    assert call(begun, connection=caller, command_id="c1") == first
    assert events(connection) == before


class TestRepeatableRead:
    def test_without_one_it_works(
        self,
        begun: TransitionService,
        connection: psycopg.Connection[Any],
        caller: psycopg.Connection[Any],
    ) -> None:
        caller.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        for call in CALLS.values():
            call(begun, connection=caller)
        caller.commit()

        assert status(begun, "task:t1", "task:t3") == ["REGISTERING", "REGISTERING"]
        assert_agreement(connection)


def test_several_calls_in_one_transaction_see_each_other(
    begun: TransitionService, connection: psycopg.Connection[Any], caller: psycopg.Connection[Any]
) -> None:
    begun.register_tasks("w", [TaskSpec("t3")], connection=caller)
    begun.gate_tasks_for_queueing(["t3"], connection=caller)
    begun.create_task_instances({"t3/1": "t3"}, connection=caller)
    for to in ("INSTANTIATED", "LAUNCHED", "RUNNING", "DONE"):
        assert begun.transition_task_instance("t3/1", to, connection=caller)["ti_updated"]

    assert status(begun, "task:t3") == [None]
    caller.commit()
    assert status(begun, "task:t3") == ["DONE"]
    assert_agreement(connection)
