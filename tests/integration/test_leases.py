"""Heartbeats: the last one of each sender is a row, silences are in the log, and both can be read as of a past time."""

from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any, NamedTuple

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.maintain.rebuild import rebuild_projections
from application.read.status import read_status
from application.read.why import explain_entity
from application.replay.verify import verify_log
from application.shared.existence import first_seen_at
from application.transition_service import TaskSpec, TransitionService
from domain.entity import parse_entity
from domain.errors import FutureTime, InvalidDuration, InvalidId
from tests.support.agreement import rows
from tests.support.attempts import attempt, register, status
from tests.support.concurrently import at_once
from tests.support.examples import examples

Connection = psycopg.Connection[Any]
NINE = datetime(2026, 1, 31, 9, tzinfo=UTC)


def minutes(count: float) -> datetime:
    return NINE + timedelta(minutes=count)


def silences(connection: Connection, at: datetime | None = None) -> list[tuple[Any, ...]]:
    """Return (entity, since, until) of each silence as of a time, in minutes after nine."""
    with connection.transaction():
        if at:
            connection.execute("SELECT set_config('sojourn.as_of', %s, true)", [at.isoformat()])
        found = rows(connection, "SELECT * FROM sojourn.silence ORDER BY entity_kind, entity_id, since")
    return [(row["entity_id"], after(row["since"]), after(row["until"])) for row in found]


def after(time: datetime | None) -> float | None:
    return None if time is None else (time - NINE).total_seconds() / 60


def silence_events(service: TransitionService, entity: str) -> list[str]:
    """Return the events about an entity's silences, each as its name and minutes after nine."""
    events: list[Any] = list(service.store.recorder.event_store.get(parse_entity(entity).stream))
    return [
        f"{event.name.split('.')[1]} {' '.join(f'{after(getattr(event, key, None)):g}' for key in keys)}"
        for event in events
        if (keys := [key for key in ("silent_since", "silent_until") if getattr(event, key, None)])
    ]


def assert_clean(service: TransitionService) -> None:
    assert verify_log(service.store)["mismatches"] == []


