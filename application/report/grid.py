"""The grid of a report: how long each status lasted in each lane and column of time."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple


class CellChange(NamedTuple):
    """A change of one lane's row of a status, at one column.

    `seconds` is time in the column itself. `filled` is the change, from this column on, of the number of intervals that
    fill whole columns; it is negative if intervals end.
    """

    lane: int
    status: str
    column: float
    seconds: float
    filled: int


class Segment(NamedTuple):
    """The columns from `begin` to `end` (exclusive) in which `status` lasted longest."""

    status: str
    begin: int
    end: int


class Grid:
    """Sums up the changes of cells that the database returns. A column is `width` seconds wide."""

    def __init__(self, statuses: Sequence[str], columns: int, width: float, changes: Iterable[CellChange]) -> None:
        self._statuses = statuses
        self._columns = columns
        self._width = width
        self._seconds: dict[tuple[int, str], list[float]] = {}
        for (lane, status), row_changes in groupby(changes, lambda change: (change.lane, change.status)):
            self._seconds[lane, status] = self._row(row_changes)

    def concurrency(self) -> dict[str, Sequence[float]]:
        """Return, for each status, the average number of entities that were in it in each column."""
        totals = {status: [0.0] * self._columns for status in self._statuses}
        for (_, status), seconds in self._seconds.items():
            totals[status] = [total + added for total, added in zip(totals[status], seconds, strict=True)]
        return {status: [total / self._width for total in row] for status, row in totals.items()}

    def runs(self, lane: int) -> list[Segment]:
        """Return the status that lasted longest in each column of a lane, as segments of columns."""
        longest = (self._longest(lane, column) for column in range(self._columns))
        segments, begin = [], 0
        for status, columns in groupby(longest):
            end = begin + len(list(columns))
            if status is not None:
                segments.append(Segment(status, begin, end))
            begin = end
        return segments

    def _row(self, changes: Iterable[CellChange]) -> list[float]:
        seconds, filled = [0.0] * (self._columns + 1), [0] * (self._columns + 1)
        for change in changes:
            seconds[int(change.column)] += change.seconds
            filled[int(change.column)] += change.filled
        filling = 0
        for column in range(self._columns):
            filling += filled[column]
            seconds[column] += filling * self._width
        return seconds[: self._columns]

    def _longest(self, lane: int, column: int) -> str | None:
        nothing = [0.0] * self._columns
        durations = [(self._seconds.get((lane, status), nothing)[column], status) for status in self._statuses]
        seconds, status = max(durations, key=lambda duration: duration[0], default=(0.0, ""))
        return status if seconds > 0 else None
