"""The ids of commands that were carried out, and what each was answered with first."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from domain.errors import CommandConflict
from infrastructure.sql import query


@dataclass(frozen=True, slots=True)
class Command:
    """A command id, a digest of its request, and the answer that it gets."""

    command_id: str
    request: str
    response: Mapping[str, Any]


def digest(request: Sequence[Any]) -> str:
    """What a command is known to ask, whoever asks it again."""
    return hashlib.sha256(json.dumps(request, default=str).encode()).hexdigest()


def first_answer(connection: Connection[Any], command_id: str, request: str) -> Any | None:
    """What a command was answered with, None where it is new; raises CommandConflict where it was another."""
    row = connection.execute(query("infrastructure", "commands/first_answer"), [command_id]).fetchone()
    if row is None:
        return None
    if row[0] != request:
        raise CommandConflict(command_id)
    return row[1]


def keep_answer(connection: Connection[Any], command: Command) -> None:
    """Keep what a command is answered with; one that is there already raises 23505."""
    connection.execute(
        query("infrastructure", "commands/insert_answer"),
        [command.command_id, command.request, Jsonb(command.response)],
    )


def known_commands(connection: Connection[Any], command_ids: Sequence[str]) -> set[str]:
    """Those of the ids that were carried out."""
    return {row[0] for row in connection.execute(query("infrastructure", "commands/known"), [list(command_ids)])}


def keep_commands(connection: Connection[Any], command_ids: Iterable[str], request: str) -> None:
    """Keep the ids of commands that were carried out, with what they are; one that is there already raises 23505."""
    with connection.cursor() as cursor, cursor.copy(query("infrastructure", "commands/copy")) as copy:
        for command_id in command_ids:
            copy.write_row((command_id, request, "{}"))
