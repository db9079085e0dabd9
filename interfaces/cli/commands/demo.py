"""`sojourn demo`: run real commands through the service, and show their log."""

import typer

from interfaces.cli import connect
from interfaces.cli.failure import EXIT_FAILURE
from interfaces.cli.output import AsJson, Dsn, messages, render

app = typer.Typer()


@app.command()
def demo(ctx: typer.Context, dsn: Dsn = None, as_json: AsJson = False) -> None:
    """Run two workflows of real commands, some of which fail or get lost."""
    from interfaces.cli.commands._demo_story import print_findings
    from interfaces.cli.progress import progress_bars
    from sojourn.demo.findings import read_findings
    from sojourn.demo.run import run_demo

    with progress_bars() as bar, connect.service(ctx, dsn, create=True) as service:
        finished = run_demo(service, bar("Running commands"))
        findings = read_findings(service.store, finished, bar("Checking the log"))
    render(findings.document(), as_json=as_json, human=lambda console: print_findings(console, findings))
    for surprise in finished.surprises:
        messages().print(f"sojourn: {surprise}")
    if finished.surprises or findings.verification["mismatches"]:
        raise typer.Exit(EXIT_FAILURE)
