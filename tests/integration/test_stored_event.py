"""Storing an event: whatever it states, the log shows the same again, in SQL and in Python."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.types.json import Jsonb
from pydantic_core import from_json, to_json

from application.transition_service import TransitionService
from domain.actor import Actor
from domain.entities.events import EVENTS, Event
from domain.state import State
from domain.waits_for import WaitKind, WaitsFor
from infrastructure.log.event_log import EventLog
from infrastructure.log.stored_event import StoredEvent, store_event, to_batch
from tests.support.examples import examples

Connection = psycopg.Connection[Any]

MOMENT = datetime(2026, 1, 31, 9, 0, 0, 123456, tzinfo=UTC)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9)
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=2)), timezone(timedelta(minutes=-90))])
FIRST, LAST = datetime(1, 1, 3), datetime(9999, 12, 29)  # noqa: DTZ001 - hypothesis adds the zone
TIMES = st.datetimes(FIRST, LAST, timezones=ZONES) | st.just(datetime(2026, 1, 31, 9, tzinfo=UTC))
ACTORS = st.builds(
    Actor,
    component=TEXTS,
    host=st.none() | TEXTS,
    user=st.none() | TEXTS,
    pid=st.none() | st.integers(-(10**12), 10**12),
)
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
ODD = JSON_VALUES | st.sampled_from(
    [
        "2026-01-31T09:00:00+01:00",
        "2026-01-31T09:00:00.5Z",
        "2026-01-31T09:00:00.500000Z",
        "infinity",
        "task:t@1",
        "7",
        7,
    ]
)
KEYS = (
    "status", "previous_status", "task_id", "reported", "rule", "reason", "owner", "runner_id", "command_id",
    "distributor_id", "ordinal", "actor", "cause", "state", "attributes", "surprise",
)  # fmt: skip
SHOWN = """
    SELECT l.data, e.data, l.data::jsonb = e.data, e.stream, e.name, e.version, e.is_transition, l.is_transition
    FROM sojourn.event AS e JOIN sojourn.logged_event AS l ON l.position = e.position
    WHERE e.position = 1000