class TestARunner:
    def test_a_heartbeat_in_time_appends_no_event(self, service: TransitionService, connection: Connection) -> None:
        for minute in (0, 4, 8):
            answer = service.heartbeat("r", 300, occurred_at=minutes(minute))

        assert answer == {"report_by": minutes(13), "silent_since": None}
        assert silences(connection, minutes(12)) == []
        assert rows(connection, "SELECT FROM sojourn.event") == []

    def test_a_heartbeat_after_a_silence_records_lapse_and_return(
        self, service: TransitionService, connection: Connection
    ) -> None:
        service.heartbeat("r", 300, occurred_at=minutes(0))
        answer = service.heartbeat("r", 300, occurred_at=minutes(9))

        assert answer == {"report_by": minutes(14), "silent_since": minutes(5)}
        assert silence_events(service, "runner:r") == ["lapsed 5", "returned 5 9"]
        assert_clean(service)

    def test_silences_as_of_each_time(self, service: TransitionService, connection: Connection) -> None:
        for minute in (0, 9, 12, 20):
            service.heartbeat("r", 300, occurred_at=minutes(minute))

        assert [(at, silences(connection, minutes(at))[-1:]) for at in (4, 5, 6, 9, 14, 18, 21, 26)] == [
            (4, []),
            (5, []),
            (6, [("r", 5, None)]),
            (9, [("r", 5, 9)]),
            (14, [("r", 5, 9)]),
            (18, [("r", 17, None)]),
            (21, [("r", 17, 20)]),
            (26, [("r", 25, None)]),
        ]

    def test_heard_at_as_of_each_time(self, service: TransitionService, connection: Connection) -> None:
        for minute in (0, 9):
            service.heartbeat("r", 300, occurred_at=minutes(minute))
        seen: list[Any] = []
        for at in (-1, 3, 7, 10, 20):
            with connection.transaction():
                connection.execute("SELECT set_config('sojourn.as_of', %s, true)", [minutes(at).isoformat()])
                found = rows(connection, "SELECT * FROM sojourn.runner")
            seen.append([(after(row["heard_at"]), after(row["silent_since"])) for row in found])

        assert seen == [[], [(3, None)], [(0, 5)], [(9, None)], [(9, 14)]]

    def test_status_and_verdict_as_of_each_time(self, service: TransitionService) -> None:
        runner = parse_entity("runner:r")
        for minute in (0, 9):
            service.heartbeat("r", 300, occurred_at=minutes(minute))
        found = {at: read_status(service.store, runner, minutes(at)) for at in (-1, 3, 7, 10, 20)}
        verdicts = {at: explain_entity(service.store, runner, minutes(at))["verdict"] for at in (7, 10)}

        assert [(at, then["status"], after(then["since"])) for at, then in found.items()] == [
            (-1, None, None), (3, "ALIVE", 0), (7, "SILENT", 5), (10, "ALIVE", 9), (20, "SILENT", 14),
        ]  # fmt: skip
        assert verdicts[7].startswith("runner:r is silent since 2026-01-31T09:05:00")
        assert verdicts[10].endswith("alive, and was so without a break since 2026-01-31T09:09:00.000Z.")
        assert first_seen_at(service.store, "runner", "r") == NINE

    def test_a_heartbeat_older_than_the_last_changes_nothing(self, service: TransitionService) -> None:
        service.heartbeat("r", 300, occurred_at=minutes(9))

        assert service.heartbeat("r", 300, occurred_at=minutes(2))["report_by"] == minutes(14)
        assert silence_events(service, "runner:r") == []

    def test_a_heartbeat_is_not_from_the_future(self, service: TransitionService, connection: Connection) -> None:
        """A clock that is a little ahead counts as the database's."""
        service.heartbeat("r", occurred_at=datetime.now(UTC) + timedelta(seconds=30))
        with pytest.raises(FutureTime):
            service.heartbeat("r", occurred_at=datetime.now(UTC) + timedelta(days=1))

        assert rows(connection, "SELECT FROM sojourn.lease WHERE heartbeat_at <= clock_timestamp()")

    def test_a_lease_lasts_the_shortest_timeout_of_the_lifecycles(
        self, service: TransitionService, connection: Connection
    ) -> None:
        assert service.heartbeat("r", occurred_at=minutes(0))["report_by"] == minutes(10)
        connection.execute(
            """INSERT INTO sojourn.lifecycle (name, version, definition) VALUES
            ('patient', 1, '{"recovery": {"runner_dead_after": 700}}'), ('none', 1, '{"recovery": null}'),
            ('hasty', 1, '{"recovery": {"runner_dead_after": 60}}')"""
        )
        assert service.heartbeat("r", occurred_at=minutes(0))["report_by"] == minutes(1)

    def test_concurrent_heartbeats_record_one_return(self, service: TransitionService) -> None:
        service.heartbeat("r", 300, occurred_at=minutes(0))

        at_once([partial(service.heartbeat, "r", 300) for _ in range(6)])

        assert [line.split()[0] for line in silence_events(service, "runner:r")] == ["lapsed", "returned"]
        assert_clean(service)

    def test_within_the_callers_transaction(self, service: TransitionService, connection: Connection) -> None:
        service.heartbeat("r", 300, occurred_at=minutes(0))
        with connection.transaction(force_rollback=True):
            service.heartbeat("r", 300, occurred_at=minutes(9), connection=connection)
            assert rows(connection, "SELECT FROM sojourn.event")

        assert silence_events(service, "runner:r") == []
        assert rows(connection, "SELECT heartbeat_at FROM sojourn.lease") == [{"heartbeat_at": minutes(0)}]

    @pytest.mark.fresh_database
    def test_a_rebuild_and_the_views_of_tasks_ignore_it(
        self, service: TransitionService, connection: Connection
    ) -> None:
        register(service, "t")
        for minute in (0, 9):
            service.heartbeat("r", 300, occurred_at=minutes(minute))

        rebuild_projections(service.store, lambda _: None)

        assert_clean(service)
        assert [row["entity_kind"] for row in rows(connection, "SELECT * FROM sojourn.transition")] == ["task"]

    @pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 1e12])
    def test_an_impossible_duration_is_refused(self, service: TransitionService, seconds: float) -> None:
        with pytest.raises(InvalidDuration, match="write it like 90s"):
            service.heartbeat("r", seconds)

    def test_an_empty_runner_id_is_refused(self, service: TransitionService) -> None:
        with pytest.raises(InvalidId, match="runner id ''"):
            service.heartbeat("")


