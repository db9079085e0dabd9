"""Verify seals: each must state what the log has, continue the one before it, and lead to what was kept outside."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from psycopg import Connection

from application.seals.seal_log import read_leaves
from application.seals.stored_seal import StoredSeal, read_seals
from domain.auditing.mismatch import Mismatch
from domain.seals.seal import NO_ROOT, state_seal
from infrastructure.seal_keys import is_signed


class Trust(NamedTuple):
    """What was kept outside the database: a root, a public key, or neither."""

    root: bytes | None = None
    public_key: bytes | None = None

    @property
    def is_given(self) -> bool:
        """Return whether there is anything to compare with."""
        return self.root is not None or self.public_key is not None


NO_TRUST = Trust()


def find_sealed_to(connection: Connection[Any], root: bytes) -> int:
    """Return the last position of the seal with a root, or 0 where what the seals state leads to no such root."""
    found = NO_ROOT
    for seal in read_seals(connection):
        found = seal.statement.root_after(found)
        if found == root:
            return seal.last_position
    return 0


class Chain:
    """The seals of a log, which are compared with it one by one.

    `sealed_to` is the last position of the last seal, `trusted_to` that of the last one which is trusted: its root was
    kept outside, or it has a signature of the key that was. It covers every seal before it. `root` is that of the last.
    """

    def __init__(self, trust: Trust) -> None:
        self.sealed_to = 0
        self.trusted_to: int | None = 0 if trust.is_given else None
        self._trust = trust
        self._number = 0
        self.root = NO_ROOT

    def compare(self, connection: Connection[Any], beyond: int = 0) -> Iterator[Mismatch]:
        """Yield what is wrong with the seals; the events of those up to position `beyond` are not read."""
        for seal in read_seals(connection):
            yield from self._continue(seal)
            if seal.last_position > beyond:
                yield from _compare_events(connection, seal)
            self._note(seal)
        yield from self._compare_trust()

    def _continue(self, seal: StoredSeal) -> Iterator[Mismatch]:
        """Yield what shows that a seal does not continue the one before it."""
        self._number += 1
        if (seal.number, seal.first_position) != (self._number, self.sealed_to + 1):
            expected = [self._number, self.sealed_to + 1]
            text = f"seal {seal.number} begins at position {seal.first_position}, not after position {self.sealed_to}"
            yield Mismatch(f"seal:{seal.number}", "seal.position", expected, [seal.number, seal.first_position], text)
        self._number = seal.number
        root = seal.statement.root_after(self.root)
        if root != seal.root:
            text = f"seal {seal.number} has root {seal.root.hex()}, and what it states has root {root.hex()}"
            yield Mismatch(f"seal:{seal.number}", "seal.root", root.hex(), seal.root.hex(), text)
        self.root = root

    def _note(self, seal: StoredSeal) -> None:
        self.sealed_to = seal.last_position
        if self._is_trusted(seal):
            self.trusted_to = seal.last_position

    def _is_trusted(self, seal: StoredSeal) -> bool:
        if self.root == self._trust.root:
            return True
        key = self._trust.public_key
        return key is not None and seal.signature is not None and is_signed(self.root, seal.signature, key)

    def _compare_trust(self) -> Iterator[Mismatch]:
        if self.trusted_to == 0:
            given = self._trust.root or self._trust.public_key or b""
            what = "the root" if self._trust.root else "a signature of the key"
            text = f"no seal has {what} {given.hex()}: the log was sealed again, or its end is gone"
            yield Mismatch("seal", "seal.trust", given.hex(), None, text)


def _compare_events(connection: Connection[Any], seal: StoredSeal) -> Iterator[Mismatch]:
    """Yield a mismatch where the log has other events than a seal states."""
    leaves = read_leaves(connection, seal.first_position - 1, seal.last_position, seal.seed)
    where = f"seal {seal.number} of positions {seal.first_position} to {seal.last_position}"
    if len(leaves) != seal.events:
        text = f"{where} states {seal.events} events, and the log has {len(leaves)}"
        yield Mismatch(f"seal:{seal.number}", "seal.events", seal.events, len(leaves), text)
        return
    found = state_seal(seal.number, seal.first_position, seal.last_position, leaves).merkle_root
    if found != seal.merkle_root:
        text = f"{where} states other events than the log has: one was changed, moved or replaced"
        yield Mismatch(f"seal:{seal.number}", "seal.events", seal.merkle_root.hex(), found.hex(), text)
