"""Verify the sketches: each is counted again from the log, up to the checkpoint of its subscription."""

from collections.abc import Iterator
from typing import Any

from psycopg import Connection

from domain.auditing.mismatch import Mismatch
from infrastructure.sql import query

SKETCHES = "stay_sketch"


def find_wrong_sketches(connection: Connection[Any]) -> Iterator[Mismatch]:
    """Yield the sketches that count other stays than have ended in the log."""
    for day, kind, lifecycle, template, status, logged, found in connection.execute(
        query("projections", "verify/wrong_sketches")
    ):
        name = "/".join(filter(None, (day, kind, lifecycle, template, status)))
        text = f"sojourn.{SKETCHES} counts {found or 0} stays of {name}, where the log has {logged or 0}"
        if found == logged:
            text = f"sojourn.{SKETCHES} counts {found} stays of {name} with other durations than the log has"
        yield Mismatch(f"sketch:{name}", f"{SKETCHES}.n", logged, found, text)
