"""The contract of the domain: `decide`, `evolve` and `initial` agree, and the example in their module runs."""

import doctest

from domain.decisions import decide as contract
from domain.decisions.decide import decide, evolve, initial
from domain.decisions.proposals import InstanceCreation, InstanceReport, Proposal, Registration, TaskRequest
from domain.entities.events import TaskRegistered
from domain.lifecycles import get_lifecycle


def test_the_worked_example_runs() -> None:
    ran = doctest.testmod(contract)

    assert ran.attempted > 0
    assert ran.failed == 0


def test_a_registration_gives_the_task_that_its_event_registers() -> None:
    family = initial("t", "w", get_lifecycle("jobmon"), 3, template="align", array_id="a", attributes={"tags": ["x"]})

    decision = decide(family, Registration())

    (registered,) = decision.events
    assert isinstance(registered, TaskRegistered)
    assert decision.task == type(decision.task).begin(registered, get_lifecycle("jobmon"))
    assert decision.family == evolve(family, registered)


def test_evolving_by_the_events_of_a_decision_gives_its_entities() -> None:
    family = initial("t", "w", get_lifecycle("jobmon"), 3)
    proposals: list[Proposal] = [
        Registration(),
        TaskRequest("QUEUED"),
        InstanceCreation("t/1"),
        InstanceReport("INSTANTIATED"),
    ]

    for proposal in proposals:
        decision = decide(family, proposal)
        for event in decision.events:
            family = evolve(family, event)

        assert family.task == decision.task
        assert decision.instance in (None, family.instance)
