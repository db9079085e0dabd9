"""The journal that a client keeps for itself: what it has sent, and what was acknowledged.

One line a step, `SENT TAG STREAM` and then `DONE TAG STREAM` or `GONE TAG STREAM` where the client gave up. A line is
written by one system call, so that it survives the death of the process. The tag is the `reason` of the report.
"""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg

from tests.faults.tally import Tally


class Journal:
    """Writes a client's journal."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(self, word: str, tag: str, stream: str) -> None:
        """Add a line."""
        os.write(self._file, f"{word} {tag} {stream}\n".encode())


def read_steps(folder: Path, word: str) -> list[tuple[str, str]]:
    """Return the (tag, stream) pairs of all journals in a folder that were noted under a word."""
    lines = [line.split() for path in sorted(folder.glob("*.journal")) for line in path.read_text().splitlines()]
    return [(line[1], line[2]) for line in lines if len(line) == 3 and line[0] == word]


def compare(connection: psycopg.Connection[Any], folder: Path, tally: Tally) -> None:
    """Set `acknowledged`, `lost` and `doubled` of the tally by the journals and the log.

    The journals are read first, so that what is acknowledged meanwhile is not missed in the log.
    """
    acknowledged, sent = read_steps(folder, "DONE"), set(read_steps(folder, "SENT"))
    found = Counter(
        dict[tuple[str, str], int](
            ((row[0], row[1]), row[2])
            for row in connection.execute(
                "SELECT data ->> 'reason', stream, count(*) FROM sojourn.event WHERE data ? 'reason' GROUP BY 1, 2"
            )
        )
    )
    tally.acknowledged = len(acknowledged)
    lost = [step for step in acknowledged if not found[step]]
    doubled = [step for step in sent if found[step] > 1]
    tally.lost, tally.doubled = len(lost), len(doubled)
    tally.problems += [f"lost: {step}" for step in lost[:5]] + [f"doubled: {step}" for step in doubled[:5]]
