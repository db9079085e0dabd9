"""Verify the columns of events: they say what the JSON says, and the time of entry is that of a replay."""

from collections.abc import Iterator
from typing import Any

from psycopg import Connection

from application.replay.replay import Step
from application.replay.wrong_row import name_entity
from domain.auditing.mismatch import Mismatch
from infrastructure.sql import query


def find_wrong_columns(connection: Connection[Any], after: int) -> Iterator[Mismatch]:
    """Yield the events after a position whose columns say something else than their JSON."""
    rows = connection.execute(query("projections", "verify/wrong_columns"), {"after": after})
    for position, stream, column, expected, found in rows:
        text = f"sojourn.stored_event says {column} {found} at position {position}, where its JSON says {expected}"
        kind, _, name = stream.partition(":")
        yield Mismatch(name_entity(kind, name), f"stored_event.{column}", expected, found, text, position)


def find_wrong_entry(step: Step) -> Iterator[Mismatch]:
    """Yield a mismatch where an event has another time of entry than a replay comes to."""
    if step.entity and step.logged.entered_at != step.entity.entered_at:
        expected, found = step.entity.entered_at, step.logged.entered_at
        text = f"{step.logged.stream}@{step.logged.version} says entered_at {found}, not {expected}"
        yield Mismatch(str(step.entity.entity), "entered_at", expected, found, text, step.logged.position)
