"""The times at which an attempt was submitted, started and ended, as a source reports them.

When clocks are set back, a local time means two instants. The pair is resolved by what the source says besides: the
instants that keep submission, start and end in order, and whose distances match the reported durations; else the first.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise, product, starmap
from typing import NamedTuple

from application.imports.change import InvalidLine

UNKNOWN_TIME = (None,)
"""The possible instants of what did not happen, or has no known time."""

ROUNDING = timedelta(minutes=5)
"""The largest error of a rounded duration. Clocks are set back by more, so the two cannot be confused."""

Instants = Sequence[datetime | None]


class AttemptTimes(NamedTuple):
    """The time of an attempt's submission, start and end; None if it is unknown or did not happen."""

    submit: datetime
    start: datetime | None
    end: datetime | None


def resolve_ambiguous(
    submits: Instants,
    starts: Instants,
    ends: Instants,
    *,
    run_time: timedelta | None = None,
    total_time: timedelta | None = None,
) -> AttemptTimes:
    """Return the likeliest times among the possible instants.

    `run_time` is the reported time from start to end, `total_time` from submission to end.

    Raises:
        InvalidLine: there is no time of submission.
    """
    known = [submit for submit in submits if submit is not None]
    if not known:
        raise InvalidLine("has no time of submission")
    if len(known) == len(starts) == len(ends) == 1:
        return AttemptTimes(known[0], starts[0], ends[0])
    candidates = starmap(AttemptTimes, product(known, starts, ends))
    return min(candidates, key=lambda times: _implausibility(times, run_time, total_time))


def find_reversed(times: AttemptTimes) -> Iterator[str]:
    """Yield the names of the anomalies in the order of the times."""
    submit, start, end = times
    if start and start < submit:
        yield "start-before-submit"
    if end and end < (start or submit):
        yield "end-before-start" if start else "end-before-submit"


def _implausibility(times: AttemptTimes, run_time: timedelta | None, total_time: timedelta | None) -> tuple[int, int]:
    known = [time for time in times if time is not None]
    backwards = sum(earlier > later for earlier, later in pairwise(known))
    return backwards, _differs(times.start, times.end, run_time) + _differs(times.submit, times.end, total_time)


def _differs(since: datetime | None, until: datetime | None, reported: timedelta | None) -> bool:
    return bool(since and until and reported is not None and abs(until - since - reported) > ROUNDING)
