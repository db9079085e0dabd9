"""`sojourn rebuild`: the projections, made anew from the log."""

import typer

from interfaces.cli.output import AsJson, Dsn, messages, show
from interfaces.wording.values import format_duration

app = typer.Typer()


@app.command()
def rebuild(ctx: typer.Context, dsn: Dsn = None, as_json: AsJson = False) -> None:
    """Make the projections anew from the log, while readers and writers go on."""
    from application.maintain.rebuild import rebuild as make_anew
    from interfaces.cli.connect import service

    with service(ctx, dsn) as connected, messages().status("Rebuilding") as status:
        rebuilt = make_anew(connected.store, lambda step: status.update(f"Rebuilding: {step}"))
    show(
        rebuilt,
        as_json=as_json,
        people=lambda console: console.print(
            f"Projected {rebuilt['events']:,} events in {format_duration(rebuilt['seconds'])}."
        ),
    )
