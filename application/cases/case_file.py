"""A case file: JSON lines compressed by Zstandard, each sealed with the running hash of all lines up to it.

    {"case": 1, "workflow": ..., "events": 40, "leases": 1, "lifecycles": [...], ..., "seal": "5f2c..."}
    {"position": 7, "stream": "task:t1", "version": 1, ..., "data": {...}, "seal": "a01b..."}
    ...
    {"holder": "runner:r1", "heartbeat_at": ..., "seal": "77e0..."}
    {"end": 41, "digest": "9d40..."}

A seal covers the content of a line, not its spelling. It reveals damage, truncation and edits. An author of a whole new
file can seal it too, so only a comparison with the digest that was printed at the bundling reveals that.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, BinaryIO

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from domain.entity import MAX_ID_LENGTH
from domain.errors import SojournError
from domain.text import is_storable
from domain.time import parse_time

FORMAT = 1
LEVEL = 6
SEAL_DIGITS = 16
BLOCK = 50
"""The number of lines that are compressed together: a truncated file loses at most that many before the cut."""

MAX_LINE_BYTES = 2**26
"""The largest length of a line in bytes. No case has a longer one, so it is not read into memory."""

LONGEST_SUBJECT = 300
"""The length to which a sentence shows the subject of a line."""

MAX_POSITION = 2**63 - 1
"""The largest position of an event: the largest integer of a database column."""

CaseLine = dict[str, Any]


class InvalidCase(SojournError):
    """Raised when a file is not a case, or was changed after it was bundled.

    Fix: ask for the case again; `event` is the first line that does not match its seal.
    """

    def __init__(self, path: Path, why: str, event: str | None = None) -> None:
        self.path = path
        self.event = event
        super().__init__(f"{str(path)!r} {why}; ask for the case again, or make it with `sojourn bundle`")


def _require_storable(text: str) -> str:
    if not is_storable(text):
        raise ValueError("no database stores it")
    return text


def _require_time(text: str) -> str:
    parse_time(text)
    return text


Text = Annotated[str, AfterValidator(_require_storable)]
Count = Annotated[int, Field(ge=0, le=MAX_POSITION)]


class Header(BaseModel):
    """The fields that every header has.

    Only thresholds are accepted as settings, because a case must not change anything else of a server.
    """

    model_config = ConfigDict(strict=True)

    workflow: Annotated[Text, Field(min_length=1, max_length=MAX_ID_LENGTH)]
    until: Annotated[str, AfterValidator(_require_time)]
    events: Count
    entities: Count
    leases: Count
    positions: Annotated[list[Count], Field(min_length=2, max_length=2)]
    settings: dict[Annotated[str, StringConstraints(pattern=r"^sojourn\.[a-z_0-9]{1,50}$")], Text]
    lifecycles: list[dict[str, Any]]


class UnsupportedCaseFormat(SojournError):
    """Raised when a case is of a format that this version cannot read.

    Fix: update Sojourn.
    """

    def __init__(self, path: Path, number: object) -> None:
        super().__init__(
            f"{str(path)!r} has case format {number}, but this Sojourn reads format {FORMAT}; update Sojourn"
        )


class Seal:
    """The running hash of the lines so far, over their content."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add_line(self, line: CaseLine) -> str:
        """Add the next line and return its seal."""
        self._hash.update(_canonical_form(line))
        return self._hash.hexdigest()[:SEAL_DIGITS]

    @property
    def digest(self) -> str:
        """Return the hash of all lines in hexadecimal digits."""
        return self._hash.hexdigest()


def write_case(stream: BinaryIO, header: CaseLine, lines: Iterable[CaseLine]) -> str:
    """Write a case, first the events and then the leases that its header counts. Return its digest."""
    from zstandard import FLUSH_BLOCK, ZstdCompressor  # noqa: PLC0415 - of an extra

    seal = Seal()
    written = 0
    with ZstdCompressor(level=LEVEL, write_checksum=True).stream_writer(stream, closefd=False) as compressed:
        compressed.write(_seal_line({"case": FORMAT, **header}, seal))
        for written, line in enumerate(lines, start=1):
            if written % BLOCK == 1:
                compressed.flush(FLUSH_BLOCK)
            compressed.write(_seal_line(line, seal))
        compressed.write(_encode_line({"end": written, "digest": seal.digest}))
    return seal.digest


