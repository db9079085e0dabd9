"""Entities and their names: `task:ID`, `ti:ID`, `array:ID`, `runner:ID`."""

from collections.abc import Iterable
from typing import NamedTuple

from domain.errors import InvalidEntity, InvalidId
from domain.text import is_storable

TASK = "task"
TASK_INSTANCE = "task_instance"
ARRAY = "array"
RUNNER = "runner"
KINDS = (TASK, TASK_INSTANCE, ARRAY, RUNNER)
"""The kinds that people name."""

LOG = "log"
"""The kind of what was done to the log itself: each erasure has a stream."""

ALIASES = {"ti": TASK_INSTANCE}
MAX_ID_LENGTH = 255


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
        """The entity in a sentence: `task 'x'`."""
        return f"{self.kind.replace('_', ' ')} {self.id!r}"


def parse_entity(text: str) -> Entity:
    """Read an entity from `task:ID`, `ti:ID`, `task_instance:ID`, `array:ID` or `runner:ID`.

    Raises:
        InvalidEntity: the text is not of that form.
        InvalidId: the id is too long, or cannot be stored.
    """
    kind, colon, name = text.partition(":")
    kind = ALIASES.get(kind, kind)
    if not (colon and name) or kind not in KINDS:
        raise InvalidEntity(text)
    return Entity(kind, check_id(kind.replace("_", " "), name))


def check_id(kind: str, value: object) -> str:
    """Return `value` if it can be an id.

    Raises:
        InvalidId: the value is not a text of 1 to 255 storable characters.
    """
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ID_LENGTH or not is_storable(value):
        raise InvalidId(kind, value)
    return value


def check_ids(kind: str, values: Iterable[object]) -> list[str]:
    """Return the values if each can be an id.

    Raises:
        InvalidId: a value is not a text of 1 to 255 storable characters.
    """
    return [check_id(kind, value) for value in values]
