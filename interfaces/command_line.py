"""The `sojourn` command: reads and writes the log from a shell.

Each module of `interfaces.commands` has the commands of its name. They import what they need when they run, so that
a command answers in under 0.4 s.
"""

from typing import Annotated

import typer

from interfaces.commands import (
    audit,
    bench,
    db,
    demo,
    history,
    import_file,
    lifecycle,
    rebuild,
    setup,
    status,
    time_in_status,
    verify,
)
from interfaces.failure import told_to_people

app = typer.Typer(
    name="sojourn",
    help="Every status that a task and its attempts have been through: what happened, when, for how long, and why.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for commands in (audit, bench, demo, history, import_file, rebuild, setup, status, time_in_status, verify):
    app.add_typer(commands.app)
app.add_typer(db.app, name="db")
app.add_typer(lifecycle.app, name="lifecycle")


@app.callback()
def everywhere(
    ctx: typer.Context,
    dsn: Annotated[str | None, typer.Option(help="The database; else SOJOURN_DSN, else the embedded one.")] = None,
) -> None:
    """Options of every command."""
    ctx.obj = dsn


def main() -> None:
    """Run the command line; a user sees a sentence for every error, never a traceback."""
    with told_to_people():
        app()
