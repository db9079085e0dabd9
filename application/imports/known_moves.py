"""What a log was told before of what an import is about: live, or in a file of another format.

An import knows again what it has said itself, by its command ids. What others have told has none of these: decided
anew, it would be refused, or where a lifecycle lets a status be entered again, stored again. So an export may come
back to the log that it is from. It is known by whom it is about, what it proposes and when: to the microsecond of the
log's own clock, no other report says the same.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection

from application.imports.change import AttemptKey, Move, MoveInstance, ResetTask
from application.imports.move_id import IMPORT_PREFIX, MoveId
from domain.entities.events import TaskReset
from infrastructure.sql import query


class ReportedMove(NamedTuple):
    """What was proposed for an entity, and when; a reset proposes no status."""

    stream: str
    status: str | None
    at: datetime

    @classmethod
    def by(cls, move: Move, attempts: Mapping[AttemptKey, str]) -> "ReportedMove":
        """What a move tells; `attempts` names those that its source has no ids for."""
        if isinstance(move, MoveInstance):
            name = move.instance if isinstance(move.instance, str) else attempts.get(move.instance, "")
            return cls(f"task_instance:{name}", move.to, move.at)
        return cls(f"task:{move.task_id}", None if isinstance(move, ResetTask) else move.to, move.at)


class ForeignReports:
    """What the log was told, and as which commands."""

    def __init__(self) -> None:
        self._commands: defaultdict[ReportedMove, set[str | None]] = defaultdict(set)

    def read(self, connection: Connection[Any], streams: Iterable[str]) -> None:
        """Read what it was told of those entities."""
        wanted = {"streams": sorted(streams), "imports": IMPORT_PREFIX}
        for name, stream, proposed, effective_at, command_id in connection.execute(
            query("projections", "imports/proposals_of_streams"), wanted
        ):
            self._commands[ReportedMove(stream, None if name == TaskReset.name else proposed, effective_at)].add(
                command_id
            )

    def __bool__(self) -> bool:
        return bool(self._commands)

    def otherwise(self, told: ReportedMove, said: MoveId) -> bool:
        """Whether it was told the same by anybody but an import of these very words."""
        commands = self._commands.get(told, ())
        return any(command_id is None or not command_id.startswith(said.first) for command_id in commands)
