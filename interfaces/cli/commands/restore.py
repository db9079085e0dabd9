"""`sojourn restore`: move a workflow from an archive back into the log."""

from pathlib import Path
from typing import Annotated

import typer

from application.wording.counts import count_noun
from interfaces.cli import connect
from interfaces.cli.output import AsJson, Dsn, messages, render

app = typer.Typer()


@app.command()
def restore(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Option("--from", metavar="FOLDER", help="Read the archive in FOLDER.")],
    workflow: Annotated[str, typer.Option("--workflow", metavar="ID", help="Choose the workflow.")],
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Move a workflow from an archive back into the log.

    The workflows that it links to come back with it.
    """
    from infrastructure.extras import require_extra

    require_extra("lake", "`sojourn restore`")
    from application.archive.restore import restore_workflow

    with connect.service(ctx, dsn) as service, messages().status("Restoring") as status:
        restored = restore_workflow(service.store, folder, workflow, lambda step: status.update(f"Restoring: {step}"))
    render(
        restored,
        as_json=as_json,
        human=lambda console: console.print(
            f"Restored {count_noun(restored['workflows'], 'workflow')} with {count_noun(restored['events'], 'event')}."
        ),
    )
