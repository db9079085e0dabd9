"""`sojourn verify`: compare the projections with a replay of the log."""

import gc
from typing import TYPE_CHECKING, Annotated

import typer

from application.wording.counts import count_noun
from interfaces.cli import connect
from interfaces.cli.failure import EXIT_FAILURE
from interfaces.cli.output import AsJson, Dsn, messages, print_lines, render

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from application.replay.verify import Verification
    from application.shared.store import Store

app = typer.Typer()

SHOWN = 20
"""The number of mismatches that are printed."""


@app.command()
def verify(
    ctx: typer.Context,
    root: Annotated[
        str | None, typer.Option("--root", metavar="ROOT", help="Compare the seals with a root that you kept.")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", metavar="KEY", help="Compare them with a public key: PEM file or hex.")
    ] = None,
    since_seal: Annotated[
        bool, typer.Option("--since-seal", help="Read only what came after the last seal that was verified.")
    ] = False,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Compare the projections and the seals with the log.

    Every row of the projections is compared, every event with its lifecycle, and every seal with its events. Who can
    write the database can seal it again: --root and --key find that. --since-seal goes on after the seal with the root
    of --root, or after the one that this user verified last.
    """
    from application.replay.verify import verify_log
    from application.seals.check_proof_file import trust_in
    from application.seals.last_verified import read_last_verified
    from infrastructure.database.settings import Settings
    from interfaces.cli.progress import progress_bars

    # Entities have no reference cycles, and looking for cycles takes a fifth of the time.
    gc.set_threshold(100_000)
    trust = trust_in(root, key)
    with progress_bars() as bar, connect.service(ctx, dsn) as service:
        home = Settings().home
        since = (trust.root or read_last_verified(service.store, home)) if since_seal else None
        verification = verify_log(service.store, bar("Replaying the log"), trust, since)
        note_verified(service.store, home, verification)
    render(verification, as_json=as_json, human=lambda console: print_verification(console, verification))
    if verification["mismatches"]:
        raise typer.Exit(EXIT_FAILURE)


def note_verified(store: "Store", home: "Path", verification: "Verification") -> None:
    """Record the last seal where nothing is wrong; a home that cannot be written is no reason to fail."""
    from application.seals.last_verified import record_verified
    from application.shared.output_file import OutputNotWritable

    if verification["root"] is None or verification["mismatches"]:
        return
    try:
        record_verified(store, home, verification["root"], verification["sealed_to"])
    except OutputNotWritable as error:
        print_lines(messages(), [f"sojourn: the verified seal is not recorded: {error}"])


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
    events = count_noun(verification["events"], "event")
    entities = count_noun(verification["entities"], "entity", "entities")
    replayed = f"Replayed {events} of {entities}"
    if verification["since"]:
        replayed = f"Replayed {events} after position {verification['since']:,}, and compared {entities}"
    if mismatches:
        console.print(f"{replayed}: {count_noun(number, 'mismatch', 'mismatches')}.")
    else:
        console.print(f"{replayed}: the log is legal, and the projections agree with it.")
    if verification["sealed_to"]:
        console.print(in_words(verification["sealed_to"], verification["trusted_to"]))
        console.print(f"The root of the last seal is {verification['root']}.")


def in_words(sealed_to: int, trusted_to: int | None) -> str:
    """Return how far the log is sealed, and how far what was kept outside proves it."""
    sealed = f"The seals reach position {sealed_to:,}"
    if trusted_to is None:
        return f"{sealed}; --root or --key compares them with what you kept."
    return f"{sealed}, and what you kept proves them up to position {trusted_to:,}."
