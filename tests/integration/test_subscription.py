"""Following the log: every committed event once, in an order that respects each stream, whatever writers do."""

import multiprocessing
import random
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from application.transition_service import TaskSpec, TransitionService
from infrastructure.log.logged_event import LoggedEvent
from infrastructure.log.subscription import Subscription
from infrastructure.log.tail import NO_WRITER, GapBarrier, Tail, oldest_writer, take_xid
from tests.support.own_server import own_server
from tests.support.waiting import wait_for

TASKS = [f"t{number}" for number in range(40)]
REGISTER = """
    INSERT INTO sojourn.event (stream, version, name, workflow_id, recorded_at, entered_at, data)
    VALUES (%s, 1, 'task.registered.v1', 'w', now(), now(), jsonb_build_object(
        'status', 'REGISTERING', 'num_attempts', 0, 'max_attempts', 3, 'lifecycle', 'jobmon', 'lifecycle_version', 1
    ))
"""


class Received:
    """A consumer that remembers what it was handed."""

    def __init__(self) -> None:
        self.events: list[LoggedEvent] = []

    def __call__(self, connection: Connection[Any], events: Sequence[LoggedEvent]) -> None:
        self.events += events

    @property
    def positions(self) -> list[int]:
        return [event.position for event in self.events]


Connect = Callable[..., Connection[Any]]


@pytest.fixture
def connect(dsn: str) -> Iterator[Connect]:
    """Connections that are closed at the end; with `owns=True`, in a transaction that owns its id already."""
    with ExitStack() as stack:

        def connected(*, owns: bool = False) -> Connection[Any]:
            connection = stack.enter_context(psycopg.connect(dsn, autocommit=not owns))
            if owns:
                connection.execute("SELECT pg_current_xact_id()")
            return connection

        yield connected


@pytest.fixture
def elsewhere(empty_dsn: str) -> Iterator[Connection[Any]]:
    """A transaction that owns an id and stays open in another database of the server."""
    with psycopg.connect(empty_dsn) as connected:
        connected.execute("SELECT pg_current_xact_id()")
        yield connected


@pytest.mark.parametrize("elsewhere_too", [False, True])
@pytest.mark.parametrize(("writers", "transactions"), [(3, 25), pytest.param(8, 100, marks=pytest.mark.stress)])
def test_no_event_is_missed_or_out_of_order_while_many_write(
    service: TransitionService, writers: int, transactions: int, elsewhere_too: bool, request: pytest.FixtureRequest
) -> None:
    """Processes commit, abort, and hold their positions for a while; one reader follows at the log's end.

    While a transaction is open elsewhere, the reader passes gaps only by looking for this log's writers.
    """
    if elsewhere_too:
        request.getfixturevalue("elsewhere")
    service.register_tasks("w", [TaskSpec(task_id) for task_id in TASKS])
    received = Received()
    subscription = Subscription(service.dsn, "reader", received, batch=500, poll_seconds=0.1)
    following = threading.Thread(target=subscription.run)
    following.start()
    try:
        _write_in_processes(service.dsn, writers, transactions)
    finally:
        subscription.stop()
        following.join()
    subscription.catch_up()

    committed = _log(service.dsn)
    missed = {position for position, _, _ in committed} - set(received.positions)
    assert committed[-1][0] > len(committed), "no aborted transaction has left a gap"
    assert not missed, f"missed {len(missed)} of {len(committed)} events"
    assert [(event.position, event.stream, event.version) for event in received.events] == committed
    assert _versions_ascend(received.events)


def test_a_hole_is_waited_for_as_long_as_its_owner_lives(service: TransitionService, connect: Connect) -> None:
    """The owner of the hole has a higher transaction id than the one that was seen to commit after it."""
    early, late = connect(owns=True), connect(owns=True)
    _append(service, late, "held")
    _append(service, early, "seen")
    early.commit()
    reader, other = connect(), connect()
    tail = Tail(0, GapBarrier.through(other))
    assert tail.read(reader, 10) == []
    assert tail.waits_for_others
    service.register_tasks("w", [TaskSpec("later")])
    assert tail.read(reader, 10) == []
    late.commit()
    assert _streams(tail.read(reader, 10)) == ["task:held", "task:seen", "task:later"]
    assert not tail.waits_for_others


