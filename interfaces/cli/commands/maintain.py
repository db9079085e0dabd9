"""`sojourn maintain`: keep up what follows from the log, so that answers stay fast as it grows."""

from typing import TYPE_CHECKING, Annotated

import typer

from application.wording.counts import count_noun
from interfaces.cli import connect
from interfaces.cli.failure import EXIT_FAILURE, fail
from interfaces.cli.output import AsJson, Dsn, messages, render

if TYPE_CHECKING:
    from rich.console import Console

    from application.maintain.maintenance import Maintained
    from application.shared.store import Store

app = typer.Typer()


@app.command()
def maintain(
    ctx: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Do what is due, print how far it came, and exit.")] = False,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Keep sketches, sums, seals and the log's partitions, until interrupted.

    Quantiles of many intervals are read from the sketches, and concurrency and attempts over all workflows from the
    sums. Seals show that nobody has changed the log. A partition
    whose workflows are all archived is dropped. `sojourn serve` does the same. One process at a time maintains a
    database; a second one waits for it to end, or fails with --once.
    """
    from application.maintain.maintenance import MaintenanceFailed, maintain_once

    failed = None
    with connect.service(ctx, dsn) as service, messages().status("Maintaining") as status:
        if not once:
            maintain_until_signal(service.store)
            return
        try:
            reached = maintain_once(service.store, lambda step: status.update(f"Maintaining: {step}"))
        except MaintenanceFailed as error:
            failed, reached = error, error.reached
    render(reached, as_json=as_json, human=lambda console: print_reached(console, reached))
    if failed is not None:
        fail(str(failed), status=EXIT_FAILURE)


def maintain_until_signal(store: "Store") -> None:
    """Maintain the database until SIGINT or SIGTERM, which end it after the present step."""
    import signal
    import threading

    from application.maintain.maintenance import maintain as run

    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    run(store, stopped, lambda _: None)


def print_reached(console: "Console", reached: "Maintained") -> None:
    """Print how far each job has come that has not failed."""
    if reached["partitions"] is not None:
        console.print(f"The log has {count_noun(reached['partitions'], 'partition')}.")
    positions = {"Sketched": reached["sketched_to"], "Summed": reached["summed_to"], "Sealed": reached["sealed_to"]}
    for done, position in positions.items():
        if position is not None:
            console.print(f"{done} up to position {position:,}.")
