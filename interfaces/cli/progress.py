"""Show progress bars on standard error; a pipe gets none."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from domain.printable import printable
from interfaces.cli.output import messages

if TYPE_CHECKING:
    from application.shared.progress import Progress


@contextmanager
def progress_bars() -> Iterator[Callable[[str], "Progress"]]:
    """Yield a function that starts a bar for a description; the bars follow their reports until the block ends."""
    if not sys.stderr.isatty():
        yield lambda _description: lambda _reached, _last: None
        return

    from rich import progress

    columns = (
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
    )
    with progress.Progress(*columns, console=messages(), transient=True) as shown:

        def bar(description: str) -> "Progress":
            line = shown.add_task(printable(description), total=None)
            return lambda reached, last: shown.update(line, completed=reached, total=last)

        yield bar
