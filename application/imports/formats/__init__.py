"""The formats that files can be imported from: one module each, found by its name.

A format's module has `LIFECYCLE`, the name of the lifecycle that its tasks are registered under, and `read`.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Protocol, cast

from application.imports.options import Options
from application.imports.proposal import BadLine, Line
from domain.errors import UnknownName


class Format(Protocol):
    """What a format's module offers."""

    LIFECYCLE: str

    def read(self, lines: Iterable[tuple[int, bytes]], options: Options) -> Iterator[Line | BadLine]:
        """What numbered lines propose, line by line."""


class UnknownFormat(UnknownName):
    """A format that nobody has written a module for."""

    kind = "format"


def find_format(name: str) -> Format:
    """The format of that name; raises UnknownFormat with the nearest one."""
    if name not in formats():
        raise UnknownFormat(name, formats())
    return cast("Format", import_module(f"{__name__}.{name}"))


@cache
def formats() -> tuple[str, ...]:
    """The names of the formats, in alphabetical order."""
    names = (file.name for file in files(__name__).iterdir())
    return tuple(sorted(name[:-3] for name in names if name.endswith(".py") and not name.startswith("_")))
