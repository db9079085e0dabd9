"""Connect a command to its database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from interfaces.cli.read_dsn import choose_read_dsn, state_behind

OPENED = "sojourn.opened_archive"
"""The key under which a context has the DSN of an opened archive, which goes before every other DSN."""

ARCHIVED_FROM = "sojourn.archived_from"
"""The key under which a context has the store of the log that an opened archive belongs to."""

if TYPE_CHECKING:
    from datetime import datetime

    from application.transition_service import TransitionService


@contextmanager
def service(ctx: typer.Context, dsn: str | None = None, *, create: bool = False) -> Iterator["TransitionService"]:
    """Yield the service on `--dsn` (before or after the command), SOJOURN_DSN, or the embedded database.

    A command that only reads asks the database of `--read-dsn` or SOJOURN_READ_DSN instead.

    Only a command that begins a log sets an empty database up (`create`): the others may have got the wrong DSN.

    Raises:
        SchemaMissing: the database is not a Sojourn database.
    """
    from application.shared.store import Store
    from application.transition_service import TransitionService

    given = ctx.meta.get(OPENED) or dsn or ctx.find_root().obj
    read_dsn = None if OPENED in ctx.meta else choose_read_dsn(ctx, given)
    with TransitionService(Store.reach(read_dsn or given, create=create)) as connected:
        if read_dsn:
            state_behind(connected.store)
        yield connected


@contextmanager
def service_as_of(
    ctx: typer.Context, dsn: str | None, at: str | None
) -> Iterator[tuple["TransitionService", "datetime | None"]]:
    """Yield the service, and the time that `--at` states, or None without it.

    Raises:
        InvalidTime: the text is not a time.
        UnknownTimeZone: the time is in the local zone, and TZ does not name a zone.
        FutureTime: the time is in the future.
        SchemaMissing: the database is not a Sojourn database.
    """
    from interfaces.cli.stated_time import StatedTimes

    stated = StatedTimes(at=at)
    with service(ctx, dsn) as connected:
        [time] = stated.resolve(connected.store)
        yield connected, time