def test_a_hole_whose_owner_has_gone_is_passed(service: TransitionService, connect: Connect) -> None:
    aborted = connect(owns=True)
    _append(service, aborted, "aborted")
    service.register_tasks("w", [TaskSpec("kept")])
    aborted.rollback()
    received = Received()
    Subscription(service.dsn, "reader", received).catch_up()
    assert _streams(received.events) == ["task:kept"]


class TestOthersThatCannotFillAGap:
    """A gap that an aborted writer has left, while other transactions with an older id stay open."""

    @pytest.fixture(autouse=True)
    def _gap(self, service: TransitionService, connect: Connect) -> None:
        aborted = connect(owns=True)
        _append(service, aborted, "aborted")
        service.register_tasks("w", [TaskSpec("kept")])
        aborted.rollback()

    @pytest.mark.usefixtures("elsewhere")
    def test_in_another_database(self, service: TransitionService) -> None:
        assert _caught_up(service) == ["task:kept"]

    def test_that_writes_to_other_tables(self, service: TransitionService, connect: Connect) -> None:
        busy = connect(owns=True)
        busy.execute("CREATE TEMPORARY TABLE others (n integer)")

        assert _caught_up(service) == ["task:kept"]

    def test_that_only_reads_the_log(self, service: TransitionService, connect: Connect) -> None:
        connect(owns=True).execute("SELECT * FROM sojourn.event")

        assert _caught_up(service) == ["task:kept"]


@pytest.mark.usefixtures("elsewhere")
def test_an_event_that_is_committed_between_the_read_and_the_look_is_not_missed(
    service: TransitionService, connect: Connect
) -> None:
    held, reader, other = connect(owns=True), connect(), connect()
    _append(service, held, "held")
    service.register_tasks("w", [TaskSpec("seen")])

    def take_xid_and_commit() -> int:
        xid = take_xid(other)
        held.commit()
        return xid

    assert _streams(Tail(0, GapBarrier(take_xid_and_commit)).read(reader, 10)) == ["task:held", "task:seen"]


@pytest.mark.usefixtures("elsewhere")
def test_a_reader_with_one_snapshot_does_not_take_a_later_look_for_its_own(
    service: TransitionService, connect: Connect
) -> None:
    """The owner of the gap ends after the reader's snapshot, so that the look at the locks finds no writer any more."""
    held, reader, other = connect(owns=True), connect(), connect()
    _append(service, held, "held")
    service.register_tasks("w", [TaskSpec("seen")])
    tail = Tail(0, GapBarrier.through(other))
    reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    with reader.transaction():
        assert tail.read(reader, 10) == []
        held.commit()
        assert tail.read(reader, 10) == []
    reader.isolation_level = None
    assert _streams(tail.read(reader, 10)) == ["task:held", "task:seen"]


def test_a_prepared_transaction_is_waited_for() -> None:
    with (
        own_server("max_prepared_transactions=2") as server,
        TransitionService.connect(server.dsn) as service,
        psycopg.connect(server.dsn) as held,
        psycopg.connect(server.dsn, autocommit=True) as reader,
        psycopg.connect(server.dsn, autocommit=True) as other,
    ):
        held.execute(REGISTER, ["task:held"])
        service.register_tasks("w", [TaskSpec("seen")])
        tail = Tail(0, GapBarrier.through(other))
        assert tail.read(reader, 10) == []
        held.execute("PREPARE TRANSACTION 'held'")
        held.commit()
        assert tail.read(reader, 10) == []
        other.execute("COMMIT PREPARED 'held'")

        assert _streams(tail.read(reader, 10)) == ["task:held", "task:seen"]


@pytest.mark.stress
def test_transaction_ids_that_wrap_around() -> None:
    """Locks show the lower half of a transaction id; here the gap's owner is before the wrap, and a reader after it."""
    with own_server() as server:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute("VACUUM FREEZE")
        server.stop()
        server.run("pg_resetwal", "-D", str(server.data), "-e", "3", "-x", str(2**32 - 600), "-u", str(2**32 - 10_000))
        segment = server.data / "pg_xact" / "0FFF"
        segment.write_bytes(bytes(256 * 1024))
        shutil.chown(segment, server.data.owner())
        server.start()
        _hold_over_a_wrap(server.dsn)


