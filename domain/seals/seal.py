"""What a seal states of a range of positions, and how it continues the seals before it."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from domain.seals.merkle import find_root, hash_leaf

SEAL = b"\x02"
"""What the hash of a seal begins with, so that it passes neither for a leaf nor for a node."""

NO_ROOT = bytes(32)
"""The root before the first seal."""

SIGNED = b"sojourn seal 1\n"
"""What stands before the root in the text that is signed, so that a signature of something else does not pass."""


class PlacedLeaf(NamedTuple):
    """The position of an event in the log, and the hash of its leaf."""

    position: int
    leaf: bytes


class SealStatement(NamedTuple):
    """The positions of a seal, how many of them are events, and the root of its tree. The others never were."""

    number: int
    first_position: int
    last_position: int
    events: int
    merkle_root: bytes

    def root_after(self, previous: bytes) -> bytes:
        """Return the root of this seal and of all before it, whose root is `previous`."""
        *numbers, merkle_root = self
        stated = json.dumps([*numbers, merkle_root.hex()], separators=(",", ":")).encode()
        return hashlib.sha256(SEAL + previous + stated).digest()


def state_seal(number: int, first_position: int, last_position: int, events: list[PlacedLeaf]) -> SealStatement:
    """Return the seal of a range with these events, of which there is one at least."""
    root = find_root(list(arrange_leaves(first_position, last_position, events)))
    return SealStatement(number, first_position, last_position, len(events), root)


def arrange_leaves(first_position: int, last_position: int, events: Iterable[PlacedLeaf]) -> Iterator[bytes]:
    """Yield the leaves of a range: those of events, and one for each run of positions that never were."""
    expected = first_position
    for position, leaf in events:
        if position > expected:
            yield hash_hole(expected, position - 1)
        yield leaf
        expected = position + 1
    if expected <= last_position:
        yield hash_hole(expected, last_position)


def index_events(first_position: int, events: Iterable[PlacedLeaf]) -> Iterator[tuple[int, int]]:
    """Yield the position of each event, and the index of its leaf: each run of holes before it has one too."""
    expected, index = first_position, 0
    for position, _ in events:
        index += position > expected
        yield position, index
        expected, index = position + 1, index + 1


def hash_hole(first: int, last: int) -> bytes:
    """Return the leaf of positions that never were. The content of an event begins with a number."""
    return hash_leaf(f'["never", {first}, {last}]'.encode())


def signed_text(root: bytes) -> bytes:
    """Return the bytes that a signature of a seal covers: its root covers everything before it."""
    return SIGNED + root
