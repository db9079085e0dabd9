"""Whatever is proposed for a task, by whomever, under whichever lifecycle: what holds of the log all the same."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.auditing.legality import find_violations
from domain.auditing.replay import Replay
from domain.entities.events import Event, TaskRefused, TaskTransitioned
from domain.lifecycles import get_lifecycle
from domain.lifecycles.lifecycle import Lifecycle
from domain.report_context import ReportContext
from domain.state import State
from tests.support.examples import examples
from tests.support.scenario import Scenario, given

EPOCH = datetime(2026, 1, 31, tzinfo=UTC)
NAMES = ("pynenc", "fetch_ml", "prefect")

times = st.integers(0, 10_000).map(lambda minutes: EPOCH + timedelta(minutes=minutes))
runners = st.sampled_from([None, "", "ann", "bob"])


def states(lifecycle: Lifecycle) -> st.SearchStrategy[str | State]:
    types = st.sampled_from([*lifecycle.task.statuses, "BOGUS"])
    details: Any = st.fixed_dictionaries(
        {}, optional={"transition_id": st.sampled_from("xy"), "result": st.sampled_from([None, 7])}
    )
    return types | st.builds(State, type=types, scheduled_time=st.none() | times, details=details)


def replayed(events: Iterable[Event], lifecycle: Lifecycle) -> tuple[Replay, list[str]]:
    """What the log alone makes of it, and what is wrong with it."""
    replay = Replay(lambda _name, _version: lifecycle)
    wrong = []
    for event in events:
        wrong += [mismatch.text for mismatch in find_violations(event, replay)]
        replay.apply(event)
    return replay, wrong


@pytest.mark.parametrize("name", NAMES)
@examples(quick=37, long=150)
@for_all(st.data())
def test_whatever_happens(name: str, data: st.DataObject) -> None:
    lifecycle = get_lifecycle(name)
    scenario = given(lifecycle=lifecycle, max_attempts=data.draw(st.integers(1, 3)))
    proposals = st.tuples(states(lifecycle), st.builds(ReportContext, occurred_at=times), runners)
    for state, report, runner in data.draw(st.lists(proposals, max_size=30)):
        # Most of what is drawn is refused: go on from there by an edge.
        edges = sorted(lifecycle.task.transitions[scenario.task.status])
        for_sure = data.draw(st.sampled_from(edges)) if edges else state
        scenario.propose(state, report, runner_id=runner)
        scenario.propose(for_sure, report, runner_id=scenario.task.owner or runner)

    replay, wrong = replayed(scenario.log, lifecycle)
    assert wrong == []
    assert replay.entities["task:t"] == scenario.task
    only_edges_are_taken(scenario)
    never_two_owners(scenario)


def only_edges_are_taken(scenario: Scenario) -> None:
    machine = scenario.task.lifecycle.task
    for event in scenario.log:
        if isinstance(event, TaskTransitioned):
            assert machine.can_transition(event.previous_status, event.status)
            assert machine.can_transition(event.previous_status, event.reported or event.status)


def never_two_owners(scenario: Scenario) -> None:
    owned = scenario.task.lifecycle.task.requires_ownership
    owner = None
    for event in scenario.log:
        if isinstance(event, TaskRefused):
            assert event.owner == owner
        if isinstance(event, TaskTransitioned):
            assert bool(event.owner) == (event.status in owned)
            assert owner in (None, event.owner) or event.owner is None
            owner = event.owner


def told_wrong(*events: Event) -> list[str]:
    return [text.partition(" ")[2] for text in replayed(events, get_lifecycle("pynenc"))[1]]


class TestWhatCannotBeOfOwners:
    """A log that says what the pipeline would not have decided."""

    def log(self) -> list[Any]:
        scenario = given(lifecycle="pynenc")
        for status in ("PENDING", "RUNNING"):
            scenario.propose(status, runner_id="ann")
        scenario.propose("SUCCESS", runner_id="bob")
        scenario.propose("SUCCESS", runner_id="ann")
        return scenario.log

    def test_nothing(self) -> None:
        assert told_wrong(*self.log()) == []

    def test_a_runner_that_does_not_own_it(self) -> None:
        registered, pending, running, *_ = self.log()

        assert told_wrong(registered, pending, running.model_copy(update={"runner_id": "bob"})) == [
            "goes from PENDING to RUNNING, and it belongs to 'ann', and 'bob' proposes it"
        ]

    def test_an_owner_out_of_nowhere(self) -> None:
        registered, pending, running, *_ = self.log()

        assert told_wrong(registered, pending, running.model_copy(update={"owner": "bob"})) == [
            "says owner bob, where ann must be"
        ]

    def test_a_refusal_that_changes_owners(self) -> None:
        registered, pending, running, refused, _ = self.log()

        assert told_wrong(registered, pending, running, refused.model_copy(update={"owner": "bob"})) == [
            "says owner bob, where ann must be"
        ]
