"""Splits the rows of a file whose values may contain the separator, because its writer quotes nothing.

A program that edited the file may have put quotes around such values. Else the surplus fields belong to free texts: the
row is cut where every other value has the form of its column, if there is only one such way.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement

from application.imports.change import InvalidLine

FREE_TEXT = ("name", "tag", "process", "module", "container", "queue", "workdir", "script", "env")
"""The columns whose values may contain a separator."""

FORMS = {
    "task_id": r"\d+",
    "hash": r"[0-9a-f]{2}/[0-9a-f]+",
    "status": r"[A-Z]+",
    "exit": r"-?\d+",
    "attempt": r"\d+",
    **dict.fromkeys(("submit", "start", "complete"), r"\d+|\d{4}-\d\d-\d\d[ T][\d:.]+(Z|[+-][\d:]+)?"),
    **dict.fromkeys(("duration", "realtime"), r"[\d.]+( ?(ms|[dhms]) ?[\d.]*)*"),
}
"""The forms of values that no free text has by chance."""

NO_VALUE = r"|-|null|N/A|"
PATTERNS = {column: re.compile(f"(?:{form}){NO_VALUE}") for column, form in FORMS.items()}

MAX_SURPLUS = 12
"""The number of separators in the texts of a row of which each way to cut it is tried."""

MAX_FREE = 4
"""The number of columns of free text with which rows are cut."""


class FieldSplitter:
    """Splits the rows of a file with these columns."""

    def __init__(self, columns: Sequence[str], separator: str) -> None:
        self._columns = columns
        self._separator = separator
        self._free = [place for place, column in enumerate(columns) if column in FREE_TEXT]

    def split(self, text: str) -> list[str]:
        """Return the value of each column.

        Raises:
            InvalidLine: the row has too few fields, or more in a way that leaves its values in doubt.
        """
        fields = self._quoted(text) or text.split(self._separator)
        surplus = len(fields) - len(self._columns)
        return fields if surplus == 0 else self._cut(fields, surplus)

    def _quoted(self, text: str) -> list[str] | None:
        if '"' not in text or self._separator == "\t" or len(self._separator) > 1:
            return None
        try:
            fields = next(csv.reader([text], delimiter=self._separator))
        except csv.Error:
            return None
        return fields if len(fields) == len(self._columns) else None

    def _cut(self, fields: list[str], surplus: int) -> list[str]:
        if surplus < 0 or surplus > MAX_SURPLUS or not 0 < len(self._free) <= MAX_FREE or self._separator == "\t":
            name = "tabs" if self._separator == "\t" else repr(self._separator)
            raise InvalidLine(f"has {len(fields)} fields separated by {name}, not {len(self._columns)}")
        ways = [values for values in self._ways(fields, surplus) if self._fits(values)]
        if len(ways) != 1:
            texts = " and ".join(self._columns[place] for place in self._free)
            raise InvalidLine(
                f"has {len(fields)} fields separated by {self._separator!r}, not {len(self._columns)}; "
                f"{texts} may contain them in {len(ways) or 'no'} ways"
            )
        return ways[0]

    def _ways(self, fields: list[str], surplus: int) -> Iterator[list[str]]:
        for owners in combinations_with_replacement(self._free, surplus):
            values, at = [], 0
            for place in range(len(self._columns)):
                width = 1 + owners.count(place)
                values.append(self._separator.join(fields[at : at + width]))
                at += width
            yield values

    def _fits(self, values: list[str]) -> bool:
        row = dict(zip(self._columns, values, strict=True))
        tag = row.get("tag", "-").strip()
        # The name of a task ends with its tag, if it has one.
        is_named = tag in ("", "-") or "name" not in row or row["name"].strip().endswith(f"({tag})")
        return is_named and all(
            pattern.fullmatch(row[column].strip()) for column, pattern in PATTERNS.items() if column in row
        )
