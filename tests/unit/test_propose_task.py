"""What comes of a status that is proposed for a task itself."""

import pytest

from domain.entities.events import TaskRefused, TaskTransitioned
from domain.report_context import ReportContext
from domain.rule_names import INVALID
from tests.support.scenario import TASK_MACHINE, given, in_words


@pytest.mark.parametrize("source", TASK_MACHINE.statuses)
@pytest.mark.parametrize("target", TASK_MACHINE.statuses)
def test_every_pair_of_statuses_is_an_edge_or_is_refused(source: str, target: str) -> None:
    scenario = given(source, attempts=1)

    decision = scenario.propose(target)

    if (source, target) in TASK_MACHINE.edges:
        assert in_words(decision) == [f"task {source} -> {target}"]
        assert (decision.refused, decision.task_moved, scenario.task.status) == (False, True, target)
    else:
        assert in_words(decision) == [f"task refuses {target} ({INVALID})"]
        assert (decision.refused, decision.task_moved, scenario.task.status) == (True, False, source)


def test_a_status_that_the_machine_does_not_have_is_refused_like_any_other() -> None:
    assert in_words(given("RUNNING").propose("FINISHED")) == [f"task refuses FINISHED ({INVALID})"]


def test_an_attempt_is_counted_where_it_begins() -> None:
    scenario = given()

    (moved,) = scenario.propose("QUEUED", starts_attempt=True).events

    assert isinstance(moved, TaskTransitioned)
    assert (moved.num_attempts, scenario.task.num_attempts) == (1, 1)


def test_and_not_where_none_begins() -> None:
    scenario = given()

    scenario.propose("QUEUED")

    assert scenario.task.num_attempts == 0


def test_a_refusal_counts_no_attempt() -> None:
    scenario = given("DONE", attempts=2)

    (refused,) = scenario.propose("QUEUED", starts_attempt=True).events

    assert isinstance(refused, TaskRefused)
    assert (refused.num_attempts, scenario.task.num_attempts) == (2, 2)


def test_what_was_told_is_kept() -> None:
    (moved,) = given().propose("QUEUED", ReportContext(reason="free nodes", command_id="c1")).events

    assert isinstance(moved, TaskTransitioned)
    assert (moved.reported, moved.reason, moved.command_id, moved.cause) == ("QUEUED", "free nodes", "c1", None)
