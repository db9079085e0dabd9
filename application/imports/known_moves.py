"""The moves that the log knows already, so that an import stores none of them again.

An import recognises its own moves by their command ids. A live report, or a file in another format, has other ids or
none. Decided again, its move would be refused, or stored twice where the lifecycle lets a status be entered again. Such
a move is recognised by its entity, status and instant: no two reports share the microsecond of the log's clock. Where
sources state their instants, they may, and the time of the entry tells them apart. So an export can be imported into
the log that it came from.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection

from application.imports.change import AttemptKey, Move, MoveInstance, RecordRefusal, ResetTask
from application.imports.move_id import MoveId
from domain.clock import IMPORT_PREFIX
from domain.entities.events import TaskReset
from domain.rule_names import DECIDED_AGAIN
from infrastructure.log.commands import known_commands
from infrastructure.sql import query


class ReportedMove(NamedTuple):
    """The entity that a report moves, the status (None: a reset), the instant, and the rule that refused it.

    `refused_by` is None unless the refusal itself is reported, as an export does where a rule looked at more than the
    report states.
    """

    stream: str
    status: str | None
    at: datetime
    refused_by: str | None = None

    @classmethod
    def of(cls, move: Move, attempts: Mapping[AttemptKey, str]) -> "ReportedMove":
        """Return what identifies `move`; `attempts` has the ids of attempts that the source gives none."""
        if isinstance(move, MoveInstance):
            name = move.instance if isinstance(move.instance, str) else attempts.get(move.instance, "")
            return cls(f"task_instance:{name}", move.to, move.at)
        refused_by = move.outcome.rule if isinstance(move, RecordRefusal) else None
        return cls(f"task:{move.task_id}", None if isinstance(move, ResetTask) else move.to, move.at, refused_by)


class OtherReport(NamedTuple):
    """The command of a move that the log has, and since when its entity was in its status afterwards."""

    command_id: str | None
    entered_at: datetime


class KnownMoves:
    """The command ids that are known, and the moves of which others have reported."""

    def __init__(self) -> None:
        self._command_ids: set[str] = set()
        self._reports: defaultdict[ReportedMove, set[OtherReport]] = defaultdict(set)

    def load_command_ids(self, connection: Connection[Any], command_ids: Sequence[str]) -> None:
        """Read which of the command ids the log knows."""
        self._command_ids.update(known_commands(connection, command_ids))

    def load_reports(self, connection: Connection[Any], streams: Iterable[str]) -> None:
        """Read what the log has about the entities of `streams`, from any reporter."""
        wanted = {"streams": sorted(streams), "imports": IMPORT_PREFIX, "decided_again": sorted(DECIDED_AGAIN)}
        rows = connection.execute(query("projections", "imports/proposals_of_streams"), wanted)
        for name, stream, status, stated_at, entered_at, refused_by, command_id in rows:
            move = ReportedMove(stream, None if name == TaskReset.name else status, stated_at, refused_by)
            self._reports[move].add(OtherReport(command_id, entered_at))

    def has_command(self, command_id: str) -> bool:
        """Return whether a move was stored under this id."""
        return command_id in self._command_ids

    def add_command(self, command_id: str) -> None:
        """Remember that a move is stored under this id."""
        self._command_ids.add(command_id)

    def forget_commands(self, command_ids: Iterable[str]) -> None:
        """Forget ids whose moves are not stored after all."""
        self._command_ids.difference_update(command_ids)

    def has_other_report(self, move: Move, move_id: MoveId, attempts: Mapping[AttemptKey, str]) -> bool:
        """Return whether the log has this move from anybody but an import of the same move."""
        if not self._reports:
            return False
        reports = self._reports.get(ReportedMove.of(move, attempts), ())
        return any(
            (command_id is None or not command_id.startswith(move_id.first)) and move.entered_at in (None, entered_at)
            for command_id, entered_at in reports
        )
