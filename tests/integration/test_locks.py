"""What the service does about rows that others hold: real connections that hold real locks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from application.shared.current_status import CurrentStatus
from application.shared.entity_cache import EntityCache
from application.shared.retry import between_attempts
from application.transition_service import TaskSpec, TransitionService
from domain.entity import Entity
from infrastructure.errors import RetriesExhausted
from infrastructure.log.event_log import CHUNK, json_time
from tests.support.agreement import assert_agreement, rows, streams_of
from tests.support.attempts import attempt, ids, log, register, status
from tests.support.examples import examples

Lock = tuple[str, str]
TASK: Lock = ("task", "t1")
INSTANCE: Lock = ("task_instance", "t1/1")


COLUMNS = """
    SELECT attname::text AS name, atttypid::regtype::text AS type FROM pg_attribute
    WHERE attrelid = ('sojourn.' || %s)::regclass AND attnum > 0 AND NOT attisdropped
"""
CHANGED = {
    "text": "concat({}, 'x')",
    "integer": "coalesce({}, 0) + 1",
    "timestamp with time zone": "coalesce({}, now()) + interval '1 microsecond'",
    "jsonb": """'{{"other": true}}'""",
}
"""Another value for a column of each type."""


@contextmanager
def locked(dsn: str, *locks: Lock) -> Iterator[psycopg.Connection[Any]]:
    """Rows that a transaction of somebody else's holds for the length of a block, or until it is committed."""
    with psycopg.connect(dsn) as other:
        for table, name in locks:
            found = other.execute(
                f"SELECT FROM sojourn.{table} WHERE {table}_id = %s FOR NO KEY UPDATE".encode(), [name]
            )
            assert found.rowcount == 1
        yield other
        other.rollback()


@pytest.mark.parametrize("lock", [TASK, INSTANCE])
class TestOne:
    def test_one_attempt_answers_max_retries_exceeded(self, service: TransitionService, dsn: str, lock: Lock) -> None:
        register(service, "t1")
        attempt(service, "t1")

        with locked(dsn, lock):
            answer = service.transition_task_instance("t1/1", "DONE", max_retries=1)

        assert answer == {
            "ti_updated": False,
            "task_transitioned": False,
            "task_status": None,
            "error": "max_retries_exceeded",
            "orphaned": False,
        }
        assert status(service, "task:t1", "ti:t1/1") == ["RUNNING", "RUNNING"]

    def test_who_tries_again_succeeds_once_the_lock_is_gone(
        self, service: TransitionService, dsn: str, lock: Lock
    ) -> None:
        register(service, "t1")
        attempt(service, "t1")
        waits: list[float] = []

        with locked(dsn, lock) as other:

            def release_after_two(seconds: float) -> None:
                waits.append(seconds)
                if len(waits) == 2:
                    other.rollback()

            with between_attempts(release_after_two):
                answer = service.transition_task_instance("t1/1", "DONE", max_retries=5)

        assert (answer["error"], answer["task_status"]) == (None, "DONE")
        assert len(waits) == 2

    def test_it_decides_on_what_the_holder_of_the_lock_has_made_of_it(
        self, service: TransitionService, dsn: str, lock: Lock
    ) -> None:
        register(service, "t1")
        attempt(service, "t1")

        with locked(dsn, lock) as other:

            def finish_meanwhile(_: float) -> None:
                service.transition_task_instance("t1/1", "DONE", connection=other)
                other.commit()

            with between_attempts(finish_meanwhile):
                answer = service.transition_task_instance("t1/1", "ERROR")

        assert (answer["error"], answer["task_status"]) == ("invalid_ti_transition", "DONE")


