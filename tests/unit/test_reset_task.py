"""What resuming a workflow makes of a task and its instances."""

import pytest

from domain.actor import Actor
from domain.decisions.decide import decide
from domain.decisions.decision import Family
from domain.decisions.proposals import ResetRequest
from domain.entities.events import TaskReset
from domain.report_context import ReportContext
from domain.state import State
from tests.support.scenario import INSTANCE_MACHINE, TASK_MACHINE, given, in_words

KILLED = {"LAUNCHED", "RUNNING"}
ENDED = {"QUEUED", "INSTANTIATED"}


@pytest.mark.parametrize("status", sorted(set(TASK_MACHINE.statuses) - {"DONE", "RUNNING"}))
def test_a_task_goes_back_to_its_beginning_with_no_attempt_made(status: str) -> None:
    scenario = given(status, attempts=2)

    decision = scenario.reset(ReportContext(Actor(component="ann"), "resumed"))

    (event,) = decision.events
    assert isinstance(event, TaskReset)
    assert (event.previous_status, event.status, event.num_attempts) == (status, "REGISTERING", 0)
    assert (str(event.actor), event.reason) == ("ann", "resumed")
    assert (scenario.task.status, scenario.task.num_attempts) == ("REGISTERING", 0)


@pytest.mark.parametrize("reset_if_running", [False, True])
def test_what_is_done_stays(reset_if_running: bool) -> None:
    decision = given("DONE", attempts=1).reset(reset_if_running=reset_if_running)

    assert (decision.events, decision.refused) == ((), True)


def test_what_runs_stays_unless_asked() -> None:
    scenario = given("RUNNING", "RUNNING", attempts=1)

    assert scenario.reset().refused
    assert scenario.instances[1].status == "RUNNING"

    assert in_words(scenario.reset(reset_if_running=True)) == ["task RUNNING -> REGISTERING"]


def test_a_task_at_its_beginning_is_there_already() -> None:
    scenario = given()

    decision = scenario.reset()

    assert (decision.events, decision.refused, scenario.task.version) == ((), False, 1)


def test_a_task_that_waits_for_a_further_attempt_forgets_those_it_made() -> None:
    scenario = given("REGISTERING", attempts=2)

    scenario.reset()

    assert (scenario.task.num_attempts, scenario.task.version) == (0, 3)


@pytest.mark.parametrize("status", INSTANCE_MACHINE.statuses)
def test_active_instances_are_told_to_end_where_that_is_legal(status: str) -> None:
    scenario = given("ERROR_FATAL", status, attempts=1)

    decision = scenario.reset()

    order = scenario.log[-1]
    if status in ENDED:
        assert in_words([order]) == [f"ti/1 {status} -> ERROR_FATAL (reset)"]
        assert order.cause == decision.events[0].reference
        assert scenario.task.status == "REGISTERING"
    elif status in KILLED:
        assert in_words([order]) == [f"ti/1 {status} -> KILL_SELF"]
        assert order.cause == decision.events[0].reference
    else:
        assert isinstance(order, TaskReset)
        assert scenario.instances[1].status == status


def test_what_more_was_known_of_its_status_is_forgotten() -> None:
    scenario = given("RUNNING", attempts=1)
    scenario.propose(State(type="DONE", details={"result": 7}))
    failed = scenario.task._replace(status="ERROR_FATAL", owner="ann")

    decision = decide(Family(None, failed), ResetRequest())

    assert failed.state
    assert (decision.task.state, decision.task.owner) == (None, None)
