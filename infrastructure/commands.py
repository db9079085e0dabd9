"""The ids of commands that were carried out, many at a time."""

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg import Connection

from infrastructure.sql import query


def known_commands(connection: Connection[Any], command_ids: Sequence[str]) -> set[str]:
    """Those of the ids that were carried out."""
    return {row[0] for row in connection.execute(query("infrastructure", "known_commands"), [list(command_ids)])}


def keep_commands(connection: Connection[Any], command_ids: Iterable[str], request: str) -> None:
    """Keep the ids of commands that were carried out, with what they are; one that is there already raises 23505."""
    with connection.cursor() as cursor, cursor.copy(query("infrastructure", "copy_commands")) as copy:
        for command_id in command_ids:
            copy.write_row((command_id, request, "{}"))
