"""Write an output file whole or not at all, and never replace something that is not a file."""

import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

from domain.errors import SojournError

STDOUT = "-"
"""The path that stands for standard output."""

Made = TypeVar("Made")


class OutputNotWritable(SojournError):
    """Raised when a file or folder cannot be written.

    Fix: choose another path; the message has the reason.
    """

    def __init__(self, path: Path, error: OSError) -> None:
        self.path = path
        super().__init__(f"{str(path)!r} cannot be written: {error.strerror}")


class OutputExists(SojournError):
    """Raised when writing would replace something that exists and may be needed.

    Fix: choose another path, or remove what is there.
    """

    def __init__(self, path: Path, why: str) -> None:
        self.path = path
        super().__init__(f"{str(path)!r} {why}")


@contextmanager
def output_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing; an existing file stays as it is until the block has ended without an error.

    Raises:
        OutputExists: the path is a folder.
        OutputNotWritable: the file cannot be created, or not all of it could be written.
    """
    try:
        mode = _mode_of(path)
        if stat.S_ISDIR(mode):
            raise OutputExists(path, "is a folder, not a file; name a file")
        # Write into a device or a pipe: replacing it by a file would break it for every process, as with /dev/null.
        with _replacing(path.resolve()) if stat.S_ISREG(mode) else path.open("wb") as stream:  # keeps a link
            yield stream
    except OSError as error:
        raise OutputNotWritable(path, error) from error


def _mode_of(path: Path) -> int:
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return stat.S_IFREG  # a file can be made there, or at the end of a link


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    number, name = make_in_same_folder(path, tempfile.mkstemp)
    try:
        with os.fdopen(number, "wb") as file:
            yield file
        Path(name).chmod(0o666 & ~umask())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def make_in_same_folder(path: Path, make: Callable[..., Made]) -> Made:
    """Call a function of tempfile so that what it makes is in the folder of `path` and can replace it."""
    return make(dir=path.parent, prefix=f".{path.name[:50]}.")  # a file system limits the length of names


def umask() -> int:
    """Return the permissions that new files do not get."""
    # The mask can only be read by setting it.
    mask = os.umask(0)
    os.umask(mask)
    return mask
