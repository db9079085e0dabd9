"""Verify the lifecycles that are kept with the log: those that ship with Sojourn must decide as they ship."""

from collections.abc import Iterator
from typing import Any

from psycopg import Connection

from application.replay.replay import read_stored_lifecycle
from domain.auditing.mismatch import Mismatch
from domain.lifecycles import get_lifecycle, ships
from infrastructure.sql import query


def find_wrong_lifecycles(connection: Connection[Any]) -> Iterator[Mismatch]:
    """Yield a mismatch for each stored lifecycle that decides differently from the shipped one of its name."""
    for name, version, definition in connection.execute(query("infrastructure", "lifecycles/every_pinned")).fetchall():
        if not ships(name, version):
            continue
        shipped = get_lifecycle(name, version)
        kept = read_stored_lifecycle(definition)
        if kept is None or not kept.has_same_transitions(shipped):
            text = f"lifecycle {name} version {version} is kept with the log with another definition than it ships with"
            expected = shipped.model_dump(mode="json", by_alias=True)
            yield Mismatch(f"lifecycle:{name}", "lifecycle.definition", expected, definition, text)
