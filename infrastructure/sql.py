"""Named queries and objects: each is a `.sql` file, read once."""

from functools import cache
from importlib.resources import files
from typing import LiteralString


@cache
def query(package: str, name: str) -> LiteralString:
    """Return the text of `queries/NAME.sql` in a package; NAME is `topic/query`."""
    return _text(package, f"queries/{name}")


def sql_object(package: str, name: str) -> LiteralString:
    """Return the text of `NAME.sql` in a package, which creates an object; NAME is `folder/object`."""
    return _text(package, name)


def _text(package: str, path: str) -> LiteralString:
    return (files(_installed(package)) / f"{path}.sql").read_text("utf-8")


def _installed(package: str) -> str:
    """Return the package's full name: in the wheel, the packages of the checkout lie inside `sojourn`."""
    outer = __name__.removesuffix("infrastructure.sql")
    return package if package.startswith("sojourn") else f"{outer}{package}"
