"""Which lines tell a log what it has heard live, as those of an export do that comes back to where it is from.

An import knows again what an import has said, by its command ids, and what was registered or created, by its name.
What was reported live has no such id: decided anew, it would be refused, or where a lifecycle lets a status be entered
again, stored again. It is known by whom it is about, what it proposes and when: to the microsecond of the log's own
clock, no other report says the same.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from application.imports.importer import BATCH, MOVES
from application.imports.proposal import BadLine, Line, Move, MoveInstance, ResetTask
from application.imports.repetition import Repetitions
from application.imports.tally import Tally
from application.store import Store
from domain.events import TaskReset
from infrastructure.sql import query


class Told(NamedTuple):
    """What was proposed for an entity, and when; a reset proposes no status."""

    stream: str
    status: str | None
    at: datetime


class Heard:
    """Leaves out the lines that the log has heard, and counts them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lines = 0

    def left_out_of(self, lines: Iterable[Line | BadLine]) -> Iterator[Line | BadLine]:
        """The lines, but for those that the log has heard."""
        coming = iter(lines)
        while some := list(islice(coming, BATCH)):
            known = self._known({move.stream for move in map(_told, _moves(some))})
            for line in some:
                if known and _is_known(line, known):
                    self._lines += 1
                else:
                    yield line

    def count(self, tally: Tally) -> Tally:
        """The counts with those lines: they add nothing, because it is known."""
        tally.add(Tally(lines=self._lines, duplicates=self._lines))
        return tally

    def _known(self, streams: set[str]) -> dict[Told, set[str | None]]:
        """What was proposed for those entities, and under which command ids."""
        known: dict[Told, set[str | None]] = {}
        with self._store.session() as connection:
            found = connection.execute(query("projections", "proposals_of_streams"), {"streams": sorted(streams)})
            for name, stream, proposed, told_at, command_id in found:
                told = Told(stream, None if name == TaskReset.name else proposed, told_at)
                known.setdefault(told, set()).add(command_id)
        return known


def _is_known(line: Line | BadLine, known: dict[Told, set[str | None]]) -> bool:
    moves = list(_moves([line]))
    return bool(moves) and all(_is_told_otherwise(move, known.get(_told(move), set())) for move in moves)


def _is_told_otherwise(move: Move, command_ids: set[str | None]) -> bool:
    """Whether anybody but an import of this very line has told it: that is the importer's to know."""
    own = Repetitions().count(move).command_id
    return any(known is None or not known.startswith(own) for known in command_ids)


def _moves(lines: Iterable[Line | BadLine]) -> Iterator[Move]:
    said = (proposal for line in lines if isinstance(line, Line) for proposal in line.proposals)
    return (proposal for proposal in said if isinstance(proposal, MOVES))


def _told(move: Move) -> Told:
    if isinstance(move, MoveInstance):
        return Told(f"task_instance:{move.instance}", move.to, move.at)
    return Told(f"task:{move.task_id}", None if isinstance(move, ResetTask) else move.to, move.at)
