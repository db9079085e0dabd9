"""Carrying a request out once, however often it comes: under a command id, in the transaction of its work."""

import hashlib
import json
from collections.abc import Callable
from typing import Any, TypeVar, cast

from psycopg import Connection
from psycopg.types.json import Json

from application.store import Store
from domain.entity import check_id
from domain.errors import CommandConflict
from infrastructure.sql import query

Answer = TypeVar("Answer")


def once(
    store: Store, command_id: str | None, request: object, work: Callable[[Connection[Any] | None], Answer]
) -> Answer:
    """What `work` answers, or what it answered when this command first came; it writes through its connection.

    Without a command id, `work` gets no connection, and is a transaction of its own. Raises CommandConflict where the
    id came with another request; what `work` raises is not kept, so that the request may come again.
    """
    if command_id is None:
        return work(None)
    check_id("command", command_id)
    asked = digest(request)
    with store.transaction(repeatable=True) as connection:
        connection.execute(query("infrastructure", "lock_command"), [command_id])
        row = connection.execute(query("infrastructure", "first_answer"), [command_id]).fetchone()
        if row is not None:
            if row[0] != asked:
                raise CommandConflict(command_id)
            return cast("Answer", row[1])
        answer = work(connection)
        connection.execute(query("infrastructure", "keep_command"), [command_id, asked, Json(answer)])
    return answer


def digest(request: object) -> str:
    """A digest of what is asked, the same for the same JSON."""
    return hashlib.sha256(json.dumps(request, default=str, sort_keys=True).encode()).hexdigest()
