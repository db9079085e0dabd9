"""Sorts the lines of a file by time, so that each is decided after what happened before it.

A source writes what it knows when it knows it, and a dump is sorted by whatever was asked for. So lines wait in a
window, and the earliest one leaves it. Lines that are further apart than the window stay in the order of the file.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from heapq import heappop, heappush

from application.imports.change import AttemptKey, BadLine, Change, CreateInstance, ParsedLine
from application.imports.formats import Format
from application.imports.options import Options

WINDOW = 5_000
"""The number of lines within which the order of a file does not matter."""

WINDOW_BYTES = 64 * 2**20
"""The largest length of the lines in the window, all together."""


def read_by_time(
    format_: Format, lines: Iterable[tuple[int, bytes]], options: Options, window: int = WINDOW
) -> Iterator[ParsedLine | BadLine]:
    """Yield what a format reads of numbered lines, sorted by time unless its lines are in the order of the log."""
    if getattr(format_, "IN_LOG_ORDER", False):
        return format_.read(lines, options)
    counted = _CountedLines(lines)
    return _sorted_by_time(format_.read(counted, options), counted, window)


class _CountedLines:
    """Yields numbered lines, and counts the bytes of those that were taken."""

    def __init__(self, lines: Iterable[tuple[int, bytes]]) -> None:
        self._lines = lines
        self._bytes = 0

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        for number, text in self._lines:
            self._bytes += len(text)
            yield number, text

    def take_count(self) -> int:
        """Return the number of bytes since the last time."""
        count, self._bytes = self._bytes, 0
        return count


def _sorted_by_time(
    lines: Iterable[ParsedLine | BadLine], counted: _CountedLines, window: int
) -> Iterator[ParsedLine | BadLine]:
    waiting: list[tuple[datetime, int, int, ParsedLine]] = []
    total = 0
    for number, line in enumerate(lines):
        if isinstance(line, BadLine) or not line.changes:
            yield line
            continue
        size = counted.take_count()
        heappush(waiting, (_time_of(line.changes), number, size, line))
        total += size
        while len(waiting) > window or total > WINDOW_BYTES:
            _, _, size, earliest = heappop(waiting)
            total -= size
            yield earliest
    while waiting:
        yield heappop(waiting)[-1]


def _time_of(changes: Iterable[Change]) -> datetime:
    """Return the time by which a line is sorted: that of the last step that it states.

    An attempt that the source knows by its beginning is sorted by that, because the log numbers attempts in this order.
    """
    for change in changes:
        if isinstance(change, CreateInstance) and isinstance(change.instance, AttemptKey):
            return change.instance.begun_at
    return max(change.at for change in changes)
