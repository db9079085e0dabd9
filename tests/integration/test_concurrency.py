"""How many were in a status at once: worked examples, and any set of stays against a count by hand."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import count
from typing import Any

import psycopg
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from application.analyse.concurrency import (
    InvalidBucket,
    TooManyBuckets,
    count_concurrency,
    count_concurrency_by_bucket,
)
from application.transition_service import TaskSpec, TransitionService
from domain.entity import TASK, TASK_INSTANCE
from domain.errors import UnknownEntity, UnknownStatus
from tests.support.agreement import streams_of
from tests.support.examples import examples
from tests.support.stays import Stay, stays_of

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ORIGIN = datetime(2000, 1, 3, tzinfo=UTC)
TEMPLATES = ("align", "sort", None)

numbers = count()

Span = tuple[float, float | None]
"""The minutes after noon in which a task begins to be REGISTERING and, unless it still is, in which it is QUEUED."""

Window = tuple[int | None, int | None]
"""The minutes after noon from which and until which buckets are asked for."""


def registering(service: TransitionService, spans: Sequence[Span], workflow: str = "w", *more: str | None) -> list[str]:
    """A task for each span, the templates in turns."""
    templates, names = more or TEMPLATES, []
    for place, (begins, ends) in enumerate(spans):
        names.append(name := f"{workflow}/{next(numbers)}")
        spec = TaskSpec(name, template=templates[place % len(templates)])
        service.register_tasks(workflow, [spec], occurred_at=NOON + begins * MINUTE)
        if ends is not None:
            service.transition_tasks([name], "QUEUED", occurred_at=NOON + ends * MINUTE)
    return names


def changes(service: TransitionService, at: float | None = None, **wanted: Any) -> list[tuple[Any, ...]]:
    time = None if at is None else NOON + at * MINUTE
    wanted = {"kind": TASK, "status": "REGISTERING"} | wanted
    with count_concurrency(service.store, at=time, **wanted) as found:
        return [(row["group"], minutes(row["at"]), row["n"]) for row in found]


def buckets(service: TransitionService, length: timedelta, at: float, **wanted: Any) -> list[tuple[Any, ...]]:
    time = NOON + at * MINUTE
    with count_concurrency_by_bucket(service.store, TASK, "REGISTERING", length, at=time, **wanted) as found:
        return [(row["group"], minutes(row["at"]), row["mean"], row["max"]) for row in found]


def minutes(time: datetime) -> float:
    return (time - NOON) / MINUTE


def test_one_row_at_each_change(service: TransitionService) -> None:
    registering(service, [(0, 10), (5, 20), (20, 30), (7, 7), (25, None)])

    assert changes(service) == [
        (None, 0, 1),
        (None, 5, 2),
        (None, 10, 1),
        # At 7 one came and went, and at 20 one came as another went: nothing changed.
        (None, 25, 2),
        (None, 30, 1),
    ]
    assert changes(service, at=9) == [(None, 0, 1), (None, 5, 2)]
    assert changes(service, at=-1) == []


def test_a_curve_for_each_group(service: TransitionService) -> None:
    registering(service, [(0, 10), (5, 20)], "v", "align")
    registering(service, [(1, None)], "w", None)

    assert changes(service, by="workflow") == [("v", 0, 1), ("v", 5, 2), ("v", 10, 1), ("v", 20, 0), ("w", 1, 1)]
    assert changes(service, by="template") == [
        ("align", 0, 1), ("align", 5, 2), ("align", 10, 1), ("align", 20, 0), (None, 1, 1),
    ]  # fmt: skip
    assert changes(service, workflow_id="w") == [(None, 1, 1)]


def test_mean_and_most_in_a_bucket(service: TransitionService) -> None:
    registering(service, [(1, 12), (2, 3), (16, None)])

    assert buckets(service, 5 * MINUTE, at=18) == [
        (None, 0, pytest.approx((4 + 1) / 5), 2),
        (None, 5, pytest.approx(1), 1),
        (None, 10, pytest.approx(2 / 5), 1),
        (None, 15, pytest.approx(2 / 3), 1),  # three minutes have passed of it
    ]


def test_a_week_begins_on_monday_in_utc(service: TransitionService) -> None:
    registering(service, [(0, 1)])  # a Saturday

    ((_, at, mean, _),) = buckets(service, timedelta(weeks=1), at=1)

    assert NOON + at * MINUTE == datetime(2026, 1, 26, tzinfo=UTC)
    assert mean == pytest.approx(1 / (5.5 * 24 * 60 + 1))


def test_task_instances_have_curves_of_their_own(service: TransitionService) -> None:
    (task,) = registering(service, [(0, 1)])
    service.create_task_instances({"ti": task}, occurred_at=NOON + 2 * MINUTE)

    assert changes(service, kind=TASK_INSTANCE, status="QUEUED") == [(None, 2, 1)]
    assert changes(service, kind=TASK, status="QUEUED") == [(None, 1, 1)]


def test_what_cannot_be_asked(service: TransitionService) -> None:
    assert changes(service, status="WHATEVER") == [], "an empty log knows no status"
    registering(service, [(0, 10)])

    with pytest.raises(UnknownStatus, match="no status 'RUNING'; did you mean 'RUNNING'"):
        changes(service, status="RUNING")
    with pytest.raises(UnknownStatus):
        changes(service, status="TRIAGING")  # an instance's
    with pytest.raises(UnknownEntity, match="did you mean 'w'"):
        changes(service, workflow_id="w2")
    with pytest.raises(InvalidBucket):
        buckets(service, timedelta(), at=1)


def test_buckets_that_would_fill_the_disk_are_refused(service: TransitionService) -> None:
    day = 24 * 60
    registering(service, [(-400 * day, None)], "v")
    registering(service, [(-400 * day, None)], "w")

    with pytest.raises(TooManyBuckets, match=r"a bucket of 60 s is too short for .* 1,152,000 buckets"):
        buckets(service, MINUTE, at=0, by="workflow")


# Any set of stays, against counting who is there.

spans = st.lists(
    st.tuples(st.integers(0, 40), st.one_of(st.none(), st.integers(0, 20))).map(
        lambda pair: (pair[0], None if pair[1] is None else pair[0] + pair[1])
    ),
    max_size=8,
)


@examples(quick=6, long=25)
@for_all(
    spans=spans,
    at=st.integers(0, 70),
    length=st.sampled_from([1, 3, 7, 60]),
    by=st.sampled_from([None, "template"]),
    length_of_window=st.integers(0, 30),
)
def test_any_stays(
    service: TransitionService,
    connection: psycopg.Connection[Any],
    spans: list[Span],
    at: int,
    length: int,
    by: str | None,
    length_of_window: int,
) -> None:
    workflow = f"any-{next(numbers)}"
    registering(service, [(0, 0), *spans], workflow)
    streams = streams_of(connection)
    stays: dict[str | None, list[Stay]] = {}
    for name, events in streams.items():
        if name.startswith(f"task:{workflow}/"):
            group = events[0].get("template") if by else None
            found = [stay for stay in stays_of(events, NOON + at * MINUTE) if stay.status == "REGISTERING"]
            stays.setdefault(group, []).extend(found)

    wanted = {"workflow_id": workflow, "by": by}
    assert Counter(changes(service, at, **wanted)) == Counter(
        (group, *change) for group, theirs in stays.items() for change in counted(theirs)
    )
    expected = [(group, *row) for group, theirs in stays.items() for row in averaged(theirs, length, at)]
    found_buckets = buckets(service, length * MINUTE, at, **wanted)
    assert {row[:2]: row[2:] for row in found_buckets} == {row[:2]: pytest.approx(row[2:]) for row in expected}
    assert len(found_buckets) == len(expected)
    theirs = [
        stay
        for name, events in streams.items()
        if name.startswith(f"task:{workflow}/")
        for stay in stays_of(events, NOON + at * MINUTE)
    ]
    over_time = service.over_time(workflow, "task", NOON + at * MINUTE, columns=length)
    assert over_time is not None
    assert {one["status"]: (one["counts"], one["most"]) for one in over_time["statuses"]} == counted_by_column(
        theirs, over_time["begin"], (over_time["end"] - over_time["begin"]) / length, length
    )
    every = windowed(connection, length, at, (None, None), **wanted)
    for begins in (None, -5, 7, 15, 30, 71):
        for ends in (None, 12, (begins or 0) + length_of_window):
            some = [row for row in every if meets(row[1], length, (begins, ends))]
            assert windowed(connection, length, at, (begins, ends), **wanted) == some


def counted_by_column(
    stays: list[Stay], begin: datetime, width: timedelta, columns: int
) -> dict[str, tuple[list[int], int]]:
    """Return how many are in each status at the end of each column, and the most at any moment, if there are any."""
    found = {}
    for status in {stay.status for stay in stays}:
        own = [stay for stay in stays if stay.status == status and stay.exited_at != stay.entered_at]
        ends = [begin + (column + 1) * width for column in range(columns - 1)] + [datetime.max.replace(tzinfo=UTC)]
        counts = [sum(s.entered_at < end and (s.exited_at is None or s.exited_at >= end) for s in own) for end in ends]
        at_entries = [
            sum(s.entered_at <= one.entered_at and (s.exited_at is None or s.exited_at > one.entered_at) for s in own)
            for one in own
        ]
        if own:
            found[status] = counts, max(at_entries)
    return found


def windowed(
    connection: psycopg.Connection[Any], length: int, at: int, window: Window, **wanted: Any
) -> list[tuple[Any, ...]]:
    """The buckets of a window of time, as SQL answers."""
    since, until = (None if minute is None else NOON + minute * MINUTE for minute in window)
    with connection.transaction():
        connection.execute("SELECT set_config('sojourn.as_of', %s, true)", [(NOON + at * MINUTE).isoformat()])
        rows = connection.execute(
            "SELECT * FROM sojourn.concurrency_by_bucket('task', 'REGISTERING', %(length)s, %(workflow_id)s, %(by)s,"
            " since => %(since)s, until => %(until)s)",
            {"length": length * MINUTE, "since": since, "until": until, **wanted},
        )
        return [(group, minutes(begins), round(mean, 9), most) for group, begins, mean, most in rows]


def meets(begins: float, length: int, window: Window) -> bool:
    """Whether a bucket lies in a window, if only in part."""
    since, until = window
    return (since is None or begins + length > since) and (until is None or begins <= until)


def there(stays: list[Stay], minute: float) -> int:
    """How many are there from that minute on: who has come, and has not gone."""
    return sum(
        minutes(stay.entered_at) <= minute and (stay.exited_at is None or minutes(stay.exited_at) > minute)
        for stay in stays
    )


def counted(stays: list[Stay]) -> Iterator[tuple[float, int]]:
    """The minutes at which another number is there than before."""
    before = 0
    for minute in range(100):
        if (now := there(stays, minute)) != before:
            yield minute, now
        before = now


def averaged(stays: list[Stay], length: int, at: int) -> Iterator[tuple[float, float, int]]:
    """Mean and most, minute by minute, in every bucket from the first change to the last, or to `at`."""
    changed = list(counted(stays))
    if not changed:
        return
    offset = int((NOON - ORIGIN) / MINUTE) % length
    last = changed[-1][0] if not changed[-1][1] else at
    begins = (int(changed[0][0]) + offset) // length * length - offset
    while begins <= last:
        passed = [there(stays, minute) for minute in range(begins, min(begins + length, at))]
        if passed:
            yield begins, float(Fraction(sum(passed), len(passed))), max(passed)
        begins += length
