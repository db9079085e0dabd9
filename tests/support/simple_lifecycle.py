"""Help tests to a lifecycle without instances, whose tasks wait, run, and end as done or failed."""

from collections.abc import Mapping, Sequence

from domain.lifecycles.lifecycle import Lifecycle


def simple_lifecycle(transitions: Mapping[str, Sequence[str]], failures: Sequence[str]) -> Lifecycle:
    """Return the lifecycle with these transitions; an attempt is counted at RUNNING, and AGAIN waits for another."""
    return Lifecycle.model_validate(
        {
            "name": "simple",
            "version": 1,
            "attempt": "RUNNING",
            "task": {
                "initial": "WAITING",
                "terminal": ["DONE", "FAILED"],
                "failures": failures,
                "available_for_run": ["AGAIN"],
                "transitions": transitions,
            },
        }
    )
