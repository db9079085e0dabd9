"""A table of texts, and how it is printed: one style for every command."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from domain.printable import printable
from interfaces.cli.columns import Cell, Column
from interfaces.cli.columns import Table as Data
from interfaces.wording.values import replace_times

if TYPE_CHECKING:
    from rich.console import Console

MAX_WIDTH = 10_000
"""The width of the widest table in a pipe."""

GAP = 2
"""The number of blanks between two columns."""


class TextTable(NamedTuple):
    """Printable texts under their columns, with the style of each row."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    styles: Sequence[str | None]

    def cells_of(self, number: int) -> list[str]:
        """Return the texts of a column, without its name."""
        return [row[number] for row in self.rows]

    def select(self, numbers: Sequence[int]) -> "TextTable":
        """Return the table with some of its columns."""
        rows = [[row[number] for number in numbers] for row in self.rows]
        return TextTable([self.columns[number] for number in numbers], rows, self.styles)

    def widths(self) -> list[int]:
        """Return the widths that the columns need for every text to stand on one line."""
        return [max(map(cell_len, (column.name, *self.cells_of(number)))) for number, column in enumerate(self.columns)]


def write_texts(data: Data, write_time: Callable[[datetime], str]) -> TextTable:
    """Return a table as texts that a terminal shows as they are, with each time as `write_time` writes it."""

    def write(column: Column, cell: Cell) -> str:
        if isinstance(cell, datetime):
            return write_time(cell)
        text = cell or ""
        return printable(replace_times(text, write_time) if column.kind == "sentence" else text)

    rows = [[write(*cell) for cell in zip(data.columns, row.cells, strict=True)] for row in data.rows]
    return TextTable(data.columns, rows, [row.style for row in data.rows])


def total_width(widths: Sequence[int]) -> int:
    """Return the width of a table whose columns have these widths."""
    return sum(widths) + GAP * (len(widths) - 1)


def print_texts(
    console: "Console", texts: TextTable, widths: Sequence[int], *, header: bool, wrapped: bool = False
) -> None:
    """Print a table; texts that are wider than their column are wrapped, or move those at their right.

    Trailing blanks are removed, because a terminal would wrap them into empty lines.
    """
    shown = _rich_table(texts, widths, header=header, wrapped=wrapped)
    options = console.options.update(max_width=MAX_WIDTH)
    shown.width = total_width(widths) if wrapped else console.measure(shown, options=options).maximum
    for segments in console.render_lines(shown, options.update(width=shown.width), pad=False):
        line = Text.assemble(*((segment.text, segment.style or "") for segment in segments), end="")
        line.rstrip()
        console.print(line, soft_wrap=True)


def _rich_table(texts: TextTable, widths: Sequence[int], *, header: bool, wrapped: bool) -> Table:
    shown = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), show_header=header, header_style="bold")
    for column, width in zip(texts.columns, widths, strict=True):
        shown.add_column(
            column.name,
            justify="right" if column.is_number else "left",
            min_width=width,
            max_width=width if wrapped else None,
            no_wrap=not wrapped,
            overflow="fold",
        )
    for row, style in zip(texts.rows, texts.styles, strict=True):
        shown.add_row(*row, style=style)
    return shown
