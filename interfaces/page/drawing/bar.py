"""A bar of parts: how many are in each status."""

from collections.abc import Mapping
from typing import NamedTuple

from interfaces.page.colours import StatusColours


class Part(NamedTuple):
    """One status in a bar, in hundredths of its length."""

    status: str
    n: int
    css: str
    x: float
    width: float


def draw_bar(by_status: Mapping[str, int], colours: StatusColours, kind: str = "task") -> list[Part]:
    """Return the parts of a bar, the ended ones first; one that is there at all can be seen."""
    total = sum(by_status.values())
    parts: list[Part] = []
    x = 0.0
    for status in colours.sort(by_status, kind):
        width = 100 * by_status[status] / total if total else 0
        if width:
            parts.append(Part(status, by_status[status], colours.of(status, kind).css, round(x, 3), round(width, 3)))
        x += width
    return parts
