"""The formats of files to import: one module each, found by its name.

A format's module has `LIFECYCLE`, the name of its tasks' lifecycle, `looks_like`, which recognises a file in another
format, and `read`, which turns numbered lines into changes. Their order is that of time, unless the module sets
`IN_LOG_ORDER`.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from importlib.resources import files
from itertools import islice
from typing import Protocol, cast

from application.imports.change import BadLine, ParsedLine
from application.imports.options import Options
from domain.errors import SojournError, UnknownName

LONGEST_HEADER = 64 * 1024
"""The length in bytes of the part of a file by which its format is recognised."""

BRACKETS = frozenset({b"{", b"[", b"[{", b"[ {"})
"""The first lines of a document whose format the lines after them show."""

CHECKED_LINES = 50


class Format(Protocol):
    """The contents of a format's module."""

    LIFECYCLE: str

    def looks_like(self, line: str) -> bool:
        """Return whether a file of this format can begin with `line`."""

    def read(self, lines: Iterable[tuple[int, bytes]], options: Options) -> Iterator[ParsedLine | BadLine]:
        """Yield the changes of each numbered line."""


class UnknownFormat(UnknownName):
    """Raised when no import format has the name.

    Fix: use one of `known`.
    """

    kind = "format"


class WrongFormat(SojournError):
    """Raised when a file does not look like the format that was named, but like another.

    Fix: import it as `likely`.
    """

    def __init__(self, source: str, named: str, likely: str) -> None:
        self.likely = likely
        super().__init__(f"{source!r} does not look like {named}, but like {likely}; try `sojourn import {likely}`")


def check_format(name: str, source: str, lines: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """Yield the lines unchanged, once the beginning of the file has been checked.

    Raises:
        WrongFormat: it is not one of the format `name`, but of another.
    """
    lines = iter(lines)
    first = list(islice(lines, 1))
    if first and first[0][1].strip() in BRACKETS:
        first += islice(lines, CHECKED_LINES)
    if first:
        beginning = b"".join(text for _, text in first)[:LONGEST_HEADER]
        _check_beginning(name, source, beginning.decode(errors="replace"))
    yield from first
    yield from lines


def _check_beginning(name: str, source: str, text: str) -> None:
    if not find_format(name).looks_like(text):
        likely = next((other for other in format_names() if find_format(other).looks_like(text)), None)
        if likely:
            raise WrongFormat(source, name, likely)


def find_format(name: str) -> Format:
    """Return the format of that name.

    Raises:
        UnknownFormat: there is none.
    """
    if name not in format_names():
        raise UnknownFormat(name, format_names())
    return cast("Format", import_module(f"{__name__}.{name}"))


@cache
def format_names() -> tuple[str, ...]:
    """Return the names of the formats, in alphabetical order."""
    names = (file.name for file in files(__name__).iterdir())
    return tuple(sorted(name[:-3] for name in names if name.endswith(".py") and not name.startswith("_")))
