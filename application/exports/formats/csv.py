"""CSV with a header: every status that a task or an instance was in, in the order in which they were entered.

If no exit was observed, `exited_at` is empty and `duration_seconds` counts up to the time of the export.
"""

import csv
from collections.abc import Callable
from datetime import datetime
from typing import Any, BinaryIO

from application.exports.log_snapshot import LogSnapshot
from application.exports.status_interval import StatusInterval

COLUMNS = (
    "entity", "task_id", "workflow_id", "template", "attempt", "previous_status", "new_status", "entered_at",
    "exited_at", "duration_seconds", "reported", "rule", "actor", "host", "reason", "position",
    "entity_kind", "entity_id", "version", "terminal", "waits_for", "waits_for_detail",
)  # fmt: skip


FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""The first characters by which spreadsheets recognise a formula."""


def write(source: LogSnapshot, output: BinaryIO) -> int:
    """Write all of `source` and return the number of rows."""
    return _write(source, output, lambda row: row)


def write_for_spreadsheets(source: LogSnapshot, output: BinaryIO) -> int:
    """Write all of `source`, with an apostrophe before text that a spreadsheet would run as a formula."""
    return _write(source, output, lambda row: tuple(map(_as_text, row)))


def _write(source: LogSnapshot, output: BinaryIO, change: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> int:
    lines = csv.writer(_Lines(output), lineterminator=LINE_END)
    lines.writerow(COLUMNS)
    rows = 0
    for interval in source.intervals():
        lines.writerow(change(_row(interval)))
        rows += 1
    return rows


LINE_END = "\r\n"
"""What the library ends a line with: it only quotes the line ends that it knows, and readers know a lone CR too."""


class _Lines:
    """Lines that end as everywhere on Unix."""

    def __init__(self, output: BinaryIO) -> None:
        self._output = output

    def write(self, line: str) -> int:
        """Write one line, which the library passes as a whole."""
        return self._output.write(f"{line.removesuffix(LINE_END)}\n".encode())


def _as_text(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell


def _row(interval: StatusInterval) -> tuple[Any, ...]:
    return (
        f"{interval.kind}:{interval.id}", interval.task_id, interval.workflow_id, interval.template, interval.ordinal,
        interval.previous_status, interval.status, _time(interval.entered_at), _time(interval.exited_at),
        (interval.ended_at - interval.entered_at).total_seconds(), interval.reported, interval.rule, interval.actor,
        interval.host, interval.reason, interval.position, interval.kind, interval.id, interval.version,
        str(interval.terminal).lower(), interval.waits_for, interval.waits_for_detail,
    )  # fmt: skip


def _time(time: datetime | None) -> str | None:
    return time.isoformat() if time else None