"""


@pytest.fixture
def session(service: TransitionService) -> Iterator[Connection]:
    """A session past the triggers, whose changes are taken back."""
    with psycopg.connect(service.dsn) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        yield connection
        connection.rollback()


@st.composite
def events(draw: st.DrawFn) -> Event:
    """An event of any kind with any values that its fields take, past their validation where that is simpler."""
    kind = draw(st.sampled_from(list(EVENTS.values())))
    entity = kind.name.partition(".")[0]
    drawn: dict[str, Any] = {}
    for name, field in kind.model_fields.items():
        if field.is_required() or draw(st.booleans()):
            drawn[name] = draw(_values_of(name))
    version = draw(st.integers(2, 9)) if "previous_status" in drawn or not kind.is_transition else 1
    drawn |= {"stream": f"{entity}:{draw(TEXTS)}", "version": version, "workflow_id": "w"}
    return kind.model_construct(**drawn)


def _values_of(name: str) -> st.SearchStrategy[Any]:
    numbers = st.integers(0, 10**9 - 1)
    if name in ("num_attempts", "ordinal", "batch_number", "step", "size", "events", "max_attempts"):
        return numbers
    if name in ("lifecycle_version", "max_concurrently_running"):
        return numbers
    return {
        "actor": ACTORS,
        "attributes": st.dictionaries(TEXTS, JSON_VALUES, max_size=2),
        "cause": st.builds("{}:{}@{}".format, st.sampled_from(["task", "task_instance", "log"]), TEXTS, numbers)
        | TEXTS,
        "clock_tolerance": st.floats(0, 1e6),
        "delay_seconds": st.floats(0, 1e6),
        "heard_at": TIMES,
        "occurred_at": st.none() | TIMES,
        "recorded_at": st.none(),
        "report_by_date": TIMES,
        "silent_since": TIMES,
        "silent_until": TIMES,
        "state": st.builds(State, type=TEXTS, name=TEXTS, details=st.dictionaries(TEXTS, JSON_VALUES, max_size=2)),
        "upstream": st.lists(TEXTS, max_size=2).map(tuple),
        "waits_for": st.builds(WaitsFor, kind=st.sampled_from(WaitKind), detail=st.just("d"), holders=st.none()),
    }.get(name, TEXTS)


@examples(quick=150, long=2_000)
@given(event=events())
def test_an_event_is_shown_as_it_was_stored(session: Connection, event: Event) -> None:
    said = from_json(to_json(event, exclude_none=True))
    copied = store_event(event, MOMENT)

    with session.transaction(force_rollback=True):
        EventLog(timedelta(0)).copy_rows(session, [copied], MOMENT)
        session.execute("UPDATE sojourn.stored_event SET position = 1000")
        assert_shown(session, event.stream, event.name, event.version, said)
        assert stored_by_sql(session) == kept(session)

    batch = from_json(to_json(to_batch(event), exclude_none=True))
    assert {name: value for name, value in batch.items() if value is not None} == columns_of(copied)


@examples(quick=150, long=2_000)
@given(
    data=st.dictionaries(st.sampled_from(KEYS), ODD, max_size=6)
    | st.builds(lambda actor: {"actor": actor}, st.dictionaries(st.sampled_from(["component", "pid", "x"]), ODD)),
    entity=st.sampled_from(["task", "task_instance", "runner", "array"]),
)
def test_whatever_json_an_event_has_is_shown_again(session: Connection, data: dict[str, Any], entity: str) -> None:
    text = to_json({"status": "s", "task_id": "t"} | data).decode()
    stream, name = f"{entity}:x:y", f"{entity}.pondered.v9"
    store = """
        INSERT INTO sojourn.stored_event
        SELECT s.* FROM sojourn.store_event(
            ROW(%s, %s, 2, %s, 'w', now(), NULL, now(), %s::jsonb, NULL, NULL, NULL)::sojourn.event
        ) AS s
    """
    try:
        with session.transaction(force_rollback=True):
            session.execute(store, [1000, stream, name, text])
            assert_shown(session, stream, name, 2, json.loads(text))
            assert stored_by_sql(session) == kept(session)
    except psycopg.errors.CheckViolation:
        assert entity in ("task", "task_instance")
        assert any(key in data and not isinstance(data[key], str) for key in ("previous_status", "status", "task_id"))


def assert_shown(session: Connection, stream: str, name: str, version: int, data: dict[str, Any]) -> None:
    """Check that the log shows an event: its JSON as jsonb has it, and its text as jsonb prints it."""
    row = session.execute(SHOWN).fetchone()
    assert row is not None
    assert len(json.loads(row[0], object_pairs_hook=list)) == len(data), "a field comes twice"
    (same,) = session.execute("SELECT %s = %s", [Jsonb(row[1]), Jsonb(data)]).fetchone() or (None,)
    assert same, (row[1], data)
    is_transition = version == 1 or "previous_status" in data
    assert row[2:] == (True, stream, name, version, is_transition, is_transition)


def stored_by_sql(session: Connection) -> Any:
    """Return what SQL stores of the event that the log shows."""
    return session.execute(
        "SELECT to_jsonb(s) FROM sojourn.event AS e CROSS JOIN LATERAL sojourn.store_event(e) AS s"
    ).fetchone()


def kept(session: Connection) -> Any:
    """Return what is stored."""
    return session.execute("SELECT to_jsonb(s) FROM sojourn.stored_event AS s").fetchone()


def columns_of(stored: StoredEvent) -> Any:
    """Return the columns of a stored event that sojourn.append receives."""
    columns = {name: value for name, value in stored._asdict().items() if value is not None and name != "entered_at"}
    if stored.rest is not None:
        columns["rest"] = from_json(stored.rest)
    return from_json(to_json(columns))
