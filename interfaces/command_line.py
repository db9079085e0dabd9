"""The `sojourn` command: reads and writes the log from a shell.

Modules of commands are imported when their command is asked for, and what a command needs when it runs: a command
answers in under 0.4 s.
"""

import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from click import Command, Context
from typer.core import TyperGroup

COMMANDS = {
    "demo": "Run real commands through the service, an orphan among them, and show what the log says.",
    "import": "Import executions from another system's records.",
    "history": "Everything that happened to a task or task instance, in order.",
    "status": "The status of a task or task instance, now or at a time.",
    "audit": "Every status that tasks were in, from when to when.",
    "time-in-status": "How long tasks or task instances sit in each status.",
    "verify": "Check every projection row against a replay of the log.",
    "lifecycle": "Show the lifecycles and check definitions of your own.",
    "setup": "Create or update the database's schema.",
    "db": "Show, stop and address the embedded database.",
}
"""Every command and what it is for; its module is `interfaces.commands.NAME`, its Typer app `app`."""


class LazyGroup(TyperGroup):
    """Lists all commands without importing one, and imports the one that is run."""

    def list_commands(self, ctx: Context) -> list[str]:
        """Every command, in the order of a first use."""
        return list(COMMANDS)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        """The command of that name, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(
            f"interfaces.commands.{cmd_name.replace('-', '_').replace('import', 'import_')}"
        )
        command = typer.main.get_command(module.app)
        command.name, command.short_help = cmd_name, COMMANDS[cmd_name]
        return command

    def format_commands(self, ctx: Context, formatter: Any) -> None:
        """The list for --help, from the table above: nothing is imported for it."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


app = typer.Typer(
    cls=LazyGroup,
    name="sojourn",
    help="Every status that a task and its attempts have been through: what happened, when, for how long, and why.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def everywhere(
    ctx: typer.Context,
    dsn: Annotated[
        str | None, typer.Option(help="The database; else SOJOURN_DSN, else the embedded one.")
    ] = None,
) -> None:
    """Options of every command."""
    ctx.obj = dsn


def main() -> None:
    """Run the command line; a user sees a sentence for every error, never a traceback."""
    from interfaces.failure import told_to_people

    with told_to_people():
        app()
    sys.exit(0)
