"""Tables for people."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDEST = 10_000
"""In columns."""


def table(*columns: str, widths: Sequence[int] = ()) -> Table:
    """An empty table, without a header where `widths` go on with one above; columns marked with `>` are numbers."""
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
    """Print a table with every row on a line: in a narrow terminal long lines go on below, and nothing is cut.

    Lines end where their text ends: blanks behind it would go on below as empty lines.
    """
    options = console.options.update(max_width=WIDEST)
    filled.width = console.measure(filled, options=options).maximum
    for segments in console.render_lines(filled, options.update(width=filled.width), pad=False):
        line = Text.assemble(*((segment.text, segment.style or "") for segment in segments), end="")
        line.rstrip()
        console.print(line, soft_wrap=True)
