"""Verify the sums: each is made again from the transitions, without those that later events have changed."""

from collections.abc import Iterator
from typing import Any

from psycopg import Connection

from domain.auditing.mismatch import Mismatch
from infrastructure.sql import query

SUMS = ("hour_sum", "attempt_sum")
"""The tables of sums."""


def find_wrong_sums(connection: Connection[Any]) -> Iterator[Mismatch]:
    """Yield the sums that differ from what the transitions add up to."""
    yield from _find_wrong(connection, "hour_sum", "net", "verify/wrong_hours", "a net change of {}")
    yield from _find_wrong(connection, "attempt_sum", "attempts", "verify/wrong_attempts", "{} attempts")


def _find_wrong(connection: Connection[Any], table: str, column: str, name: str, what: str) -> Iterator[Mismatch]:
    for *key, expected, found in connection.execute(query("projections", name)):
        place = "/".join(filter(None, key))
        text = (
            f"sojourn.{table} has {what.format(found or 0)} for {place}, where the log has {what.format(expected or 0)}"
        )
        if expected == found:
            text = f"sojourn.{table} has {what.format(found)} for {place} with other details than the log has"
        yield Mismatch(f"sum:{place}", f"{table}.{column}", expected, found, text)
