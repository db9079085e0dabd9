"""The first rows of an answer, and the sentence that states that there are more."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Generic, TypeVar

import typer

from interfaces.cli.options import LARGEST
from interfaces.cli.output import messages, render

if TYPE_CHECKING:
    from rich.console import Console

Limit = Annotated[
    int | None, typer.Option("--limit", metavar="NUMBER", min=1, max=LARGEST, help="Print at most this many rows.")
]

T = TypeVar("T")


def one_more(limit: int | None) -> int | None:
    """Return how many rows to read, so that it is known whether there are more than the limit."""
    return None if limit is None else limit + 1


def render_first(
    rows: Iterable[T], limit: int | None, *, as_json: bool, human: "Callable[[Console, list[T]], None]"
) -> None:
    """Print rows up to a limit, as JSON or as `human` prints them, and state whether there are more."""
    first = FirstRows(rows, limit)
    shown = list(first)
    render(shown, as_json=as_json, human=lambda console: human(console, shown))
    first.state_end()


class FirstRows(Generic[T]):
    """Rows up to a limit."""

    def __init__(self, rows: Iterable[T], limit: int | None) -> None:
        self._rows = rows
        self._limit = limit
        self._more = False

    def __iter__(self) -> Iterator[T]:
        """Yield the rows, and look whether there is another one."""
        for number, row in enumerate(self._rows):
            if number == self._limit:
                self._more = True
                return
            yield row

    def state_end(self) -> None:
        """Print that there are more rows, if there are, and how to get them."""
        if self._more:
            these = f"These are the first {self._limit:,} rows" if self._limit != 1 else "This is the first row"
            messages().print(f"{these}; a larger --limit prints more, and without --limit all are printed.")
