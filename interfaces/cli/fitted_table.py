"""Fit a table to a terminal: state once above it what all rows share, and wrap long texts in their columns.

Times lose the date or the year that they share. A column with one value in every row is left out. Where that is not
enough, so is what all entities begin with, and then the columns that are details, which `--wide` prints.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from os.path import commonprefix
from typing import NamedTuple

from rich.cells import cell_len

from interfaces.cli.columns import Column, Kind, Table
from interfaces.cli.short_times import ShortTimes
from interfaces.cli.text_table import TextTable, total_width, write_texts
from interfaces.wording.values import find_times

ROOMY: Mapping[Kind, int] = {
    "sentence": 28, "prose": 20, "number": 1, "entities": 20, "entity": 18, "text": 28, "bar": 40,
}  # fmt: skip
"""The widths to which columns shrink, in this order, before details are left out; a number never wraps."""

TIGHT: Mapping[Kind, int] = {"sentence": 16, "prose": 12, "entities": 12, "entity": 12, "text": 12}
"""The widths to which they shrink when every detail is left out, before all columns become as narrow as it takes."""

SHORTEST_PREFIX = 6
"""The length from which what all entities begin with is left out."""

ENTITIES: Mapping[Kind, re.Pattern[str]] = {
    "entity": re.compile(r"^((?:task|ti|array|runner):)?(.+)$"),
    "entities": re.compile(r"\b((?:task|ti|array|runner):)([^\s,]+)"),
    "sentence": re.compile(r"\b((?:task|ti|array|runner):)(\S+)"),
}
"""Entities in a cell, as their kind and their id."""

ENDS = (re.compile(r"[^/]*$"), re.compile(r"\\?[^\W_]*$"))
"""The ends of a prefix that are no whole name: what follows the last slash, or a word that may be cut or escaped."""


class FittedTable(NamedTuple):
    """A table, the widths of its columns, and the sentences that state what it leaves out."""

    texts: TextTable
    widths: Sequence[int]
    notes: Sequence[str]


def fit(full: Table, width: int) -> FittedTable:
    """Return the table so that it is at most `width` wide."""
    times = ShortTimes(_times(full))
    texts = write_texts(full, times.format)
    texts, shared = _without_shared(texts, is_wide=_is_too_wide(texts, width))
    texts, prefixes = _without_prefixes(texts) if _is_too_wide(texts, width) else (texts, {})
    kept = choose_columns(texts, width)
    notes = (
        f"The same in every row: {'; '.join(shared)}." if shared else None,
        times.note,
        note_left_out(texts, kept),
        _note_prefixes(prefixes),
    )
    texts = texts.select(kept)
    return FittedTable(texts, shrink(texts, width), [note for note in notes if note])


def _is_too_wide(texts: TextTable, width: int) -> bool:
    return total_width(texts.widths()) > width


def _times(full: Table) -> Iterator[datetime]:
    for row in full.rows:
        for column, cell in zip(full.columns, row.cells, strict=True):
            if isinstance(cell, datetime):
                yield cell
            elif cell and column.kind == "sentence":
                yield from find_times(cell)


def _without_shared(texts: TextTable, *, is_wide: bool) -> tuple[TextTable, list[str]]:
    """Return the table without columns that have one value in every row, and these values with their columns' names.

    Numbers stay while there is room, because they are there to be compared.
    """
    values = {number: set(texts.cells_of(number)) for number in range(len(texts.columns))}
    several = len(texts.rows) > 1
    shared = {
        number: found.pop()
        for number, found in values.items()
        if found == {""} or (len(found) == 1 and several and _is_stated(texts.columns[number], is_wide=is_wide))
    }
    kept = [number for number in values if number not in shared] or [0]
    stated = [
        f"{texts.columns[number].name} {value}" for number, value in shared.items() if value and number not in kept
    ]
    return texts.select(kept), stated


def _is_stated(column: Column, *, is_wide: bool) -> bool:
    return bool(column.name) and (is_wide or not column.is_number)


def _without_prefixes(texts: TextTable) -> tuple[TextTable, dict[str, str]]:
    """Return the table without what its entities begin with, and that: by the column if it is apart, else by ``."""
    found = {place: _common_prefix(set(_ids(texts, place))) for place in sorted(set(map(_place, texts.columns)))}
    prefixes = {place: prefix for place, prefix in found.items() if prefix}

    def shorten(column: Column, text: str) -> str:
        pattern, prefix = ENTITIES.get(column.kind), prefixes.get(_place(column))
        if pattern is None or prefix is None:
            return text
        return pattern.sub(lambda found: f"{found[1] or ''}…{found[2].removeprefix(prefix)}", text)

    rows = [[shorten(*cell) for cell in zip(texts.columns, row, strict=True)] for row in texts.rows]
    return texts._replace(rows=rows), prefixes


def _place(column: Column) -> str:
    return column.name if column.apart else ""


def _common_prefix(ids: set[str]) -> str:
    """Return the whole names with which all ids begin; nothing where that is too short to matter."""
    common = commonprefix(list(ids)) if len(ids) > 1 else ""  # noqa: RUF071 - ids are no paths
    candidates = (end.sub("", common) for end in ENDS)
    return next((prefix for prefix in candidates if len(prefix) >= SHORTEST_PREFIX), "")


def _ids(texts: TextTable, place: str) -> Iterator[str]:
    """Yield the ids in the columns of entities of a place, and those that sentences mention."""
    for number, column in enumerate(texts.columns):
        if _place(column) == place and (pattern := ENTITIES.get(column.kind)):
            for text in texts.cells_of(number):
                yield from (found[2] for found in pattern.finditer(text))


def _note_prefixes(prefixes: Mapping[str, str]) -> str | None:
    """Return what is left out, and where that differs, of which column."""
    named = [prefix + (f" in {place}" if place else "") for place, prefix in prefixes.items()]
    return f"… stands for {', for '.join(named)}" if named else None


def choose_columns(texts: TextTable, width: int) -> list[int]:
    """Return the numbers of the columns for which there is room: details may have none."""
    floors = _floors(texts, ROOMY)
    kept = [number for number, column in enumerate(texts.columns) if not column.detail] or [0]
    for number in range(len(texts.columns)):
        if number not in kept and total_width([floors[one] for one in (*kept, number)]) <= width:
            kept.append(number)
    return sorted(kept)


def note_left_out(texts: TextTable, kept: Sequence[int]) -> str | None:
    """Return which columns are not kept; None where all that have a name are."""
    names = [column.name for number, column in enumerate(texts.columns) if number not in kept and column.name]
    return f"Left out: {', '.join(names)}; --wide prints everything." if names else None


def shrink(texts: TextTable, width: int) -> list[int]:
    """Return widths of the columns with which the table is at most `width` wide."""
    widths = [min(needed, width) for needed in texts.widths()]
    for least in (ROOMY, TIGHT):
        floors = _floors(texts, least)
        for kind in least:
            of_kind = [number for number, column in enumerate(texts.columns) if column.kind == kind]
            _level(widths, {number: floors[number] for number in of_kind}, width)
    _level(widths, dict.fromkeys(range(len(widths)), 1), width)
    return widths


def _floors(texts: TextTable, least: Mapping[Kind, int]) -> list[int]:
    """Return the least width of each column: a heading is wrapped between words, and a number not at all."""
    return [_floor(texts, number, least.get(column.kind, 1)) for number, column in enumerate(texts.columns)]


def _floor(texts: TextTable, number: int, least: int) -> int:
    column = texts.columns[number]
    heading = max(map(cell_len, column.name.split()), default=1)
    needed = max(map(cell_len, texts.cells_of(number)), default=1)
    return max(heading, needed if column.is_number else min(needed, least))


def _level(widths: list[int], floors: Mapping[int, int], width: int) -> None:
    """Take from the widest columns that are above their floor until the table is at most `width` wide."""
    while total_width(widths) > width:
        above = [number for number, floor in floors.items() if widths[number] > floor]
        if not above:
            return
        widths[max(above, key=widths.__getitem__)] -= 1
