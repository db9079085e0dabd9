"""The standard streams: none is missing, answers that cannot be written are an error, and lost messages are not."""

import codecs
import io
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from domain.printable import printable_lines

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


STANDARD_OUTPUT = "standard output"


class StandardOutput(io.FileIO):
    """Standard output; its errors name it, because an OSError of a write does not say where."""

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write some of `data`.

        Raises:
            OSError: standard output cannot be written; its filename is STANDARD_OUTPUT.
        """
        try:
            return super().write(data)
        except OSError as error:
            error.filename = STANDARD_OUTPUT
            raise


class StandardError(io.FileIO):
    """Standard error; what cannot be written is dropped, because the answer matters more than a message."""

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write some of `data`, or drop it."""
        with suppress(OSError):
            return super().write(data)
        return memoryview(data).nbytes


def prepare_streams() -> None:
    """Make the standard streams usable, also where they are closed or cannot encode what is printed.

    Streams that a program has put in their place stay.

    Raises:
        OSError: standard output is closed, so nobody would get the answer.
    """
    _fill_closed_numbers()
    if sys.stderr is sys.__stderr__:
        sys.stderr = _text_stream(StandardError(2, "w", closefd=False), sys.stderr)
    if sys.stdout is None:
        raise OSError(None, "it is closed; redirect it to a file or to /dev/null", STANDARD_OUTPUT)
    if sys.stdout is sys.__stdout__:
        sys.stdout = _text_stream(StandardOutput(1, "w", closefd=False), sys.stdout)


def _fill_closed_numbers() -> None:
    # Otherwise the next file or socket gets the number of the closed stream, and what is printed goes there.
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)


def _text_stream(raw: io.FileIO, replaced: TextIO | None) -> io.TextIOWrapper:
    encoding = replaced.encoding if replaced else "utf-8"
    lines = raw.isatty() or isinstance(raw, StandardError)
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors="backslashreplace", line_buffering=lines)


class TerminalOutput(io.RawIOBase):
    """A terminal as a stream of bytes: text that would act on it is escaped, unlike in a file or a pipe."""

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def writable(self) -> bool:
        """Return that it can be written."""
        return True

    def write(self, data: "ReadableBuffer", /) -> int:
        """Print text of which each part may end within a character."""
        self._terminal.write(printable_lines(self._decoder.decode(bytes(data))))
        return memoryview(data).nbytes

    def flush(self) -> None:
        """Show what was printed."""
        self._terminal.flush()


def discard_output() -> None:
    """Discard what is still buffered for standard output, so that the end of the program does not try it again."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
