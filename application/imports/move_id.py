"""Which lines say again what was said: each move gets a command id from what it says.

The id is a digest of the entity, the status and the instant, whatever the order of keys or the zone that a line has
them in. Where a file says the same more than once, the n-th time has an id of its own: a source whose clock shows
seconds may enter a status twice in one of them. The count reaches so many different moves back; the same words after
that are a repetition of the first.
"""

import hashlib
from datetime import datetime
from typing import NamedTuple

from application.imports.bounded_cache import BoundedCache
from application.imports.change import AttemptKey, Move, MoveInstance, ResetTask
from domain.time import EPOCH

IMPORT_PREFIX = "import:"
"""How the id of each move begins that an import has told."""

REMEMBERED_MOVES = 100_000
"""How many different moves the count reaches back, at least."""


class MoveId(NamedTuple):
    """The command id of a move, and how often the file had said the same before."""

    command_id: str
    before: int

    @property
    def first(self) -> str:
        """The id of what the file says when it says so for the first time."""
        return self.command_id.removesuffix(f":{self.before + 1}") if self.before else self.command_id


class MoveIds:
    """Counts what one file says."""

    def __init__(self, window: int = REMEMBERED_MOVES) -> None:
        self._counts: BoundedCache[bytes, int] = BoundedCache(window)

    def count(self, move: Move) -> MoveId:
        """The id of a move, which the file says next."""
        digest = hashlib.sha256(_words(move).encode()).digest()[:16]
        before = self._counts.get(digest) or 0
        self._counts.keep(digest, before + 1)
        return MoveId(f"{IMPORT_PREFIX}{digest.hex()}{f':{before + 1}' if before else ''}", before)


def _words(move: Move) -> str:
    entity = _instance(move.instance) if isinstance(move, MoveInstance) else f"task:{move.task_id}"
    # No status is empty: a reset is unlike all of them.
    return f"{entity}\0{'' if isinstance(move, ResetTask) else move.to}\0{_when(move.at)}"


def _instance(instance: str | AttemptKey) -> str:
    if isinstance(instance, str):
        return f"task_instance:{instance}"
    return f"attempt:{instance.task_id}\0{_when(instance.begun_at)}"


def _when(at: datetime) -> str:
    since = at - EPOCH
    return f"{since.days}:{since.seconds}:{since.microseconds}"
