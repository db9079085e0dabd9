"""`sojourn open`: open a case in a database of its own."""

import shlex
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from application.wording.counts import count_noun
from interfaces.cli.failure import fail
from interfaces.cli.output import AsJson, Dsn, messages, render
from interfaces.cli.presentation import Listing
from interfaces.wording.values import format_time

if TYPE_CHECKING:
    from rich.console import Console

    from application.cases.opened_case import OpenedCase
    from infrastructure.database.pool import Database

app = typer.Typer()


@app.command("open", cls=Listing)
def open_case(
    ctx: typer.Context,
    case: Annotated[Path | None, typer.Argument(metavar="CASE", help="Open a file of `sojourn bundle`.")] = None,
    command: Annotated[
        list[str] | None, typer.Argument(metavar="COMMAND", help="Run a command on it, after --: -- why ti:ID")
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="List the open cases.")] = False,
    forget: Annotated[
        str | None, typer.Option("--forget", metavar="DATABASE", help="Drop the database of an opened case.")
    ] = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Open a case in a database of its own.

    The database is on the embedded server or on the server of --dsn; an open case is not loaded again. Answers are as
    of the end of the case unless --at says otherwise, and the database is read-only.
    """
    from infrastructure.extras import require_extra

    if (case is not None) + listing + (forget is not None) != 1:
        fail("none or several of CASE, --list and --forget are given; name exactly one")
    require_extra("zstd", "`sojourn open`")
    server = _server(ctx, dsn)
    if listing:
        _list(server, as_json=as_json)
    elif forget is not None:
        _forget(server, forget, as_json=as_json)
    elif case is not None:
        opened = _open(server, case)
        if command:
            _print_summary(opened)
            _run(ctx, opened["dsn"], command)
        else:
            shown = _without_password(opened)
            render(shown, as_json=as_json, human=lambda console: print_opened(console, shown, opened["dsn"]))


def print_opened(console: "Console", opened: "OpenedCase", dsn: str) -> None:
    """Print what the case contains, and how to ask it; `dsn` is the whole one, which may have a password."""
    console.print(_summary(opened))
    console.print("Ask it like any database:")
    console.print(f"    export SOJOURN_DSN={shlex.quote(opened['dsn'])}")
    console.print("    sojourn audit")
    if dsn != opened["dsn"]:
        console.print("The password is not printed; set PGPASSWORD, or write it into SOJOURN_DSN.")
    console.print(f"It is read-only. `sojourn open --forget {opened['database']}` drops it.")


def _without_password(opened: "OpenedCase") -> "OpenedCase":
    from infrastructure.database.dsn import without_password

    return {**opened, "dsn": without_password(opened["dsn"])}


def _open(server: "Database", case: Path) -> "OpenedCase":
    from application.cases.opened_case import open_case as load
    from interfaces.cli.progress import progress_bars

    with progress_bars() as bar:
        return load(server, case, bar("Opening"))


def _print_summary(opened: "OpenedCase") -> None:
    if opened["loaded"]:
        messages().print(_summary(opened))


def _run(ctx: typer.Context, dsn: str, command: list[str]) -> None:
    root = ctx.find_root()
    with root.command.make_context("sojourn", ["--dsn", dsn, *command]) as context:
        root.command.invoke(context)


def _list(server: "Database", *, as_json: bool) -> None:
    from application.cases.opened_case import list_opened_cases

    cases = [_without_password(case) for case in list_opened_cases(server)]
    render(cases, as_json=as_json, human=lambda console: _print_cases(console, cases))


def _print_cases(console: "Console", cases: "list[OpenedCase]") -> None:
    from interfaces.cli.columns import entity, table
    from interfaces.cli.table import print_table

    shown = table("database", entity("workflow"), "events>", "until")
    for case in cases:
        shown.add_row(case["database"], case["workflow"], f"{case['events']:,}", datetime.fromisoformat(case["until"]))
    if cases:
        print_table(console, shown)
    else:
        messages().print("no case is open")


def _forget(server: "Database", name: str, *, as_json: bool) -> None:
    from application.cases.opened_case import forget_case

    forget_case(server, name)
    render({"forgotten": name}, as_json=as_json, human=lambda console: console.print(f"Dropped {name}."))


def _summary(opened: "OpenedCase") -> str:
    happened = "Opened" if opened["loaded"] else "Already open:"
    what = f"{count_noun(opened['events'], 'event')} of {count_noun(opened['entities'], 'entity', 'entities')}"
    return f"{happened} workflow {opened['workflow']!r}: {what}, as it was at {_until(opened)}."


def _until(opened: "OpenedCase") -> str:
    return format_time(datetime.fromisoformat(opened["until"]))


def _server(ctx: typer.Context, dsn: str | None) -> "Database":
    from infrastructure.database.pool import Database

    return Database.reach(dsn or ctx.find_root().obj)
