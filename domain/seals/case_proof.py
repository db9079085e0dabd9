"""Check that every event of a case is part of a sealed log: one tree of hashes for each seal that has some of them."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field

from domain.seals.merkle import follow_nodes, hash_leaf
from domain.seals.proof import Hash, Link, Number, Part, ProofFailed, Sealed, ShownField, follow_seals, read_content


class SealedLine(Part):
    """What a seal states of an event, the fields that it shows, and the index of its leaf."""

    content: str
    fields: dict[str, ShownField]
    index: Number


class Tree(Part):
    """The seal of some events of a case, and the hashes that lead from their leaves to its root."""

    seal: Number
    leaves: Number
    nodes: list[Hash]


class CaseProof(Part):
    """The seals from the first that has an event of a case up to the last of the log, with a tree for some of them.

    `before` is the root before the first of these seals.
    """

    before: Hash
    seals: Annotated[list[Link], Field(min_length=1)]
    trees: list[Tree]


class CaseChecker:
    """Collects the events of a case, and compares them with its proof at the end."""

    def __init__(self, proof: CaseProof) -> None:
        self._proof = proof
        self._seals = sorted(proof.seals, key=lambda seal: seal.last_position)
        self._ends = [seal.last_position for seal in self._seals]
        self._known: dict[int, dict[int, bytes]] = defaultdict(dict)
        self._last = 0

    def read(self, position: int, line: SealedLine) -> dict[str, Any]:
        """Return the event that a line states, and keep its leaf.

        Raises:
            ProofFailed: no seal has the position, or the line is not that of an event there.
        """
        event = read_content(position, line.content, line.fields)
        known = self._known[self._find_seal(position)]
        if line.index in known:
            raise ProofFailed(f"it has two events in the place of that at position {position}")
        known[line.index] = hash_leaf(line.content.encode())
        self._last = max(self._last, position)
        return event

    def finish(self, trusts: Callable[[Sealed], bool]) -> None:
        """Check that the events are part of seals that lead to a root which is trusted.

        Raises:
            ProofFailed: one of them is not.
        """
        roots = {seal.number: seal.merkle_root for seal in self._proof.seals}
        trees = {tree.seal: tree for tree in self._proof.trees}
        for number, known in self._known.items():
            tree = trees.get(number)
            nodes = [bytes.fromhex(node) for node in tree.nodes] if tree else []
            found = follow_nodes(known, tree.leaves, nodes) if tree else None
            if found is None or found.hex() != roots[number]:
                raise ProofFailed(f"its events are not those of seal {number}")
        trusted = [
            seal.link.last_position for seal in follow_seals(self._proof.before, self._proof.seals) if trusts(seal)
        ]
        if not trusted:
            raise ProofFailed("its seals do not lead to the root or the key that was given")
        if max(trusted) < self._last:
            raise ProofFailed(f"what was given covers events up to position {max(trusted)}, and it has later ones")

    def _find_seal(self, position: int) -> int:
        seal = self._seals[min(bisect_left(self._ends, position), len(self._seals) - 1)]
        if not seal.first_position <= position <= seal.last_position:
            raise ProofFailed(f"no seal has position {position}")
        return seal.number
