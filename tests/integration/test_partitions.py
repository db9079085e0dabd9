"""The log's partitions: added ahead of the events and dropped after them, while each stream keeps one row a version."""

from collections.abc import Sequence
from typing import Any

import psycopg
import pytest
from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from application.maintain.rebuild import rebuild_projections
from application.replay.verify import verify_log
from application.transition_service import TransitionService
from infrastructure.errors import LockTimeout
from infrastructure.log.partitions import Partition, add_partitions, drop_empty_partitions, list_partitions
from tests.support.agreement import assert_agreement, rows
from tests.support.attempts import attempt, register, status
from tests.support.concurrently import at_once
from tests.support.waiting import wait_for

pytestmark = pytest.mark.fresh_database

OPEN = Partition("sojourn.stored_event_1", None, None)
APPEND = (
    "INSERT INTO sojourn.event (stream, version, name, workflow_id, recorded_at, entered_at, data) "
    "SELECT e.stream, %s, %s, e.workflow_id, now(), now(), %s "
    "FROM sojourn.event AS e WHERE e.stream = 'task:t1' AND e.version = 1"
)
DOUBLED = "SELECT e.stream, e.version FROM sojourn.event AS e GROUP BY 1, 2 HAVING count(*) > 1"
MOVED, REFUSED = "task.transitioned.v1", "task.refused.v1"
QUEUED = Jsonb({"previous_status": "REGISTERING", "status": "QUEUED", "num_attempts": 0})
INSTANTIATING = Jsonb({"previous_status": "QUEUED", "status": "INSTANTIATING", "num_attempts": 0})
STAYED = Jsonb({"status": "QUEUED", "num_attempts": 0, "reported": "DONE", "rule": "invalid"})


def go_on_at(connection: psycopg.Connection[Any], position: int) -> None:
    """Let the next event have this position."""
    connection.execute("SELECT setval('sojourn.event_position', %s)", [position - 1])


def names(partitions: Sequence[Partition]) -> list[tuple[str, int | None, int | None]]:
    return [(partition.name.removeprefix("sojourn."), partition.first, partition.until) for partition in partitions]


class TestAdd:
    def test_a_small_log_has_one(self, connection: psycopg.Connection[Any]) -> None:
        go_on_at(connection, 500)

        assert add_partitions(connection, 1000) == 1
        assert list_partitions(connection) == [OPEN]

    def test_they_are_added_ahead_of_the_events(self, connection: psycopg.Connection[Any]) -> None:
        go_on_at(connection, 501)

        assert [add_partitions(connection, 1000) for _ in range(2)] == [2, 2]
        assert names(list_partitions(connection)) == [("stored_event_1", None, 1000), ("stored_event_1000", 1000, None)]

        go_on_at(connection, 3600)
        assert add_partitions(connection, 1000) == 3
        assert names(list_partitions(connection))[1:] == [
            ("stored_event_1000", 1000, 5000),
            ("stored_event_5000", 5000, None),
        ]

    def test_one_with_events_gets_an_end_and_all_goes_on(
        self, service: TransitionService, connection: psycopg.Connection[Any]
    ) -> None:
        register(service, "t1", "t2")
        attempt(service, "t1")

        go_on_at(connection, 501)
        add_partitions(connection, 1000)
        go_on_at(connection, 998)
        attempt(service, "t2")
        service.transition_task_instance("t2/1", "DONE")

        spread = rows(
            connection, "SELECT DISTINCT e.tableoid::regclass::text AS name FROM sojourn.stored_event AS e ORDER BY 1"
        )
        assert [row["name"] for row in spread] == ["sojourn.stored_event_1", "sojourn.stored_event_1000"]
        assert status(service, "task:t2") == ["DONE"]
        assert verify_log(service.store)["mismatches"] == []
        rebuild_projections(service.store, lambda step: None)
        assert_agreement(connection)

    def test_what_a_killed_session_has_stated_is_taken_back(
        self, service: TransitionService, connection: psycopg.Connection[Any]
    ) -> None:
        register(service, "t1")
        connection.execute(
            "ALTER TABLE sojourn.stored_event_1 ADD CONSTRAINT event_ends CHECK (position < 900) NOT VALID"
        )

        go_on_at(connection, 501)
        add_partitions(connection, 1000)
        go_on_at(connection, 950)
        register(service, "t2")

        assert names(list_partitions(connection))[0] == ("stored_event_1", None, 1000)
        assert status(service, "task:t2") == ["REGISTERING"]

    def test_who_holds_the_log_is_named_and_nothing_has_changed(
        self, service: TransitionService, connection: psycopg.Connection[Any], dsn: str
    ) -> None:
        register(service, "t1")
        go_on_at(connection, 501)
        with psycopg.connect(dsn, application_name="a report") as reader:
            reader.execute("SELECT count(*) FROM sojourn.event")

            with pytest.raises(LockTimeout, match=r"the log is locked by .*a report"):
                add_partitions(connection, 1000, attempts=1)

        assert list_partitions(connection) == [OPEN]
        go_on_at(connection, 1500)
        register(service, "t2")
        assert add_partitions(connection, 1000) == 2


