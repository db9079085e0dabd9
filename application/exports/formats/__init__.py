"""The formats that the log can be exported to, one module for each name.

A format's module has `write`. It also has `FOLDER` if it writes a folder of files instead of one file.
"""

from functools import cache
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from application.exports.log_snapshot import LogSnapshot
from domain.errors import UnknownName
from infrastructure.extras import require_extra

EXTRAS = {"parquet": "parquet"}
"""Format -> the extra that installs the packages it needs."""


class Format(Protocol):
    """The module of a format that writes one file."""

    def write(self, source: LogSnapshot, output: BinaryIO) -> int:
        """Write all of `source` and return the number of rows."""


class FolderFormat(Protocol):
    """The module of a format that writes a folder of files."""

    FOLDER: bool

    def write(self, source: LogSnapshot, folder: Path) -> int:
        """Write all of `source` into an existing folder and return the number of rows."""


class UnknownExport(UnknownName):
    """Raised when no export format has the name.

    Fix: use one of `known`.
    """

    kind = "export format"


def find_format(name: str) -> Format | FolderFormat:
    """Return the format of that name.

    Raises:
        UnknownExport: no format has the name; the error names the nearest one.
        MissingExtra: the packages of the format are not installed.
    """
    if name not in format_names():
        raise UnknownExport(name, format_names())
    if name in EXTRAS:
        require_extra(EXTRAS[name], f"the export format {name!r}")
    return cast("Format | FolderFormat", import_module(f"{__name__}.{name}"))


@cache
def format_names() -> tuple[str, ...]:
    """Return the names of the formats in alphabetical order."""
    names = (file.name for file in files(__name__).iterdir())
    return tuple(sorted(name[:-3] for name in names if name.endswith(".py") and not name.startswith("_")))
