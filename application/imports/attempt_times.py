"""When an attempt was submitted, started and ended, as a source tells it.

When clocks are set back, a time may mean two instants: those are taken that keep submission, start and end in order,
and apart by as long as the source says; else the first.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise, product, starmap
from typing import NamedTuple

from application.imports.change import InvalidLine

UNKNOWN_TIME = (None,)
"""The instants of what did not happen, or of which nobody knows when."""

ROUNDED = timedelta(minutes=5)
"""By how much a duration may be off that is told in round figures; clocks are set back by more."""

Instants = Sequence[datetime | None]


class AttemptTimes(NamedTuple):
    """When an attempt was submitted, and where it is known and it happened, when it started and ended."""

    submit: datetime
    start: datetime | None
    end: datetime | None


def resolve_ambiguous(
    submits: Instants,
    starts: Instants,
    ends: Instants,
    *,
    ran: timedelta | None = None,
    took: timedelta | None = None,
) -> AttemptTimes:
    """The times among what may be meant: `ran` is from start to end, `took` from submission to end, where told.

    Raises NotUnderstood where nothing says when it was submitted.
    """
    known = [submit for submit in submits if submit is not None]
    if not known:
        raise InvalidLine("has no time of submission")
    if len(known) == len(starts) == len(ends) == 1:
        return AttemptTimes(known[0], starts[0], ends[0])
    return min(starmap(AttemptTimes, product(known, starts, ends)), key=lambda times: _disorder(times, ran, took))


def find_reversed(times: AttemptTimes) -> Iterator[str]:
    """The names of what is not in order."""
    submit, start, end = times
    if start and start < submit:
        yield "start-before-submit"
    if end and end < (start or submit):
        yield "end-before-start" if start else "end-before-submit"


def _disorder(times: AttemptTimes, ran: timedelta | None, took: timedelta | None) -> tuple[int, int]:
    told = [time for time in times if time is not None]
    backwards = sum(earlier > later for earlier, later in pairwise(told))
    return backwards, _is_off(times.start, times.end, ran) + _is_off(times.submit, times.end, took)


def _is_off(since: datetime | None, until: datetime | None, told: timedelta | None) -> bool:
    return bool(since and until and told is not None and abs(until - since - told) > ROUNDED)