class TestDrop:
    def test_only_those_without_an_event_that_no_writer_can_reach(
        self, service: TransitionService, connection: psycopg.Connection[Any]
    ) -> None:
        go_on_at(connection, 501)
        add_partitions(connection, 1000)
        go_on_at(connection, 1500)
        register(service, "t1")
        add_partitions(connection, 1000)

        assert drop_empty_partitions(connection) == ["sojourn.stored_event_1"]

        assert names(list_partitions(connection)) == [
            ("stored_event_1000", 1000, 2000),
            ("stored_event_2000", 2000, None),
        ]
        assert status(service, "task:t1") == ["REGISTERING"]

    def test_none_while_a_writer_may_still_fill_it(
        self, service: TransitionService, connection: psycopg.Connection[Any], dsn: str
    ) -> None:
        go_on_at(connection, 501)
        add_partitions(connection, 1000)
        go_on_at(connection, 1500)
        register(service, "t1")
        go_on_at(connection, 10)
        with psycopg.connect(dsn) as writer:
            writer.execute(APPEND, [2, MOVED, QUEUED])
            go_on_at(connection, 1500)

            assert drop_empty_partitions(connection) == []


@pytest.mark.parametrize(("name", "data"), [(MOVED, INSTANTIATING), (REFUSED, STAYED)])
class TestVersions:
    """An index guards the versions of one partition; the key of transitions and the trigger guard those of all."""

    @pytest.fixture(autouse=True)
    def _two_partitions(self, service: TransitionService, connection: psycopg.Connection[Any]) -> None:
        register(service, "t1")
        go_on_at(connection, 501)
        add_partitions(connection, 1000)
        connection.execute(APPEND, [2, MOVED, QUEUED])
        go_on_at(connection, 2500)

    def test_one_that_another_partition_has_is_refused(
        self, connection: psycopg.Connection[Any], name: str, data: Jsonb
    ) -> None:
        connection.execute(APPEND, [3, name, data])
        go_on_at(connection, 10)

        with pytest.raises(UniqueViolation):
            connection.execute(APPEND, [3, name, data])

        assert rows(connection, DOUBLED) == []

    def test_of_two_writers_in_two_partitions_one_wins(
        self, connection: psycopg.Connection[Any], dsn: str, name: str, data: Jsonb
    ) -> None:
        with (
            psycopg.connect(dsn) as first,
            psycopg.connect(dsn, application_name="second", autocommit=True) as second,
        ):
            first.execute(APPEND, [3, name, data])
            go_on_at(connection, 10)

            def end_first() -> None:
                waits = "SELECT FROM pg_stat_activity WHERE application_name = 'second' AND wait_event_type = 'Lock'"
                wait_for(lambda: bool(rows(connection, waits)))
                first.commit()

            def append_second() -> bool:
                try:
                    second.execute(APPEND, [3, name, data])
                except UniqueViolation:
                    return False
                return True

            assert at_once([end_first, append_second]) == [None, False]

        assert rows(connection, DOUBLED) == []


def test_who_asks_for_a_status_does_not_read_the_log(connection: psycopg.Connection[Any]) -> None:
    """The planner leaves out a join by a unique index alone, and the log as a whole has none of streams."""
    plan = rows(
        connection,
        "EXPLAIN (ANALYZE, COSTS OFF) SELECT c.status, c.entered_at FROM sojourn.current_task AS c WHERE task_id = 't'",
    )

    reads = [line["QUERY PLAN"] for line in plan if "event" in line["QUERY PLAN"] and " on " in line["QUERY PLAN"]]
    assert len(reads) <= 1, plan  # that of a past time
    assert all("never executed" in read for read in reads), plan


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO sojourn.stored_event_1 (position) VALUES (1)",
        "DELETE FROM sojourn.stored_event_1000",
        "UPDATE sojourn.stored_event_1000 SET version = 1",
        "TRUNCATE sojourn.stored_event_1",
    ],
)
def test_nobody_writes_to_a_partition_itself(connection: psycopg.Connection[Any], statement: str) -> None:
    go_on_at(connection, 501)
    add_partitions(connection, 1000)

    with pytest.raises(psycopg.Error, match="the log is append-only") as raised:
        connection.execute(statement.encode())

    assert raised.value.sqlstate == "SJ002"