def _hold_over_a_wrap(dsn: str) -> None:
    with (
        TransitionService.connect(dsn) as service,
        psycopg.connect(dsn) as elsewhere,
        psycopg.connect(dsn) as held,
        psycopg.connect(dsn, autocommit=True) as reader,
        psycopg.connect(dsn, autocommit=True) as other,
    ):
        elsewhere.execute("SELECT pg_current_xact_id()")
        held.execute(REGISTER, ["task:held"])
        assert 2**34 - 600 < take_xid(held) < 2**34
        while take_xid(other) < 2**34:
            pass
        service.register_tasks("w", [TaskSpec("seen")])
        tail = Tail(0, GapBarrier.through(other))
        assert tail.read(reader, 10) == []
        assert 2**34 - 600 < oldest_writer(reader) < 2**34
        held.commit()
        assert _streams(tail.read(reader, 10)) == ["task:held", "task:seen"]
        assert oldest_writer(reader) == NO_WRITER


def test_a_batch_is_bounded_in_bytes(service: TransitionService, connect: Connect) -> None:
    service.register_tasks("w", [TaskSpec(f"t{number}") for number in range(9)], reason="x" * 10_000)
    reader, other = connect(), connect()
    tail = Tail(0, GapBarrier.through(other))
    sizes = []
    while events := tail.read(reader, 100, 25_000):
        sizes.append(len(events))
    assert sizes == [3, 3, 3]
    assert len(Tail(0, GapBarrier.through(other)).read(reader, 100, 1)) == 1


class OpenBarrier(GapBarrier):
    """A barrier that lets every gap pass at once."""

    def __init__(self) -> None:
        super().__init__(lambda: 0)

    def will_never_fill(self, gap: int, last_read: int, oldest_running: int) -> bool:
        return True


def test_without_its_barrier_a_tail_misses_events(service: TransitionService, connect: Connect) -> None:
    """The proofs above can fail: the same scene with the barrier open."""
    held, reader = connect(owns=True), connect()
    _append(service, held, "held")
    service.register_tasks("w", [TaskSpec("seen")])
    tail = Tail(0, OpenBarrier())
    first = tail.read(reader, 10)
    held.commit()
    assert _streams([*first, *tail.read(reader, 10)]) == ["task:seen"]


def test_the_end_of_a_snapshot_is_no_barrier(service: TransitionService, connect: Connect) -> None:
    """Why the barrier is a new transaction id: pg_snapshot_xmax can lie below the id of the hole's owner."""
    early, late = connect(owns=True), connect(owns=True)
    for connection, task_id in ((late, "held"), (early, "seen")):
        connection.execute(REGISTER, [f"task:{task_id}"])  # no savepoint, which would take a later id
    early.commit()
    reader, other = connect(), connect()
    barrier = GapBarrier(lambda: _value(other, "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"))
    tail = Tail(0, barrier)
    first = tail.read(reader, 10)
    second = tail.read(reader, 10)
    late.commit()
    assert _streams([*first, *second, *tail.read(reader, 10)]) == ["task:seen"]


def test_a_consumer_that_fails_gets_its_batch_again_and_writes_once(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec(task_id) for task_id in TASKS])
    with psycopg.connect(service.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE counted (position bigint PRIMARY KEY)")

    def consume(connection: Connection[Any], events: Sequence[LoggedEvent]) -> None:
        connection.cursor().executemany("INSERT INTO counted VALUES (%s)", [(event.position,) for event in events])
        if not failed:
            failed.append(True)
            raise ZeroDivisionError

    failed: list[bool] = []
    subscription = Subscription(service.dsn, "counter", consume, batch=7)
    with pytest.raises(ZeroDivisionError):
        subscription.catch_up()
    assert subscription.catch_up() == len(TASKS)
    assert _count(service.dsn, "SELECT count(*) FROM counted") == len(TASKS)


def test_two_consumers_of_one_name_share_the_work(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec(f"t{number}") for number in range(500)])
    received = [Received(), Received()]
    threads = [threading.Thread(target=Subscription(service.dsn, "shared", one, batch=10).catch_up) for one in received]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(received[0].positions + received[1].positions) == list(range(1, 501))


def test_it_goes_on_after_its_connections_are_cut(service: TransitionService) -> None:
    received, got = Received(), threading.Event()

    def consume(connection: Connection[Any], events: Sequence[LoggedEvent]) -> None:
        received(connection, events)
        got.set()

    subscription = Subscription(service.dsn, "reader", consume)
    following = threading.Thread(target=subscription.run)
    following.start()
    try:
        service.register_tasks("w", [TaskSpec("before")])
        # What was consumed without its checkpoint would come again.
        wait_for(lambda: _count(service.dsn, "SELECT count(*) FROM sojourn.checkpoint WHERE position > 0") == 1)
        got.clear()
        _cut_all_others(service.dsn)
        with TransitionService.connect(service.dsn) as another:
            another.register_tasks("w", [TaskSpec("after")])
        assert got.wait(10)
    finally:
        subscription.stop()
        following.join()
    assert _streams(received.events) == ["task:before", "task:after"]


