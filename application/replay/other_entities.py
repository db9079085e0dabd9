"""Judge the events of entities that are neither tasks nor instances, which no course of a family has."""

from collections.abc import Mapping
from typing import Any

from psycopg import Connection

from application.replay.replay import Step, find_pinned_lifecycles, replay_others
from domain.auditing.replay import Replay, Replayed
from domain.entity import TASK_INSTANCE


class OtherEntities:
    """The entities that are neither tasks nor instances, and the places of instances in arrays."""

    def __init__(self) -> None:
        self.events = 0
        self.entities = 0

    def agree(self, connection: Connection[Any]) -> bool:
        """Return whether nothing is wrong with them, and count them and their events."""
        replay = Replay(find_pinned_lifecycles(connection))
        for step in replay_others(connection, replay):
            if not self.is_right(step):
                return False
            self.events += step.logged.entity.kind != TASK_INSTANCE
        self.entities = len(replay.entities)
        return self.have_right_rows(connection, replay.entities)

    def is_right(self, step: Step) -> bool:
        """Return whether an event is legal."""
        return not step.mismatches

    def have_right_rows(self, _connection: Connection[Any], _entities: Mapping[str, Replayed]) -> bool:
        """Return whether the rows of current status are right: True where only decisions are judged."""
        return True
