"""Erase a person from the files of an archive.

A file is read into tables of the session, where the database changes its rows as it changes those of the log. They are
written as a draft, read back and compared; the tombstones then name the new file, in the transaction that forgets the
salts. The database decides which file is the archive's: a crash leaves the old one or the new one, whole.
"""

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.sql import SQL

from application.archive.archive import copy_rows, open_folder, settle_folder
from application.archive.dataset import ArchiveFolder, Row
from application.archive.errors import ArchiveDamaged
from application.archive.tombstones import move_tombstones
from application.erase.erasure_in_progress import ErasureInProgress, OnStep, Tally, Wanted
from infrastructure.log.event_log import CHUNK
from infrastructure.sql import query

WRITTEN = {
    "event": "erase/archived_events",
    "command": "erase/archived_commands",
    "runner": "erase/archived_runners",
}
"""The kinds of rows that an erasure changes, with the queries that read them from the session's tables."""


def count_archived(connection: Connection[Any], wanted: Wanted, files: Iterable[tuple[str, str]], tally: Tally) -> None:
    """Add to the tally what an erasure would change in some files of archives."""
    for folder, file in files:
        archive = open_folder(connection, Path(folder))
        with _loaded(connection, archive, file):
            tally.add(_count(connection, wanted), archive.part("event", file))


def erase_archived(
    connection: Connection[Any],
    erasure: ErasureInProgress,
    files: Iterable[tuple[str, str]],
    tally: Tally,
    on_step: OnStep,
) -> None:
    """Erase a person from some files of archives, and add to the tally what was changed.

    Raises:
        ArchiveDamaged: a file is missing or was changed.
        ForeignArchive: the folder of an archive is not here.
    """
    archives = {folder: open_folder(connection, Path(folder)) for folder, _ in files}
    for archive in archives.values():
        settle_folder(connection, archive)
    for folder, file in files:
        _erase_file(connection, archives[folder], file, erasure, tally, on_step)
    for archive in archives.values():
        settle_folder(connection, archive)
        archive.delete_superseded()  # they have what was erased


def _erase_file(
    connection: Connection[Any],
    archive: ArchiveFolder,
    file: str,
    erasure: ErasureInProgress,
    tally: Tally,
    on_step: OnStep,
) -> None:
    new = f"{file.rpartition('/')[0]}/{secrets.token_hex(8)}.parquet"
    on_step(f"reading {archive.part('event', file)}")
    with _loaded(connection, archive, file):
        rows = _count(connection, erasure.wanted)
        if not rows:
            return
        number = erasure.number
        with connection.transaction():
            connection.execute(query("projections", "erase/erase_archived"), [number])
            archive.write_draft(new, _changed(connection) | {"lease": archive.read("lease", file)})
            on_step("comparing the file that was written")
            _require_same(connection, archive, new)
            move_tombstones(connection, file, new)
            on_step("committing")
    on_step("publishing the file")
    archive.publish(new)
    archive.delete(file)
    tally.add(rows, archive.part("event", new))


@contextmanager
def _loaded(connection: Connection[Any], archive: ArchiveFolder, file: str) -> Iterator[None]:
    """Let tables of the session have the rows of a file during a block."""
    archive.check(file)
    connection.execute(query("infrastructure", "erasures/begin_reading"))
    try:
        copy_rows(connection, "event", "pg_temp.archived_event", archive.read("event", file))
        copy_rows(connection, "event", "pg_temp.archived_runner", archive.read("runner", file))
        with connection.cursor().copy(query("infrastructure", "erasures/copy_command")) as copy:
            for row in archive.read("command", file):
                copy.write_row(row)
        yield
    finally:
        if not connection.broken:
            connection.execute(query("infrastructure", "erasures/end_reading"))


def _count(connection: Connection[Any], wanted: Wanted) -> list[Any]:
    return connection.execute(query("projections", "erase/count_archived"), wanted.parameters).fetchall()


def _changed(connection: Connection[Any]) -> dict[str, Iterator[Row]]:
    return {kind: _stream(connection, kind) for kind in WRITTEN}


def _stream(connection: Connection[Any], kind: str) -> Iterator[Row]:
    with connection.cursor(name=f"erased_{kind}") as cursor:
        cursor.itersize = CHUNK
        yield from cursor.execute(SQL(query("projections", WRITTEN[kind])))


def _require_same(connection: Connection[Any], archive: ArchiveFolder, file: str) -> None:
    """Check that a draft has the rows that the session's tables have."""
    for kind, expected in _changed(connection).items():
        for row, written in zip_longest(expected, archive.read(kind, file)):
            if row != written:
                raise ArchiveDamaged(archive.part(kind, file), "has other rows than were written")
