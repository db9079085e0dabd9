"""Print one JSON document, or tables and sentences for people."""

import sys
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.printable import printable_json

if TYPE_CHECKING:
    from rich.console import Console

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Dsn = Annotated[
    str | None,
    typer.Option("--dsn", metavar="DSN", help="Use this database instead of SOJOURN_DSN or the embedded one."),
]


def render(document: Any, *, as_json: bool, human: Callable[["Console"], object]) -> None:
    """Print the document as JSON, or let `human` print it on the console."""
    if as_json:
        sys.stdout.write(json_text(document, indent=2) + "\n")
        sys.stdout.flush()
    else:
        human(console())


def render_rows(rows: Iterable[Any]) -> int:
    """Print rows as one JSON array, one at a time to save memory, and return their number."""
    number = 0
    for number, row in enumerate(rows, 1):
        sys.stdout.write(f"{'[' if number == 1 else ','}\n{json_text(row)}")
    sys.stdout.write("\n]\n" if number else "[]\n")
    sys.stdout.flush()
    return number


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Return a value as JSON that standard output can encode and a terminal shows as it is."""
    from pydantic_core import to_json

    only_ascii = not sys.stdout.encoding.lower().startswith("utf")
    return printable_json(to_json(value, indent=indent).decode(), only_ascii=only_ascii)


def print_lines(console: "Console", lines: Iterable[str], **options: Any) -> None:
    """Print lines; a line end within one of them is escaped."""
    console.print(*lines, sep="\n", **options)


@cache
def console() -> "Console":
    """Return standard output for people; a pipe gets no colours and no line breaks."""
    return _console(sys.stdout.isatty())


@cache
def messages() -> "Console":
    """Return standard error, for progress and warnings."""
    return _console(sys.stderr.isatty(), stderr=True)


def _console(terminal: bool, *, stderr: bool = False) -> "Console":
    from interfaces.cli.console import EscapingConsole

    # Ids may look like markup (`job[3]`) or emoji (`a:b:c`), so neither is interpreted.
    width = None if terminal else 10_000
    return EscapingConsole(
        stderr=stderr, width=width, soft_wrap=not terminal, highlight=False, markup=False, emoji=False
    )
