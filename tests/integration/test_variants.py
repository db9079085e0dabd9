"""The ways through statuses: worked examples, and any set of ways against counting them."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from statistics import median
from typing import Any

import psycopg
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from application.analyse.variants import count_successions, count_variants
from application.transition_service import TaskSpec, TransitionService
from domain.errors import UnknownEntity
from domain.lifecycles.lifecycle import Lifecycle
from tests.support.agreement import streams_of
from tests.support.examples import examples
from tests.support.stays import Stay, stays_of

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FREE = Lifecycle.model_validate(
    {
        "name": "free",
        "version": 1,
        "task": {
            "initial": "A",
            "terminal": ["C"],
            "transitions": {"A": ["A", "B", "C"], "B": ["A", "B", "C"], "C": ["A", "B", "C"]},
        },
    }
)

numbers = count()

Way = list[tuple[str, int]]
"""The statuses that a task enters after A, and how many minutes after the one before."""


def gone(service: TransitionService, workflow: str, ways: list[Way]) -> None:
    for place, way in enumerate(ways):
        task, at = f"{workflow}/{place}", NOON
        service.register_tasks(workflow, [TaskSpec(task)], FREE, occurred_at=NOON)
        for status, minutes in way:
            at += minutes * MINUTE
            assert service.transition_task(task, status, occurred_at=at)["error"] is None


def test_the_most_frequent_way_comes_first(service: TransitionService) -> None:
    gone(service, "w", [[("B", 1)], [("B", 3), ("C", 1)], [("B", 2)], []])

    found = count_variants(service.store, at=NOON + 9 * MINUTE)

    assert [(row["statuses"], row["n"], row["share"], row["median_seconds"], row["examples"]) for row in found] == [
        # What has not come to a terminal status goes on.
        (["A", "B"], 2, 0.5, 540.0, ["w/0", "w/2"]),
        (["A"], 1, 0.25, 540.0, ["w/3"]),
        (["A", "B", "C"], 1, 0.25, 240.0, ["w/1"]),
    ]
    assert count_variants(service.store, at=NOON + 9 * MINUTE, limit=1) == found[:1]
    assert [row["statuses"] for row in count_variants(service.store, at=NOON)] == [["A"]]
    assert count_variants(service.store, kind="task_instance") == []
    with pytest.raises(UnknownEntity):
        count_variants(service.store, workflow_id="v")


def test_what_comes_right_after_what(service: TransitionService) -> None:
    gone(service, "w", [[("B", 1)], [("B", 3), ("C", 1)]])

    found = count_successions(service.store, at=NOON + 9 * MINUTE)

    assert [tuple(row.values()) for row in found] == [
        (None, "A", 2, None),
        ("A", "B", 2, 120.0),
        ("B", "C", 1, 60.0),
        ("B", None, 1, 480.0),
        ("C", None, 1, 300.0),
    ]


def span(stays: list[Stay]) -> float:
    """The seconds from the first status to the terminal one, or to the time that is asked about."""
    first, last = stays[0], stays[-1]
    return ((last.entered_at if last.status == "C" else last.until) - first.entered_at).total_seconds()


ways = st.lists(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 5)), max_size=5), max_size=6)


@examples(quick=5, long=20)
@for_all(ways=ways, at=st.integers(0, 20))
def test_any_ways(service: TransitionService, connection: psycopg.Connection[Any], ways: list[Way], at: int) -> None:
    workflow = f"any-{next(numbers)}"
    gone(service, workflow, [[], *ways])
    time = NOON + at * MINUTE
    stays = {
        name.partition(":")[2]: stays_of(events, time)
        for name, events in streams_of(connection).items()
        if f":{workflow}/" in name
    }
    taken = {name: tuple(stay.status for stay in found) for name, found in stays.items()}

    found = count_variants(service.store, workflow_id=workflow, at=time)

    assert {tuple(row["statuses"]): row["n"] for row in found} == Counter(taken.values())
    for row in found:
        names = sorted(name for name, way in taken.items() if way == tuple(row["statuses"]))
        spans = [span(stays[name]) for name in names]
        assert row["examples"] == names[:3]
        assert row["share"] == pytest.approx(len(names) / len(taken), abs=1e-6)
        assert row["median_seconds"] == median(spans)
    steps: dict[tuple[str | None, str | None], list[float]] = {}
    for of_one in stays.values():
        steps.setdefault((None, of_one[0].status), []).append(0)
        for stay, following in [*pairwise(of_one), (of_one[-1], None)]:
            steps.setdefault((stay.status, following.status if following else None), []).append(stay.seconds)
    assert {
        (row["source"], row["target"]): (row["n"], row["median_seconds"])
        for row in count_successions(service.store, workflow_id=workflow, at=time)
    } == {edge: (len(seconds), median(seconds) if edge[0] else None) for edge, seconds in steps.items()}
