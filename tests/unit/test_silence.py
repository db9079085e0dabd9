"""Silences in the log: a lapse, then a return, of runners and of task instances; and what cannot be."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.auditing.legality import find_violations
from domain.auditing.replay import Replay
from domain.decisions.decide import decide
from domain.decisions.decision import Family
from domain.decisions.proposals import InstanceCreation, InstanceReport
from domain.entities.events import Event, RunnerLapsed, RunnerReturned, TaskInstanceLapsed, TaskInstanceReturned
from domain.entities.lapses import lapse_events
from domain.entities.runner import Runner
from domain.entities.silence import Silence
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.entity import Entity
from domain.errors import InvalidDuration
from domain.lifecycles import get_lifecycle
from domain.report_context import ReportContext
from domain.time import parse_duration

JOBMON = get_lifecycle("jobmon")
NINE = datetime(2026, 1, 31, 9, tzinfo=UTC)
RECORDED = ReportContext(occurred_at=NINE)
Holder = Runner | TaskInstance


def minutes(count: float) -> datetime:
    return NINE + timedelta(minutes=count)


def silence(since: float, until: float | None = None) -> Silence:
    return Silence(minutes(since), None if until is None else minutes(until), minutes(since - 1))


def beginnings() -> tuple[Replay, list[Event]]:
    """A replay of a task with an instance, t/1, that was launched."""
    replay = Replay(lambda _name, _version: JOBMON)
    registered = Task("t", "w", JOBMON, 3).register(RECORDED)
    task = Task.begin(registered, JOBMON)
    created = decide(Family(None, task), InstanceCreation("t/1"), RECORDED)
    events = [registered, *created.events]
    for event in events:
        assert not list(find_violations(event, replay))
        replay.apply(event)
    return replay, events


def runner(_replay: Replay) -> Holder:
    return Runner("r")


def instance(replay: Replay) -> Holder:
    found = replay.entities["task_instance:t/1"]
    assert isinstance(found, TaskInstance)
    return found


HOLDERS = pytest.mark.parametrize("holder_of", [runner, instance])


@HOLDERS
def test_a_silence_that_has_ended_is_a_lapse_and_a_return(holder_of: Callable[[Replay], Holder]) -> None:
    holder = holder_of(beginnings()[0])
    lapsed, returned = lapse_events(holder, [silence(5, 9)], RECORDED)

    assert isinstance(lapsed, RunnerLapsed | TaskInstanceLapsed)
    assert isinstance(returned, RunnerReturned | TaskInstanceReturned)
    assert (lapsed.silent_since, lapsed.heard_at) == (minutes(5), minutes(4))
    assert (returned.silent_since, returned.silent_until) == (minutes(5), minutes(9))
    assert [event.version for event in (lapsed, returned)] == [holder.version + 1, holder.version + 2]


@HOLDERS
def test_one_that_goes_on_is_a_lapse_and_only_once(holder_of: Callable[[Replay], Holder]) -> None:
    holder = holder_of(beginnings()[0])
    (lapsed,) = lapse_events(holder, [silence(5)], RECORDED)
    holder = holder.evolve(lapsed)

    assert holder.silent_since == minutes(5)
    assert lapse_events(holder, [silence(5)]) == ()
    (returned,) = lapse_events(holder, [silence(5, 9)], RECORDED)
    assert holder.evolve(returned).silent_since is None


def test_an_instance_stays_in_its_status_and_a_report_ends_its_lapse() -> None:
    replay, _ = beginnings()
    before, task = instance(replay), replay.task("t")
    assert isinstance(before, TaskInstance)
    assert task
    (lapsed,) = lapse_events(before, [silence(5)], RECORDED)
    silent = before.evolve(lapsed)
    moved = decide(Family(silent, task), InstanceReport("INSTANTIATED"), RECORDED).instance

    assert (silent.status, silent.entered_at, lapsed.is_transition) == (before.status, before.entered_at, False)
    assert moved
    assert moved.silent_since is None


@HOLDERS
@for_all(st.lists(st.tuples(st.floats(0.1, 100), st.floats(0.1, 100)), max_size=5), st.booleans())
def test_whatever_is_recorded_can_be_replayed(
    holder_of: Callable[[Replay], Holder], lengths: list[tuple[float, float]], goes_on: bool
) -> None:
    replay, _ = beginnings()
    at, silences = 0.0, []
    for alive, silent in lengths:
        silences.append(silence(at + alive, at + alive + silent))
        at += alive + silent
    if goes_on:
        silences.append(silence(at + 1))

    for event in lapse_events(holder_of(replay), silences, RECORDED):
        assert not list(find_violations(event, replay))
        replay.apply(event)


@HOLDERS
@pytest.mark.parametrize(
    ("recorded", "what"),
    [(["lapse", "lapse"], {"previous-status", "lapse"}), (["record_return"], {"previous-status", "lapse"})],
)
def test_lapses_and_returns_take_turns(
    holder_of: Callable[[Replay], Holder], recorded: list[str], what: set[str]
) -> None:
    replay, _ = beginnings()
    holder: Any = holder_of(replay)
    found = set()
    for name in recorded:
        event = getattr(holder, name)(silence(5, 9), RECORDED)
        found |= {wrong.what for wrong in find_violations(event, replay)}
        replay.apply(event)
        holder = replay.entities[holder.stream]

    assert found
    assert found <= what


def test_a_missing_event_of_a_runner_shows() -> None:
    replay, _ = beginnings()
    (lapsed,) = lapse_events(Runner("r"), [silence(5)], RECORDED)

    (wrong,) = find_violations(lapsed.model_copy(update={"version": 2}), replay)

    assert (wrong.entity, wrong.what) == (str(Entity("runner", "r")), "version")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90), ("90s", 90), ("5m", 300), ("2h", 7_200), ("1.5d", 129_600), (" 250 ms ", 0.25), (".5s", 0.5),
        ("1h 30m", 5_400), ("2d 4h", 187_200), ("3m12s", 192), ("5 m 3 s", 303),
    ],
)  # fmt: skip
def test_a_duration(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


def test_no_time_at_all_where_it_may_be() -> None:
    assert parse_duration("0s", or_zero=True) == 0
    with pytest.raises(InvalidDuration):
        parse_duration("-1s", or_zero=True)


@pytest.mark.parametrize(
    "text",
    ["", "s", "-5s", "0", "5x", "3s 5m", "5m 5m", "1h 30", "30 1h", "1h, 5m", "1e3", "nan", "inf", "5S", "99999999d"],
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(InvalidDuration, match="write it like 90s, 5m or 1h 30m"):
        parse_duration(text)
