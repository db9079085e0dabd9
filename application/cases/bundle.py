"""Bundle a workflow: write its part of the log into a case file."""

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypedDict

from psycopg import Connection
from psycopg.rows import dict_row
from pydantic_core import from_json

from application.cases.case_file import CaseLine, write_case
from application.cases.sealed_lines import CaseSeals
from application.replay.replay import Scope, ignore_progress, read_logged_events
from application.shared.output_file import output_file
from application.shared.progress import Progress
from application.shared.store import Store
from application.shared.suggestions import unknown_workflow
from infrastructure.log.event_log import CHUNK
from infrastructure.log.logged_event import LoggedEvent
from infrastructure.sql import query


class Bundle(TypedDict):
    """The result of a bundling: `until` is the time at which the case ends, `bytes` the size of its file.

    `proven` is the number of its events that are sealed, and `root` that of the last seal, to which its proof leads.
    """

    file: str
    workflow: str
    entities: int
    events: int
    until: str
    digest: str
    bytes: int
    proven: int
    root: str | None


def bundle_workflow(
    store: Store,
    workflow_id: str,
    path: Path,
    progress: Progress = ignore_progress,
    archived_from: Store | None = None,
) -> Bundle:
    """Write a workflow as it is at one moment to the case file `path`. A failure leaves an older file unchanged.

    Where `store` is an opened archive, `archived_from` is the log that the workflow left, which has its seals.

    Raises:
        UnknownEntity: no event belongs to the workflow.
        OutputExists: the path is a folder.
        OutputNotWritable: the file cannot be written.
    """
    opened_log = archived_from.database.snapshot() if archived_from else nullcontext()
    with store.database.snapshot() as connection, opened_log as log:
        header, scope = _read_header(connection, workflow_id)
        seals = CaseSeals(connection, scope.parameters, log)
        if seals.proof is not None:
            header["proof"] = seals.proof
        with output_file(path) as stream:
            digest = write_case(stream, header, _read_lines(connection, scope, seals, progress))
    return {
        "file": str(path),
        "workflow": workflow_id,
        "entities": header["entities"],
        "events": header["events"],
        "until": header["until"],
        "digest": digest,
        "bytes": path.stat().st_size,
        "proven": seals.events,
        "root": seals.root,
    }


def _read_header(connection: Connection[Any], workflow_id: str) -> tuple[CaseLine, Scope]:
    parameters: dict[str, Any] = {"workflow_id": workflow_id}
    runners = [stream for (stream,) in connection.execute(query("infrastructure", "cases/runners"), parameters)]
    parameters["runners"] = runners
    row = connection.execute(query("infrastructure", "cases/extent"), parameters).fetchone()
    assert row is not None
    events, entities, first, last, until, leases = row
    if not events:
        raise unknown_workflow(connection, workflow_id)
    lifecycles = connection.execute(query("infrastructure", "cases/lifecycles"), parameters).fetchall()
    header = {
        "sojourn": version("sojourn"),
        "workflow": workflow_id,
        "until": until.isoformat(),
        "events": events,
        "entities": entities,
        "leases": leases,
        "positions": [first, last],
        "settings": dict(connection.execute(query("infrastructure", "cases/settings")).fetchall()),
        "lifecycles": [dict(zip(("name", "version", "definition"), row, strict=True)) for row in lifecycles],
    }
    return header, Scope("cases/events_after", parameters)


def _read_lines(connection: Connection[Any], scope: Scope, seals: CaseSeals, progress: Progress) -> Iterator[CaseLine]:
    yield from seals.add_leaves(map(_event_line, read_logged_events(connection, progress, scope)))
    with connection.cursor(name="leases", row_factory=dict_row) as cursor:
        cursor.itersize = CHUNK
        for lease in cursor.execute(query("infrastructure", "cases/leases"), scope.parameters):
            yield {name: value.isoformat() if isinstance(value, datetime) else value for name, value in lease.items()}


def _event_line(logged: LoggedEvent) -> CaseLine:
    return {
        "position": logged.position,
        "stream": logged.stream,
        "version": logged.version,
        "name": logged.name,
        "workflow_id": logged.workflow_id,
        "recorded_at": logged.recorded_at.isoformat(),
        "occurred_at": logged.occurred_at.isoformat() if logged.occurred_at else None,
        "entered_at": logged.entered_at.isoformat(),
        "data": from_json(logged.data),
    }
