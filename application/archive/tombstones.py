"""Tombstones: where the workflows are that are no longer in the log."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row

from infrastructure.sql import query


class Tombstone(NamedTuple):
    """An archived workflow: its unit, and the folder and file that have its events."""

    workflow_id: str
    unit: str
    folder: str
    file: str
    events: int
    digest: bytes
    archived_at: datetime


def find_unit(connection: Connection[Any], workflow_id: str) -> list[Tombstone]:
    """Return the tombstones of an archived workflow and of those that link to it; none where it is not archived."""
    return _read(connection, "archive/unit", workflow_id)


def find_tombstones_of_file(connection: Connection[Any], file: str) -> list[Tombstone]:
    """Return the tombstones of the workflows that a file has."""
    return _read(connection, "archive/tombstones_of_file", file)


def list_archived_files(connection: Connection[Any]) -> set[str]:
    """Return the files that tombstones name."""
    return {file for (file,) in connection.execute(query("infrastructure", "archive/files"))}


def count_archived_workflows(connection: Connection[Any]) -> int:
    """Return the number of workflows that are archived."""
    row = connection.execute(query("infrastructure", "archive/count")).fetchone()
    assert row is not None
    return int(row[0])


def delete_tombstones(connection: Connection[Any], workflows: Sequence[str], streams: Sequence[str]) -> None:
    """Delete the tombstones of workflows with these streams, so that the log takes their events again."""
    parameters = {"workflows": list(workflows), "streams": list(streams)}
    connection.execute(query("infrastructure", "archive/delete_tombstones"), parameters)


def move_tombstones(connection: Connection[Any], file: str, new_file: str) -> None:
    """Name another file in the tombstones of a file."""
    connection.execute(query("infrastructure", "archive/move_tombstones"), [new_file, file])


def _read(connection: Connection[Any], name: str, value: str) -> list[Tombstone]:
    with connection.cursor(row_factory=class_row(Tombstone)) as cursor:
        return cursor.execute(query("infrastructure", name), [value]).fetchall()
