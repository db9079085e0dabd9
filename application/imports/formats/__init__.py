"""The formats that files can be imported from: one module each, found by its name.

A format's module has `LIFECYCLE`, the name of the lifecycle that its tasks are registered under, `looks_like`, by
which a file in the wrong format is recognised, and `read`.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Protocol, cast

from application.imports.change import BadLine, ParsedLine
from application.imports.options import Options
from domain.errors import SojournError, UnknownName


class Format(Protocol):
    """What a format's module offers."""

    LIFECYCLE: str

    def looks_like(self, line: str) -> bool:
        """Whether a file may begin with that line."""

    def read(self, lines: Iterable[tuple[int, bytes]], options: Options) -> Iterator[ParsedLine | BadLine]:
        """What numbered lines propose, line by line."""


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
        super().__init__(f"{source!r} does not look like {named}, but like {likely}: try `sojourn import {likely}`")


def check_format(name: str, source: str, lines: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """The lines themselves; raises WrongFormat where they begin as those of another format than that of `name`."""
    for number, (line, text) in enumerate(lines):
        if number == 0:
            _check(name, source, text.decode(errors="replace"))
        yield line, text


def _check(name: str, source: str, line: str) -> None:
    if not find_format(name).looks_like(line):
        likely = next((other for other in format_names() if find_format(other).looks_like(line)), None)
        if likely:
            raise WrongFormat(source, name, likely)


def find_format(name: str) -> Format:
    """The format of that name; raises UnknownFormat with the nearest one."""
    if name not in format_names():
        raise UnknownFormat(name, format_names())
    return cast("Format", import_module(f"{__name__}.{name}"))


@cache
def format_names() -> tuple[str, ...]:
    """The names of the formats, in alphabetical order."""
    names = (file.name for file in files(__name__).iterdir())
    return tuple(sorted(name[:-3] for name in names if name.endswith(".py") and not name.startswith("_")))
