"""`sojourn seal`: state in one hash what the log has, so that a change of it is found."""

from typing import TYPE_CHECKING

import typer

from interfaces.cli import connect
from interfaces.cli.output import AsJson, Dsn, render

if TYPE_CHECKING:
    from rich.console import Console

    from application.seals.seal_log import Sealing

app = typer.Typer()


@app.command()
def seal(ctx: typer.Context, dsn: Dsn = None, as_json: AsJson = False) -> None:
    """Seal the log, and print its root to keep elsewhere.

    The root covers every event up to the sealed position. SOJOURN_SEAL_KEY names the private key that signs it.
    """
    from application.seals.seal_log import seal_log
    from infrastructure.database.settings import Settings
    from infrastructure.seal_keys import read_signing_key
    from interfaces.cli.progress import progress_bars

    key = read_signing_key(Settings().seal_key)
    with progress_bars() as bar, connect.service(ctx, dsn) as service:
        sealing = seal_log(service.store, key, bar("Sealing"))
    render(sealing, as_json=as_json, human=lambda console: print_sealing(console, sealing))


def print_sealing(console: "Console", sealing: "Sealing") -> None:
    """Print how far the log is sealed, and its root."""
    if sealing["root"] is None:
        console.print("The log has no events that can be sealed.")
        return
    seals = sealing["seals"]
    added = f"{seals:,} {'seal' if seals == 1 else 'seals'} added" if seals else "nothing to add"
    console.print(f"Sealed up to position {sealing['sealed_to']:,}: {added}.")
    console.print(f"The root is {sealing['root']}.")
    if sealing["public_key"]:
        console.print(f"The public key is {sealing['public_key']}.")
    console.print("Keep it where no one who can write the database can change it.")
