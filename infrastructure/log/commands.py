"""Store the ids of completed commands with their first answers."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from domain.errors import CommandConflict
from infrastructure.sql import query

ERASED = "erased"
"""The digest of a request whose reason was erased: every later request of its command gets the first answer."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command id, a digest of its request, and the answer that it gets."""

    command_id: str
    request: str
    response: Mapping[str, Any]


def digest(request: Sequence[Any]) -> str:
    """Return the digest of a request, which identifies it when its command id comes again, in any time zone."""
    return hashlib.sha256(json.dumps(request, default=_format).encode()).hexdigest()


def _format(value: Any) -> str:
    is_instant = isinstance(value, datetime) and value.tzinfo is not None
    return str(value.astimezone(UTC) if is_instant else value)


def first_answer(connection: Connection[Any], command_id: str, request: str) -> Any | None:
    """Return a command's first answer, or None if it is new.

    Raises:
        CommandConflict: the command id belongs to another request.
    """
    row = connection.execute(query("infrastructure", "commands/first_answer"), [command_id]).fetchone()
    if row is None:
        return None
    if row[0] not in (request, ERASED):
        raise CommandConflict(command_id)
    return row[1]


def keep_answer(connection: Connection[Any], command: Command) -> None:
    """Store a command with its answer.

    Raises:
        psycopg.errors.UniqueViolation: the command id is already stored.
    """
    connection.execute(
        query("infrastructure", "commands/insert_answer"),
        [command.command_id, command.request, Jsonb(command.response)],
    )


def known_commands(connection: Connection[Any], command_ids: Sequence[str]) -> set[str]:
    """Return which of the ids are stored."""
    return {row[0] for row in connection.execute(query("infrastructure", "commands/known"), [list(command_ids)])}


def keep_commands(connection: Connection[Any], command_ids: Iterable[str], request: str) -> None:
    """Store the ids of completed commands with the digest of their request.

    Raises:
        psycopg.errors.UniqueViolation: a command id is already stored.
    """
    with connection.cursor() as cursor, cursor.copy(query("infrastructure", "commands/copy")) as copy:
        for command_id in command_ids:
            copy.write_row((command_id, request, "{}"))
