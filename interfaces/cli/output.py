"""Print one JSON document, or tables and sentences for people."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, cast

import typer

from domain.printable import printable_json
from interfaces.cli.behind import with_behind

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
        sys.stdout.write(json_text(with_behind(document), indent=2) + "\n")
        sys.stdout.flush()
    else:
        with answer_console() as shown:
            human(shown)


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


@contextmanager
def open_output(output: Path, *, as_json: bool) -> Iterator[BinaryIO]:
    """Open standard output for `-`, or a file; a file appears once the block has ended without an error.

    Raises:
        BadParameter: standard output is to have both what is written and the answer.
        OutputNotWritable: the file cannot be written.
    """
    from application.shared.output_file import STDOUT, output_file
    from interfaces.cli.standard_streams import TerminalOutput

    if str(output) != STDOUT:
        with output_file(output) as file:
            yield file
        return
    if as_json:
        raise typer.BadParameter("standard output cannot be both the file and the answer", param_hint="--json")
    yield cast("BinaryIO", TerminalOutput(sys.stdout)) if sys.stdout.isatty() else sys.stdout.buffer


def print_lines(console: "Console", lines: Iterable[str], **options: Any) -> None:
    """Print lines; a line end within one of them is escaped."""
    console.print(*lines, sep="\n", **options)


@cache
def console() -> "Console":
    """Return standard output for people; a pipe gets no colours and no line breaks."""
    return _console(sys.stdout.isatty())


@contextmanager
def answer_console() -> "Iterator[Console]":
    """Yield the console for an answer; on a terminal, what does not fit goes through a pager where one is wanted."""
    from interfaces.cli.pager import find_pager, paged
    from interfaces.cli.presentation import is_paged

    terminal = console()
    pager = find_pager() if is_paged() and terminal.is_terminal else None
    if pager is None:
        yield terminal
        return
    with paged(pager, terminal.height, terminal.width) as output:
        yield _console(terminal=True, file=output, width=terminal.width, force_terminal=True)


@cache
def messages() -> "Console":
    """Return standard error, for progress and warnings."""
    return _console(sys.stderr.isatty(), stderr=True)


def _console(terminal: bool, **options: Any) -> "Console":
    from interfaces.cli.console import EscapingConsole

    # Ids may look like markup (`job[3]`) or emoji (`a:b:c`), so neither is interpreted.
    options = {"width": None if terminal else 10_000, "soft_wrap": not terminal} | options
    return EscapingConsole(highlight=False, markup=False, emoji=False, **options)
