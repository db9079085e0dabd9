"""The open interval of an active entity, compared with those of its status that have ended."""

from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from application.shared.open_interval import OpenInterval
from domain.entity import Entity
from infrastructure.sql import query


def compare_open_interval(connection: Connection[Any], entity: Entity) -> OpenInterval | None:
    """Return the open interval of a task or instance as of the transaction's time, or None if it has ended."""
    with connection.cursor(row_factory=class_row(OpenInterval)) as cursor:
        wanted = {"kind": entity.kind, "id": entity.id}
        return cursor.execute(query("projections", "read/open_interval"), wanted, prepare=False).fetchone()