NUMBERS = count()


def launch(service: TransitionService, name: str) -> None:
    """Let NAME/1 run since nine, with its next heartbeat due by five past."""
    service.register_tasks("w", [TaskSpec(name)], occurred_at=NINE)
    service.gate_tasks_for_queueing([name], occurred_at=NINE)
    service.create_task_instances({f"{name}/1": name}, occurred_at=NINE)
    for way in ("INSTANTIATED", "LAUNCHED"):
        service.transition_task_instance(f"{name}/1", way, occurred_at=NINE)
    service.transition_task_instance(f"{name}/1", "RUNNING", occurred_at=NINE, report_by_date=minutes(5))


@pytest.fixture
def running(service: TransitionService) -> TransitionService:
    """Return a service in which t/1 has run since nine, with its next heartbeat due by five past."""
    launch(service, "t")
    return service


def beat(service: TransitionService, at: float, until: float) -> Any:
    return service.heartbeat_task_instances({"t/1": minutes(until)}, occurred_at=minutes(at))


class TestATaskInstance:
    def test_a_heartbeat_in_time_appends_no_event(self, running: TransitionService, connection: Connection) -> None:
        before = rows(connection, "SELECT FROM sojourn.event")
        for minute in (4, 8, 12):
            assert beat(running, minute, minute + 5)["heard"] == ["t/1"]

        assert silences(connection, minutes(16)) == []
        assert silences(connection, minutes(18)) == [("t/1", 17, None)]
        assert rows(connection, "SELECT FROM sojourn.event") == before

    def test_is_silent_after_its_report_by_date(self, running: TransitionService, connection: Connection) -> None:
        assert silences(connection, minutes(5)) == []
        assert silences(connection, minutes(6)) == [("t/1", 5, None)]

    def test_is_not_silent_after_it_has_ended(self, running: TransitionService, connection: Connection) -> None:
        running.transition_task_instance("t/1", "DONE", occurred_at=minutes(7))

        assert silences(connection, minutes(9)) == [("t/1", 5, 7)]
        assert beat(running, 9, 20) == {
            "heard": [], "returned": [], "ended": ["t/1"], "locked": [], "not_found": [],
        }  # fmt: skip

    @pytest.mark.parametrize("first", [True, False], ids=["before", "never"])
    def test_a_heartbeat_after_a_silence_records_lapse_and_return(
        self, running: TransitionService, connection: Connection, first: bool
    ) -> None:
        if first:
            beat(running, 1, 5)

        assert beat(running, 9, 14)["returned"] == ["t/1"]

        assert silence_events(running, "ti:t/1") == ["lapsed 5", "returned 5 9"]
        assert [silences(connection, minutes(at)) for at in (6, 10, 15)] == [
            [("t/1", 5, None)],
            [("t/1", 5, 9)],
            [("t/1", 5, 9), ("t/1", 14, None)],
        ]
        assert status(running, "ti:t/1", "task:t") == ["RUNNING", "RUNNING"]
        assert_clean(running)

    def test_a_report_before_the_next_heartbeat_keeps_the_lapse(
        self, running: TransitionService, connection: Connection
    ) -> None:
        beat(running, 4, 6)
        running.transition_task_instance("t/1", "TRIAGING", occurred_at=minutes(8), report_by_date=minutes(11))
        running.transition_task_instance("t/1", "RUNNING", occurred_at=minutes(13), report_by_date=minutes(20))
        before = silences(connection, minutes(16))
        assert beat(running, 15, 25)["returned"] == ["t/1"]

        assert silence_events(running, "ti:t/1") == ["lapsed 6", "returned 6 8", "lapsed 11", "returned 11 13"]
        assert silences(connection, minutes(16)) == before == [("t/1", 6, 8), ("t/1", 11, 13)]
        assert_clean(running)

    def test_is_never_silent_without_a_lease_or_report_by_date(
        self, service: TransitionService, connection: Connection
    ) -> None:
        register(service, "t")
        attempt(service, "t")
        assert silences(connection) == []

        answer = service.heartbeat_task_instances(["t/1"], 60)
        assert (answer["heard"], answer["returned"]) == (["t/1"], [])
        assert silences(connection, datetime.now(UTC) + timedelta(seconds=90))[0][2] is None

    def test_concurrent_heartbeats_of_many(self, service: TransitionService, connection: Connection) -> None:
        names = [f"t{number:03}" for number in range(200)]
        register(service, *names)
        instances = attempt(service, *names, until="INSTANTIATED")
        service.transition_task_instances(instances[:50], "LAUNCHED")
        late = {name: minutes(1) for name in instances[50:100]}
        service.heartbeat_task_instances(late)

        answers = at_once(
            [partial(service.heartbeat_task_instances, [*instances, f"x{number}"]) for number in range(4)]
        )

        assert [answer["not_found"] for answer in answers] == [[f"x{number}"] for number in range(4)]
        # Under load, late ones may stay locked by another call, which then has them.
        assert all(sorted(answer["heard"] + answer["locked"]) == sorted(instances) for answer in answers)
        returned = [name for answer in answers for name in answer["returned"]]
        assert sorted(returned) == sorted(late)
        assert_clean(service)


