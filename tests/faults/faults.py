"""The faults that there are."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults import kills
from tests.faults.tally import Plan, Tally


@dataclass(frozen=True)
class Fault:
    """A fault, how to make it happen, and how many rounds its long form has."""

    name: str
    run: Callable[[Plan], Tally]
    rounds: int
    missing: Callable[[], str | None] = lambda: None
    """Why this machine cannot make it, or None."""


FAULTS = (Fault("kills", kills.run, 50),)
