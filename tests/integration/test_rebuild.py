"""Rebuilding the projections from the log, while readers and writers go on."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count, islice
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from application.array_service import ArrayService
from application.maintain import rebuild as module
from application.maintain.rebuild import RebuildRunning, SwapPrevented, TablesInUse, rebuild_projections
from application.replay.verify import verify_log
from application.transition_service import TransitionService
from infrastructure.log.settling import OnWait, settle_log
from infrastructure.sql import query
from tests.support.attempts import attempt, ids, log, register, status

pytestmark = pytest.mark.fresh_database

Plant = Callable[[Connection[Any]], object]

PLANTED: dict[str, Plant] = {
    "a status": lambda connection: connection.execute(
        "UPDATE sojourn.task SET status = 'QUEUED' WHERE task_id = 't000001'"
    ),
    "a missing task": lambda connection: connection.execute("DELETE FROM sojourn.task WHERE task_id = 't000001'"),
    "an instance's version": lambda connection: connection.execute("UPDATE sojourn.task_instance SET version = 99"),
    "an array's last batch": lambda connection: connection.execute("UPDATE sojourn.array SET last_batch = 9"),
    "a missing array": lambda connection: connection.execute("DELETE FROM sojourn.array"),
    "a step": lambda connection: connection.execute("UPDATE sojourn.task_instance SET step = step + 7"),
    "missing instances": lambda connection: connection.execute("DELETE FROM sojourn.task_instance WHERE ordinal = 2"),
}


@pytest.fixture
def worked(service: TransitionService) -> TransitionService:
    """A service whose log has tasks that ran, failed, were refused, reset, and never began."""
    names = ids(30)
    register(service, *names)
    running = attempt(service, *names[:20])
    service.transition_task_instances(running[:8], "DONE")
    service.transition_task_instances(running[8:14], "ERROR")
    service.transition_task_instances(running[:4], "LAUNCHED")
    service.reset_tasks(names[14:17], reset_if_running=True)
    attempt(service, *names[8:11], until="LAUNCHED")
    arrays = ArrayService(service.store)
    arrays.queue_task_batch(arrays.bind("w", "12", 7)["array_id"], names[28:])
    return service


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED.keys())
def test_what_was_wrong_is_right_after_it(
    worked: TransitionService, connection: Connection[Any], planted: Plant
) -> None:
    assert verify_log(worked.store)["mismatches"] == []
    planted(connection)
    assert verify_log(worked.store)["mismatches"] != []
    rebuilt = rebuild_projections(worked.store, no_progress)
    assert rebuilt["events"] == len(_log(connection))
    assert verify_log(worked.store)["mismatches"] == []


@pytest.mark.parametrize("rebuilds", [2, pytest.param(20, marks=pytest.mark.stress)])
def test_writers_go_on_and_nothing_of_theirs_is_lost(worked: TransitionService, rebuilds: int) -> None:
    """During each step of a rebuild, a batch is committed at least."""
    tasks = (f"w{number}" for number in count())
    committed, rebuilt = threading.Semaphore(0), threading.Event()
    started, batched = list[str](), list[str]()

    def write() -> None:
        while not rebuilt.is_set():
            names = list(islice(tasks, 8))
            register(worked, *names)
            attempt(worked, *names[:4])
            worked.arrays.queue_task_batch("1", names[4:])
            started.extend(names[:4])
            batched.extend(names[4:])
            committed.release()

    def wait_for_commits(step: str) -> None:
        while committed.acquire(blocking=False):
            pass
        assert committed.acquire(timeout=60), f"no writer commits while the rebuild is at: {step}"

    with ThreadPoolExecutor(1) as executor:
        writer = executor.submit(write)
        try:
            for _ in range(rebuilds):
                rebuild_projections(worked.store, wait_for_commits)
        finally:
            rebuilt.set()
        writer.result()
    assert set(status(worked, *(f"task:{name}" for name in started))) == {"RUNNING"}
    assert set(status(worked, *(f"task:{name}" for name in batched))) == {"QUEUED"}
    assert verify_log(worked.store)["mismatches"] == []


def test_it_ends_where_writers_are_faster(
    worked: TransitionService, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More events come during each step than it may leave to the swap."""
    names = (f"fast{number}" for number in count())

    def settle_before_others(settled: Connection[Any], on_wait: OnWait, wait_seconds: float) -> int:
        position = settle_log(settled, on_wait, wait_seconds)
        tasks = list(islice(names, 5))
        register(worked, *tasks)
        attempt(worked, *tasks)
        return position

    monkeypatch.setattr(module, "FEW", 3)
    monkeypatch.setattr(module, "settle_log", settle_before_others)
    rebuilt = rebuild_projections(worked.store, no_progress)

    assert rebuilt["events"] == len(_log(connection))
    assert verify_log(worked.store)["mismatches"] == []


