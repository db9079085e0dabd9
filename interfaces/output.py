"""What commands print: one JSON document, or tables and sentences for people."""

import re
import sys
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Dsn = Annotated[str | None, typer.Option("--dsn", help="The database; else SOJOURN_DSN, else the embedded one.")]


def show(document: Any, *, as_json: bool, people: Callable[["Console"], object]) -> None:
    """Print the document as JSON, or what `people` makes of it on the console."""
    if as_json:
        from pydantic_core import to_json

        sys.stdout.write(to_json(document, indent=2).decode() + "\n")
        sys.stdout.flush()
    else:
        people(console())


def show_rows(rows: Iterable[Any]) -> int:
    """Print rows as one JSON array, each as it comes, so that any number fits in memory; answer with the number."""
    from pydantic_core import to_json

    number = 0
    for number, row in enumerate(rows, 1):
        sys.stdout.write(f"{'[' if number == 1 else ','}\n{to_json(row).decode()}")
    sys.stdout.write("\n]\n" if number else "[]\n")
    sys.stdout.flush()
    return number


@cache
def console() -> "Console":
    """Standard output for people; a pipe gets no colours, and lines as long as they are."""
    return _console(sys.stdout.isatty())


@cache
def messages() -> "Console":
    """Standard error: progress, warnings, words."""
    return _console(sys.stderr.isatty(), stderr=True)


def _console(terminal: bool, *, stderr: bool = False) -> "Console":
    from rich.console import Console

    # Ids may look like markup (`job[3]`) or emoji (`a:b:c`): nothing that is printed here is.
    width = None if terminal else 10_000
    return Console(stderr=stderr, width=width, soft_wrap=not terminal, highlight=False, markup=False, emoji=False)


def in_words(duration: timedelta | float | None) -> str:
    """A duration as people read it: `3m 12s`, `2d 4h`, `0.25s`, `12ms`; empty where there is none."""
    if duration is None:
        return ""
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
    if seconds < 0.1:
        return _milliseconds(seconds * 1000)
    if seconds < 10:
        return f"{seconds:.2f}s".replace(".00s", "s")
    units = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
    parts: list[str] = []
    left = round(seconds)
    for name, size in units:
        count, left = divmod(left, size)
        if count or (parts and len(parts) < 2):
            parts.append(f"{count}{name}")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if not part.startswith("0"))


def _milliseconds(milliseconds: float) -> str:
    if milliseconds == 0:
        return "0s"
    return "<1ms" if milliseconds < 1 else f"{milliseconds:.0f}ms"


def percent(share: float | None) -> str:
    """A share as people read it: `12.5 %`; empty where there is none."""
    return "" if share is None else f"{share:.1%}".replace("%", " %")


TOLD = re.compile(r"(?<= )\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z(?![^\s,;:.)])")
"""A time as sentences of the database have it."""


def with_local_times(sentence: str) -> str:
    """A sentence with its times in the local zone."""
    return TOLD.sub(lambda found: local(datetime.fromisoformat(found[0])), sentence)


def local(time: datetime | None) -> str:
    """A time in the local zone, with its offset: `2026-01-31 09:30:00.250+01:00`."""
    return time.astimezone().isoformat(sep=" ", timespec="milliseconds") if time else ""
