"""The short form of each fault: what is acknowledged is in the log once, and nothing else is half there.

`./scripts/faults` runs the long forms. No figure is judged here, because the machine is busy with other tests.
"""

import pytest

from tests.faults import consumers
from tests.faults.faults import FAULTS
from tests.faults.tally import Plan, Progress, Tally

pytestmark = pytest.mark.stress

SEED = 13


def run(name: str, rounds: int) -> Tally:
    """Run a fault, which must be as promised; skip it where this machine cannot make it."""
    (fault,) = (fault for fault in FAULTS if fault.name == name)
    reason = fault.missing()
    if reason:
        pytest.skip(reason)
    tally = fault.run(Plan(rounds, SEED, Progress(name)))
    assert tally.problems == []
    assert (tally.lost, tally.doubled) == (0, 0)
    assert tally.acknowledged > 0
    assert tally.rounds == rounds
    return tally


def test_kills() -> None:
    assert run("kills", 5).kills == 5


def test_cuts() -> None:
    assert run("cuts", 4).kills > 4


def test_freezes() -> None:
    assert run("freezes", 2).kills == 2


def test_failover() -> None:
    assert run("failover", 1).kills == 1


def test_disk_full() -> None:
    run("disk-full", 1)


def test_clocks() -> None:
    run("clocks", 2)


def test_consumers() -> None:
    assert run("consumers", 1).kills > consumers.POINTS


def test_steps() -> None:
    assert run("steps", 2).kills == 4


def test_storms() -> None:
    run("storms", 1)
