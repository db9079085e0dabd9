"""Mismatches: something in the log or its projections that is not as it must be."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Mismatch:
    """What is wrong with an entity: the expected and the found value, and a sentence about both.

    `position` is the position of the event in the log, if an event is concerned.
    """

    entity: str
    what: str
    expected: Any
    found: Any
    text: str
    position: int | None = None
