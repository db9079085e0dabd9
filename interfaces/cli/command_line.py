"""The `sojourn` command: reads and writes the log from a shell.

Each module of `interfaces.cli.commands` has an `app` with the commands of its name; one whose `app` has a name is a
group. They import what they need when they run, so that a command answers in under 0.4 s.
"""

import os
import sys
from importlib import import_module
from inspect import cleandoc
from pkgutil import iter_modules
from typing import Annotated

import typer

from interfaces.cli import commands
from interfaces.cli.failure import cli_errors
from interfaces.cli.standard_streams import prepare_streams

app = typer.Typer(
    name="sojourn",
    help="Every status that a task and its attempts have been through: what happened, when, for how long, and why.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def add_commands(module: str) -> None:
    """Add the commands of a module, with summaries that a narrow terminal wraps and does not cut."""
    added: typer.Typer = import_module(f"{commands.__name__}.{module}").app
    for command in added.registered_commands:
        command.short_help = cleandoc(command.help or getattr(command.callback, "__doc__", None) or "").split("\n\n")[0]
    app.add_typer(added)


for found in iter_modules(commands.__path__):
    if not found.name.startswith("_"):
        add_commands(found.name)


def print_version(wanted: bool) -> None:
    """Print the version and exit, if it is wanted."""
    if wanted:
        from importlib.metadata import version

        typer.echo(f"sojourn {version('sojourn')}")
        raise typer.Exit


@app.callback()
def set_common_options(
    ctx: typer.Context,
    dsn: Annotated[
        str | None, typer.Option(metavar="DSN", help="The database; else SOJOURN_DSN, else the embedded one.")
    ] = None,
    verbose: Annotated[
        int,
        typer.Option("--verbose", "-v", count=True, show_default=False, help="Log to stderr; -vv also logs retries."),
    ] = 0,
    version: Annotated[  # noqa: ARG001 - its callback acts on it
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Keep the options that stand before a command."""
    ctx.obj = dsn
    if verbose:
        from interfaces.cli.verbosity import log_to_stderr

        log_to_stderr(verbose)


def main() -> None:
    """Run the command line. Users see a sentence for every error, never a traceback."""
    command = typer.main.get_command(app)
    if "_SOJOURN_COMPLETE" in os.environ:  # a shell asks for completions
        command.main(prog_name="sojourn")
    # Not app(): that exits with status 1 when the reader of a pipe ends, and 1 means that something is wrong.
    with cli_errors():
        prepare_streams()
        with command.make_context("sojourn", sys.argv[1:]) as context:
            command.invoke(context)
