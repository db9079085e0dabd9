"""What commands print: one JSON document, or tables and sentences for people."""

import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Dsn = Annotated[str | None, typer.Option("--dsn", help="The database; else SOJOURN_DSN, else the embedded one.")]


def show(document: Any, *, as_json: bool, people: Callable[["Console"], None]) -> None:
    """Print the document as JSON, or what `people` makes of it on the console."""
    if as_json:
        from pydantic_core import to_json

        sys.stdout.write(to_json(document, indent=2).decode() + "\n")
        sys.stdout.flush()
    else:
        people(console())


@cache
def console() -> "Console":
    """Standard output for people; a pipe gets no colours."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


@cache
def messages() -> "Console":
    """Standard error: progress, warnings, words."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def in_words(duration: timedelta | float | None) -> str:
    """A duration as people read it: `3m 12s`, `2d 4h`, `0.25s`; empty where there is none."""
    if duration is None:
        return ""
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
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


def local(time: datetime | None) -> str:
    """A time in the local zone, with its offset: `2026-01-31 09:30:00.250+01:00`."""
    return time.astimezone().isoformat(sep=" ", timespec="milliseconds") if time else ""