class TestWhatHappensBetweenReadingAndAppending:
    @pytest.fixture
    def meanwhile(
        self, service: TransitionService, monkeypatch: pytest.MonkeyPatch
    ) -> Callable[[Callable[[], object]], None]:
        """Makes something happen, once, right after the next report has read what it is about."""

        def arrange(happen: Callable[[], object]) -> None:
            service.store.entity_cache = EntityCache()
            family = CurrentStatus.family

            def and_then(*arguments: Any, **more: Any) -> Any:
                found = family(*arguments, **more)
                monkeypatch.setattr(CurrentStatus, "family", family)
                happen()
                return found

            monkeypatch.setattr(CurrentStatus, "family", and_then)

        return arrange

    def test_another_report_is_decided_on(
        self,
        service: TransitionService,
        connection: psycopg.Connection[Any],
        meanwhile: Callable[[Callable[[], object]], None],
    ) -> None:
        register(service, "t1")
        attempt(service, "t1")
        meanwhile(lambda: service.transition_task_instance("t1/1", "TRIAGING"))

        answer = service.transition_task_instance("t1/1", "DONE", max_retries=1)

        assert answer["error"] == "invalid_ti_transition"
        assert status(service, "task:t1", "ti:t1/1") == ["RUNNING", "TRIAGING"]
        assert_agreement(connection)

    def test_the_end_of_the_task_makes_an_orphan(
        self,
        service: TransitionService,
        connection: psycopg.Connection[Any],
        meanwhile: Callable[[Callable[[], object]], None],
    ) -> None:
        register(service, "t1")
        attempt(service, "t1")
        meanwhile(lambda: service.transition_task("t1", "ERROR_FATAL"))

        answer = service.transition_task_instance("t1/1", "ERROR", max_retries=1)

        assert (answer["orphaned"], answer["task_status"]) == (True, "ERROR_FATAL")
        assert_agreement(connection)

    def test_a_status_that_the_task_had_is_no_longer_nothing(
        self,
        service: TransitionService,
        connection: psycopg.Connection[Any],
        meanwhile: Callable[[Callable[[], object]], None],
    ) -> None:
        register(service, "t1")
        attempt(service, "t1")
        service.transition_task_instance("t1/1", "TRIAGING")
        meanwhile(lambda: service.transition_task("t1", "REGISTERING"))

        answer = service.transition_task_instance("t1/1", "RUNNING", max_retries=1)

        assert (answer["ti_updated"], answer["task_status"]) == (True, "REGISTERING")
        assert log(service, "task:t1")[-1] == "task.refused REGISTERING"
        assert_agreement(connection)

    def test_a_newer_instance_supersedes_it(
        self,
        service: TransitionService,
        connection: psycopg.Connection[Any],
        meanwhile: Callable[[Callable[[], object]], None],
    ) -> None:
        register(service, "t1")
        attempt(service, "t1", until="QUEUED")
        service.transition_task_instance("t1/1", "INSTANTIATED")
        service.transition_tasks(["t1"], "LAUNCHED")
        service.transition_tasks(["t1"], "ERROR_RECOVERABLE")
        service.gate_tasks_for_queueing(["t1"])
        meanwhile(lambda: service.create_task_instances({"t1/2": "t1"}))

        service.transition_task_instance("t1/1", "NO_DISTRIBUTOR_ID", max_retries=1)

        (refused,) = [event for event in streams_of(connection)["task:t1"] if event["name"] == "task.refused.v1"]
        assert (refused["rule"], refused["reported"]) == ("superseded-instance", "REGISTERING")
        assert_agreement(connection)


