"""Aligns the fields of sacct's lines with their columns, where a text has bars or line ends of its own.

sacct escapes neither. Only some columns are free text, and most others have a form by which they are recognised, so a
line mostly fits its columns in one way. Where it fits in several, the columns that differ stay unknown.
"""

import re
from collections.abc import Iterator, Sequence

BAR = "|"

FREE_TEXT = frozenset({
    "admincomment", "comment", "constraints", "container", "extra", "jobname", "licenses", "reservation", "stderr",
    "stderrexpanded", "stdin", "stdinexpanded", "stdout", "stdoutexpanded", "submitline", "systemcomment", "wckey",
    "workdir",
})  # fmt: skip
"""The columns that may have bars and line ends of their own."""

MULTILINE = FREE_TEXT - {"jobname"}
"""The columns that mostly hold several lines where a line has too few fields."""

TIME = r"|\d+|Unknown|None|N/A|\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*"
DURATION = r"|[A-Z]+|(\d+-)?[\d:.]+"

FORMS = {
    "jobid": r"\d+(_(\d+|\[.*))?(\+\d+)?(\..+)?",
    "jobidraw": r"\d+(\..+)?",
    "cluster": r"[\w.-]*",
    "user": r"[^\s,]*",
    "submit": TIME,
    "eligible": TIME,
    "start": TIME,
    "end": TIME,
    "elapsed": DURATION,
    "timelimit": r"|[A-Za-z_]+|(\d+-)?[\d:]+",
    "exitcode": r"|\d+:\d+",
    "state": r"[A-Z_]+\+?( by.*)?",
    "nodelist": r"|None assigned|[\w\[\],.-]+",
}
"""The forms of columns that are recognised by them."""

ANY = re.compile(r"[^\n]*")

MOST_PIECES = 100
"""The largest number of lines that a record may take."""

MOST_BARS = 1000
"""The largest number of bars in a record's texts, so that a line of nothing but bars costs no minutes."""


class BarLayout:
    """The columns of a file, by their names in lower case."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = columns
        self.width = len(columns)
        self._forms = [None if name in FREE_TEXT else re.compile(FORMS.get(name, ANY.pattern)) for name in columns]
        self._id_at = next((at for at, name in enumerate(columns) if name in ("jobid", "jobidraw")), 0)
        self._ends_in_text = columns[-1] in MULTILINE

    def align(self, fields: list[str]) -> list[str | None] | None:
        """Return the value of each column, None where it is ambiguous; None if the fields do not fit the columns."""
        more = len(fields) - self.width
        if more == 0:
            return list(fields)
        if not 0 < more <= MOST_BARS:
            return None
        begins, ends = self._begins(fields, more), self._ends(fields, more)
        offsets = [_bits(begin & end) for begin, end in zip(begins, ends, strict=True)]
        if not all(offsets):
            return None
        return [self._value(fields, at, offsets[at], offsets[at + 1]) for at in range(self.width)]

    def holds(self, fields: list[str]) -> bool:
        """Return whether the fields are a whole record, each in the form of its column."""
        values = self.align(fields)
        return values is not None and all(
            form is None or value is None or form.fullmatch(value)
            for form, value in zip(self._forms, values, strict=True)
        )

    def is_short(self, fields: list[str]) -> bool:
        """Return whether the fields are too few for a record."""
        return len(fields) < self.width

    def names_job(self, fields: list[str]) -> bool:
        """Return whether the fields are the beginning of a record, with its job's id."""
        form = self._forms[self._id_at]
        return len(fields) > self._id_at + 1 and bool(form and form.fullmatch(fields[self._id_at]))

    def continues_text(self, fields: list[str]) -> bool:
        """Return whether the fields can be further lines of the last column of the record before."""
        return self._ends_in_text and not self.names_job(fields)

    # The fields of a column begin at its own place and an offset. A set of offsets is the bits of a number.

    def _begins(self, fields: list[str], more: int) -> list[int]:
        """Return the offsets at which each column can begin, by the columns before it; and the end of the last one."""
        everywhere, reached = (1 << more + 1) - 1, [1]
        for at, form in enumerate(self._forms):
            before = reached[-1]
            lowest = before & -before
            reached.append(everywhere & ~(lowest - 1) if form is None and lowest else self._fitting(fields, at, before))
        return reached

    def _ends(self, fields: list[str], more: int) -> list[int]:
        """Return the offsets at which each column can begin, by itself and the columns after it."""
        reached = [1 << more]
        for at in reversed(range(self.width)):
            after = reached[-1]
            reached.append(
                (1 << after.bit_length()) - 1 if self._forms[at] is None else self._fitting(fields, at, after)
            )
        return reached[::-1]

    def _fitting(self, fields: list[str], at: int, offsets: int) -> int:
        form = self._forms[at]
        if form is None:
            return 0
        return sum(1 << bit for bit in _bits(offsets) if form.fullmatch(fields[at + bit]))

    def _value(self, fields: list[str], at: int, begins: list[int], ends: list[int]) -> str | None:
        if self._forms[at] is not None:
            values = {fields[at + begin] for begin in begins}
            return values.pop() if len(values) == 1 else None
        if len(begins) > 1 or len(ends) > 1:
            return None
        return BAR.join(fields[at + begins[0] : at + ends[0] + 1])


class RecordLines:
    """Joins the lines of records whose text has line ends."""

    def __init__(self, layout: BarLayout) -> None:
        self._layout = layout
        self._pieces: list[tuple[int, str]] = []
        self._follows_record = False

    def add(self, number: int, text: str) -> Iterator[tuple[int, list[str]]]:
        """Yield the fields of the records that a further line completes, with their first line's number.

        A line that is part of no record comes out alone; it has no fields if it ends the text of the record before.
        """
        fields = self._split(text)
        if whole := self._joined(text, fields):
            first = self._pieces[0][0]
            self._pieces = []
            yield self._record(first, whole)
        elif self._layout.is_short(fields):
            self._pieces.append((number, text))
            if len(self._pieces) > MOST_PIECES:
                yield self._alone(*self._pieces.pop(0))
        else:
            yield from self.rest()
            yield self._record(number, fields)

    def rest(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the lines that are part of no record, each alone."""
        pieces, self._pieces = self._pieces, []
        for number, text in pieces:
            yield self._alone(number, text)

    def _joined(self, text: str, fields: list[str]) -> list[str] | None:
        if not self._pieces:
            return None
        pieces = "\n".join(piece for _, piece in self._pieces)
        whole = self._split(f"{pieces}\n{text}")
        # A record that is cut off must not take the next one for its rest.
        is_another = self._layout.names_job(pieces.split(BAR)) and self._layout.holds(fields)
        return whole if not is_another and self._layout.holds(whole) else None

    def _record(self, number: int, fields: list[str]) -> tuple[int, list[str]]:
        self._follows_record = True
        return number, fields

    def _alone(self, number: int, text: str) -> tuple[int, list[str]]:
        fields = self._split(text)
        return number, [] if self._follows_record and self._layout.continues_text(fields) else fields

    def _split(self, text: str) -> list[str]:
        # --parsable ends a line with a bar.
        fields = text.split(BAR)
        return fields[:-1] if len(fields) > self._layout.width and fields[-1] == "" else fields


def _bits(number: int) -> list[int]:
    return [bit for bit in range(number.bit_length()) if number >> bit & 1]
