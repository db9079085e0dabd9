"""The functions and views have a number that grows with every change, so that older code recognises newer ones."""

import os
from itertools import pairwise
from pathlib import Path

from application.shared.store import schema
from infrastructure.schema.migration import read_object_versions

VERSIONS = Path(__file__).parents[2] / "infrastructure" / "migrations" / "object_versions.txt"
WRITE = "SOJOURN_WRITE_SCHEMA=1 pytest tests/unit/test_object_versions.py"


def test_a_change_of_an_object_raises_their_version() -> None:
    """Run with SOJOURN_WRITE_SCHEMA=1 to add the next version."""
    number, last = list(read_object_versions().items())[-1]
    current = schema().checksum
    if os.environ.get("SOJOURN_WRITE_SCHEMA") and last != current:
        with VERSIONS.open("a", encoding="utf-8") as file:
            file.write(f"{number + 1} {current}\n")
        last = current

    assert last == current, f"a function or view has changed; add its version with {WRITE}"


def test_versions_are_numbered_without_a_gap_and_each_is_a_change() -> None:
    lines = [line.split() for line in VERSIONS.read_text("utf-8").splitlines() if not line.startswith("#")]

    assert [int(number) for number, _ in lines] == list(range(1, len(lines) + 1))
    assert all(before != after for (_, before), (_, after) in pairwise(lines))
    assert WRITE in VERSIONS.read_text("utf-8")
