"""Entities and the names that people and streams give them: `task:ID`, `ti:ID`, `array:ID`, `runner:ID`."""

from collections.abc import Iterable
from typing import NamedTuple

from domain.errors import InvalidEntity, InvalidId
from domain.text import is_storable

TASK = "task"
TASK_INSTANCE = "task_instance"
ARRAY = "array"
RUNNER = "runner"
KINDS = (TASK, TASK_INSTANCE, ARRAY, RUNNER)
SHORT = {"ti": TASK_INSTANCE}
LONGEST_ID = 255


class Entity(NamedTuple):
    """A kind (`task`, `task_instance`, `array`, `runner`) and an id."""

    kind: str
    id: str

    @property
    def stream(self) -> str:
        """The name of the entity's stream in the log."""
        return f"{self.kind}:{self.id}"

    def __str__(self) -> str:
        return f"{'ti' if self.kind == TASK_INSTANCE else self.kind}:{self.id}"

    @property
    def title(self) -> str:
        """The entity as it stands in a sentence: `task 'x'`."""
        return f"{self.kind.replace('_', ' ')} {self.id!r}"


def parse_entity(text: str) -> Entity:
    """The entity that `task:ID`, `ti:ID`, `task_instance:ID`, `array:ID` or `runner:ID` names; raises InvalidEntity."""
    kind, colon, name = text.partition(":")
    kind = SHORT.get(kind, kind)
    if not (colon and name) or kind not in KINDS:
        raise InvalidEntity(text)
    return Entity(kind, check_id(kind.replace("_", " "), name))


def check_id(kind: str, value: object) -> str:
    """`value` itself where it can serve as an id; raises InvalidId."""
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_ID or not is_storable(value):
        raise InvalidId(kind, value)
    return value


def check_ids(kind: str, values: Iterable[object]) -> list[str]:
    """The values themselves where each can serve as an id; raises InvalidId."""
    return [check_id(kind, value) for value in values]
