"""`sojourn demo`: real commands, run through the service, and what the log says of them."""

import typer

from interfaces.cli import connect
from interfaces.cli.failure import EXIT_FAILURE
from interfaces.cli.output import AsJson, Dsn, messages, render

app = typer.Typer()


@app.command()
def demo(ctx: typer.Context, dsn: Dsn = None, as_json: AsJson = False) -> None:
    """Run 60 real commands, some of which fail or get lost, and show what the log says of them."""
    from interfaces.cli.commands._demo_story import tell
    from interfaces.cli.progress import progress_bars
    from sojourn.demo.findings import find
    from sojourn.demo.run import run

    with progress_bars() as bar, connect.service(ctx, dsn) as service:
        done = run(service, bar("Running commands"))
        findings = find(service.store, done, bar("Checking the log"))
    render(findings.document(), as_json=as_json, human=lambda console: tell(console, findings))
    for surprise in done.surprises:
        messages().print(f"sojourn: {surprise}")
    if done.surprises or findings.verification["mismatches"]:
        raise typer.Exit(EXIT_FAILURE)
