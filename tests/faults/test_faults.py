"""The short form of each fault: what is acknowledged is in the log once, and nothing else is half there.

`./scripts/faults` runs the long forms. No figure is judged here, because the machine is busy with other tests.
"""

import pytest

from tests.faults import kills
from tests.faults.tally import Plan, Progress, Tally

pytestmark = pytest.mark.stress

SEED = 13


def short(name: str, rounds: int) -> Plan:
    return Plan(rounds, SEED, Progress(name))


def assert_right(tally: Tally) -> None:
    assert tally.problems == []
    assert (tally.lost, tally.doubled) == (0, 0)
    assert tally.acknowledged > 0


def test_kills() -> None:
    tally = kills.run(short("kills", 6))

    assert_right(tally)
    assert tally.kills == 6
