"""Print tables for people: fitted to a terminal; in a pipe, or with --wide, full values and one line for each row."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from interfaces.cli.columns import Column, Row, Table, to_column
from interfaces.cli.fitted_table import fit, shrink
from interfaces.cli.presentation import is_wide
from interfaces.cli.text_table import print_texts, write_texts
from interfaces.wording.values import format_second, format_time

if TYPE_CHECKING:
    from rich.console import Console

CHUNK = 1_000
"""The number of rows that are held at a time."""


def print_table(console: "Console", filled: Table) -> None:
    """Print a table."""
    if is_fitted(console):
        print_fitted(console, filled)
    else:
        print_part(console, filled)


def print_rows(console: "Console", columns: Sequence[str | Column], rows: Iterable[Row]) -> int:
    """Print any number of rows, some at a time to save memory, and return their number."""
    waiting, number = iter(rows), 0
    widths: Sequence[int] = ()
    while chunk := list(islice(waiting, CHUNK)):
        part = Table([to_column(column) for column in columns], chunk)
        number += len(chunk)
        if is_fitted(console):
            print_fitted(console, part)
        else:
            widths = print_part(console, part, widths)
    return number


def print_fitted(console: "Console", filled: Table) -> None:
    """Print a table that fits the terminal, below what it leaves out."""
    texts, widths, notes = fit(filled, console.width)
    if notes:
        console.print(" ".join(notes), style="dim")
    print_texts(console, texts, widths, header=filled.header, wrapped=True)


def print_part(console: "Console", part: Table, widths: Sequence[int] = ()) -> Sequence[int]:
    """Print a part of a table with full values, and return the widths of its columns, with which the next continues."""
    texts = write_texts(part, format_second if is_fitted(console) else format_time)
    needed = widths or (shrink(texts, console.width) if is_fitted(console) else texts.widths())
    print_texts(console, texts, needed, header=part.header and not widths, wrapped=is_fitted(console))
    return needed


def is_fitted(console: "Console") -> bool:
    """Return whether tables have to fit the console: a terminal, unless full values are asked for."""
    return console.is_terminal and not is_wide()
