"""Print tables for people: fitted to a terminal; in a pipe, or with --wide, full values and one line for each row."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from interfaces.cli.columns import Column, Row, Table, to_column
from interfaces.cli.fitted_table import choose_columns, fit, note_left_out, shrink
from interfaces.cli.pager import ReaderQuit
from interfaces.cli.presentation import is_wide
from interfaces.cli.short_times import format_short_time
from interfaces.cli.text_table import TextTable, print_texts, write_texts
from interfaces.wording.values import format_time

if TYPE_CHECKING:
    from rich.console import Console

CHUNK = 1_000
"""The number of rows that are held at a time."""


def print_table(console: "Console", filled: Table) -> None:
    """Print a table."""
    if is_fitted(console):
        print_fitted(console, filled)
    else:
        GrowingTable(console).print(filled)


def print_rows(console: "Console", columns: Sequence[str | Column], rows: Iterable[Row]) -> int:
    """Print any number of rows, some at a time to save memory, and return the number of those that were read.

    Rows that come after the reader has quit the pager are not read.
    """
    waiting, number = iter(rows), 0
    growing = GrowingTable(console)
    with suppress(ReaderQuit):
        while chunk := list(islice(waiting, CHUNK)):
            part = Table([to_column(column) for column in columns], chunk)
            number += len(chunk)
            if is_fitted(console):
                print_fitted(console, part)
            else:
                growing.print(part)
    return number


def print_fitted(console: "Console", filled: Table) -> None:
    """Print a table that fits the terminal, below what it leaves out."""
    texts, widths, notes = fit(filled, console.width)
    if notes:
        console.print(" ".join(notes), style="dim")
    print_texts(console, texts, widths, header=filled.header, wrapped=True)


class GrowingTable:
    """A table of which more is printed later: its first part decides which columns it has, and how wide they are."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._fitted = is_fitted(console)
        self._columns: Sequence[int] = ()
        self._widths: Sequence[int] = ()

    def print(self, part: Table) -> None:
        """Print a part of the table, the first one with the header."""
        texts = write_texts(part, format_short_time if self._fitted else format_time)
        is_first = not self._widths
        if is_first:
            self._begin(texts)
        print_texts(
            self._console, texts.select(self._columns), self._widths,
            header=part.header and is_first, wrapped=self._fitted,
        )  # fmt: skip

    def _begin(self, texts: TextTable) -> None:
        self._columns = range(len(texts.columns))
        self._widths = texts.widths()
        if self._fitted:
            self._columns = choose_columns(texts, self._console.width)
            self._widths = shrink(texts.select(self._columns), self._console.width)
            if note := note_left_out(texts, self._columns):
                self._console.print(note, style="dim")


def is_fitted(console: "Console") -> bool:
    """Return whether tables have to fit the console: a terminal, unless full values are asked for."""
    return console.is_terminal and not is_wide()
