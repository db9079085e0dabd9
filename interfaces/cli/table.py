"""Print tables for people."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

MAX_WIDTH = 10_000
"""The width of the widest table, in columns."""


def table(*columns: str, widths: Sequence[int] = ()) -> Table:
    """Return an empty table; a column ending in `>` has numbers, and `widths` continue a table above without header."""
    empty = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=not widths, header_style="bold")
    for number, column in enumerate(columns):
        empty.add_column(
            column.rstrip(">"),
            justify="right" if column.endswith(">") else "left",
            min_width=widths[number] if widths else None,
            no_wrap=True,
        )
    return empty


def print_table(console: Console, filled: Table) -> None:
    """Print a table with one line for each row; a narrow terminal wraps long lines, and nothing is cut.

    Trailing blanks are removed, because a terminal would wrap them into empty lines.
    """
    options = console.options.update(max_width=MAX_WIDTH)
    filled.width = console.measure(filled, options=options).maximum
    for segments in console.render_lines(filled, options.update(width=filled.width), pad=False):
        line = Text.assemble(*((segment.text, segment.style or "") for segment in segments), end="")
        line.rstrip()
        console.print(line, soft_wrap=True)
