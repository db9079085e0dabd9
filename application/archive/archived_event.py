"""Find the event of an archive at a position, so that it can be proven without being restored."""

from pathlib import Path
from typing import Any

from psycopg import Connection

from application.seals.prove import ArchivedEvent
from application.shared.log_identity import read_log_id
from infrastructure.extras import require_extra
from infrastructure.sql import query


def find_archived_event(connection: Connection[Any], position: int) -> ArchivedEvent | None:
    """Return the event at a position that is in an archive, or None where none has it.

    Raises:
        MissingExtra: the packages that read an archive are not installed.
        ForeignArchive: its folder is not here, or is the archive of another log.
        ArchiveDamaged: its file is missing or cannot be read.
    """
    files = connection.execute(
        query("infrastructure", "archive/files_with_position"), {"position": position}
    ).fetchall()
    if not files:
        return None
    require_extra("lake", "proving an archived event")
    from application.archive.dataset import EVENTS, ArchiveFolder  # noqa: PLC0415 - of an extra

    for folder, file in files:
        row = ArchiveFolder(Path(folder), read_log_id(connection)).find_event(file, position)
        if row is not None:
            *columns, data = row
            return ArchivedEvent(dict(zip(EVENTS.names, columns, strict=False)), data)
    return None