class TestWhatIsRemembered:
    """A report on what this process has reported on before is decided without reading."""

    def test_what_others_did_since_is_decided_on(self, service: TransitionService, dsn: str) -> None:
        register(service, "t1")
        attempt(service, "t1")
        service.transition_task_instance("t1/1", "TRIAGING")
        with TransitionService.connect(dsn) as another:
            another.transition_task_instance("t1/1", "RUNNING")
            another.transition_task_instance("t1/1", "ERROR")

        answer = service.transition_task_instance("t1/1", "UNKNOWN_ERROR", max_retries=1)

        assert (answer["error"], answer["task_status"]) == ("untimely_transition", "REGISTERING")

    def test_is_compared_in_every_column(self, service: TransitionService, connection: psycopg.Connection[Any]) -> None:
        """Given a row that differs in one column alone, as after a restore: each is noticed."""
        array_id = service.arrays.bind("w", "12", 7)["array_id"]
        service.register_tasks("w", [TaskSpec("t1", template="align", array_id=array_id, attributes={"tags": ["a"]})])
        service.arrays.queue_task_batch(array_id, ["t1"])
        family = service.store.status.family(connection, "t1/1")
        assert family is not None
        instance, task = family
        for table in ("task", "task_instance"):
            for row in rows(connection, COLUMNS, table):
                service.store.log.append(connection, task, instance, [], remembered=True)
                with connection.transaction(force_rollback=True):
                    changed = f"UPDATE sojourn.{table} SET {row['name']} = {CHANGED[row['type']].format(row['name'])}"
                    connection.execute(changed.encode())
                    with pytest.raises(psycopg.Error, match="the log has moved on"), connection.transaction():
                        service.store.log.append(connection, task, instance, [], remembered=True)

    @pytest.mark.parametrize("occurred_at", [None, datetime(2026, 1, 31, 9, 0, 0, 120, timezone(timedelta(hours=2)))])
    def test_is_read_once(
        self, service: TransitionService, monkeypatch: pytest.MonkeyPatch, occurred_at: datetime | None
    ) -> None:
        """Given times with a zone and a fraction that ends in zeros: nothing seems to differ."""
        register(service, "t1")
        attempt(service, "t1", until="LAUNCHED")
        service.store.entity_cache = EntityCache()
        family, read = CurrentStatus.family, []

        def counted(status: CurrentStatus, *arguments: Any, **more: Any) -> Any:
            read.append(arguments)
            return family(status, *arguments, **more)

        monkeypatch.setattr(CurrentStatus, "family", counted)
        for status_ in ("RUNNING", "TRIAGING", "RUNNING", "DONE", "RUNNING"):
            service.transition_task_instance("t1/1", status_, occurred_at=occurred_at, report_by_date=occurred_at)

        assert len(read) == 1

    @examples(quick=50, long=200)
    @given(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.timezones()))  # noqa: DTZ001 - bounds have no zone
    @example(datetime(2026, 1, 1, tzinfo=UTC))
    @example(datetime(2026, 1, 1, microsecond=500_000, tzinfo=UTC))
    def test_times_are_compared_as_the_database_writes_them(
        self, connection: psycopg.Connection[Any], time: datetime
    ) -> None:
        connection.execute("SET TimeZone = 'UTC'")
        assert rows(connection, "SELECT to_jsonb(%s::timestamptz) AS time", time) == [{"time": json_time(time)}]

    def test_a_newer_instance_is_decided_on(
        self, service: TransitionService, connection: psycopg.Connection[Any]
    ) -> None:
        register(service, "t1")
        attempt(service, "t1")
        service.transition_task_instance("t1/1", "TRIAGING")
        service.reset_tasks(["t1"], reset_if_running=True)
        service.gate_tasks_for_queueing(["t1"])
        service.create_task_instances({"t1/2": "t1"})

        service.transition_task_instance("t1/1", "UNKNOWN_ERROR", max_retries=1)

        (refused,) = [event for event in streams_of(connection)["task:t1"] if event["name"] == "task.refused.v1"]
        assert refused["rule"] == "superseded-instance"
        assert_agreement(connection)

    def test_a_command_that_was_carried_out_is_not_repeated(self, service: TransitionService) -> None:
        register(service, "t1")
        attempt(service, "t1")
        first = service.transition_task_instance("t1/1", "DONE", command_id="c")

        assert service.transition_task_instance("t1/1", "DONE", command_id="c", max_retries=1) == first
        assert log(service, "task_instance:t1/1")[-1] == "task_instance.transitioned DONE"

    def test_what_was_rolled_back_is_not_remembered(self, service: TransitionService, dsn: str) -> None:
        register(service, "t1")
        attempt(service, "t1")
        with psycopg.connect(dsn) as callers:
            service.transition_task_instance("t1/1", "DONE", connection=callers)
            callers.rollback()

        assert service.transition_task_instance("t1/1", "TRIAGING", max_retries=1)["error"] is None

    def test_what_others_report_on_too_is_read_the_next_time(self, service: TransitionService, dsn: str) -> None:
        register(service, "t1")
        attempt(service, "t1")
        entity = Entity("task_instance", "t1/1")
        service.transition_task_instance("t1/1", "TRIAGING")
        with TransitionService.connect(dsn) as another:
            another.transition_task_instance("t1/1", "RUNNING")

        service.transition_task_instance("t1/1", "TRIAGING")
        assert service.store.entity_cache.pop(entity) is None

        service.transition_task_instance("t1/1", "RUNNING")
        assert service.store.entity_cache.pop(entity) is not None

    def test_what_was_met_longest_ago_is_forgotten_first(self, service: TransitionService) -> None:
        names = [f"t{number}" for number in range(4)]
        register(service, *names)
        running = attempt(service, *names)
        service.store.entity_cache = EntityCache(size=2)
        for name in running:
            service.transition_task_instance(name, "DONE")

        recalled = [service.store.entity_cache.pop(Entity("task_instance", name)) for name in running]

        assert [found is not None for found in recalled] == [False, False, True, True]


class TestTransitionTask:
    def test_it_does_not_wait_either(self, service: TransitionService, dsn: str) -> None:
        register(service, "t1")

        with locked(dsn, TASK):
            answer = service.transition_task("t1", "QUEUED", max_retries=1)

        assert (answer["error"], answer["response"]) == ("max_retries_exceeded", "ABORT")


class TestGate:
    def test_it_skips_what_is_locked(
        self, service: TransitionService, dsn: str, connection: psycopg.Connection[Any]
    ) -> None:
        register(service, "t1", "t2", "t3")

        with locked(dsn, ("task", "t2")):
            answer = service.gate_tasks_for_queueing(["t3", "t2", "nowhere", "t1"])

        assert answer == {"gated": ["t3", "t1"], "invalid": [], "locked": ["t2"], "not_found": ["nowhere"]}
        assert log(service, "task:t2") == ["task.registered REGISTERING"]
        assert_agreement(connection)


