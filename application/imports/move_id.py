"""Ids of the moves that a file reports, so that importing a file again adds nothing.

A move's id is a digest of its entity, status and instant (and of its entry, where the file states one); the order of a
line's keys and its time zone do not matter.
A file may report the same move more than once, because a clock that shows seconds lets an entity enter a status twice
in one of them: the n-th report has an id of its own. Only the last moves are counted; a repetition further back gets
the id of the first report.
"""

import hashlib
from datetime import datetime
from typing import NamedTuple

from application.imports.bounded_cache import BoundedCache
from application.imports.change import AttemptKey, Move, MoveInstance, RecordRefusal, ResetTask
from domain.clock import IMPORT_PREFIX
from domain.time import EPOCH

REMEMBERED_MOVES = 100_000
"""The number of different moves that are counted, at least."""


class MoveId(NamedTuple):
    """The command id of a move, and how often the file reported the same move before."""

    command_id: str
    repetition: int

    @property
    def first(self) -> str:
        """The id of the file's first report of this move."""
        return self.command_id.removesuffix(f":{self.repetition + 1}") if self.repetition else self.command_id


class MoveIds:
    """Assigns the ids of one file's moves."""

    def __init__(self, window: int = REMEMBERED_MOVES) -> None:
        self._counts: BoundedCache[bytes, int] = BoundedCache(window)

    def assign(self, move: Move) -> MoveId:
        """Return the id of the file's next move."""
        digest = hashlib.sha256(_digest_input(move).encode()).digest()[:16]
        before = self._counts.get(digest) or 0
        self._counts.put(digest, before + 1)
        return MoveId(f"{IMPORT_PREFIX}{digest.hex()}{f':{before + 1}' if before else ''}", before)


def _digest_input(move: Move) -> str:
    entity = _instance_text(move.instance) if isinstance(move, MoveInstance) else f"task:{move.task_id}"
    # A reset has no status. The empty text stands for it, because no status is empty.
    entry = f"\0{_time_text(move.entered_at)}" if move.entered_at else ""
    refusal = f"\0{move.outcome.response}\0{move.outcome.rule}" if isinstance(move, RecordRefusal) else ""
    return f"{entity}\0{'' if isinstance(move, ResetTask) else move.to}\0{_time_text(move.at)}{entry}{refusal}"


def _instance_text(instance: str | AttemptKey) -> str:
    if isinstance(instance, str):
        return f"task_instance:{instance}"
    return f"attempt:{instance.task_id}\0{_time_text(instance.begun_at)}"


def _time_text(at: datetime) -> str:
    since = at - EPOCH
    return f"{since.days}:{since.seconds}:{since.microseconds}"
