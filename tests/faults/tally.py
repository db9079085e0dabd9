"""What the rounds of a fault have come to."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

Say = Callable[[str], None]


@dataclass
class Tally:
    """Counts of one fault; `problems` are sentences about what must not be."""

    rounds: int = 0
    kills: int = 0
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What was measured or left out."""

    @property
    def is_right(self) -> bool:
        """Return whether everything was as promised."""
        return not (self.lost or self.doubled or self.problems)

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))

    def __str__(self) -> str:
        counts = f"{self.rounds} rounds, {self.kills} kills, {self.acknowledged:,} acknowledged"
        return f"{counts}, lost {self.lost}, doubled {self.doubled}"


@dataclass(frozen=True)
class Plan:
    """How a fault is to be made: how often, with which chance, and where to say how it goes."""

    rounds: int
    seed: int
    say: Say
    is_timed: bool = False
    """Whether figures are judged, which only a quiet machine allows."""

    def random(self, round_number: int) -> Random:
        """Return the chance of a round, so that each can be repeated by itself."""
        return Random(f"{self.seed}/{round_number}")


class Progress:
    """Prints a line for each round."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._began = time.monotonic()

    def __call__(self, text: str) -> None:
        print(f"{self._name:<12} {time.monotonic() - self._began:6.1f} s  {text}", file=sys.stderr, flush=True)
