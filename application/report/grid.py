"""The grid of a report: in each lane and column of time, how long which status lasted."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple


class CellChange(NamedTuple):
    """What stays add to one place of the grid: seconds in it, and how many more (or fewer) fill it and those after it.

    `place` is the column.
    """

    lane: int
    status: str
    place: float
    seconds: float
    filled: int


class Segment(NamedTuple):
    """Columns one after another, `end` not among them, in which a status lasted longest."""

    status: str
    begin: int
    end: int


class Grid:
    """Sums up what the database has summed up by place; columns are so many seconds wide."""

    def __init__(self, statuses: Sequence[str], columns: int, width: float, parts: Iterable[CellChange]) -> None:
        self._statuses = statuses
        self._columns = columns
        self._width = width
        self._seconds: dict[tuple[int, str], list[float]] = {}
        for (lane, status), some in groupby(parts, lambda part: (part.lane, part.status)):
            self._seconds[lane, status] = self._row(some)

    def concurrency(self) -> dict[str, Sequence[float]]:
        """For each status, how many were in it in each column, on average over its time."""
        totals = {status: [0.0] * self._columns for status in self._statuses}
        for (_, status), seconds in self._seconds.items():
            totals[status] = [total + here for total, here in zip(totals[status], seconds, strict=True)]
        return {status: [total / self._width for total in row] for status, row in totals.items()}

    def runs(self, lane: int) -> list[Segment]:
        """What lasted longest in each column of a lane, as runs of columns."""
        longest = (self._longest(lane, column) for column in range(self._columns))
        runs, begin = [], 0
        for status, columns in groupby(longest):
            end = begin + len(list(columns))
            if status is not None:
                runs.append(Segment(status, begin, end))
            begin = end
        return runs

    def _row(self, parts: Iterable[CellChange]) -> list[float]:
        seconds, changes = [0.0] * (self._columns + 1), [0] * (self._columns + 1)
        for part in parts:
            seconds[int(part.place)] += part.seconds
            changes[int(part.place)] += part.filled
        filling = 0
        for column in range(self._columns):
            filling += changes[column]
            seconds[column] += filling * self._width
        return seconds[: self._columns]

    def _longest(self, lane: int, column: int) -> str | None:
        nothing = [0.0] * self._columns
        here = [(self._seconds.get((lane, status), nothing)[column], status) for status in self._statuses]
        seconds, status = max(here, key=lambda found: found[0], default=(0.0, ""))
        return status if seconds > 0 else None
