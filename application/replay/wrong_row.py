"""Compare the rows of a projection with those that the log accounts for."""

from collections.abc import Iterator, Mapping
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.sql import Composed

from domain.auditing.mismatch import Mismatch
from domain.entity import Entity
from infrastructure.log.event_log import CHUNK

Row = Mapping[str, Any]
"""A row by the names of its columns, which the database knows."""


def read_rows(connection: Connection[Any], table: str, statement: Composed, wanted: Row) -> Iterator[Row]:
    """Yield the rows of a statement about a table, in batches."""
    with connection.cursor(name=f"rows_of_{table}", scrollable=False, row_factory=dict_row) as cursor:
        cursor.itersize = CHUNK
        yield from cursor.execute(statement, wanted)


def compare_row(table: str, entity: str, expected: Row, found: Row) -> Iterator[Mismatch]:
    """Yield a mismatch for each column of the table whose value is not the expected one."""
    if found == expected:
        return
    position = expected.get("position")
    for column, value in found.items():
        if value != expected[column]:
            text = f"sojourn.{table} says {column} {value} of {entity}, where the log says {expected[column]}"
            yield Mismatch(entity, f"{table}.{column}", expected[column], value, text, position)


def state_extra_row(table: str, entity: str, position: int | None = None) -> Mismatch:
    """Return the mismatch of a row that no event accounts for."""
    text = f"sojourn.{table} has a row of {entity}{_at(position)} that the log does not account for"
    return Mismatch(entity, f"{table}.extra", None, "a row", text, position)


def state_missing_row(table: str, entity: str, position: int | None = None) -> Mismatch:
    """Return the mismatch of a row that an event accounts for, and that is not there."""
    text = f"sojourn.{table} lacks the row of {entity}{_at(position)}"
    return Mismatch(entity, f"{table}.missing", "a row", None, text, position)


def name_entity(kind: str, name: str) -> str:
    """Return how an entity is named in a mismatch."""
    return str(Entity(kind, name))


def _at(position: int | None) -> str:
    return f" at position {position}" if position is not None else ""
