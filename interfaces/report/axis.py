"""The marks on a time axis."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

MAX_TICKS = 8

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

STEPS = (
    *(number * SECOND / 10 for number in (1, 2, 5)),
    *(number * SECOND for number in (1, 2, 5, 10, 15, 30)),
    *(number * MINUTE for number in (1, 2, 5, 10, 15, 30)),
    *(number * HOUR for number in (1, 2, 3, 6, 12)),
    *(number * DAY for number in (1, 2, 7, 14, 30, 90, 365, 3650, 36_500, 365_000)),
)


class Tick(NamedTuple):
    """A mark and its text: a date, a time or both, as fine as the steps between marks."""

    at: datetime
    text: str


def make_ticks(begin: datetime, end: datetime) -> Iterator[Tick]:
    """Yield at most eight marks between two times, at round times of the local zone."""
    step = next((step for step in STEPS if (end - begin) / step <= MAX_TICKS), STEPS[-1])
    last = None
    for wall in _round_times(begin.astimezone().replace(tzinfo=None), step):
        at = wall.astimezone()
        if at > end:
            break
        # An hour that the clocks skip or repeat makes two of these times one, or puts one before the beginning.
        if at >= begin and (last is None or at > last):
            yield Tick(at, _format_tick(at, step))
            last = at


def _round_times(since: datetime, step: timedelta) -> Iterator[datetime]:
    """Yield the round times of clocks on the wall from `since` on, up to the last that a datetime can state."""
    midnight = since.replace(hour=0, minute=0, second=0, microsecond=0)
    with suppress(OverflowError):
        at = midnight + -((midnight - since) // step) * step
        while True:
            yield at
            at += step


def _format_tick(at: datetime, step: timedelta) -> str:
    if step >= DAY:
        return f"{at:%Y-%m-%d}"
    if step >= HOUR:
        return f"{at:%m-%d %H:%M}"
    if step >= MINUTE:
        return f"{at:%H:%M}"
    return f"{at:%H:%M:%S}" if step >= SECOND else f"{at:%H:%M:%S}.{at.microsecond // 100_000}"
