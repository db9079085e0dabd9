"""Verify the audit views, in which people read how long each status lasted."""

from collections.abc import Iterator
from typing import Any

from psycopg import Connection
from psycopg.sql import SQL, Identifier

from application.replay.extent import Extent
from application.replay.wrong_row import name_entity
from domain.auditing.mismatch import Mismatch
from domain.entity import TASK, TASK_INSTANCE
from infrastructure.sql import query

AUDITS = {TASK: "task_status_audit", TASK_INSTANCE: "task_instance_status_audit"}
"""The audit view of each kind of entity."""


def find_wrong_intervals(connection: Connection[Any], kind: str, extent: Extent) -> Iterator[Mismatch]:
    """Yield the intervals of an audit view that differ from the log."""
    statement = SQL(query("projections", "verify/wrong_intervals"))
    names = {"id": Identifier(f"{kind}_id"), "view": Identifier(AUDITS[kind])}
    # A database may set sojourn.as_of for its sessions; this check reads everything.
    connection.execute("SELECT set_config('sojourn.as_of', '', true)")
    wanted = {"kind": kind, "ids": extent.ids(kind)}
    for name, version, position, *times in connection.execute(statement.format(**names), wanted):
        expected, found = times[:2], times[2:]
        text = (
            f"sojourn.{AUDITS[kind]} says of {name_entity(kind, name)}@{version} that it lasts from {found[0]} "
            f"until {found[1]}, where the log says from {expected[0]} until {expected[1]}"
        )
        yield Mismatch(name_entity(kind, name), f"{AUDITS[kind]}.interval", expected, found, text, position)
