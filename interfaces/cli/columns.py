"""Tables as data: how wide a column is, and what of it is shortened, is decided when the table is printed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

Kind = Literal["text", "number", "entity", "entities", "prose", "sentence", "bar"]
"""What a column has. Of entities, what all begin with is left out on a narrow terminal; prose and sentences wrap."""

Cell = str | datetime | None


class Column(NamedTuple):
    """A column; a detail is left out where the terminal is too narrow.

    What entities begin with is the same in all columns, but in each that is apart it is another text.
    """

    name: str
    kind: Kind = "text"
    detail: bool = False
    apart: bool = False

    @property
    def is_number(self) -> bool:
        """Return whether the column has numbers, which stand at its right."""
        return self.kind == "number"


class Row(NamedTuple):
    """The cells of a row, one for each column; None is an empty one."""

    cells: Sequence[Cell]
    style: str | None = None


class Table:
    """Rows under their columns."""

    def __init__(self, columns: Sequence[Column], rows: Sequence[Row] = (), *, header: bool = True) -> None:
        self.columns = columns
        self.header = header
        self.rows = list(rows)

    def add_row(self, *cells: Cell, style: str | None = None) -> None:
        """Add a row; None is an empty cell."""
        self.rows.append(Row(cells, style))


def table(*columns: str | Column, header: bool = True) -> Table:
    """Return an empty table; a column that is named by a text has numbers if the text ends in `>`."""
    return Table([to_column(column) for column in columns], header=header)


def to_column(column: str | Column) -> Column:
    """Return the column that a text names."""
    if isinstance(column, Column):
        return column
    return Column(column.rstrip(">"), "number" if column.endswith(">") else "text")


def entity(name: str) -> Column:
    """Return a column of entities, or of ids."""
    return Column(name, "entity")


def entities(name: str) -> Column:
    """Return a column of several entities in each cell, separated by commas."""
    return Column(name, "entities")


def apart(column: Column) -> Column:
    """Return a column whose entities begin with another text than those of other columns."""
    return column._replace(apart=True)


def prose(name: str) -> Column:
    """Return a column of text from others."""
    return Column(name, "prose")


def sentence(name: str) -> Column:
    """Return a column of Sojourn's own sentences, whose times are printed in the local zone."""
    return Column(name, "sentence")


def detail(column: str | Column) -> Column:
    """Return a column that is left out where the terminal is too narrow."""
    return to_column(column)._replace(detail=True)
