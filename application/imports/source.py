"""The lines of a file, numbered, at most so long each."""

from collections.abc import Iterator
from typing import BinaryIO

LONGEST_LINE = 4 * 2**20
"""In bytes. The rest of a longer line is left out, so that a file without line ends cannot fill the memory."""


class Source:
    """A stream of bytes and how far it has been read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.bytes_read = 0

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Every line that is not blank, with its number from 1 on."""
        number = 0
        while line := self._next():
            number += 1
            if not line.isspace():
                yield number, line

    def _next(self) -> bytes:
        line = self._read()
        last = line
        while len(last) == LONGEST_LINE and not last.endswith(b"\n"):
            last = self._read()
        return line

    def _read(self) -> bytes:
        piece = self._stream.readline(LONGEST_LINE)
        self.bytes_read += len(piece)
        return piece
