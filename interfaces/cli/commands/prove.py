"""`sojourn prove`: write a proof that the log had an event."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli import connect
from interfaces.cli.options import LARGEST_POSITION
from interfaces.cli.output import AsJson, Dsn, render

if TYPE_CHECKING:
    from rich.console import Console

    from application.seals.prove import Proven

app = typer.Typer()


@app.command()
def prove(
    ctx: typer.Context,
    position: Annotated[
        int,
        typer.Argument(
            metavar="POSITION", min=1, max=LARGEST_POSITION, help="Name the event's position.", show_default=False
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Write the proof to FILE.")],
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Write a proof that the log had an event.

    `sojourn check-proof` checks it without the database. An event that was archived is read from its archive.
    """
    from application.archive.archived_event import find_archived_event
    from application.seals.prove import prove_event

    if str(output) == "-":
        raise typer.BadParameter("standard output is not a proof; name a file", param_hint="-o")
    with connect.service(ctx, dsn) as service:
        proven = prove_event(service.store, position, output, find_archived_event)
    render(proven, as_json=as_json, human=lambda console: print_proven(console, proven, output))


def print_proven(console: "Console", proven: "Proven", output: Path) -> None:
    """Print what the proof leads to, and how to check it."""
    console.print(f"Wrote the proof of the event at position {proven['position']:,} to {output}.")
    console.print(f"Check it with: sojourn check-proof {output} --root {proven['root']}")
