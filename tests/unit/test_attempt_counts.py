"""What counts as an attempt: the gate, and an instance once, however often it returns to the gate's status."""

import pytest

from domain.auditing.legality import find_violations
from domain.auditing.replay import Replay
from domain.decisions.decision import Decision
from domain.entities.events import TaskInstanceTransitioned
from domain.lifecycles import read_lifecycle
from domain.lifecycles.lifecycle import Lifecycle
from domain.lifecycles.warnings import lifecycle_warnings
from tests.support.deferring import DEFERRING, DEFERRING_TOML
from tests.support.scenario import Scenario, given, in_words
from tests.unit.test_what_if import tried

ROUND = ("running", "deferred", "scheduled")


def reported(scenario: Scenario, *statuses: str) -> Decision:
    decisions = [scenario.report(status) for status in statuses]
    assert not any(decision.refused for decision in decisions)
    return decisions[-1]


def deferring(*, max_attempts: int = 2) -> Scenario:
    """A task with one instance that does not count yet."""
    scenario = given(lifecycle=DEFERRING, max_attempts=max_attempts)
    scenario.create()
    return scenario


def test_an_instance_that_returns_to_the_gate_counts_once() -> None:
    scenario = deferring()

    reported(scenario, "scheduled", *ROUND, *ROUND)

    assert (scenario.task.status, scenario.task.num_attempts) == ("scheduled", 1)


def test_so_its_failure_leaves_the_attempts_that_there_are() -> None:
    scenario = deferring(max_attempts=2)

    reported(scenario, "scheduled", *ROUND, "running")

    assert in_words(reported(scenario, "failed"))[1:] == ["task running -> up_for_retry (retry)"]


def test_a_further_instance_counts() -> None:
    scenario = deferring()
    reported(scenario, "scheduled", *ROUND, "running", "failed")
    scenario.create()

    reported(scenario, "scheduled", *ROUND)

    assert scenario.task.num_attempts == 2


def test_an_instance_that_the_gate_has_counted_does_not_count_when_it_returns() -> None:
    scenario = given(lifecycle=DEFERRING)
    scenario.propose("scheduled", starts_attempt=True)
    scenario.create()

    reported(scenario, "scheduled", *ROUND)

    assert scenario.task.num_attempts == 1


def test_an_instance_that_begins_in_the_gates_status_counts_when_it_is_created() -> None:
    begins = DEFERRING_TOML.replace('[task_instance]\ninitial = "none"', '[task_instance]\ninitial = "scheduled"')
    scenario = given(lifecycle=read_lifecycle(begins))
    scenario.create()
    assert scenario.task.num_attempts == 1

    reported(scenario, *ROUND)

    assert scenario.task.num_attempts == 1


def test_a_failure_that_sends_the_task_straight_back_begins_a_further_attempt() -> None:
    straight = read_lifecycle(
        DEFERRING_TOML.replace('"up_for_retry", exhausted', '"scheduled", exhausted').replace(
            '"deferred", "up_for_retry"]', '"deferred", "scheduled", "up_for_retry"]'
        )
    )
    scenario = given(lifecycle=straight)
    scenario.create()

    reported(scenario, "scheduled", "running", "failed")

    assert (scenario.task.status, scenario.task.num_attempts) == ("scheduled", 2)


def test_a_log_that_counted_a_return_stays_legal_and_diverges_nowhere() -> None:
    scenario = deferring()
    reported(scenario, "scheduled", "running", "deferred")
    returned = scenario.instances[1].transition("scheduled", reported="scheduled")
    scenario.take(returned)
    cause = scenario.log[-1]
    assert isinstance(cause, TaskInstanceTransitioned)
    scenario.take(scenario.task.transition("scheduled", attempts=1, cause=cause))
    assert scenario.task.num_attempts == 2
    reported(scenario, "running")
    assert in_words(reported(scenario, "failed"))[1:] == ["task running -> failed"]

    replay = Replay(lambda _name, _version: DEFERRING)
    for event in scenario.log:
        assert list(find_violations(event, replay)) == []
        replay.apply(event)
    assert tried(scenario.log, DEFERRING) == []


class TestWarnings:
    def found(self, lifecycle: Lifecycle) -> list[tuple[str, str, str]]:
        return [(each.machine, each.status, each.warning) for each in lifecycle_warnings(lifecycle)]

    def test_what_counts_once_needs_none(self) -> None:
        assert self.found(DEFERRING) == []

    def test_a_status_before_the_gate_to_which_an_instance_returns(self) -> None:
        back = read_lifecycle(
            DEFERRING_TOML.replace('deferred = ["scheduled"]\nsuccess', 'deferred = ["none"]\nsuccess')
        )

        assert self.found(back)[-1] == ("task_instance", "none", "counts twice")
        assert lifecycle_warnings(back)[-1].text == (
            "task_instance status none counts an attempt again when the instance returns from it, because the status "
            "comes before the gate's as well as after it; give the instance another status to return from"
        )
        scenario = given(lifecycle=back)
        scenario.create()
        reported(scenario, "scheduled", "running", "deferred", "none", "scheduled")
        assert scenario.task.num_attempts == 2

    @pytest.mark.parametrize(
        ("more", "warnings"),
        [
            ("", [("task", "PAUSED", "counts twice")]),
            ('attempt_resumes_from = ["PAUSED"]', []),
        ],
    )
    def test_a_pause_that_counts_as_an_attempt(self, more: str, warnings: list[tuple[str, str, str]]) -> None:
        pausing = f"""
            name = "pausing"
            version = 1
            attempt = "RUNNING"
            {more}
            [task]
            initial = "WAITING"
            terminal = ["DONE", "FAILED"]
            failures = ["FAILED"]
            [task.transitions]
            WAITING = ["RUNNING"]
            RUNNING = ["PAUSED", "DONE", "FAILED"]
            PAUSED = ["RUNNING"]
            FAILED = ["RUNNING"]
            DONE = []
        """

        assert self.found(read_lifecycle(pausing)) == warnings
