"""Reads the numbered lines of a file, plain or compressed by gzip, zstd, bzip2 or xz.

A folder is read as one file: Spark's rolling event log in the parts `events_1_*`, `events_2_*`, ..., or Databricks' in
`eventlog-2026-01-31--08-00.gz`, ..., and `eventlog`, which has the newest events.
"""

import bz2
import codecs
import gzip
import lzma
import re
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from application.imports.change import BadLine
from domain.errors import SojournError
from infrastructure.extras import require_extra

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

STDIN = "-"

MAX_LINE_BYTES = 16 * 2**20
"""Events about a large Spark job come close to it. The rest of a longer line is skipped, so that a file without line
ends cannot fill the memory."""

ZSTD_READ_BYTES = 4 * 2**10
"""The part of a zstd file that is read at a time. It is small because zstd can expand it 30,000 times."""

LOG_PART = re.compile(r"events_(\d+)_.*")
DATABRICKS_PART = re.compile(r"eventlog(?:-(\d{4}-\d\d-\d\d--\d\d-\d\d))?(?:\.\w+)?")
NEWEST = "9999"
"""What stands for the date of the part that is being written, after all dates."""

DECOMPRESSION_ERRORS = (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError)

Pieces = Iterator[bytes]


class UnreadableInput(SojournError):
    """Raised when an input cannot be read, is compressed in a way that is not read, or is a folder of other files.

    Fix: name a file that can be read, decompress it, or name the folder of a rolling event log.
    """


class InputFile:
    """Reads streams of bytes one after another, and counts how far it has come."""

    def __init__(self, *streams: BinaryIO, files: Sequence[BinaryIO] = ()) -> None:
        self._streams = streams
        self._files = files
        self._number = 0
        self._read = 0
        self._broken = ""

    @property
    def bytes_read(self) -> int:
        """The number of bytes read: of files as they are stored, of a pipe after decompression."""
        seekable = self._files and all(file.seekable() for file in self._files)
        return sum(file.tell() for file in self._files) if seekable else self._read

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield every line that is not blank, with its number from 1 on."""
        for stream in self._streams:
            while line := self._next(stream):
                self._number += 1
                if self._number == 1:
                    line = line.removeprefix(codecs.BOM_UTF8)
                if line and not line.isspace():
                    yield self._number, line

    def check_end(self) -> Iterator[BadLine]:
        """Yield what is wrong with the end of the file. Call it after the lines were read."""
        if self._broken:
            yield BadLine(self._number + 1, f"cannot be decompressed: the file is cut off or damaged ({self._broken})")

    def _next(self, stream: BinaryIO) -> bytes:
        line = self._piece(stream)
        last = line
        while len(last) == MAX_LINE_BYTES and not last.endswith(b"\n"):
            last = self._piece(stream)
        return line

    def _piece(self, stream: BinaryIO) -> bytes:
        try:
            piece = stream.readline(MAX_LINE_BYTES)
        except DECOMPRESSION_ERRORS as error:
            self._broken = str(error) or type(error).__name__
            return b""
        except OSError as error:
            if error.errno is not None:
                where = f"line {self._number + 1} of the input"
                raise UnreadableInput(f"{where} cannot be read: {error.strerror}") from error
            self._broken = str(error)  # bz2 has no error of its own
            return b""
        self._read += len(piece)
        return piece


@contextmanager
def open_input(name: str) -> Iterator[InputFile]:
    """Open the file or folder of that path, or standard input for `-`.

    Raises:
        OSError: the file cannot be opened.
        UnreadableInput: its compression is not supported, or the folder has no rolling log.
    """
    if name == STDIN:
        if sys.stdin is None:
            raise UnreadableInput("standard input cannot be read: it is closed; name a file, or pipe one in")
        yield InputFile(_decompressed(STDIN, cast("BufferedReader", sys.stdin.buffer)))
        return
    files = [path.open("rb") for path in _parts(Path(name))]
    try:
        yield InputFile(*(_decompressed(file.name, file) for file in files), files=files)
    finally:
        for file in files:
            file.close()


def input_stem(name: str) -> str:
    """Return the name of a file without its endings for a format and a compression."""
    path = Path(name)
    return Path(path.stem).stem if path.suffix in {".gz", ".zst", ".zstd", ".bz2", ".xz"} else path.stem


def input_size(name: str) -> int | None:
    """Return the number of bytes to read, or None if that is not known."""
    return None if name == STDIN else sum(path.stat().st_size for path in _parts(Path(name)))


def _parts(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    names = {part.name: part for part in path.iterdir() if part.is_file()}
    numbered = [(int(found[1]), name) for name in names if (found := LOG_PART.fullmatch(name))]
    dated = [(found[1] or NEWEST, name) for name in names if (found := DATABRICKS_PART.fullmatch(name))]
    if not numbered and not dated:
        raise UnreadableInput(
            f"{str(path)!r} is not a rolling event log: the folder has no files events_1_... or eventlog; name a file"
        )
    ordered = [name for _, name in sorted(numbered)] or [name for _, name in sorted(dated)]
    return [names[name] for name in ordered]


def _decompressed(name: str, stream: BufferedReader) -> BinaryIO:
    try:
        beginning = stream.peek(8)[:8]
    except OSError as error:
        raise UnreadableInput(f"{name!r} cannot be read: {error.strerror}") from error
    for magic, read in READERS.items():
        if beginning.startswith(magic):
            return BufferedReader(_Pieces(read(stream)), 2**20)
    for magic, codec in UNSUPPORTED.items():
        if beginning.startswith(magic):
            raise UnreadableInput(f"{name!r} is compressed by {codec}, which is not supported; decompress it first")
    return stream


class _Pieces(RawIOBase):
    """Pieces of bytes as a stream. Each is passed on at once, so a damaged end holds back nothing before it."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._piece = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        into = memoryview(buffer)
        self._piece = self._piece or memoryview(next(self._pieces, b""))
        fitting, self._piece = self._piece[: len(into)], self._piece[len(into) :]
        into[: len(fitting)] = fitting
        return len(fitting)


