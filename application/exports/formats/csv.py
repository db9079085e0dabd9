"""CSV with a header: every status that a task or an instance was in, in the order in which they were entered.

An empty `exited_at` says that no exit was observed; `duration_seconds` then counts up to the time of the export.
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
    """Write all of the source."""
    text = io.TextIOWrapper(output, encoding="utf-8", newline="", write_through=True)
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(COLUMNS)
    rows = 0
    for stay in source.intervals():
        lines.writerow(_row(stay))
        rows += 1
    text.detach()
    return rows


def _row(stay: StatusInterval) -> tuple[Any, ...]:
    return (
        f"{stay.kind}:{stay.id}", stay.task_id, stay.workflow_id, stay.template, stay.ordinal, stay.previous_status,
        stay.status, _time(stay.entered_at), _time(stay.exited_at),
        (stay.ended_at - stay.entered_at).total_seconds(), stay.reported, stay.rule, stay.actor, stay.host,
        stay.reason, stay.position,
    )  # fmt: skip


def _time(time: datetime | None) -> str | None:
    return time.isoformat() if time else None
