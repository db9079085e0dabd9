"""Restore workflows: move them from an archive back into the log, byte for byte, with their positions."""

import secrets
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypedDict

from psycopg import Connection
from psycopg.types.json import Json, Jsonb

from application.archive.archive import RUNNER, OnStep, copy_rows, open_folder, settle_folder
from application.archive.change_archive import change_archive
from application.archive.dataset import SCHEMAS, ArchiveFolder, read_manifest
from application.archive.errors import ArchiveDamaged, NotArchived, SealedWithout
from application.archive.tombstones import (
    Tombstone,
    delete_tombstones,
    find_tombstones_of_file,
    find_unit,
    move_tombstones,
)
from application.shared.existence import require_workflow
from application.shared.store import Store
from infrastructure.log.event_log import CHUNK
from infrastructure.sql import query

STREAM = SCHEMAS["event"].get_field_index("stream")


class RestoreAnswer(TypedDict):
    """The number of workflows and events that are in the log again."""

    workflows: int
    events: int


def restore_workflow(store: Store, folder: Path, workflow_id: str, on_step: OnStep = lambda _: None) -> RestoreAnswer:
    """Move a workflow, and those that it links to, from an archive back into the log.

    Raises:
        UnknownEntity: neither the log nor the archive has the workflow.
        NotArchived: the workflow is in the log.
        ForeignArchive: the folder is not an archive of this log.
        ArchiveDamaged: a file is missing, or its events are not those that were archived.
        SealedWithout: the log was sealed after the workflow had left it.
        ArchivingForbidden: the database user may not change the log.
        RebuildRunning: the projections are rebuilt, or another process archives.
    """
    with change_archive(store) as connection:
        archive = open_folder(connection, folder)
        settle_folder(connection, archive)
        unit = find_unit(connection, workflow_id)
        if not unit:
            require_workflow(connection, workflow_id)
            raise NotArchived(workflow_id)
        _require_sealed(connection, unit)
        archive.check(unit[0].file)
        rest = _write_rest(connection, archive, unit, on_step)
        with connection.transaction():
            events = _bring_back(connection, archive, unit)
            if rest is not None:
                move_tombstones(connection, unit[0].file, rest)
            on_step("committing")
        on_step("settling the folder")
        archive.delete(unit[0].file)
        settle_folder(connection, archive)
    return {"workflows": len(unit), "events": events}


def _require_sealed(connection: Connection[Any], unit: Sequence[Tombstone]) -> None:
    names = [tombstone.workflow_id for tombstone in unit]
    row = connection.execute(query("infrastructure", "archive/never_sealed"), [names]).fetchone()
    if row is not None:
        raise SealedWithout(row[0])


def _write_rest(
    connection: Connection[Any], archive: ArchiveFolder, unit: Sequence[Tombstone], on_step: OnStep
) -> str | None:
    """Write the other workflows of the unit's file as a draft, and return its name; None where there are none."""
    old = unit[0].file
    leaving = [tombstone.workflow_id for tombstone in unit]
    if len(find_tombstones_of_file(connection, old)) == len(leaving):
        return None
    on_step("writing the file without the workflow")
    new = f"{old.rpartition('/')[0]}/{secrets.token_hex(8)}.parquet"
    archive.write_draft(new, {kind: archive.read(kind, old, leaving, without=True) for kind in SCHEMAS})
    return new


def _bring_back(connection: Connection[Any], archive: ArchiveFolder, unit: Sequence[Tombstone]) -> int:
    file, names = unit[0].file, [tombstone.workflow_id for tombstone in unit]
    streams = sorted({row[STREAM] for row in archive.read("event", file, names)})
    delete_tombstones(connection, names, streams)
    for lifecycle in read_manifest(archive.path)["lifecycles"]:
        pinned = [lifecycle["name"], lifecycle["version"], Json(lifecycle["definition"])]
        connection.execute(query("infrastructure", "lifecycles/pin"), pinned)
    events = archive.read("event", file, names)
    connection.execute(query("infrastructure", "archive/begin_reading_back"))
    while copy_rows(connection, "event", "pg_temp.archived_event", islice(events, CHUNK)):
        connection.execute(query("infrastructure", "archive/store_events"))
    commands = (row[:-1] for row in archive.read("command", file, names))
    copy_rows(connection, "command", "pg_temp.archived_command", commands)
    connection.execute(query("infrastructure", "archive/return_commands"))
    leases = (row for row in archive.read("lease", file, names) if not row[0].startswith(RUNNER))
    copy_rows(connection, "lease", "sojourn.lease", leases)
    _require_same(connection, archive, unit, streams)
    connection.execute(query("infrastructure", "archive/delete_leaves"), [streams])
    connection.execute(query("projections", "sketches/recount"), {"workflow_ids": names})
    connection.execute(query("projections", "sums/recount"), {"workflow_ids": names})
    return sum(tombstone.events for tombstone in unit)


def _require_same(
    connection: Connection[Any], archive: ArchiveFolder, unit: Sequence[Tombstone], streams: list[str]
) -> None:
    digests = {tombstone.workflow_id: tombstone.digest.hex() for tombstone in unit}
    parameters = {"digests": Jsonb(digests), "streams": streams}
    row = connection.execute(query("infrastructure", "archive/differing"), parameters).fetchone()
    if row is not None:
        raise ArchiveDamaged(
            archive.part("event", unit[0].file), f"has other events of workflow {row[0]!r} than were archived"
        )