def _read1(opened: Callable[[BinaryIO], gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile], stream: BinaryIO) -> Pieces:
    with opened(stream) as file:
        while piece := file.read1(2**16):
            yield piece


def _gzip(stream: BinaryIO) -> gzip.GzipFile:
    return gzip.GzipFile(fileobj=stream)


def _zstd(stream: BinaryIO) -> Pieces:
    require_extra("zstd", "reading a file that is compressed by zstd")
    return _zstd_pieces(stream)


def _zstd_pieces(stream: BinaryIO) -> Pieces:
    from zstandard import ZstdDecompressor, ZstdError  # noqa: PLC0415 - of an extra

    # The library's own reader takes the end of a frame that is cut off for the end of the file.
    frame, rest = None, b""
    while compressed := rest or stream.read(ZSTD_READ_BYTES):
        frame = frame or ZstdDecompressor().decompressobj()
        try:
            piece = frame.decompress(compressed)
        except ZstdError as error:
            raise EOFError(str(error)) from error
        if piece:
            yield piece
        frame, rest = (None, frame.unused_data) if frame.eof else (frame, b"")
    if frame:
        raise EOFError("a frame has no end")


READERS: dict[bytes, Callable[[BinaryIO], Pieces]] = {
    b"\x1f\x8b": partial(_read1, _gzip),
    b"\x28\xb5\x2f\xfd": _zstd,
    b"BZh": partial(_read1, bz2.BZ2File),
    b"\xfd7zXZ\x00": partial(_read1, lzma.LZMAFile),
}
"""The first bytes of a compressed file -> how to decompress it, piece by piece."""

UNSUPPORTED = {
    b"LZ4Block": "lz4",
    b"\x04\x22\x4d\x18": "lz4",
    b"\x82SNAPPY": "snappy",
    b"\xff\x06\x00\x00sNaP": "snappy",
    b"ZV": "lzf",
}
