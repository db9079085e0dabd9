"""`sojourn verify`: the projections against a replay of the log."""

import gc
from typing import TYPE_CHECKING

import typer

from interfaces.cli import connect
from interfaces.cli.failure import EXIT_FAILURE
from interfaces.cli.output import AsJson, Dsn, show

if TYPE_CHECKING:
    from rich.console import Console

    from application.replay.verify import Verification

app = typer.Typer()

SHOWN = 20
"""How many mismatches people are told one by one."""


@app.command()
def verify(ctx: typer.Context, dsn: Dsn = None, as_json: AsJson = False) -> None:
    """Compare every row of the projections with a replay of the log, and the log with its lifecycles."""
    from application.replay.verify import verify as verified
    from interfaces.cli.progress import progress_bars

    # What is kept is in no cycles: looking for them among many entities takes a fifth of the time.
    gc.set_threshold(100_000)
    with progress_bars() as bar, connect.service(ctx, dsn) as service:
        verification = verified(service.store, bar("Replaying the log"))
    show(verification, as_json=as_json, people=lambda console: tell(console, verification))
    if verification["mismatches"]:
        raise typer.Exit(EXIT_FAILURE)


def tell(console: "Console", verification: "Verification") -> None:
    """Print the first mismatches, and how many there are."""
    mismatches = verification["mismatches"]
    for mismatch in mismatches[:SHOWN]:
        console.print(mismatch.text)
    left_out = verification["left_out"]
    number = len(mismatches) + left_out
    if number > SHOWN:
        printed = f"the first {len(mismatches):,}" if left_out else "them all"
        console.print(f"and {number - SHOWN:,} more: --json prints {printed}")
    replayed = f"Replayed {verification['events']:,} events of {verification['entities']:,} entities"
    if mismatches:
        console.print(f"{replayed}: {number:,} mismatches.")
    else:
        console.print(f"{replayed}: the log is legal, and the projections agree with it.")
