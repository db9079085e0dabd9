"""The `sojourn` command: reads and writes the log from a shell.

Each module of `interfaces.cli.commands` has an `app` with the commands of its name; one whose `app` has a name is a
group. They import what they need when they run, so that a command answers in under 0.4 s.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from inspect import cleandoc
from pkgutil import iter_modules
from typing import Annotated

import typer

from interfaces.cli import commands
from interfaces.cli.failure import cli_errors
from interfaces.cli.read_dsn import GIVEN, let_read
from interfaces.cli.standard_streams import prepare_streams

MODULES = tuple(found.name for found in iter_modules(commands.__path__) if not found.name.startswith("_"))
"""The modules of commands, each named after its command, which a further word may follow: `list_entities`."""


def build_app(modules: Sequence[str] = MODULES) -> typer.Typer:
    """Return the application with the commands of these modules."""
    app = typer.Typer(
        name="sojourn",
        help="Every status that a task and its attempts have been through: what happened, when, for how long, and why.",
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(set_common_options)
    for module in modules:
        app.add_typer(_read_commands(module))
    return app


def _read_commands(module: str) -> typer.Typer:
    """Return the commands of a module, with summaries that a narrow terminal wraps and does not cut."""
    read: typer.Typer = import_module(f"{commands.__name__}.{module}").app
    for command in read.registered_commands:
        let_read(command, read.info.name if isinstance(read.info.name, str) else None)
        command.short_help = cleandoc(command.help or getattr(command.callback, "__doc__", None) or "").split("\n\n")[0]
    return read


def find_modules(arguments: Sequence[str]) -> Sequence[str]:
    """Return the modules that a command line needs: those of its command, or all where no module is named after it.

    `open` needs all of them, because any other command may follow its case. Reading all takes half of the time of a
    command.
    """
    words = iter(arguments)
    for word in words:
        if word in ("--dsn", "--read-dsn"):
            next(words, None)
        elif not word.startswith("-"):
            name = word.replace("-", "_")
            if name == "open":
                return MODULES
            return [module for module in MODULES if module == name or module.startswith(f"{name}_")] or MODULES
    return MODULES


def print_version(wanted: bool) -> None:
    """Print the version and exit, if it is wanted."""
    if wanted:
        from importlib.metadata import version

        typer.echo(f"sojourn {version('sojourn')}")
        raise typer.Exit


def set_common_options(
    ctx: typer.Context,
    dsn: Annotated[
        str | None, typer.Option(metavar="DSN", help="The database; else SOJOURN_DSN, else the embedded one.")
    ] = None,
    read_dsn: Annotated[
        str | None,
        typer.Option("--read-dsn", metavar="DSN", help="Let commands that only read ask this standby."),
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
    ctx.meta[GIVEN] = read_dsn
    if verbose:
        from interfaces.cli.verbosity import log_to_stderr

        log_to_stderr(verbose)


def main() -> None:
    """Run the command line. Users see a sentence for every error, never a traceback."""
    if "_SOJOURN_COMPLETE" in os.environ:  # a shell asks for completions
        typer.main.get_command(build_app()).main(prog_name="sojourn")
    command = typer.main.get_command(build_app(find_modules(sys.argv[1:])))
    # Not command.main(): that exits with status 1 when the reader of a pipe ends, and 1 means that something is wrong.
    with cli_errors():
        prepare_streams()
        with command.make_context("sojourn", sys.argv[1:]) as context:
            command.invoke(context)
