"""Statuses over time as a stack of areas, with an exact count at the end of each column."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from application.page.over_time import StatusesOverTime, StatusOverTime
from interfaces.page.colours import StatusColours
from interfaces.page.drawing.axis import Mark, mark_durations, mark_times

WIDTH, HEIGHT = 1000, 240
"""The size of a drawing, which the page stretches to its width."""


class Area(NamedTuple):
    """One status in the stack, and the most that were in it at any moment."""

    status: str
    css: str
    path: str
    most: int


class Stack(NamedTuple):
    """The areas from the bottom up, the times of the axis, its marks, and rows of a table with the counts at them.

    `is_aligned` where the axis shows durations from the beginning.
    """

    areas: list[Area]
    highest: int
    begin: datetime
    end: datetime
    marks: list[Mark]
    rows: list[tuple[datetime, list[int]]]
    is_aligned: bool = False


def draw_stack(counted: StatusesOverTime, colours: StatusColours, kind: str, *, ended: bool = False) -> Stack:
    """Return the stack of what has not ended, or of everything with `ended`."""
    shown = _choose(counted, colours, kind, ended=ended)
    highest, length = _find_highest(shown), counted["end"] - counted["begin"]
    marks = mark_times(counted["begin"], counted["end"])
    areas = list(_stack(shown, colours, kind, highest, WIDTH))
    rows = list(_rows(shown, counted["begin"], length, marks))
    return Stack(areas, highest, counted["begin"], counted["end"], marks, rows)


def draw_aligned(counted: Sequence[StatusesOverTime], colours: StatusColours, kind: str) -> list[Stack]:
    """Return stacks that begin at the left and have one scale of time and of height."""
    shown = [_choose(one, colours, kind, ended=False) for one in counted]
    lengths = [one["end"] - one["begin"] for one in counted]
    longest = max(lengths, default=timedelta(1))
    highest = max(map(_find_highest, shown), default=0)
    marks = mark_durations(longest)
    return [
        Stack(
            list(_stack(chosen, colours, kind, highest, WIDTH * (length / longest))),
            highest,
            one["begin"],
            one["end"],
            marks,
            list(_rows(chosen, one["begin"], length, [mark for mark in marks if mark.after <= length])),
            is_aligned=True,
        )
        for one, chosen, length in zip(counted, shown, lengths, strict=True)
    ]


ENDED = frozenset({"done", "failed", "cancelled"})


def _choose(counted: StatusesOverTime, colours: StatusColours, kind: str, *, ended: bool) -> list[StatusOverTime]:
    shown = [one for one in counted["statuses"] if ended or colours.of(one["status"], kind).name not in ENDED]
    return sorted(shown, key=lambda one: (colours.of(one["status"], kind).order, one["status"]))


def _find_highest(shown: Sequence[StatusOverTime]) -> int:
    return max((sum(column) for column in zip(*(one["counts"] for one in shown), strict=True)), default=0)


def _stack(
    shown: Sequence[StatusOverTime], colours: StatusColours, kind: str, highest: int, width: float
) -> Iterator[Area]:
    below = [0] * len(shown[0]["counts"]) if shown else []
    for one in shown:
        above = [low + n for low, n in zip(below, one["counts"], strict=True)]
        colour = colours.of(one["status"], kind)
        yield Area(one["status"], colour.css, _path(below, above, max(highest, 1), width), one["most"])
        below = above


def _path(below: Sequence[int], above: Sequence[int], highest: int, width: float) -> str:
    points = [*_edge(above, highest, width), *reversed(_edge(below, highest, width))]
    return "M" + "L".join(f"{x:g},{y:g}" for x, y in points) + "Z"


def _edge(counts: Sequence[int], highest: int, width: float) -> list[tuple[float, float]]:
    """Return the corners of a line of steps: only where it changes."""
    points: list[tuple[float, float]] = []
    last = None
    for column, n in enumerate(counts):
        y = round(HEIGHT - n / highest * HEIGHT, 2)
        if y != last:
            x = round(column * width / len(counts), 2)
            if last is not None:
                points.append((x, last))
            points.append((x, y))
            last = y
    return [*points, (round(width, 2), last if last is not None else float(HEIGHT))]


def _rows(
    shown: Sequence[StatusOverTime], begin: datetime, length: timedelta, marks: Sequence[Mark]
) -> Iterator[tuple[datetime, list[int]]]:
    """Yield the counts at the beginning, at each mark and at the end."""
    columns = len(shown[0]["counts"]) if shown else 1
    for after in sorted({timedelta(), length, *(mark.after for mark in marks)}):
        column = min(int(columns * (after / length)), columns - 1)
        yield begin + after, [one["counts"][column] for one in shown]
