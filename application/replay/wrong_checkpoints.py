"""Verify the checkpoints of subscriptions: none is beyond the end of the log."""

from collections.abc import Iterator
from typing import Any

from psycopg import Connection

from domain.auditing.mismatch import Mismatch
from infrastructure.sql import query


def find_wrong_checkpoints(connection: Connection[Any]) -> Iterator[Mismatch]:
    """Yield the subscriptions that have read events which the log no longer has."""
    for name, position, last in connection.execute(query("infrastructure", "subscriptions/beyond_the_log")):
        text = f"subscription {name!r} has read up to position {position}, and the log ends at {last}: events are gone"
        yield Mismatch(f"subscription:{name}", "checkpoint.position", last, position, text)
