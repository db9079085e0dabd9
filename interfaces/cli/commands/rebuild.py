"""`sojourn rebuild`: rebuild the projections from the log."""

import typer

from application.wording.counts import count_noun
from interfaces.cli.output import AsJson, Dsn, messages, render
from interfaces.wording.values import format_duration

app = typer.Typer()


@app.command()
def rebuild(ctx: typer.Context, dsn: Dsn = None, as_json: AsJson = False) -> None:
    """Rebuild the projections while readers and writers go on."""
    from application.maintain.rebuild import rebuild_projections
    from interfaces.cli.connect import service

    with service(ctx, dsn) as connected, messages().status("Rebuilding") as status:
        rebuilt = rebuild_projections(connected.store, lambda step: status.update(f"Rebuilding: {step}"))
    render(
        rebuilt,
        as_json=as_json,
        human=lambda console: console.print(
            f"Projected {count_noun(rebuilt['events'], 'event')} in {format_duration(rebuilt['seconds'])}."
        ),
    )
