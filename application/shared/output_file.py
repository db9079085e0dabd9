"""A file that a command writes: whole or not at all, and never in the place of something that is no file."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

from domain.errors import SojournError

Made = TypeVar("Made")


class NoPlaceForOutput(SojournError):
    """Raised when a file or folder cannot be written.

    Fix: choose another place; the message has the reason.
    """

    def __init__(self, path: Path, error: OSError) -> None:
        self.path = path
        super().__init__(f"{str(path)!r} cannot be written: {error.strerror}")


class OutputInTheWay(SojournError):
    """Raised when writing would replace something that may be somebody's.

    Fix: choose another place, or remove what is there.
    """

    def __init__(self, path: Path, why: str) -> None:
        self.path = path
        super().__init__(f"{str(path)!r} {why}")


@contextmanager
def output_file(path: Path) -> Iterator[BinaryIO]:
    """The file to write to; what was there before stays until the block has ended well.

    Raises OutputInTheWay where that is a folder, NoPlaceForOutput where no file can be made, or not all of it written.
    """
    if path.is_dir():
        raise OutputInTheWay(path, "is a folder: name a file")
    # A device or a pipe is written to. A file in its place would end it for everybody, as with /dev/null.
    is_file = path.is_file() or not path.exists()
    try:
        with _whole(path.resolve()) if is_file else path.open("wb") as stream:  # a link stays one
            yield stream
    except OSError as error:
        raise NoPlaceForOutput(path, error) from error


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    number, name = beside(path, tempfile.mkstemp)
    try:
        with os.fdopen(number, "wb") as file:
            yield file
        Path(name).chmod(0o666 & ~umask())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def beside(path: Path, make: Callable[..., Made]) -> Made:
    """What a function of tempfile makes in the same folder, to be put in the place of `path`."""
    return make(dir=path.parent, prefix=f".{path.name[:50]}.")  # no name may be longer than a folder takes


def umask() -> int:
    """What the user lets nobody do with a new file."""
    # There is no way to read it but to set it.
    mask = os.umask(0)
    os.umask(mask)
    return mask
