"""`sojourn verify`: compare the projections with a replay of the log."""

import gc
from typing import TYPE_CHECKING

import typer

from interfaces.cli import connect
from interfaces.cli.failure import EXIT_FAILURE
from interfaces.cli.output import AsJson, Dsn, render

if TYPE_CHECKING:
    from rich.console import Console

    from application.replay.verify import Verification

app = typer.Typer()

SHOWN = 20
"""The number of mismatches that are printed."""


@app.command()
def verify(ctx: typer.Context, dsn: Dsn = None, as_json: AsJson = False) -> None:
    """Compare the projections with the log.

    Every row of the projections is compared, and every event with its lifecycle.
    """
    from application.replay.verify import verify_log
    from interfaces.cli.progress import progress_bars

    # Entities have no reference cycles, and looking for cycles takes a fifth of the time.
    gc.set_threshold(100_000)
    with progress_bars() as bar, connect.service(ctx, dsn) as service:
        verification = verify_log(service.store, bar("Replaying the log"))
    render(verification, as_json=as_json, human=lambda console: print_verification(console, verification))
    if verification["mismatches"]:
        raise typer.Exit(EXIT_FAILURE)


def print_verification(console: "Console", verification: "Verification") -> None:
    """Print the first mismatches and their number."""
    mismatches = verification["mismatches"]
    for mismatch in mismatches[:SHOWN]:
        console.print(mismatch.text)
    left_out = verification["left_out"]
    number = len(mismatches) + left_out
    if number > SHOWN:
        printed = f"the first {len(mismatches):,}" if left_out else "all"
        console.print(f"and {number - SHOWN:,} more; --json prints {printed}")
    replayed = f"Replayed {verification['events']:,} events of {verification['entities']:,} entities"
    if mismatches:
        console.print(f"{replayed}: {number:,} mismatches.")
    else:
        console.print(f"{replayed}: the log is legal, and the projections agree with it.")
