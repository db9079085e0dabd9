"""Print one JSON document, or tables and sentences for people."""

import sys
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import typer

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
        from pydantic_core import to_json

        sys.stdout.write(to_json(document, indent=2).decode() + "\n")
        sys.stdout.flush()
    else:
        human(console())


def render_rows(rows: Iterable[Any]) -> int:
    """Print rows as one JSON array, one at a time to save memory, and return their number."""
    from pydantic_core import to_json

    number = 0
    for number, row in enumerate(rows, 1):
        sys.stdout.write(f"{'[' if number == 1 else ','}\n{to_json(row).decode()}")
    sys.stdout.write("\n]\n" if number else "[]\n")
    sys.stdout.flush()
    return number


@cache
def console() -> "Console":
    """Return standard output for people; a pipe gets no colours and no line breaks."""
    return _console(sys.stdout.isatty())


@cache
def messages() -> "Console":
    """Return standard error, for progress and warnings."""
    return _console(sys.stderr.isatty(), stderr=True)


def _console(terminal: bool, *, stderr: bool = False) -> "Console":
    from rich.console import Console

    # Ids may look like markup (`job[3]`) or emoji (`a:b:c`), so neither is interpreted.
    width = None if terminal else 10_000
    return Console(stderr=stderr, width=width, soft_wrap=not terminal, highlight=False, markup=False, emoji=False)
