"""`sojourn doctor`: check the database, its server and this machine."""

from typing import TYPE_CHECKING

import typer

from interfaces.cli.failure import EXIT_FAILURE
from interfaces.cli.output import AsJson, Dsn, render
from interfaces.cli.presentation import Listing

if TYPE_CHECKING:
    from rich.console import Console

    from application.doctor.finding import Finding

app = typer.Typer()


@app.command(cls=Listing)
def doctor(ctx: typer.Context, dsn: Dsn = None, as_json: AsJson = False) -> None:
    """Check the database, its server and this machine.

    Every check says what was found and what to do. The exit status is 1 if anything is wrong. Nothing is changed.
    """
    from application.doctor.examine import examine_database

    found = examine_database(dsn or ctx.find_root().obj)
    render(found, as_json=as_json, human=lambda console: print_findings(console, found))
    if not all(finding["ok"] for finding in found):
        raise typer.Exit(EXIT_FAILURE)


def print_findings(console: "Console", found: "list[Finding]") -> None:
    """Print a line for each check, then what to do."""
    from interfaces.cli.columns import prose, table
    from interfaces.cli.table import print_table

    shown = table("", "check", prose("found"))
    for finding in found:
        shown.add_row("ok" if finding["ok"] else "WRONG", finding["check"], finding["value"] or "unknown")
    print_table(console, shown)
    for finding in found:
        if finding["advice"]:
            console.print(f"{finding['check']}: {finding['advice']}")
    wrong = sum(not finding["ok"] for finding in found)
    console.print(f"{wrong} of {len(found)} checks found something wrong." if wrong else "All is well.")
