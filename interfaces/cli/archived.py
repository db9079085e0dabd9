"""Answer from the archive where a command asks about what is no longer in the log."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, cast

import typer

from interfaces.cli import connect
from interfaces.cli.output import messages

if TYPE_CHECKING:
    from domain.errors import Archived

P = ParamSpec("P")


def answers_from_archive(command: Callable[P, None]) -> Callable[P, None]:
    """Run a command again on an opened archive, where it asks about a workflow that is archived."""

    @wraps(command)
    def ask(*args: P.args, **kwargs: P.kwargs) -> None:
        from domain.errors import Archived

        try:
            command(*args, **kwargs)
        except Archived as error:
            context, dsn = cast("typer.Context", kwargs["ctx"]), cast("str | None", kwargs.get("dsn"))
            _ask_archive(context, dsn, error, lambda: command(*args, **kwargs))

    return ask


def _ask_archive(context: typer.Context, dsn: str | None, error: "Archived", again: Callable[[], None]) -> None:
    from infrastructure.extras import require_extra

    require_extra("lake", "an answer from the archive")
    from application.archive.opened_archive import open_archived

    with connect.service(context, dsn) as service, open_archived(service.store, error.workflow) as opened:
        messages().print(f"workflow {error.workflow!r} is in the archive {error.folder!r}")
        context.meta[connect.OPENED] = opened
        context.meta[connect.ARCHIVED_FROM] = service.store
        try:
            again()
        finally:
            del context.meta[connect.OPENED], context.meta[connect.ARCHIVED_FROM]
