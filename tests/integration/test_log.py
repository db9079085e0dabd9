"""The log itself: append-only, read back as it was written, through the event sourcing library too."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from eventsourcing.persistence import IntegrityError
from pydantic import ValidationError

from application.replay.verify import verify_log
from application.transition_service import TransitionService
from domain.actor import Actor
from domain.decisions.decide import decide
from domain.decisions.decision import Family
from domain.decisions.proposals import TaskRequest
from domain.entities import events as domain_events
from domain.entities.array import Array
from domain.entities.events import Event, TaskTransitioned
from domain.entities.task import Task
from domain.errors import UnknownEvent
from domain.report_context import ReportContext
from domain.rule_names import INVALID
from domain.rule_outcome import RuleOutcome
from tests.support.agreement import assert_agreement, rows
from tests.support.attempts import attempt, register
from tests.support.scenario import JOBMON

NINE = datetime(2026, 1, 31, 9, tzinfo=UTC)


def life(task_id: str, length: int) -> list[Event]:
    """Return this number of legal events of a task."""
    task = Task(task_id, "w", JOBMON, 3)
    context = ReportContext(Actor(component="test", host="node7"), "because", NINE)
    events: list[Event] = [task.register(context)]
    task = Task.begin(events[0], JOBMON)  # type: ignore[arg-type]
    way = ["QUEUED", "INSTANTIATING", "LAUNCHED", "RUNNING", "REGISTERING"]
    for number in range(length - 1):
        decision = decide(Family(None, task), TaskRequest(way[number % len(way)]), context)
        task = decision.task
        events += decision.events
    return events


class TestAppendOnly:
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE sojourn.event SET workflow_id = 'other'",
            "UPDATE sojourn.event SET workflow_id = 'other' WHERE false",
            "DELETE FROM sojourn.event",
            "UPDATE sojourn.stored_event SET workflow_id = 'other'",
            "UPDATE sojourn.stored_event SET workflow_id = 'other' WHERE false",
            "DELETE FROM sojourn.stored_event",
            "TRUNCATE sojourn.stored_event",
            "TRUNCATE sojourn.stored_event CASCADE",
            """
            INSERT INTO sojourn.stored_event SELECT * FROM sojourn.stored_event
            ON CONFLICT (position) DO UPDATE SET workflow_id = 'other'
            """,
        ],
    )
    def test_nobody_rewrites_it(
        self, service: TransitionService, connection: psycopg.Connection[Any], statement: str
    ) -> None:
        register(service, "t1")
        assert rows(connection, "SHOW is_superuser") == [{"is_superuser": "on"}]
        before = rows(connection, "SELECT * FROM sojourn.event")

        with pytest.raises(psycopg.Error, match="the log is append-only") as raised:
            connection.execute(statement.encode())

        assert raised.value.sqlstate == "SJ002"
        assert rows(connection, "SELECT * FROM sojourn.event") == before

    def test_an_event_belongs_to_a_stream_of_its_kind(self, connection: psycopg.Connection[Any]) -> None:
        with pytest.raises(psycopg.errors.CheckViolation, match="event_belongs_to_its_stream"):
            connection.execute(
                """
                INSERT INTO sojourn.event (stream, version, name, workflow_id, recorded_at, entered_at, data)
                VALUES ('task_instance:x', 1, 'task.registered.v1', 'w', now(), now(), '{}')
                """
            )


class TestInsertEvents:
    @pytest.fixture(autouse=True)
    def _pinned(self, service: TransitionService) -> None:
        service.store.lifecycles.save(JOBMON)

    def test_five_thousand_in_one_call(self, service: TransitionService, connection: psycopg.Connection[Any]) -> None:
        events: list[Any] = [event for number in range(50) for event in life(f"t{number}", 100)]

        recordings = service.store.recorder.event_store.put(events)

        assert len(recordings) == 5_000
        positions = [recording.notification.id for recording in recordings]
        assert positions == sorted(set(positions))
        assert_agreement(connection)

    def test_a_version_that_is_there_already_writes_nothing_of_the_call(
        self, service: TransitionService, connection: psycopg.Connection[Any]
    ) -> None:
        store: Any = service.store.recorder.event_store
        store.put(life("t1", 3))
        before = rows(connection, "SELECT * FROM sojourn.event")

        with pytest.raises(IntegrityError) as raised:
            store.put([*life("t2", 2), *life("t1", 4)[2:]])
        assert isinstance(raised.value.__cause__, psycopg.errors.UniqueViolation)

        assert rows(connection, "SELECT * FROM sojourn.event") == before
        assert_agreement(connection)

    def test_later_events_of_a_stream_that_is_there(
        self, service: TransitionService, connection: psycopg.Connection[Any]
    ) -> None:
        store: Any = service.store.recorder.event_store
        events = life("t1", 5)
        refused = Task("t1", "w", JOBMON, 3, status="RUNNING", version=5).refuse("QUEUED", RuleOutcome(INVALID))

        bound = Array("1", "w", "12", None, 7).bind()
        changed = Array.begin(bound).change_concurrency(8)

        store.put([*events[:2], bound])
        store.put([*events[2:], refused, changed])

        assert_agreement(connection)

    def test_nothing(self, service: TransitionService) -> None:
        assert service.store.recorder.event_store.put([]) == []


class TestRoundTrip:
    def test_events_come_back_as_they_went_with_when_they_were_recorded(self, service: TransitionService) -> None:
        store: Any = service.store.recorder.event_store
        events: list[Any] = life("t1", 6)
        before = datetime.now(UTC)

        store.put(events)
        found = list(store.get("task:t1"))

        assert [unrecorded(event) for event in found] == events
        assert all(recorded_between(event, before, datetime.now(UTC)) for event in found)

    def test_parts_of_a_stream(self, service: TransitionService) -> None:
        store: Any = service.store.recorder.event_store
        store.put([*life("t1", 6), *life("t2", 3)])

        def versions(**part: Any) -> list[int]:
            return [event.version for event in store.get("task:t1", **part)]

        assert versions() == [1, 2, 3, 4, 5, 6]
        assert versions(gt=2, lte=4) == [3, 4]
        assert versions(desc=True, limit=2) == [6, 5]
        assert list(store.get("task:t9")) == []

    def test_what_the_service_writes_is_read_through_the_library_too(self, service: TransitionService) -> None:
        register(service, "t1")
        attempt(service, "t1")
        service.transition_task_instance(
            "t1/1",
            "ERROR",
            "LAUNCHED",
            NINE,
            Actor(component="worker", host="node7", pid=3, user="ann"),
            "exit 3",
            "c1",
        )

        event: Any = list(service.store.recorder.event_store.get("task_instance:t1/1"))[-1]

        assert event == domain_events.TaskInstanceTransitioned(
            stream="task_instance:t1/1", version=5, workflow_id="w", recorded_at=event.recorded_at,
            status="ERROR", previous_status="RUNNING", reported="ERROR", claimed="LAUNCHED", task_id="t1",
            actor=Actor(component="worker", host="node7", pid=3, user="ann"), reason="exit 3", command_id="c1",
            report_by_date=NINE,
        )  # fmt: skip

    def test_the_whole_log_by_position(self, service: TransitionService) -> None:
        recorder: Any = service.store.recorder
        assert recorder.max_notification_id() is None
        recordings = recorder.event_store.put([*life("t1", 3), *life("t2", 2)])
        first, *_, last = [recording.notification.id for recording in recordings]

        assert recorder.max_notification_id() == last
        assert ids_of(recorder.select_notifications(None, 10)) == list(range(first, last + 1))
        assert ids_of(recorder.select_notifications(first, 2)) == [first, first + 1]
        assert ids_of(recorder.select_notifications(first, 2, inclusive_of_start=False)) == [first + 1, first + 2]
        assert ids_of(recorder.select_notifications(first, 10, stop=first + 1)) == [first, first + 1]
        registered = recorder.select_notifications(None, 10, topics=["task.registered.v1"])
        assert ids_of(registered) == [first, first + 3]


class TestReading:
    def test_a_name_that_this_version_does_not_know(
        self, service: TransitionService, connection: psycopg.Connection[Any]
    ) -> None:
        register(service, "t1")
        write(connection, "task.renamed.v1", {"status": "REGISTERING", "num_attempts": 0})

        with pytest.raises(UnknownEvent, match=r"event task:t1@2 is a 'task.renamed.v1'.*update Sojourn"):
            list(service.store.recorder.event_store.get("task:t1"))


class TestUpcasters:
    """Events that an earlier version wrote under another name."""

    @pytest.fixture
    def old_event(
        self, service: TransitionService, connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(
            domain_events.UPCASTERS,
            "task.moved.v0",
            ("task.moved.v1", lambda data: data | {"previous_status": data["left"]}),
        )
        monkeypatch.setitem(
            domain_events.UPCASTERS, "task.moved.v1", ("task.transitioned.v1", without("left", num_attempts=1))
        )
        register(service, "t1")

    @pytest.mark.usefixtures("old_event")
    def test_they_are_read_as_what_took_their_place(
        self, service: TransitionService, connection: psycopg.Connection[Any]
    ) -> None:
        write(connection, "task.moved.v0", {"status": "QUEUED", "left": "REGISTERING"})

        event = list(service.store.recorder.event_store.get("task:t1"))[-1]

        assert isinstance(event, TaskTransitioned)
        assert (event.previous_status, event.status, event.num_attempts) == ("REGISTERING", "QUEUED", 1)

    @pytest.mark.usefixtures("old_event")
    def test_what_they_make_is_validated(self, service: TransitionService, connection: psycopg.Connection[Any]) -> None:
        write(connection, "task.moved.v0", {"status": "QUEUED", "left": "REGISTERING", "surprise": 1})

        with pytest.raises(ValidationError, match="surprise"):
            list(service.store.recorder.event_store.get("task:t1"))


def without(key: str, **more: Any) -> Any:
    return lambda data: {name: value for name, value in data.items() if name != key} | more


def write(connection: psycopg.Connection[Any], name: str, data: dict[str, Any]) -> None:
    """The second event of task t1, as another version might have written it."""
    connection.execute(
        """
        INSERT INTO sojourn.event (stream, version, name, workflow_id, recorded_at, entered_at, data)
        SELECT 'task:t1', 2, %s, 'w', now(), now(), %s::jsonb || '{"num_attempts": 0}'
        """,
        [name, json.dumps(data)],
    )


def unrecorded(event: Any) -> Any:
    return event.model_copy(update={"recorded_at": None})


def recorded_between(event: Any, start: datetime, end: datetime) -> bool:
    slack = timedelta(seconds=1)  # the server's clock is read elsewhere than ours
    return bool(start - slack <= event.recorded_at <= end + slack)


def ids_of(notifications: Sequence[Any]) -> list[int]:
    return [notification.id for notification in notifications]


def test_a_service_of_before_events_had_columns_goes_on(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    """It sends an event with its stream, its name and its JSON, and copies into sojourn.event, a view by now."""
    register(service, "t1", "t2")
    batch = {
        "task_id": "t1", "task_version": 1, "instances": 0,
        "events": [
            {
                "stream": "task:t1", "version": 2, "name": "task.transitioned.v1", "workflow_id": "w",
                "data": {"previous_status": "REGISTERING", "status": "QUEUED", "num_attempts": 1},
            }
        ],
    }  # fmt: skip

    connection.execute("SELECT sojourn.append(%s)", [json.dumps(batch)])
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY sojourn.event (stream, version, name, workflow_id, recorded_at, entered_at, data) FROM STDIN"
        ) as copy,
    ):
        data = {"previous_status": "REGISTERING", "status": "QUEUED", "num_attempts": 1}
        now = datetime.now(UTC)
        copy.write_row(("task:t2", 2, "task.transitioned.v1", "w", now, now, json.dumps(data)))

    assert [service.status(f"task:{name}")["status"] for name in ("t1", "t2")] == ["QUEUED", "QUEUED"]
    assert verify_log(service.store)["mismatches"] == []
