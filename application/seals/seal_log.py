"""Seal the log: state in one hash what each range of positions has, once no hole in it can be filled any more."""

import secrets
from typing import Any, NamedTuple, TypedDict

from psycopg import Connection

from application.shared.progress import Progress
from application.shared.store import Store
from domain.seals.seal import NO_ROOT, PlacedLeaf, SealStatement, state_seal
from infrastructure.lock_timeout import naming_lock_holders
from infrastructure.log.tail import is_settled, take_xid
from infrastructure.seal_keys import SigningKey
from infrastructure.sql import query

LOCK = 7205759403792796
"""The advisory lock that allows one sealing of a database at a time."""

MOST_EVENTS = 8192
"""The number of events of one seal: a proof reads them all, and an erasure may store a salt for each."""

LEAF_BYTES = 32
"""The size of a leaf, which is a SHA-256."""


class Sealing(TypedDict):
    """The last sealed position, the root of everything up to it, and how many seals this call has added."""

    sealed_to: int
    root: str | None
    seals: int
    public_key: str | None


class LastSeal(NamedTuple):
    """The last seal of a log, or what precedes the first one."""

    number: int
    position: int
    root: bytes


def seal_log(store: Store, key: SigningKey | None = None, progress: Progress = lambda _reached, _last: None) -> Sealing:
    """Append the seals of everything that is complete, each in a transaction of its own, and return the last root.

    Writers go on: what is sealed are events that they have committed, up to the first position that may yet be filled.

    Raises:
        LockTimeout: another process is sealing, and does not end.
        DatabaseReadOnly: the database is a standby, or is only read.
    """
    seals = 0
    with store.database.dedicated() as connection:
        end = find_complete_end(connection, _read_last(connection).position)
        while _seal_next(connection, end, key):
            seals += 1
            progress(_read_last(connection).position, end)
        last = _read_last(connection)
    return {
        "sealed_to": last.position,
        "root": last.root.hex() if last.number else None,
        "seals": seals,
        "public_key": key.public_key.hex() if key else None,
    }


def is_due(store: Store, seconds: float) -> tuple[bool, int]:
    """Return whether maintenance should seal the log, and the position up to which it is sealed.

    Its last seal is not due again for `seconds`, unless there are enough events for another one.
    """
    with store.session() as connection:
        row = connection.execute(
            query("infrastructure", "seals/due"), {"most": MOST_EVENTS, "seconds": seconds}
        ).fetchone()
    assert row is not None
    return row[0], row[1]


def find_complete_end(connection: Connection[Any], after: int) -> int:
    """Return the position after `after` up to which no event can be added any more."""
    row = connection.execute(query("infrastructure", "log/last_position")).fetchone()
    end = (row and row[0]) or 0
    # A writer that has drawn a position below the last one had a lower transaction id before that.
    if end <= after or is_settled(connection, take_xid(connection)):
        return max(end, after)
    row = connection.execute(query("infrastructure", "seals/first_hole"), {"after": after, "stop": end}).fetchone()
    assert row is not None
    return int(row[0])


def read_leaves(
    connection: Connection[Any], after: int, stop: int, seed: bytes | None, limit: int | None = None
) -> list[PlacedLeaf]:
    """Return the leaves of the events after a position and up to another, at most `limit`."""
    wanted = {"after": after, "stop": stop, "seed": seed, "limit": limit}
    row = connection.execute(query("infrastructure", "seals/leaves"), wanted, binary=True).fetchone()
    assert row is not None
    positions, leaves = row
    return [
        PlacedLeaf(position, leaves[at * LEAF_BYTES : (at + 1) * LEAF_BYTES]) for at, position in enumerate(positions)
    ]


def _seal_next(connection: Connection[Any], end: int, key: SigningKey | None) -> bool:
    """Append the next seal, and return whether there was anything to seal."""
    with naming_lock_holders(connection, "the sealing"), connection.transaction():
        connection.execute(query("infrastructure", "seals/lock"), [LOCK])
        last = _read_last(connection)
        seed = secrets.token_bytes(32)
        leaves = read_leaves(connection, last.position, end, seed, MOST_EVENTS)
        if not leaves:
            return False
        seal = state_seal(last.number + 1, last.position + 1, leaves[-1].position, leaves)
        connection.execute(query("infrastructure", "seals/insert_seed"), [seal.number, seed])
        connection.execute(query("infrastructure", "seals/insert"), _row(seal, last.root, key))
    return True


def _row(seal: SealStatement, previous: bytes, key: SigningKey | None) -> tuple[Any, ...]:
    root = seal.root_after(previous)
    return (*seal, root, *((key.public_key, key.sign(root)) if key else (None, None)))


def _read_last(connection: Connection[Any]) -> LastSeal:
    row = connection.execute(query("infrastructure", "seals/last")).fetchone()
    return LastSeal(*row) if row else LastSeal(0, 0, NO_ROOT)
