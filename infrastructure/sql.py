"""Named queries and objects: each is a `.sql` file, read once."""

from functools import cache
from importlib.resources import files
from typing import LiteralString


@cache
def query(package: str, name: str) -> LiteralString:
    """The text of `queries/NAME.sql` in that package."""
    return _text(package, "queries", name)


def sql_object(package: str, name: str) -> LiteralString:
    """The text of `objects/NAME.sql` in that package."""
    return _text(package, "objects", name)


def _text(package: str, folder: str, name: str) -> LiteralString:
    return (files(_installed(package)) / folder / f"{name}.sql").read_text("utf-8")


def _installed(package: str) -> str:
    """Return the package's full name: in the wheel, the packages of the checkout lie inside `sojourn`."""
    outer = __name__.removesuffix("infrastructure.sql")
    return package if package.startswith("sojourn") else f"{outer}{package}"
