"""Trying history under a lifecycle: nothing diverges under its own, and under another what that would change."""

from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.auditing.replay import Replay
from domain.auditing.what_if import Divergence, WhatIf
from domain.entities.events import Event
from domain.lifecycles import get_lifecycle
from domain.lifecycles.lifecycle import Lifecycle
from domain.report_context import ReportContext
from tests.support.examples import examples
from tests.support.scenario import JOBMON, Scenario, given
from tests.unit.test_any_lifecycle import NAMES, runners, states, times
from tests.unit.test_any_sequence import Step, steps


def tried(events: list[Event], lifecycle: Lifecycle) -> list[Divergence]:
    """What diverges; positions count the events from 1."""
    replay = Replay(lambda _name, _version: lifecycle)
    trial = WhatIf(replay)
    found: list[Divergence] = []
    for position, event in enumerate(events, start=1):
        found += trial.judge(event, position)
        replay.apply(event)
    return [*found, *trial.unmatched_at_end()]


def changed(**parts: Any) -> Lifecycle:
    """Jobmon's lifecycle with some parts exchanged."""
    return Lifecycle.model_validate(JOBMON.model_dump(by_alias=True) | {"name": "other", **parts})


def without_edge(machine: str, source: str, target: str) -> Lifecycle:
    definition = JOBMON.model_dump(by_alias=True)[machine]
    edges = {to: cause for to, cause in definition["transitions"][source].items() if to != target}
    transitions = definition["transitions"] | {source: edges}
    return changed(**{machine: definition | {"transitions": transitions}})


def ran_until(status: str) -> Scenario:
    scenario = given()
    scenario.propose("QUEUED", starts_attempt=True)
    scenario.create()
    for name in ("INSTANTIATED", "LAUNCHED", "RUNNING", status):
        scenario.report(name)
    return scenario


@examples(quick=50, long=200)
@for_all(st.lists(steps, max_size=40))
def test_nothing_diverges_under_its_own(sequence: list[Step]) -> None:
    scenario = given()
    for step in sequence:
        step(scenario)

    assert tried(scenario.log, JOBMON) == []


@pytest.mark.parametrize("name", NAMES)
@examples(quick=25, long=100)
@for_all(st.data())
def test_nothing_diverges_under_a_lifecycle_whose_tasks_report_for_themselves(name: str, data: st.DataObject) -> None:
    lifecycle = get_lifecycle(name)
    scenario = given(lifecycle=lifecycle, max_attempts=data.draw(st.integers(1, 3)))
    for state, report, runner in data.draw(
        st.lists(st.tuples(states(lifecycle), st.builds(ReportContext, occurred_at=times), runners), max_size=25)
    ):
        scenario.propose(state, report, runner_id=scenario.task.owner or runner)

    assert tried(scenario.log, lifecycle) == []


def test_an_edge_that_is_gone_is_told_of_each_event_on_its_own() -> None:
    scenario = ran_until("DONE")
    scenario.report("UNKNOWN_ERROR")

    of_instance = tried(scenario.log, without_edge("task_instance", "RUNNING", "DONE"))
    of_task = tried(scenario.log, without_edge("task", "RUNNING", "DONE"))

    why = "would be refused: no edge leads from RUNNING to DONE"
    assert of_instance == [Divergence(10, "ti:t/1", "RUNNING", "DONE", why)]
    assert of_task == [Divergence(11, "task:t", "RUNNING", "DONE", why)]


def test_an_edge_that_is_new() -> None:
    scenario = ran_until("DONE")
    scenario.report("RUNNING")
    instance = JOBMON.model_dump(by_alias=True)["task_instance"]
    instance["transitions"]["DONE"] = {"RUNNING": "it is run again"}

    (divergence,) = tried(scenario.log, changed(task_instance=instance))

    assert divergence[1:4] == ("ti:t/1", "DONE", "RUNNING")
    assert divergence.why == "was refused (invalid-transition), and would become RUNNING"
    assert divergence.decided == "RUNNING"


def test_what_an_instance_implies_for_its_task() -> None:
    scenario = ran_until("ERROR")
    implies = JOBMON.model_dump()["implies"] | {
        "ERROR": {"status": "ADJUSTING_RESOURCES", "exhausted": "ERROR_FATAL", "through": "ERROR_RECOVERABLE"}
    }

    (divergence,) = tried(scenario.log, changed(implies=implies))

    assert divergence == Divergence(
        12, "task:t", "ERROR_RECOVERABLE", "REGISTERING", "would become ADJUSTING_RESOURCES by rule 'retry'",
        "ADJUSTING_RESOURCES",
    )  # fmt: skip


def test_what_would_follow_and_did_not() -> None:
    scenario = ran_until("TRIAGING")
    implies = JOBMON.model_dump()["implies"] | {"TRIAGING": {"status": "ERROR_RECOVERABLE"}}

    (divergence,) = tried(scenario.log, changed(implies=implies))

    assert divergence == Divergence(
        10, "task:t", "RUNNING", None, "would become ERROR_RECOVERABLE, and nothing is recorded", "ERROR_RECOVERABLE"
    )


def test_what_followed_and_would_not() -> None:
    scenario = ran_until("DONE")
    implies = {status: way for status, way in JOBMON.model_dump()["implies"].items() if status != "DONE"}

    (divergence,) = tried(scenario.log, changed(implies=implies))

    assert divergence == Divergence(11, "task:t", "RUNNING", "DONE", "would not follow from its cause")


def test_without_the_rule_about_orphans() -> None:
    scenario = given("DONE", "RUNNING", attempts=1)
    scenario.report("ERROR")

    divergence = tried(scenario.log, changed(rules=("superseded-instance", "retry")))[-1]

    assert divergence[2:] == ("RUNNING", "ERROR_FATAL", "would become ERROR", "ERROR")


def test_a_reset_and_the_instances_that_it_ends() -> None:
    scenario = given("RUNNING", "RUNNING", attempts=1)
    begun = len(tried(scenario.log, JOBMON))
    scenario.reset(reset_if_running=True)
    other_way = {"to": "ADJUSTING_RESOURCES", "kill_instances_with": "ERROR"}

    assert [divergence[1:] for divergence in tried(scenario.log, changed(reset=None))[begun:]] == [
        ("task:t", "RUNNING", "REGISTERING", "lifecycle 'other' resets nothing", None),
        ("ti:t/1", "RUNNING", "KILL_SELF", "lifecycle 'other' ends no instances as it resets their task", None),
    ]
    assert [divergence[4:] for divergence in tried(scenario.log, changed(reset=other_way))[begun:]] == [
        ("would become ADJUSTING_RESOURCES", "ADJUSTING_RESOURCES"),
        ("would become ERROR", "ERROR"),
    ]


def test_a_lifecycle_without_instances_and_with_other_statuses() -> None:
    scenario = ran_until("DONE")

    found = tried(scenario.log, get_lifecycle("fetch_ml"))

    assert [divergence.position for divergence in found] == list(range(1, len(scenario.log) + 1))
    assert {divergence.why for divergence in found if divergence.entity == "ti:t/1"} == {
        "lifecycle 'fetch_ml' has no task instances"
    }
    assert found[0].why == "would begin as queued"
    assert found[1].why == "would be refused: lifecycle 'fetch_ml' has no status REGISTERING"
