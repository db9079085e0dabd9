"""The `sojourn` command: reads and writes the log from a shell.

Each module of `interfaces.cli.commands` has the commands of its name. They import what they need when they run, so that
a command answers in under 0.4 s.
"""

import sys
from typing import Annotated

import typer

from interfaces.cli.commands import (
    attempts,
    audit,
    bench,
    breaches,
    bundle,
    concurrency,
    db,
    demo,
    diff,
    export,
    heartbeat,
    history,
    import_file,
    lifecycle,
    open_case,
    orphans,
    rebuild,
    recover,
    replay,
    report,
    serve,
    setup,
    slots,
    status,
    time_in_status,
    token,
    variants,
    verify,
    why,
)
from interfaces.cli.failure import cli_errors

app = typer.Typer(
    name="sojourn",
    help="Every status that a task and its attempts have been through: what happened, when, for how long, and why.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for commands in (
    attempts,
    audit,
    bench,
    breaches,
    bundle,
    concurrency,
    demo,
    diff,
    export,
    heartbeat,
    history,
    import_file,
    open_case,
    orphans,
    rebuild,
    recover,
    replay,
    report,
    serve,
    setup,
    slots,
    status,
    time_in_status,
    variants,
    verify,
    why,
):
    app.add_typer(commands.app)
app.add_typer(db.app)
app.add_typer(lifecycle.app, name="lifecycle")
app.add_typer(token.app, name="token")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"sojourn {version('sojourn')}")
        raise typer.Exit


@app.callback()
def everywhere(
    ctx: typer.Context,
    dsn: Annotated[str | None, typer.Option(help="The database; else SOJOURN_DSN, else the embedded one.")] = None,
    verbose: Annotated[
        int,
        typer.Option("--verbose", "-v", count=True, show_default=False, help="Log to stderr; -vv also logs retries."),
    ] = 0,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which.")] = False,  # noqa: ARG001
) -> None:
    """Options of every command."""
    ctx.obj = dsn
    if verbose:
        from interfaces.cli.verbosity import log_to_stderr

        log_to_stderr(verbose)


def main() -> None:
    """Run the command line; a user sees a sentence for every error, never a traceback."""
    command = typer.main.get_command(app)
    # Not app(): it ends with status 1 when the reader of a pipe has gone, and 1 says that something is wrong.
    with cli_errors(), command.make_context("sojourn", sys.argv[1:]) as context:
        command.invoke(context)
