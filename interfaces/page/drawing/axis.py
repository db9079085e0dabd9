"""The axis of time under a chart: marks at round times, or at round durations from a beginning."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from domain.time import format_duration

MOST_MARKS = 5
"""How many marks fit on a telephone; the browser draws more where there is room, in the viewer's zone."""

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000

STEPS = (
    *(number * 10**power for power in range(3) for number in (1, 2, 5)),
    *(number * unit for unit in (SECOND, MINUTE) for number in (1, 2, 5, 10, 15, 30)),
    *(number * HOUR for number in (1, 2, 3, 6, 12)),
    *(number * DAY for number in (1, 2, 7, 30, 365, 3650)),
)
"""What may lie between two marks, in milliseconds."""


class Mark(NamedTuple):
    """A mark: its place in hundredths of the axis, what it shows, and its distance from the beginning."""

    x: float
    text: str
    after: timedelta


def mark_times(begin: datetime, end: datetime) -> list[Mark]:
    """Return marks at round times in UTC."""
    step = choose_step(end - begin)
    since_midnight = begin.astimezone(UTC) - datetime(begin.year, 1, 1, tzinfo=UTC)
    marks = list(_mark(end - begin, step, -since_midnight % step))
    return [Mark(x, _write(begin + after, step), after) for x, after in marks]


def mark_durations(length: timedelta) -> list[Mark]:
    """Return marks at round durations from the beginning."""
    return [
        Mark(x, format_duration(after.total_seconds()), after)
        for x, after in _mark(length, choose_step(length), timedelta())
    ]


def choose_step(length: timedelta) -> timedelta:
    """Return the least round duration that gives few enough marks."""
    least = length / MOST_MARKS
    steps = (timedelta(milliseconds=step) for step in STEPS)
    return next((step for step in steps if step >= least), least)


def _mark(length: timedelta, step: timedelta, first: timedelta) -> Iterator[tuple[float, timedelta]]:
    after = first
    while after <= length:
        yield round(100 * (after / length), 3), after
        after += step


def _write(at: datetime, step: timedelta) -> str:
    utc = at.astimezone(UTC)
    if step < timedelta(seconds=1):
        return f"{utc:%H:%M:%S}.{utc.microsecond // 1000:03}"
    if step < timedelta(minutes=1):
        return f"{utc:%H:%M:%S}"
    return f"{utc:%H:%M}" if step < timedelta(days=1) else f"{utc:%Y-%m-%d}" if step.days >= 30 else f"{utc:%m-%d}"
