"""Give what a user has created in the schema to its owner."""

from typing import Any

from psycopg import Connection

from infrastructure.sql import query


def hand_over(connection: Connection[Any]) -> None:
    """Give what this user has created in the schema to the owner of the schema."""
    for (statement,) in connection.execute(query("infrastructure", "schema/hand_over")).fetchall():
        connection.execute(statement)
