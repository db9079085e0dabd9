"""Reads the rows of a Nextflow trace: a header and a row a line, whatever separates their fields (`trace.sep`).

Nextflow quotes nothing, so a name may contain the separator. A row with more fields than columns is cut where every
value has the form of its column (separated_fields.py). A trace that was sorted may have its header anywhere.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from operator import itemgetter
from typing import NamedTuple

from application.imports.change import InvalidLine
from application.imports.naming import placeholder_name
from application.imports.separated_fields import FieldSplitter
from domain.errors import SojournError

LOOKAHEAD = 10_000
"""The number of rows among which the header and the run's first own row are looked for."""

USED = (
    "task_id", "hash", "native_id", "process", "tag", "name", "status", "exit", "attempt", "submit", "start",
    "complete", "duration", "realtime", "hostname",
)  # fmt: skip
IDS = ("task_id", "native_id", "hash")
"""The fields that identify a row of a run; the first one that the file has is used."""

IN_HEADERS = frozenset({"task_id", "hash", "native_id", "name", "process", "status", "submit"})
NULLS = frozenset({"", "-", "null", "N/A", "NA"})
NO_EXIT = "2147483647"
"""The exit status by which Nextflow means that there is none."""

CACHED = "CACHED"
SEPARATOR = re.compile(r'"?%?\w+"?([^\w%"]+)')


class TraceRow(NamedTuple):
    """The fields of a row that are used here; None where the file has no value."""

    task_id: str | None
    hash: str | None
    native_id: str | None
    process: str | None
    tag: str | None
    name: str | None
    status: str | None
    exit: str | None
    attempt: str | None
    submit: str | None
    start: str | None
    complete: str | None
    duration: str | None
    realtime: str | None
    hostname: str | None

    @property
    def task_name(self) -> str:
        """The name of the task, or its process and tag."""
        return self.name or f"{self.process}{f' ({self.tag})' if self.tag else ''}"

    @property
    def instance(self) -> str:
        """What identifies the row's attempt in its run."""
        return self.task_id or self.native_id or self.hash or ""

    @property
    def was_submitted(self) -> bool:
        """Whether the row has a time of submission."""
        return bool(self.submit and self.submit.strip("0"))

    @classmethod
    def of(cls, values: Iterable[str | None]) -> "TraceRow":
        """Return the row that has these values, in the order of `USED`.

        Raises:
            InvalidLine: it has no name, or no id.
        """
        row = cls._make([None if value is None or (text := value.strip()) in NULLS else text for value in values])
        if not (row.name or row.process) or not row.instance:
            raise InvalidLine("has no name, or no id")
        return row._replace(exit=None) if row.exit == NO_EXIT else row


class TraceFile(NamedTuple):
    """The name of a run, and the number of each row with what reads it."""

    run: str
    rows: Iterator[tuple[int, Callable[[], TraceRow]]]


class MissingTraceFields(SojournError):
    """Raised when a Nextflow trace lacks fields that its import needs.

    Fix: add them to Nextflow's trace.fields.
    """

    def __init__(self, fields: Sequence[str]) -> None:
        super().__init__(f"the trace lacks {', '.join(fields)}; add it to Nextflow's trace.fields")


def is_header(line: str) -> bool:
    """Return whether a line can be the header of a trace."""
    return len(IN_HEADERS & set(_columns(line))) > 2


def open_trace(lines: Iterable[tuple[int, bytes]], format_name: str) -> TraceFile:
    """Return the run and the rows of a trace.

    Raises:
        MissingTraceFields: the trace lacks fields.
    """
    numbered = ((number, text.decode(errors="replace").rstrip("\r\n")) for number, text in lines)
    first = list(islice(numbered, LOOKAHEAD))
    header = next((text for _, text in first if is_header(text)), first[0][1] if first else "")
    if not header:
        return TraceFile("", iter(()))
    read = _reader(header)
    run = _run_name(read, [text for _, text in first if text != header], format_name)
    rows = ((number, text) for number, text in chain(first, numbered) if text != header)
    return TraceFile(run, ((number, lambda text=text: read(text)) for number, text in rows))  # type: ignore[misc]


def _reader(header: str) -> Callable[[str], TraceRow]:
    columns = _columns(header)
    _require_fields(columns)
    split = FieldSplitter(columns, _separator(header)).split
    used = itemgetter(*(columns.index(name) if name in columns else len(columns) for name in USED))
    return lambda text: TraceRow.of(used([*split(text), None]))


def _require_fields(columns: Sequence[str]) -> None:
    missing = [name for name in ("status", "submit") if name not in columns]
    if not {"name", "process"} & set(columns):
        missing.append("name")
    if not set(IDS) & set(columns):
        missing.append("task_id")
    if missing:
        raise MissingTraceFields(missing)


def _columns(header: str) -> list[str]:
    return [field.strip().strip('"') for field in header.rstrip("\r\n").split(_separator(header))]


def _separator(header: str) -> str:
    found = SEPARATOR.match(header)
    between = found[1] if found else "\t"
    return "\t" if "\t" in between else between.strip() or between


def _run_name(read: Callable[[str], TraceRow], texts: Sequence[str], format_name: str) -> str:
    """Return a digest of the first row that the run executed itself, else of the first row."""
    own = (text for text in texts if _is_own(read, text))
    return placeholder_name(format_name, next(own, texts[0] if texts else ""))


def _is_own(read: Callable[[str], TraceRow], text: str) -> bool:
    try:
        return read(text).status not in (CACHED, None)
    except SojournError:
        return False