class CaseFile:
    """A case that is read and checked line by line.

    Raises:
        InvalidCase: a line does not match its seal, or the file is not a case.
        UnsupportedCaseFormat: a later version of Sojourn bundled it.
    """

    def __init__(self, path: Path, stream: BinaryIO) -> None:
        self._path = path
        self._seal = Seal()
        self._lines = self._read_lines(stream)
        self._last: str | None = None
        self.header = self._read_header()
        self.digest = ""
        """The digest of the case, set once every line has been read."""

    def lines(self) -> Iterator[CaseLine]:
        """Yield the events and then the leases, each after its seal was checked."""
        number = 0
        for line in self._lines:
            if "end" in line:
                self._check_end(line, number)
                return
            number += 1
            self._check_seal(line, f"{self._describe_position(number)} {_describe_subject(line)}".rstrip())
            yield line
        missing = self._describe_position(number + 1)
        raise InvalidCase(self._path, f"is cut short: {missing} is missing", missing)

    def _read_header(self) -> CaseLine:
        line = next(self._lines, None)
        if line is None or "case" not in line:
            raise InvalidCase(self._path, "is not a case file")
        if line["case"] != FORMAT:
            raise UnsupportedCaseFormat(self._path, line["case"])
        self._check_seal(line, "its header")
        try:
            Header.model_validate(line)
        except ValidationError as error:
            field = ".".join(map(str, error.errors()[0]["loc"]))
            raise InvalidCase(
                self._path, f"is not a valid case file: the header field {field!r} is not valid", self._last
            ) from error
        return line

    def _check_end(self, line: CaseLine, count: int) -> None:
        if count != self.header["events"] + self.header["leases"] or line["end"] != count:
            missing = self._describe_position(count + 1)
            raise InvalidCase(self._path, f"is cut short: {missing} is missing", missing)
        if line.get("digest") != self._seal.digest or next(self._lines, None) is not None:
            raise InvalidCase(self._path, f"does not match its digest: it was edited after {self._last}", self._last)
        self.digest = self._seal.digest

    def _describe_position(self, number: int) -> str:
        events, leases = self.header["events"], self.header["leases"]
        if number <= events:
            return f"event {number} of {events}"
        return f"lease {number - events} of {leases}" if number <= events + leases else "the end"

    def _check_seal(self, line: CaseLine, what: str) -> None:
        seal = line.pop("seal", None)
        if self._seal.add_line(line) != seal:
            raise InvalidCase(
                self._path,
                f"does not match its seals from {what} on: that was edited, or what came before it is missing",
                what,
            )
        self._last = what

    def _read_lines(self, stream: BinaryIO) -> Iterator[CaseLine]:
        from zstandard import ZstdDecompressor  # noqa: PLC0415 - of an extra

        with ZstdDecompressor().stream_reader(stream, closefd=False) as decompressed:
            rest = b""
            while block := self._read_block(decompressed):
                *lines, rest = (rest + block).split(b"\n")
                yield from map(self._parse_line, lines)
                if len(rest) > MAX_LINE_BYTES:
                    raise self._damage()
            if rest:
                raise self._damage()

    def _read_block(self, decompressed: Any) -> bytes:
        from zstandard import ZstdError  # noqa: PLC0415 - of an extra

        try:
            return bytes(decompressed.read(2**17))
        except ZstdError as error:
            raise self._damage() from error

    def _parse_line(self, text: bytes) -> CaseLine:
        try:
            line = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self._damage() from error
        if not isinstance(line, dict):
            raise self._damage()
        return line

    def _damage(self) -> InvalidCase:
        return InvalidCase(self._path, f"is damaged after {self._last}" if self._last else "is not a case file")


def _seal_line(line: CaseLine, seal: Seal) -> bytes:
    return _encode_line({**line, "seal": seal.add_line(line)})


def _encode_line(line: CaseLine) -> bytes:
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _canonical_form(line: CaseLine) -> bytes:
    return json.dumps(line, sort_keys=True, separators=(",", ":")).encode()


def _describe_subject(event: CaseLine) -> str:
    subject = f"{event['stream']}@{event.get('version')}" if "stream" in event else f"{event.get('holder')}"
    return f"({subject[:LONGEST_SUBJECT]})"
