"""CSV with a header: every status that a task or an instance was in, in the order in which they were entered.

If no exit was observed, `exited_at` is empty and `duration_seconds` counts up to the time of the export.
"""

import csv
import io
from datetime import datetime
from typing import Any, BinaryIO

from application.exports.log_snapshot import LogSnapshot
from application.exports.status_interval import StatusInterval

COLUMNS = (
    "entity", "task_id", "workflow_id", "template", "attempt", "previous_status", "new_status", "entered_at",
    "exited_at", "duration_seconds", "reported", "rule", "actor", "host", "reason", "position",
)  # fmt: skip


def write(source: LogSnapshot, output: BinaryIO) -> int:
    """Write all of `source` and return the number of rows."""
    text = io.TextIOWrapper(output, encoding="utf-8", newline="", write_through=True)
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(COLUMNS)
    rows = 0
    for interval in source.intervals():
        lines.writerow(_row(interval))
        rows += 1
    text.detach()
    return rows


def _row(interval: StatusInterval) -> tuple[Any, ...]:
    return (
        f"{interval.kind}:{interval.id}", interval.task_id, interval.workflow_id, interval.template, interval.ordinal,
        interval.previous_status, interval.status, _time(interval.entered_at), _time(interval.exited_at),
        (interval.ended_at - interval.entered_at).total_seconds(), interval.reported, interval.rule, interval.actor,
        interval.host, interval.reason, interval.position,
    )  # fmt: skip


def _time(time: datetime | None) -> str | None:
    return time.isoformat() if time else None
