"""Seals as the database has them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from psycopg import Connection

from domain.seals.seal import SealStatement
from infrastructure.sql import query

CHUNK = 100


class StoredSeal(NamedTuple):
    """A seal with its root, its signature, and the seed of its salts, which is gone where one of them had to go."""

    number: int
    first_position: int
    last_position: int
    events: int
    merkle_root: bytes
    root: bytes
    public_key: bytes | None
    signature: bytes | None
    seed: bytes | None

    @property
    def statement(self) -> SealStatement:
        """Return what the seal states."""
        return SealStatement(self.number, self.first_position, self.last_position, self.events, self.merkle_root)


def read_seals(connection: Connection[Any], number: int = 1) -> Iterator[StoredSeal]:
    """Yield the seals from a number on, in a transaction."""
    with connection.cursor(name="seals", scrollable=False) as cursor:
        cursor.itersize = CHUNK
        for row in cursor.execute(query("infrastructure", "seals/seals_from"), [number]):
            yield StoredSeal(*row)
