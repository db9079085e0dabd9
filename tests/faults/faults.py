"""The faults that there are."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults import clocks, consumers, cuts, disk_full, failover, freezes, kills, steps, storms
from tests.faults.tally import Plan, Tally


@dataclass(frozen=True)
class Fault:
    """A fault, how to make it happen, and how many rounds its long form has."""

    name: str
    run: Callable[[Plan], Tally]
    rounds: int
    missing: Callable[[], str | None] = lambda: None
    """Why this machine cannot make it, or None."""


FAULTS = (
    Fault("kills", kills.run, 50),
    Fault("cuts", cuts.run, 20),
    Fault("freezes", freezes.run, 10),
    Fault("failover", failover.run, 3, failover.missing),
    Fault("disk-full", disk_full.run, 5, disk_full.missing),
    Fault("clocks", clocks.run, 20, clocks.missing),
    Fault("consumers", consumers.run, 3),
    Fault("steps", steps.run, 20),
    Fault("storms", storms.run, 3),
)