class TestTransitionTasks:
    def test_a_chunk_with_a_locked_task_is_left_as_it_is(self, service: TransitionService, dsn: str) -> None:
        tasks = ids(CHUNK + 2)
        service.register_tasks("w", [TaskSpec(task_id) for task_id in tasks])

        with locked(dsn, ("task", tasks[7])):
            answer = service.transition_tasks(["nowhere", *tasks], "QUEUED", max_retries=1)

        first, second = tasks[: CHUNK - 1], tasks[CHUNK - 1 :]
        assert answer == {"transitioned": second, "invalid": [], "locked": first, "not_found": ["nowhere"]}
        assert status(service, f"task:{first[0]}", f"task:{second[0]}") == ["REGISTERING", "QUEUED"]

    def test_only_the_locked_ones_are_left_where_they_may_be_skipped(
        self, service: TransitionService, dsn: str
    ) -> None:
        register(service, "t1", "t2")

        with locked(dsn, ("task", "t2")):
            answer = service.transition_tasks(["t1", "t2"], "QUEUED", use_skip_locked=True, max_retries=1)

        assert answer == {"transitioned": ["t1"], "invalid": [], "locked": ["t2"], "not_found": []}

    def test_it_succeeds_once_the_lock_is_gone(self, service: TransitionService, dsn: str) -> None:
        register(service, "t1", "t2")

        with locked(dsn, ("task", "t2")) as other, between_attempts(lambda _: other.rollback()):
            answer = service.transition_tasks(["t1", "t2"], "QUEUED")

        assert answer["transitioned"] == ["t1", "t2"]
        assert log(service, "task:t1") == ["task.registered REGISTERING", "task.transitioned QUEUED"]


@pytest.mark.parametrize("lock", [TASK, INSTANCE])
class TestManyInstances:
    def test_a_chunk_with_a_locked_one_is_left_as_it_is(self, service: TransitionService, dsn: str, lock: Lock) -> None:
        register(service, "t1", "t2")
        attempt(service, "t1", "t2")

        with locked(dsn, lock):
            answer = service.transition_task_instances(["t2/1", "t1/1", "nowhere"], "DONE", max_retries=1)

        assert answer == {"transitioned": [], "invalid": [], "locked": ["t2/1", "t1/1"], "not_found": ["nowhere"]}
        assert status(service, "task:t1", "task:t2") == ["RUNNING", "RUNNING"]


class TestCreateTaskInstances:
    def test_a_task_that_stays_locked_is_named(self, service: TransitionService, dsn: str) -> None:
        register(service, "t1")

        with (
            locked(dsn, TASK),
            between_attempts(lambda _: None),
            pytest.raises(RetriesExhausted, match="gave up after 5 attempts") as raised,
        ):
            service.create_task_instances({"t1/1": "t1"})

        assert isinstance(raised.value.__cause__, psycopg.errors.LockNotAvailable)


class TestReset:
    @pytest.mark.parametrize("lock", [TASK, INSTANCE])
    def test_a_chunk_with_a_locked_task_or_instance_is_left_as_it_is(
        self, service: TransitionService, dsn: str, lock: Lock
    ) -> None:
        register(service, "t1", "t2")
        attempt(service, "t1", until="LAUNCHED")

        with locked(dsn, lock):
            answer = service.reset_tasks(["t1", "t2", "nowhere"], max_retries=1)

        assert answer == {
            "reset": [],
            "kept": [],
            "locked": ["t1", "t2"],
            "not_found": ["nowhere"],
            "killed": [],
        }
        assert status(service, "task:t1", "ti:t1/1") == ["LAUNCHED", "LAUNCHED"]

    def test_an_instance_created_just_before_the_lock_is_also_requested_to_end(
        self, service: TransitionService, connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        register(service, "t1")
        service.gate_tasks_for_queueing(["t1"])
        lock_tasks = CurrentStatus.lock_tasks
        created: list[object] = []

        def created_in_between(*arguments: Any) -> Any:
            if not created:
                created.append("t1/1")
                service.create_task_instances({"t1/1": "t1"})
            return lock_tasks(*arguments)

        monkeypatch.setattr(CurrentStatus, "lock_tasks", created_in_between)
        answer = service.reset_tasks(["t1"])

        assert (answer["reset"], answer["killed"]) == (["t1"], ["t1/1"])
        assert status(service, "task:t1", "ti:t1/1") == ["REGISTERING", "ERROR_FATAL"]
        assert_agreement(connection)


def test_a_reader_is_not_kept_waiting(service: TransitionService, dsn: str) -> None:
    register(service, "t1")
    attempt(service, "t1")

    with locked(dsn, TASK, INSTANCE):
        assert status(service, "task:t1", "ti:t1/1") == ["RUNNING", "RUNNING"]
