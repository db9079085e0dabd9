"""`sojourn demo`: run real commands through the service, and show their log."""

from typing import Annotated

import typer

from interfaces.cli import connect
from interfaces.cli.failure import EXIT_FAILURE
from interfaces.cli.output import AsJson, Dsn, messages, render

app = typer.Typer()


@app.command()
def demo(
    ctx: typer.Context,
    dsn: Dsn = None,
    serve: Annotated[bool, typer.Option("--serve", help="Serve pages of what ran, until interrupted.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run two workflows of real commands, some of which fail or get lost."""
    from infrastructure.extras import require_extra
    from interfaces.cli.commands._demo_story import print_findings
    from interfaces.cli.progress import progress_bars
    from sojourn.demo.findings import read_findings
    from sojourn.demo.run import run_demo

    if serve:
        require_extra("serve", "`sojourn demo --serve`")
    with progress_bars() as bar, connect.service(ctx, dsn, create=True) as service:
        finished = run_demo(service, bar("Running commands"))
        findings = read_findings(service.store, finished, bar("Checking the log"))
    render(findings.document(), as_json=as_json, human=lambda console: print_findings(console, findings))
    for surprise in finished.surprises:
        messages().print(f"sojourn: {surprise}")
    if serve:
        _serve_pages(dsn or ctx.find_root().obj, finished.workflow_id)
    if finished.surprises or findings.verification["mismatches"]:
        raise typer.Exit(EXIT_FAILURE)


def _serve_pages(dsn: str | None, workflow_id: str) -> None:
    """Serve until interrupted; the address of the workflow's page is the last line."""
    from urllib.parse import quote

    from interfaces.http.server import serve

    def on_start(url: str, is_open: bool) -> None:  # noqa: ARG001 - the server's signature
        messages().print(f"See it at {url}/workflow/{quote(workflow_id)}", soft_wrap=True)

    serve(dsn, "127.0.0.1", 0, access_log=False, on_start=on_start)