def test_a_commit_wakes_a_follower_before_it_polls(service: TransitionService) -> None:
    got = threading.Event()
    subscription = Subscription(service.dsn, "reader", lambda connection, events: got.set(), poll_seconds=3600)
    following = threading.Thread(target=subscription.run)
    following.start()
    try:
        wait_for(lambda: _count(service.dsn, "SELECT count(*) FROM sojourn.checkpoint") == 1)
        service.register_tasks("w", [TaskSpec("t")])
        assert got.wait(10)
    finally:
        subscription.stop()
        following.join()


def test_an_append_sends_no_notification_itself(service: TransitionService, connect: Connect) -> None:
    """A NOTIFY in the append's transaction would take a lock of the whole server at commit: the notifier sends it."""
    appender, listener, last = connect(owns=True), connect(), connect()
    listener.execute("LISTEN sojourn_event")
    _append(service, appender, "t")
    appender.commit()
    last.execute("NOTIFY sojourn_event, 'last'")
    senders = []
    for notification in listener.notifies(timeout=10):
        senders.append(notification.pid)
        if notification.payload == "last":
            break
    assert last.info.backend_pid in senders
    assert appender.info.backend_pid not in senders


def test_the_librarys_subscription_follows_too(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec("t1"), TaskSpec("t2")])
    with service.store.recorder.subscribe(gt=1, topics=["task.registered.v1"]) as following:
        assert next(following).originator_id == "task:t2"
        service.gate_tasks_for_queueing(["t1"])
        service.register_tasks("w", [TaskSpec("t3")])
        assert next(following).originator_id == "task:t3"
        following.stop()
        assert list(following) == []


def test_a_stopped_subscription_yields_nothing_that_it_had_read(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec(f"t{number}") for number in range(5)])
    yielded = []
    with service.store.recorder.subscribe(gt=0) as following:
        for event in following:
            yielded.append(event.originator_id)
            following.stop()
    assert yielded == ["task:t0"]


def _write_in_processes(dsn: str, writers: int, transactions: int) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_write, args=(dsn, seed, transactions)) for seed in range(writers)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * writers


def _write(dsn: str, seed: int, transactions: int) -> None:
    dice = random.Random(seed)
    with TransitionService.connect(dsn) as service, psycopg.connect(dsn) as connection:
        for _ in range(transactions):
            tasks = dice.sample(TASKS, dice.randint(1, 3))
            connection.execute("SELECT 1")
            if dice.random() < 0.3:
                connection.execute("SELECT pg_current_xact_id()")  # an id long before its positions
            service.transition_tasks(tasks, "QUEUED", use_skip_locked=True, connection=connection)
            fate = dice.random()
            if fate < 0.03:
                connection.execute("SELECT pg_sleep(%s)", [dice.uniform(0.2, 2.0)])  # holds its positions
            connection.rollback() if 0.02 < fate < 0.2 else connection.commit()


def _log(dsn: str) -> list[tuple[int, str, int]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute("SELECT position, stream, version FROM sojourn.event ORDER BY position").fetchall()


def _versions_ascend(events: Sequence[LoggedEvent]) -> bool:
    seen: dict[str, int] = {}
    for event in events:
        stream = event.stream
        if event.version != seen.get(stream, 0) + 1:
            return False
        seen[stream] = event.version
    return True


def _append(service: TransitionService, connection: Connection[Any], task_id: str) -> None:
    service.register_tasks("w", [TaskSpec(task_id)], connection=connection)


def _caught_up(service: TransitionService) -> list[str]:
    received = Received()
    Subscription(service.dsn, "reader", received).catch_up()
    return _streams(received.events)


def _streams(events: Sequence[LoggedEvent]) -> list[str]:
    return [event.stream for event in events]


def _value(connection: Connection[Any], statement: Any) -> int:
    row = connection.execute(statement).fetchone()
    assert row is not None
    return int(row[0])


def _count(dsn: str, statement: Any) -> int:
    with psycopg.connect(dsn) as connection:
        return _value(connection, statement)


def _cut_all_others(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
