"""Help tests to compare durations with a few lines over the raw events that share nothing with the product."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from fractions import Fraction
from itertools import zip_longest
from typing import Any, NamedTuple

from tests.support.agreement import Row, moves


class Stay(NamedTuple):
    """One status that an entity was in, until it was left or, where nobody saw that, until `until`."""

    entity: str
    status: str
    actor: str | None
    entered_at: datetime
    exited_at: datetime | None
    until: datetime

    @property
    def seconds(self) -> float:
        return (self.until - self.entered_at).total_seconds()


def stays_of(events: Sequence[Row], at: datetime) -> list[Stay]:
    """The stays of one stream as of a time, from what its events tell."""
    entered: list[tuple[datetime, Row]] = []
    for event in moves(list(events)):
        reported_at = event["occurred_at"] or event["recorded_at"]
        entered.append((max(reported_at, entered[-1][0]) if entered else reported_at, event))
    there = [(since, event) for since, event in entered if since <= at]
    return [
        Stay(
            event["stream"],
            event["status"],
            (event.get("actor") or {}).get("component"),
            since,
            following[0] if following else None,
            following[0] if following else at,
        )
        for (since, event), following in zip_longest(there, there[1:])
    ]


def percentile(values: Iterable[float], quantile: float) -> float:
    """The value at that share of the way through the sorted values, interpolated."""
    ordered = sorted(values)
    place = quantile * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def kaplan_meier(stays: Sequence[Stay], quantile: Fraction) -> float | None:
    """The shortest time after which the share `quantile` of the stays has ended, by the textbook's product."""
    surviving = Fraction(1)
    ended = [stay.seconds for stay in stays if stay.exited_at]
    for time in sorted(set(ended)):
        at_risk = sum(stay.seconds >= time for stay in stays)
        surviving *= 1 - Fraction(ended.count(time), at_risk)
        if surviving <= 1 - quantile:
            return time
    return None


def summary(stays: Sequence[Stay]) -> dict[str, Any]:
    """Return what time-in-status answers for the stays in one status."""
    seconds = [stay.seconds for stay in stays]
    is_censored = any(stay.exited_at is None for stay in stays)
    return {
        "n": len(stays),
        "open": sum(stay.exited_at is None for stay in stays),
        "total_seconds": sum(seconds),
        "mean_seconds": sum(seconds) / len(seconds),
        "p50_seconds": percentile(seconds, 0.5),
        "p90_seconds": percentile(seconds, 0.9),
        "p99_seconds": percentile(seconds, 0.99),
        "km_p50_seconds": kaplan_meier(stays, Fraction(1, 2)) if is_censored else percentile(seconds, 0.5),
        "km_p90_seconds": kaplan_meier(stays, Fraction(9, 10)) if is_censored else percentile(seconds, 0.9),
    }
