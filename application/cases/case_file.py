"""A case file: JSON lines under Zstandard, each sealed with what the running hash of all of them is after it.

    {"case": 1, "workflow": ..., "events": 40, "leases": 1, "lifecycles": [...], ..., "seal": "5f2c..."}
    {"position": 7, "stream": "task:t1", "version": 1, ..., "data": {...}, "seal": "a01b..."}
    ...
    {"holder": "runner:r1", "heartbeat_at": ..., "seal": "77e0..."}
    {"end": 41, "digest": "9d40..."}

A seal is made of what a line says, however it is written. It shows what was damaged, cut or edited on the way; who can
write a whole file anew can seal it anew, and is found out only by the digest that he was told.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, BinaryIO

from pydantic import AwareDatetime, BaseModel, NonNegativeInt, StringConstraints, ValidationError

from domain.errors import SojournError

FORMAT = 1
LEVEL = 6
SEAL_DIGITS = 16
BLOCK = 50
"""How many lines are compressed together: of a file that is cut, so many at most are lost before the cut."""

MAX_LINE_BYTES = 2**26
"""In bytes: a line that is longer is none of ours, and is not read into memory."""

CaseLine = dict[str, Any]


class InvalidCase(SojournError):
    """Raised when a file is not a case, or was changed after it was bundled.

    Fix: ask for the case again; `event` is the first that does not fit.
    """

    def __init__(self, path: Path, why: str, event: str | None = None) -> None:
        self.path = path
        self.event = event
        super().__init__(f"{str(path)!r} {why}; ask for the case again, or make it with `sojourn bundle`")


class Header(BaseModel):
    """What a header says at least. Its settings are thresholds: a case is not to tell a server anything else."""

    workflow: str
    until: AwareDatetime
    events: NonNegativeInt
    entities: NonNegativeInt
    leases: NonNegativeInt
    positions: tuple[NonNegativeInt, NonNegativeInt]
    settings: dict[Annotated[str, StringConstraints(pattern=r"^sojourn\.[a-z_0-9]+$")], str]
    lifecycles: list[dict[str, Any]]


class UnsupportedCaseFormat(SojournError):
    """Raised when a case is of a format that this version cannot read.

    Fix: update Sojourn.
    """

    def __init__(self, path: Path, number: object) -> None:
        super().__init__(f"{str(path)!r} is a case of format {number}, and this Sojourn reads {FORMAT}: update Sojourn")


class Seal:
    """The running hash of the lines so far."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def after(self, line: CaseLine) -> str:
        """The seal of the next line."""
        self._hash.update(_canonical(line))
        return self._hash.hexdigest()[:SEAL_DIGITS]

    @property
    def digest(self) -> str:
        """The hash of everything, in hex."""
        return self._hash.hexdigest()


def write_case(stream: BinaryIO, header: CaseLine, lines: Iterable[CaseLine]) -> str:
    """Write a case, the events and then the leases that its header counts, and answer with its digest."""
    from zstandard import FLUSH_BLOCK, ZstdCompressor  # noqa: PLC0415 - of an extra

    seal = Seal()
    written = 0
    with ZstdCompressor(level=LEVEL, write_checksum=True).stream_writer(stream, closefd=False) as compressed:
        compressed.write(_sealed({"case": FORMAT, **header}, seal))
        for written, line in enumerate(lines, start=1):
            if written % BLOCK == 1:
                compressed.flush(FLUSH_BLOCK)
            compressed.write(_sealed(line, seal))
        compressed.write(_text({"end": written, "digest": seal.digest}))
    return seal.digest


class CaseFile:
    """Reads a case, and raises CaseInvalid where something in it does not fit."""

    def __init__(self, path: Path, stream: BinaryIO) -> None:
        self._path = path
        self._seal = Seal()
        self._lines = self._read(stream)
        self._last: str | None = None
        self.header = self._header()
        self.digest = ""
        """Known once every line has been read."""

    def lines(self) -> Iterator[CaseLine]:
        """The events and then the leases, each once it is known to fit."""
        number = 0
        for line in self._lines:
            if "end" in line:
                self._end(line, number)
                return
            number += 1
            self._check(line, f"{self._numbered(number)} {_name(line)}".rstrip())
            yield line
        missing = self._numbered(number + 1)
        raise InvalidCase(self._path, f"is cut short: {missing} is missing", missing)

    def _header(self) -> CaseLine:
        line = next(self._lines, None)
        if line is None or "case" not in line:
            raise InvalidCase(self._path, "is no case")
        if line["case"] != FORMAT:
            raise UnsupportedCaseFormat(self._path, line["case"])
        self._check(line, "its header")
        try:
            Header.model_validate(line)
        except ValidationError as error:
            wrong = ".".join(map(str, error.errors()[0]["loc"]))
            raise InvalidCase(self._path, f"has a header that no case has ({wrong})", self._last) from error
        return line

    def _end(self, line: CaseLine, count: int) -> None:
        if count != self.header["events"] + self.header["leases"] or line["end"] != count:
            missing = self._numbered(count + 1)
            raise InvalidCase(self._path, f"is cut short: {missing} is missing", missing)
        if line.get("digest") != self._seal.digest or next(self._lines, None) is not None:
            raise InvalidCase(self._path, f"does not end as it was bundled, after {self._last}", self._last)
        self.digest = self._seal.digest

    def _numbered(self, number: int) -> str:
        events = self.header["events"]
        if number <= events:
            return f"event {number} of {events}"
        return (
            f"lease {number - events} of {self.header['leases']}"
            if number <= events + self.header["leases"]
            else "the end"
        )

    def _check(self, line: CaseLine, what: str) -> None:
        seal = line.pop("seal", None)
        if self._seal.after(line) != seal:
            raise InvalidCase(
                self._path, f"does not fit from {what} on: it was edited, or what stood before it is gone", what
            )
        self._last = what

    def _read(self, stream: BinaryIO) -> Iterator[CaseLine]:
        from zstandard import ZstdDecompressor  # noqa: PLC0415 - of an extra

        with ZstdDecompressor().stream_reader(stream, closefd=False) as decompressed:
            rest = b""
            while block := self._block(decompressed):
                *lines, rest = (rest + block).split(b"\n")
                yield from map(self._parsed, lines)
                if len(rest) > MAX_LINE_BYTES:
                    raise self._damaged()
            if rest:
                raise self._damaged()

    def _block(self, decompressed: Any) -> bytes:
        from zstandard import ZstdError  # noqa: PLC0415 - of an extra

        try:
            return bytes(decompressed.read(2**17))
        except ZstdError as error:
            raise self._damaged() from error

    def _parsed(self, text: bytes) -> CaseLine:
        try:
            line = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self._damaged() from error
        if not isinstance(line, dict):
            raise self._damaged()
        return line

    def _damaged(self) -> InvalidCase:
        return InvalidCase(self._path, f"is damaged after {self._last}" if self._last else "is no case")


def _sealed(line: CaseLine, seal: Seal) -> bytes:
    return _text({**line, "seal": seal.after(line)})


def _text(line: CaseLine) -> bytes:
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _canonical(line: CaseLine) -> bytes:
    return json.dumps(line, sort_keys=True, separators=(",", ":")).encode()


def _name(event: CaseLine) -> str:
    return f"({event['stream']}@{event.get('version')})" if "stream" in event else f"({event.get('holder')})"
