"""`sojourn report`: draw one workflow on a page."""

from pathlib import Path
from typing import Annotated

import typer

from application.wording.counts import count_noun
from interfaces.cli import connect
from interfaces.cli.archived import answers_from_archive
from interfaces.cli.empty_answer import explain_empty
from interfaces.cli.options import At
from interfaces.cli.output import AsJson, Dsn, messages, open_output, render

app = typer.Typer()


@app.command()
@answers_from_archive
def report(
    ctx: typer.Context,
    workflow: Annotated[str, typer.Option("--workflow", metavar="ID", help="Choose the workflow.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Write the page to FILE; - is standard output.")
    ],
    compare: Annotated[
        str | None, typer.Option("--compare", metavar="ID", help="Show how it differs from another workflow, too.")
    ] = None,
    at: At = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Draw one workflow on a page.

    It shows attempts, time in status, failures and orphans; with --compare also what took longer than in another one.
    """
    from application.report.workflow_report import build_report as reported
    from application.shared.output_file import STDOUT
    from infrastructure.extras import require_extra

    require_extra("report", "`sojourn report`")
    from interfaces.report.page import render_page

    with connect.service_as_of(ctx, dsn, at) as (service, time):
        found = reported(service.store, workflow, time, compare)
        if not found.attempts:
            explain_empty(service.store, found.kind, workflow, time)
    with open_output(output, as_json=as_json) as stream:
        stream.write(render_page(found).encode())
    attempts = sum(status.n for status in found.attempts)
    answer = {"workflow": workflow, "attempts": attempts, "orphans": len(found.orphans), "output": str(output)}
    numbers = f"{count_noun(attempts, 'attempt')}, {count_noun(len(found.orphans), 'orphan')}"
    if str(output) == STDOUT:
        messages().print(f"Wrote the page to standard output: {numbers}.")
    else:
        render(answer, as_json=as_json, human=lambda console: console.print(f"Wrote {output}: {numbers}."))
