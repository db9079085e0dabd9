"""Connect a command to its database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from application.transition_service import TransitionService


@contextmanager
def service(ctx: typer.Context, dsn: str | None = None, *, create: bool = False) -> Iterator["TransitionService"]:
    """Yield the service on `--dsn` (before or after the command), SOJOURN_DSN, or the embedded database.

    Only a command that begins a log sets an empty database up (`create`): the others may have got the wrong DSN.

    Raises:
        SchemaMissing: the database is not a Sojourn database.
    """
    from application.shared.store import Store
    from application.transition_service import TransitionService

    with TransitionService(Store.reach(dsn or ctx.find_root().obj, create=create)) as connected:
        yield connected
