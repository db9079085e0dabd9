"""Parses lines one after another; whatever is wrong with a line is that line's, and never ends an import."""

import csv
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from application.imports.change import BadLine, ParsedLine
from application.imports.local_time import TimeZoneNeeded
from domain.errors import SojournError

Line = TypeVar("Line")
Parsed = TypeVar("Parsed")

UNFORESEEN = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, csv.Error)
"""What a value can cause that no format has foreseen."""

UNREADABLE = "has a value that cannot be read"


def parse_lines(
    lines: Iterable[tuple[int, Line]],
    parse: Callable[[int, Line], ParsedLine],
    unforeseen: str = UNREADABLE,
) -> Iterator[ParsedLine | BadLine]:
    """Yield what `parse` understands of each line, or why it does not; `unforeseen` begins the sentence otherwise.

    Raises:
        TimeZoneNeeded: a time has no zone, which is the same for every line.
    """
    for number, line in lines:
        yield parse_line(number, line, parse, unforeseen)


def parse_line(
    number: int, line: Line, parse: Callable[[int, Line], Parsed], unforeseen: str = UNREADABLE
) -> Parsed | BadLine:
    """Return what `parse` understands of a line, or why it does not.

    Raises:
        TimeZoneNeeded: a time has no zone, which is the same for every line.
    """
    try:
        return parse(number, line)
    except TimeZoneNeeded:
        raise
    except (SojournError, *UNFORESEEN) as error:
        return BadLine.of(number, explain(error, unforeseen))


def explain(error: Exception, unforeseen: str = UNREADABLE) -> str:
    """Return the sentence of an error about a line."""
    return str(error) if isinstance(error, SojournError) else f"{unforeseen}: {type(error).__name__} {error}"
