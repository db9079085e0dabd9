"""Something in the log or in what is made from it that is not as it must be."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Mismatch:
    """What is wrong with which entity, what was expected and what was found, and a sentence that says so.

    `position` is the event's in the log, where one is concerned.
    """

    entity: str
    what: str
    expected: Any
    found: Any
    text: str
    position: int | None = None