def test_what_is_uncommitted_when_it_begins_is_waited_for(
    worked: TransitionService, connection: Connection[Any], dsn: str
) -> None:
    with psycopg.connect(dsn) as open_transaction:
        worked.gate_tasks_for_queueing(["t000025"], connection=open_transaction)
        waiting = threading.Event()
        thread = threading.Thread(target=rebuild_projections, args=(worked.store, lambda step: waiting.set()))
        thread.start()
        assert waiting.wait(10)
        open_transaction.commit()
        thread.join(30)
    assert status(worked, "task:t000025") == ["QUEUED"]
    assert verify_log(worked.store)["mismatches"] == []


def test_only_one_runs_at_a_time(worked: TransitionService, connection: Connection[Any]) -> None:
    connection.execute("SELECT pg_advisory_lock(%s)", [module.LOCK])
    with pytest.raises(RebuildRunning):
        rebuild_projections(worked.store, no_progress)
    connection.execute("SELECT pg_advisory_unlock(%s)", [module.LOCK])
    rebuild_projections(worked.store, no_progress)


def test_one_that_was_killed_can_be_started_again(worked: TransitionService, connection: Connection[Any]) -> None:
    connection.execute(query("projections", "rebuild/begin"))
    rebuild_projections(worked.store, no_progress)
    assert _schemas(connection) == ["sojourn"]
    assert verify_log(worked.store)["mismatches"] == []


@pytest.mark.parametrize(
    "interrupted_at", ["waiting for transactions that write", "reading the log", "putting the new tables in place"]
)
def test_one_that_is_interrupted_leaves_everything_as_it_was(
    worked: TransitionService, connection: Connection[Any], interrupted_at: str
) -> None:
    def interrupt(step: str) -> None:
        if step == interrupted_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild_projections(worked.store, interrupt)
    assert _schemas(connection) == ["sojourn"]
    assert verify_log(worked.store)["mismatches"] == []


def test_a_long_reader_prevents_the_swap_and_nothing_else(
    worked: TransitionService, connection: Connection[Any], dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SWAPS", 2)
    with psycopg.connect(dsn) as reader:
        reader.execute("SELECT count(*) FROM sojourn.task_status_audit")
        with pytest.raises(SwapPrevented):
            rebuild_projections(worked.store, no_progress)
    assert _schemas(connection) == ["sojourn"]
    assert worked.gate_tasks_for_queueing(["t000025"])["gated"] == ["t000025"]


def test_a_view_of_somebody_elses_is_kept(worked: TransitionService, connection: Connection[Any]) -> None:
    connection.execute("CREATE VIEW mine AS SELECT task_id FROM sojourn.current_task")
    rebuild_projections(worked.store, no_progress)
    assert len(connection.execute("SELECT * FROM mine").fetchall()) == 30

    connection.execute("CREATE VIEW too_deep AS SELECT task_id FROM sojourn.task")
    with pytest.raises(TablesInUse, match="too_deep"):
        rebuild_projections(worked.store, no_progress)
    assert len(connection.execute("SELECT * FROM too_deep").fetchall()) == 30


def test_who_could_read_still_can(worked: TransitionService, connection: Connection[Any]) -> None:
    with _role(connection, "sojourn_test_reader") as role:
        connection.execute(f"GRANT USAGE ON SCHEMA sojourn TO {role}; GRANT SELECT ON sojourn.task TO {role}")
        rebuild_projections(worked.store, no_progress)
        connection.execute(f"SET ROLE {role}")
        assert len(connection.execute("SELECT * FROM sojourn.task").fetchall()) == 30
        connection.execute("RESET ROLE")


def test_the_tables_are_stored_as_before(worked: TransitionService, connection: Connection[Any]) -> None:
    connection.execute("ALTER TABLE sojourn.task SET (fillfactor = 77)")
    before = _storage(connection)
    rebuild_projections(worked.store, no_progress)
    assert _storage(connection) == before


def test_a_service_goes_on_with_the_tables_swapped_under_it(worked: TransitionService) -> None:
    running = attempt(worked, "t000026")
    for number in range(8):  # past the point where statements are prepared on the server
        worked.transition_task_instance(running[0], ("TRIAGING", "RUNNING")[number % 2])
    rebuild_projections(worked.store, no_progress)
    answer = worked.transition_task_instance(running[0], "DONE")
    assert answer["task_status"] == "DONE"
    assert log(worked, "task:t000026")[-1] == "task.transitioned DONE"


def no_progress(step: str) -> None:
    """Show the steps of a rebuild to nobody."""


@contextmanager
def _role(connection: Connection[Any], name: str) -> Iterator[str]:
    connection.execute(f"CREATE ROLE {name}")
    try:
        yield name
    finally:
        connection.execute(f"RESET ROLE; DROP OWNED BY {name}; DROP ROLE {name}")


def _storage(connection: Connection[Any]) -> list[Any]:
    return connection.execute(
        "SELECT relname, reloptions FROM pg_class"
        " WHERE relnamespace = 'sojourn'::regnamespace AND relkind = 'r' ORDER BY relname"
    ).fetchall()


def _log(connection: Connection[Any]) -> list[Any]:
    return connection.execute("SELECT position FROM sojourn.event").fetchall()


def _schemas(connection: Connection[Any]) -> list[str]:
    rows = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'sojourn%' ORDER BY nspname")
    return [row[0] for row in rows]
