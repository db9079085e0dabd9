"""Connect a command to its database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from application.transition_service import TransitionService


@contextmanager
def service(ctx: typer.Context, dsn: str | None = None) -> Iterator["TransitionService"]:
    """Yield the service on `--dsn` (before or after the command), SOJOURN_DSN, or the embedded database."""
    from application.transition_service import TransitionService

    with TransitionService.connect(dsn or ctx.find_root().obj) as connected:
        yield connected