REPORTS = st.lists(
    st.tuples(
        st.integers(1, 6),  # minutes after the one before
        st.sampled_from(["heartbeat", "report", "report", "pass"]),
        st.none() | st.integers(1, 8),  # minutes for which it holds; 4 for a heartbeat without a number
    ),
    max_size=9,
)


class Promises(NamedTuple):
    """The minutes by which an instance must report again: from its last report, and from its last heartbeat."""

    reported: float | None
    leased: float | None

    def is_silent(self, at: float) -> bool:
        promises = [promise for promise in self if promise is not None]
        return bool(promises) and max(promises) < at


@examples(quick=7, long=30)
@given(REPORTS, st.booleans())
def test_any_reports_and_heartbeats_give_the_silences_of_every_time(
    service: TransitionService, connection: Connection, sequence: list[tuple[int, str, int | None]], ends: bool
) -> None:
    name = f"p{next(NUMBERS)}"
    launch(service, name)
    at, promises = 0, Promises(5, None)
    then: list[tuple[int, Promises | None]] = [(0, promises)]
    for later, how, holds in sequence:
        at += later
        if how == "heartbeat":
            promises = promises._replace(leased=at + (holds or 4))
            service.heartbeat_task_instances({f"{name}/1": minutes(at + (holds or 4))}, occurred_at=minutes(at))
        elif how == "report":
            promised = None if holds is None else minutes(at + holds)
            promises = promises._replace(reported=promises.reported if holds is None else at + holds)
            to = "TRIAGING" if status(service, f"ti:{name}/1") == ["RUNNING"] else "RUNNING"
            service.transition_task_instance(f"{name}/1", to, occurred_at=minutes(at), report_by_date=promised)
        else:
            service.recover()
        then.append((at, promises))
    if ends:
        service.transition_task_instance(f"{name}/1", "ERROR_FATAL", occurred_at=minutes(at + 1))
        service.transition_task_instance(f"{name}/1", "DONE", occurred_at=minutes(at + 1))
        then.append((at + 1, None))

    moments = [half / 2 + 0.25 for half in range(2 * at + 30)]
    known = {moment: [promises for since, promises in then if since < moment][-1] for moment in moments}
    found = rows(
        connection,
        "SELECT m.at FROM sojourn.silence AS s JOIN unnest(%s::timestamptz[]) AS m (at) ON m.at > s.since "
        "AND (m.at < s.until OR s.until IS NULL) WHERE s.entity_id = %s ORDER BY m.at",
        [minutes(moment) for moment in moments],
        f"{name}/1",
    )
    expected = [at for at, promises in known.items() if promises and promises.is_silent(at)]
    assert [after(row["at"]) for row in found] == expected
    assert_clean(service)
