"""Give a case the proof that the sealed log has its events: a tree for each seal in the header, a leaf in each line."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from psycopg import Connection

from application.cases.case_file import CaseLine
from application.seals.prove import SealedEvent, describe_link, find_seal, read_sealed_events
from application.seals.seal_log import read_leaves
from application.seals.stored_seal import StoredSeal, read_seals
from domain.seals.merkle import find_nodes
from domain.seals.seal import arrange_leaves, index_events
from infrastructure.sql import query


class CaseSeals:
    """The seals of a case's events, with the index of each event's leaf. What came after the last seal has none.

    Where the workflow is archived, `connection` has its events, and `log` what was sealed of them.
    """

    def __init__(
        self, connection: Connection[Any], parameters: Mapping[str, Any], log: Connection[Any] | None = None
    ) -> None:
        self._events = connection
        self._log = log or connection
        self._indices: dict[int, int] = {}
        self._seals: list[StoredSeal] = []
        self._ends: list[int] = []
        self.proof: CaseLine | None = None
        """The proof in the header, as the model `CaseProof` has it; None where no event of the case is sealed."""
        rows = connection.execute(query("infrastructure", "cases/positions"), parameters)
        positions = [position for (position,) in rows]
        last = self._log.execute(query("infrastructure", "seals/last")).fetchone()
        if last and positions and positions[0] <= last[1]:
            self._read(positions)

    @property
    def events(self) -> int:
        """Return the number of events that are sealed."""
        return len(self._indices)

    @property
    def root(self) -> str | None:
        """Return the last root to which the proof leads."""
        return self._seals[-1].root.hex() if self._seals else None

    def add_leaves(self, events: Iterable[CaseLine]) -> Iterator[CaseLine]:
        """Yield the lines of events in their order, each with its leaf where it is sealed."""
        for seal, group in groupby(events, lambda event: self._find_seal(event["position"])):
            lines = list(group)
            positions = [line["position"] for line in lines]
            if seal is None:
                yield from lines
                continue
            for line, sealed in zip(lines, self._read_sealed(positions, seal.seed), strict=True):
                leaf = {"content": sealed.content, "fields": sealed.fields or {}}
                yield line | {"sealed": leaf | {"index": self._indices[sealed.position]}}

    def _read_sealed(self, positions: Sequence[int], seed: bytes | None) -> list[SealedEvent]:
        if self._log is self._events:
            return read_sealed_events(self._log, positions, seed)
        rows = self._events.execute(query("infrastructure", "cases/rows"), {"positions": list(positions)})
        return read_sealed_events(self._log, [], seed, [row for (row,) in rows])

    def _read(self, positions: Sequence[int]) -> None:
        number, before = find_seal(self._log, positions[0])
        self._seals = list(read_seals(self._log, number))
        self._ends = [seal.last_position for seal in self._seals]
        groups = [(seal, list(group)) for seal, group in groupby(positions, self._find_seal) if seal is not None]
        trees = [self._read_tree(seal, group) for seal, group in groups]
        if len(self._indices) < sum(len(group) for _, group in groups):
            self._indices, self._seals = {}, []  # the workflow left the log before the first seal
            return
        self.proof = {"before": before.hex(), "seals": list(map(describe_link, self._seals)), "trees": trees}

    def _read_tree(self, seal: StoredSeal, positions: Sequence[int]) -> CaseLine:
        leaves = read_leaves(self._log, seal.first_position - 1, seal.last_position, seal.seed)
        placed = list(arrange_leaves(seal.first_position, seal.last_position, leaves))
        indices = dict(index_events(seal.first_position, leaves))
        own = {position: indices[position] for position in positions if position in indices}
        self._indices |= own
        nodes = [node.hex() for node in find_nodes(placed, own.values())]
        return {"seal": seal.number, "leaves": len(placed), "nodes": nodes}

    def _find_seal(self, position: int) -> StoredSeal | None:
        index = bisect_left(self._ends, position)
        return self._seals[index] if index < len(self._seals) else None
