"""`sojourn bundle`: write a workflow's part of the log into one file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from application.wording.counts import count_noun
from interfaces.cli import connect
from interfaces.cli.archived import answers_from_archive
from interfaces.cli.output import AsJson, Dsn, render

if TYPE_CHECKING:
    from rich.console import Console

    from application.cases.bundle import Bundle

app = typer.Typer()


@app.command()
@answers_from_archive
def bundle(
    ctx: typer.Context,
    workflow: Annotated[str, typer.Option("--workflow", metavar="ID", help="Choose the workflow.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Write the case to FILE (NAME.sojourn).")
    ],
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Write a workflow into one file for `sojourn open`."""
    from infrastructure.extras import require_extra
    from interfaces.cli.progress import progress_bars

    if str(output) == "-":
        raise typer.BadParameter("standard output is not a case file; name a file", param_hint="-o")
    require_extra("zstd", "`sojourn bundle`")
    from application.cases.bundle import bundle_workflow as write

    with progress_bars() as bar, connect.service(ctx, dsn) as service:
        bundled = write(service.store, workflow, output, bar("Bundling"), ctx.meta.get(connect.ARCHIVED_FROM))
    render(bundled, as_json=as_json, human=lambda console: print_bundle(console, bundled))


def print_bundle(console: "Console", bundled: "Bundle") -> None:
    """Print what was bundled, and how to open it."""
    size = f"{bundled['bytes'] / 1000:,.0f} kB"
    what = f"{count_noun(bundled['events'], 'event')} of {count_noun(bundled['entities'], 'entity', 'entities')}"
    console.print(f"Bundled {what} into {bundled['file']} ({size}).")
    console.print(f"Its digest is {bundled['digest']}.")
    if bundled["root"]:
        check = f"sojourn check-proof {bundled['file']} --root {bundled['root']}"
        console.print(f"Prove {bundled['proven']:,} of its events with: {check}")
    console.print(f"Open it anywhere with: sojourn open {bundled['file']}")
