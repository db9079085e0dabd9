"""Carrying a request out once, however often it comes: under a command id, in the transaction of its work."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from psycopg import Connection
from pydantic_core import from_json, to_json

from application.shared.retry import UNIQUE_VIOLATION, retrying
from application.shared.store import Store
from domain.entity import check_id
from infrastructure.log.commands import Command, digest, first_answer, keep_answer
from infrastructure.sql import query

Answer = TypeVar("Answer")


def run_idempotently(
    store: Store, command_id: str | None, request: Sequence[Any], work: Callable[[Connection[Any] | None], Answer]
) -> Answer:
    """What `work` answers, or what it answered when this command first came; it writes through its connection.

    Without a command id, `work` gets no connection, and is a transaction of its own. Raises CommandConflict where the
    id came with another request; what `work` raises is not kept, so that the request may come again.
    """
    if command_id is None:
        return work(None)
    name, asked = check_id("command", command_id), digest(request)

    def attempt() -> Answer:
        with store.transaction(repeatable=True) as connection:
            connection.execute(query("infrastructure", "commands/lock"), [name])
            known = first_answer(connection, name, asked)
            if known is not None:
                return cast("Answer", known)
            answer = work(connection)
            keep_answer(connection, Command(name, asked, from_json(to_json(answer))))
            return answer

    # A single report that comes under this id takes no such lock: whoever keeps its answer first has carried it out.
    return retrying(f"command {name!r}", attempt, max_retries=2, curable=frozenset({UNIQUE_VIOLATION}))
