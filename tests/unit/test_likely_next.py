"""Which statuses are expected where nothing of the kind has happened yet: those that lead forward."""

import re

import pytest

from application.wording.likely_next import Follower, write_expectation
from domain.lifecycles import get_lifecycle, shipped

JOBMON = get_lifecycle("jobmon")


def named(sentence: str) -> list[str]:
    return [re.split(r" \(|;", part)[0] for part in sentence.partition(": ")[2].split("; or ")] if sentence else []


@pytest.mark.parametrize(
    ("lifecycle", "status", "likely"),
    [
        ("jobmon", "REGISTERING", ["QUEUED"]),
        ("jobmon", "RUNNING", ["DONE"]),
        ("jobmon", "ERROR_RECOVERABLE", ["REGISTERING", "ADJUSTING_RESOURCES", "QUEUED"]),
        ("jobmon", "DONE", []),
        ("slurm", "PENDING", ["ELIGIBLE", "RUNNING", "COMPLETED"]),
        ("slurm", "RUNNING", ["COMPLETED", "REQUEUED"]),
        ("prefect", "RUNNING", ["PAUSED", "CANCELLING", "COMPLETED"]),
    ],
)
def test_what_leads_forward_is_expected(lifecycle: str, status: str, likely: list[str]) -> None:
    definition = get_lifecycle(lifecycle)
    assert named(write_expectation(definition, definition.task, status, [])) == likely


@pytest.mark.parametrize("lifecycle", shipped())
def test_at_most_three_are_named_and_the_others_counted(lifecycle: str) -> None:
    definition = get_lifecycle(lifecycle)
    for machine in filter(None, (definition.task, definition.instance)):
        for status, possible in machine.transitions.items():
            sentence = write_expectation(definition, machine, status, [])
            likely = named(sentence)

            assert set(likely) <= set(possible)
            assert (len(likely) > 0) == (len(possible) > 0)
            assert len(likely) <= 3
            others = re.search(r"; (\d+) others? (?:is|are) possible$", sentence)
            assert len(likely) + (int(others[1]) if others else 0) == len(possible)


def test_few_others_and_statuses_of_another_version_decide_nothing() -> None:
    few = [Follower("ERROR_RECOVERABLE", 2, 4)]
    gone = [Follower("SUSPENDED", 90, 90)]

    for followers in (few, gone):
        assert named(write_expectation(JOBMON, JOBMON.task, "RUNNING", followers)) == ["DONE"]
