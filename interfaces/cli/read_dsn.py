"""Let reading commands ask another database than the one that is written, such as a streaming standby."""

from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from interfaces.cli.behind import keep_behind, not_behind
from interfaces.cli.output import messages

if TYPE_CHECKING:
    from application.shared.store import Store

READING = frozenset({
    "attempts", "audit", "blocked", "breaches", "bundle", "compare", "concurrency", "critical-path", "diff", "export",
    "failures", "history", "lifecycle list", "lifecycle show", "list arrays", "list instances", "list runners",
    "list tasks", "list workflows", "orphans", "prove", "queue-wait", "replay", "report", "status", "time-in-status",
    "variants", "verify", "why", "workflow",
})  # fmt: skip
"""The commands that read a log and nothing else."""

GIVEN = "sojourn.given_read_dsn"
"""The key of a context for the DSN that `--read-dsn` names before the command."""

READ_DSN = "sojourn.read_dsn"
"""The key of a context for the DSN that `--read-dsn` names; it is there where a command reads."""

ReadDsn = Annotated[
    str | None, typer.Option("--read-dsn", metavar="DSN", help="Read from this standby instead of SOJOURN_READ_DSN.")
]


class ReadingMixin:
    """Gives a command the option `--read-dsn`."""

    def __init__(self, *args: Any, params: Any = None, **options: Any) -> None:
        super().__init__(*args, params=[*(params or ()), *_options()], **options)  # type: ignore[call-arg]

    def invoke(self, ctx: Any) -> Any:
        """Run the command on the database that it reads."""
        ctx.meta[READ_DSN] = ctx.params.pop("read_dsn") or ctx.meta.get(GIVEN)
        with not_behind():
            return super().invoke(ctx)  # type: ignore[misc]  # of the command's own class


def let_read(command: Any, group: str | None) -> None:
    """Give a command of Typer's the option `--read-dsn`, if it only reads."""
    name = command.name or command.callback.__name__.replace("_", "-")
    kind = command.cls or TyperCommand
    if (f"{group} {name}" if group else name) in READING and not issubclass(kind, ReadingMixin):
        command.cls = type(f"Reading{kind.__name__}", (ReadingMixin, kind), {})


def choose_read_dsn(ctx: typer.Context, dsn: str | None) -> str | None:
    """Return the DSN that a command reads, or None where it is the one of the commands that write.

    A `--dsn` is meant for this command, so that SOJOURN_READ_DSN gives way to it.
    """
    from infrastructure.database.settings import Settings

    if READ_DSN not in ctx.meta:
        return None
    return ctx.meta[READ_DSN] or (None if dsn else Settings().read_dsn)


def state_behind(store: "Store") -> None:
    """Print on stderr how far a standby is behind its primary, and keep it for the answer."""
    from application.shared.standby import read_behind_seconds

    behind = read_behind_seconds(store)
    if behind is not None:
        keep_behind(behind)
        messages().print(f"A standby answers; it is at most {behind:.1f} s behind its primary.")


@cache
def _options() -> list[Any]:
    """Return the option as Typer makes it."""
    app = typer.Typer(add_completion=False)

    @app.command()
    def read(read_dsn: ReadDsn = None) -> None:
        """Have the option."""

    return list(typer.main.get_command(app).params)
