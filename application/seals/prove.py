"""Prove that the log had an event: write what leads from it to the root of the last seal."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

from psycopg import Connection

from application.seals.seal_log import read_leaves
from application.seals.stored_seal import StoredSeal, read_seals
from application.shared.output_file import output_file
from application.shared.store import Store
from domain.errors import SojournError
from domain.seals.merkle import find_path, hash_leaf
from domain.seals.proof import ERASABLE, FORMAT
from domain.seals.seal import NO_ROOT, PlacedLeaf, arrange_leaves, index_events
from infrastructure.sql import query


class NotSealed(SojournError):
    """Raised when a position is not sealed: it comes after the last seal, or no event has it.

    Fix: run `sojourn seal` first, or name the position of an event; `sealed_to` is the last sealed position.
    """

    def __init__(self, position: int, sealed_to: int, why: str = "no event has it") -> None:
        self.position = position
        self.sealed_to = sealed_to
        if position > sealed_to:
            why = f"the log is sealed up to position {sealed_to}; run `sojourn seal`"
        super().__init__(f"position {position} is not that of a sealed event: {why}")


class Proven(TypedDict):
    """The position of the event, the last root of the log to which its proof leads, and that root's position."""

    position: int
    root: str
    sealed_to: int


class ArchivedEvent(NamedTuple):
    """An event of an archive: its columns by their names, and its data as the text of its JSON."""

    columns: dict[str, Any]
    data: str

    @property
    def row(self) -> str:
        """Return the row of the event in JSON, with its data to the letter."""
        columns = {
            name: value.isoformat() if isinstance(value, datetime) else value for name, value in self.columns.items()
        }
        return f'{json.dumps(columns)[:-1]}, "data": {self.data}}}'


class SealedEvent(NamedTuple):
    """What a seal states of the event at a position, and the value and salt of each field that may be erased."""

    position: int
    content: str
    fields: dict[str, Any] | None


FindArchived = Callable[[Connection[Any], int], ArchivedEvent | None]


def prove_event(
    store: Store, position: int, path: Path, find_archived: FindArchived = lambda _connection, _position: None
) -> Proven:
    """Write the proof of the event at a position into a file; `find_archived` finds it where it is archived.

    Raises:
        NotSealed: the position is not that of a sealed event.
        OutputExists: the path is a folder.
        OutputNotWritable: the file cannot be written.
    """
    with store.database.snapshot() as connection:
        proof, proven = read_proof(connection, position, find_archived(connection, position))
    with output_file(path) as stream:
        stream.write(json.dumps(proof, indent=1).encode() + b"\n")
    return proven


def read_proof(
    connection: Connection[Any], position: int, archived: ArchivedEvent | None = None
) -> tuple[dict[str, Any], Proven]:
    """Return the proof of the event at a position, as the model `Proof` has it, and what it leads to.

    Raises:
        NotSealed: the position is not that of a sealed event.
    """
    number, before = find_seal(connection, position)
    seals = list(read_seals(connection, number))
    seal = seals[0]
    leaves = read_leaves(connection, seal.first_position - 1, seal.last_position, seal.seed)
    rows = [archived.row] if archived else []
    event = next(iter(read_sealed_events(connection, [position], seal.seed, rows)), None)
    if event is None:
        raise NotSealed(position, seals[-1].last_position)
    if PlacedLeaf(position, hash_leaf(event.content.encode())) not in leaves:
        raise NotSealed(
            position, seals[-1].last_position, "its archive has another event, or left before the first seal"
        )
    placed = list(arrange_leaves(seal.first_position, seal.last_position, leaves))
    index = dict(index_events(seal.first_position, leaves))[position]
    proof = {
        "proof": FORMAT,
        "position": position,
        "content": event.content,
        "fields": event.fields or {},
        "index": index,
        "leaves": len(placed),
        "path": [one.hex() for one in find_path(placed, index)],
        "before": before.hex(),
        "seals": list(map(describe_link, seals)),
    }
    return proof, {"position": position, "root": seals[-1].root.hex(), "sealed_to": seals[-1].last_position}


def read_sealed_events(
    connection: Connection[Any], positions: Sequence[int], seed: bytes | None, archived: Sequence[str] = ()
) -> list[SealedEvent]:
    """Return the events of the log at some positions of one seal, and those `archived`, rows in JSON, in order."""
    wanted = {
        "positions": list(positions),
        "seed": seed,
        "fields": list(ERASABLE),
        "archived": f"[{','.join(archived)}]",
    }
    rows = connection.execute(query("infrastructure", "seals/events"), wanted).fetchall()
    return list(map(SealedEvent._make, rows))


def find_seal(connection: Connection[Any], position: int) -> tuple[int, bytes]:
    """Return the number of the seal that has a position, and the root before it.

    Raises:
        NotSealed: no seal has it.
    """
    row = connection.execute(query("infrastructure", "seals/seal_of"), {"position": position}).fetchone()
    if row is None:
        last = connection.execute(query("infrastructure", "seals/last")).fetchone()
        raise NotSealed(position, last[1] if last else 0)
    return row[0], row[1] or NO_ROOT


def describe_link(seal: StoredSeal) -> dict[str, Any]:
    """Return a seal as the model `Link` has it."""
    link = {
        "number": seal.number,
        "first_position": seal.first_position,
        "last_position": seal.last_position,
        "events": seal.events,
        "merkle_root": seal.merkle_root.hex(),
    }
    if seal.public_key is None or seal.signature is None:
        return link
    return link | {"public_key": seal.public_key.hex(), "signature": seal.signature.hex()}
