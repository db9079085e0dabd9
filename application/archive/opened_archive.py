"""Open an archived workflow: load it into a database of its own, where each question has the answer that it had before.

The same SQL reads the same rows, so no question is written twice. The database is made next to the log, or else on the
embedded server where the user may not create one there, and is dropped at the end.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.types.json import Json

from application.archive.archive import copy_rows
from application.archive.dataset import ArchiveFolder, read_manifest
from application.archive.errors import NotArchived
from application.archive.scratch_database import scratch_database
from application.archive.tombstones import Tombstone, find_unit
from application.shared.existence import require_workflow
from application.shared.log_identity import read_log_id
from application.shared.store import Store, schema
from infrastructure.database.connect import connect
from infrastructure.log.event_log import CHUNK
from infrastructure.schema.migration import migrate
from infrastructure.sql import query


@contextmanager
def open_archived(store: Store, workflow_id: str) -> Iterator[str]:
    """Yield the DSN of a database with an archived workflow and those that it links to; it is dropped afterwards.

    Raises:
        UnknownEntity: neither the log nor the archive has the workflow.
        NotArchived: the workflow is in the log.
        ForeignArchive: its folder is not here, or is the archive of another log.
        ArchiveDamaged: its file is missing or was changed.
        MissingExtra: the user may not create a database, and the embedded server is not installed.
    """
    with store.session() as connection:
        unit = find_unit(connection, workflow_id)
        if not unit:
            require_workflow(connection, workflow_id)
            raise NotArchived(workflow_id)
        archive = ArchiveFolder(Path(unit[0].folder), read_log_id(connection))
        settings = dict(connection.execute(query("infrastructure", "cases/settings")).fetchall())
    archive.check(unit[0].file)
    with scratch_database(store.database, settings) as dsn:
        with connect(dsn, autocommit=False) as loading:
            migrate(loading, schema())
            _load(loading, archive, unit)
            loading.commit()
            loading.autocommit = True
            loading.execute("ANALYZE")
        yield dsn


def _load(connection: Connection[Any], archive: ArchiveFolder, unit: Sequence[Tombstone]) -> None:
    file, names = unit[0].file, [tombstone.workflow_id for tombstone in unit]
    for lifecycle in read_manifest(archive.path)["lifecycles"]:
        pinned = [lifecycle["name"], lifecycle["version"], Json(lifecycle["definition"])]
        connection.execute(query("infrastructure", "lifecycles/pin"), pinned)
    events = chain(archive.read("event", file, names), archive.read("runner", file))
    connection.execute(query("infrastructure", "archive/begin_reading_back"))
    while copy_rows(connection, "event", "pg_temp.archived_event", islice(events, CHUNK)):
        connection.execute(query("infrastructure", "archive/store_events"))
    copy_rows(connection, "lease", "sojourn.lease", archive.read("lease", file, [*names, "-"]))
