"""What comes of a further instance of a task."""

from domain.entities.events import TaskInstanceCreated
from domain.report_context import ReportContext
from domain.rule_names import INVALID
from tests.support.scenario import given, in_words


def test_it_begins_in_the_initial_status_and_counts_from_one() -> None:
    scenario = given("QUEUED", attempts=1)

    decision = scenario.create(ReportContext(reason="first try"))

    assert in_words(decision) == ["ti/1 begins QUEUED"]
    created = decision.events[0]
    assert isinstance(created, TaskInstanceCreated)
    assert (created.task_id, created.workflow_id, created.ordinal, created.reason) == ("t", "w", 1, "first try")
    assert not decision.task_moved


def test_each_further_one_has_the_next_ordinal() -> None:
    scenario = given("QUEUED", attempts=1)

    for _ in range(3):
        scenario.create()

    assert [scenario.instances[ordinal].ordinal for ordinal in (1, 2, 3)] == [1, 2, 3]
    assert scenario.task.instances == 3


def test_its_status_implies_that_a_new_task_is_queued_and_an_attempt_begins() -> None:
    scenario = given()

    decision = scenario.create()

    assert in_words(decision) == ["ti/1 begins QUEUED", "task REGISTERING -> QUEUED"]
    assert (scenario.task.num_attempts, decision.task_moved) == (1, True)
    assert decision.events[1].cause == decision.events[0].reference


def test_an_instance_is_created_and_the_refusal_kept_when_the_task_cannot_queue() -> None:
    scenario = given("DONE", "DONE", attempts=1)

    assert in_words(scenario.create()) == ["ti/2 begins QUEUED", f"task refuses QUEUED ({INVALID})"]
    assert scenario.task.status == "DONE"
