"""Help tests to imports: from text, in batches of any size."""

import io
import json
from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from application.imports.change import BadLine, ParsedLine
from application.imports.formats import find_format
from application.imports.importer import LINES_PER_BATCH, import_lines
from application.imports.input_file import InputFile
from application.imports.options import Options
from application.imports.tally import ImportAnswer
from application.imports.time_window import read_by_time
from application.shared.lifecycle_source import find_lifecycle
from application.transition_service import TransitionService
from tests.support.agreement import Row, rows

ADDED_NOTHING = {"tasks": 0, "task_instances": 0, "transitions": 0, "refused": {}}


def read(
    format_name: str,
    text: str,
    *,
    zone: str | None = None,
    workflow: str | None = None,
    lifecycle: str | None = None,
) -> list[ParsedLine | BadLine]:
    """Return what the lines of a text report."""
    return list(_read(format_name, text.encode(), zone, workflow, lifecycle))


def imported(
    service: TransitionService,
    format_name: str,
    text: str,
    *,
    zone: str | None = None,
    workflow: str | None = None,
    lifecycle: str | None = None,
    batch: int = LINES_PER_BATCH,
) -> ImportAnswer:
    """Import a text, and return the answer."""
    return imported_bytes(
        service, format_name, text.encode(), zone=zone, workflow=workflow, lifecycle=lifecycle, batch=batch
    )


def imported_bytes(
    service: TransitionService,
    format_name: str,
    content: bytes,
    *,
    zone: str | None = None,
    workflow: str | None = None,
    lifecycle: str | None = None,
    batch: int = LINES_PER_BATCH,
) -> ImportAnswer:
    """Import the content of a file, and return the answer."""
    pinned = find_lifecycle(lifecycle or find_format(format_name).LIFECYCLE)
    lines = _read(format_name, content, zone, workflow, lifecycle, sort=True)
    return import_lines(service.store, pinned, lines, batch=batch).answer()


def jsonl(lines: Iterable[dict[str, Any]]) -> str:
    """Return objects as the lines of a jsonl file."""
    return "".join(json.dumps(line) + "\n" for line in lines)


def audit(connection: psycopg.Connection[Any], *, without: str = "") -> list[Row]:
    """Return every status that any entity was in and when, by ids (`without` a prefix) and versions."""
    return [
        row
        for kind in ("task", "task_instance")
        for row in rows(
            connection,
            f"SELECT '{kind}' AS kind, substr({kind}_id, length(%s) + 1) AS id, version, previous_status, new_status, "
            f"reported, rule, actor, entered_at, exited_at FROM sojourn.{kind}_status_audit "
            f"WHERE starts_with({kind}_id, %s) ORDER BY {kind}_id, version",
            without,
            without,
        )
    ]


def events(connection: psycopg.Connection[Any]) -> int:
    """Return the number of events in the log."""
    return int(rows(connection, "SELECT count(*) AS n FROM sojourn.event")[0]["n"])


def _read(
    format_name: str,
    content: bytes,
    zone: str | None,
    workflow: str | None,
    lifecycle: str | None,
    *,
    sort: bool = False,
) -> Iterable[ParsedLine | BadLine]:
    found = find_format(format_name)
    options = Options(
        find_lifecycle(lifecycle or found.LIFECYCLE), "sample", workflow, ZoneInfo(zone) if zone else None
    )
    lines = InputFile(io.BytesIO(content)).lines()
    return read_by_time(found, lines, options) if sort else found.read(lines, options)
