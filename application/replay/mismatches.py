"""The mismatches that a verification keeps, and the number of those that it does not."""

from collections.abc import Iterable
from typing import Self

from domain.auditing.mismatch import Mismatch

MOST_MISMATCHES = 10_000
"""How many mismatches are kept, so that a table with every row wrong does not fill the memory."""


class Mismatches:
    """The first mismatches, and the number of the others."""

    def __init__(self) -> None:
        self.first: list[Mismatch] = []
        self.left_out = 0

    def __iadd__(self, found: Iterable[Mismatch]) -> Self:
        for mismatch in found:
            if len(self.first) < MOST_MISMATCHES:
                self.first.append(mismatch)
            else:
                self.left_out += 1
        return self
