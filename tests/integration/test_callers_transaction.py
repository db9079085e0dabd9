"""`connection=`: the service in a transaction that is not its own."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row

from application.array_service import ArrayService
from application.shared import retry
from application.transition_service import TaskSpec, TransitionService
from domain.errors import TaskConflict, TaskInstanceConflict, UnknownEntity
from tests.support.agreement import assert_agreement, rows
from tests.support.attempts import attempt, register, status

Call = Callable[[TransitionService, psycopg.Connection[Any]], object]

# Every method, on a task t1 with an instance t1/1 that are RUNNING, a new task t2, and array 1 whose first batch has an
# instance that was INSTANTIATED and one that is to end: each writes something.
CALLS: dict[str, Call] = {
    "register_tasks": lambda service, used: service.register_tasks("w", [TaskSpec("t3")], connection=used),
    "create_task_instances": lambda service, used: service.create_task_instances({"t2/1": "t2"}, connection=used),
    "gate_tasks_for_queueing": lambda service, used: service.gate_tasks_for_queueing(["t2"], connection=used),
    "transition_tasks": lambda service, used: service.transition_tasks(["t2"], "QUEUED", connection=used),
    "transition_task": lambda service, used: service.transition_task("t2", "QUEUED", connection=used),
    "transition_task_instance": lambda service, used: service.transition_task_instance(
        "t1/1", "ERROR", command_id="c1", connection=used
    ),
    "transition_task_instances": lambda service, used: service.transition_task_instances(
        ["t1/1"], "DONE", connection=used
    ),
    "bind": lambda service, used: ArrayService(service.store).bind("w", "13", 7, connection=used),
    "queue_task_batch": lambda service, used: ArrayService(service.store).queue_task_batch(
        "1", ["t2"], command_id="c2", connection=used
    ),
    "transition_to_launched": lambda service, used: ArrayService(service.store).transition_to_launched(
        "1", 1, 60, connection=used
    ),
    "transition_to_killed": lambda service, used: ArrayService(service.store).transition_to_killed(
        "1", 1, connection=used
    ),
    "log_distributor_id": lambda service, used: ArrayService(service.store).log_distributor_id(
        "1", {"a1/1": "4711"}, connection=used
    ),
    "reset_tasks": lambda service, used: service.reset_tasks(["t1"], reset_if_running=True, connection=used),
}
every_method = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@pytest.fixture
def begun(service: TransitionService, connection: psycopg.Connection[Any]) -> TransitionService:
    """A service with a task that runs, a new task, and a table of the caller's own."""
    register(service, "t1", "t2")
    attempt(service, "t1")
    arrays = ArrayService(service.store)
    register(service, "a1", "a2")
    arrays.queue_task_batch(arrays.bind("w", "12", 7)["array_id"], ["a1", "a2"])
    service.transition_task_instances(["a1/1", "a2/1"], "INSTANTIATED")
    service.transition_task_instances(["a2/1"], "KILL_SELF")
    connection.execute("CREATE TABLE public.callers (what text)")
    return service


@pytest.fixture
def caller(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    """The caller's connection, which begins a transaction with its first statement, as psycopg's do."""
    with psycopg.connect(dsn) as connected:
        yield connected


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

        call(begun, caller)

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

        call(begun, caller)
        caller.rollback()

        assert events(connection) == before
        call(begun, caller)  # as if it had never been
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

        call(begun, caller)

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
                call(begun, connection)
            assert events(connection) > before
            assert callers(connection) == ["mine"]

        assert (events(connection), callers(connection)) == (before, [])

    def test_whatever_kind_of_rows_and_cursors_the_caller_likes(
        self, begun: TransitionService, dsn: str, call: Call
    ) -> None:
        with psycopg.connect(dsn, row_factory=dict_row, cursor_factory=psycopg.ClientCursor) as caller:
            call(begun, caller)

            assert (caller.row_factory, caller.cursor_factory) == (dict_row, psycopg.ClientCursor)
            assert caller.execute("SELECT 1 AS one").fetchone() == {"one": 1}

    def test_an_autocommit_connection_commits_at_once(
        self, begun: TransitionService, dsn: str, connection: psycopg.Connection[Any], call: Call
    ) -> None:
        before = events(connection)
        with psycopg.connect(dsn, autocommit=True) as caller:
            call(begun, caller)

            assert state(caller) == TransactionStatus.IDLE
            assert events(connection) > before


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda s, used: s.register_tasks("w", [TaskSpec("t0"), TaskSpec("t1", 9)], connection=used), TaskConflict),
        (
            lambda s, used: s.create_task_instances({"t2/1": "t2", "t1/1": "t2"}, connection=used),
            TaskInstanceConflict,
        ),
        (lambda s, used: s.create_task_instances({"t2/1": "t2", "x": "nowhere"}, connection=used), UnknownEntity),
    ],
)
def test_an_error_leaves_the_callers_transaction_usable_and_writes_nothing_of_its_own(
    begun: TransitionService,
    connection: psycopg.Connection[Any],
    caller: psycopg.Connection[Any],
    call: Call,
    error: type[Exception],
) -> None:
    before = events(connection)
    caller.execute("INSERT INTO public.callers VALUES ('mine')")

    with pytest.raises(error):
        call(begun, caller)

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
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        caller.execute("INSERT INTO public.callers VALUES ('mine')")
        with psycopg.connect(dsn) as other:
            begun.transition_task_instance("t1/1", "DONE", connection=other)

            def committed_meanwhile(_: int) -> float:
                other.commit()
                return 0

            monkeypatch.setattr(retry, "backoff_seconds", committed_meanwhile)
            answer = begun.transition_task_instance("t1/1", "TRIAGING", connection=caller)

        assert (answer["error"], answer["task_status"]) == ("invalid_ti_transition", "DONE")
        caller.commit()
        assert callers(connection) == ["mine"]
        assert_agreement(connection)

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


class TestRepeatableRead:
    @pytest.mark.parametrize("method", ["transition_task_instance", "transition_task_instances", "reset_tasks"])
    def test_a_change_by_others_is_raised_as_a_serialization_failure(
        self, begun: TransitionService, caller: psycopg.Connection[Any], method: str
    ) -> None:
        caller.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        caller.execute("SELECT FROM sojourn.task")
        begun.transition_task_instance("t1/1", "TRIAGING")

        with pytest.raises(psycopg.errors.SerializationFailure) as raised:
            CALLS[method](begun, caller)

        assert raised.value.sqlstate == "40001"
        caller.rollback()
        CALLS[method](begun, caller)
        caller.commit()

    def test_without_one_it_works(
        self,
        begun: TransitionService,
        connection: psycopg.Connection[Any],
        caller: psycopg.Connection[Any],
    ) -> None:
        caller.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        for call in CALLS.values():
            call(begun, caller)
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
