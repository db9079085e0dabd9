"""`sojourn archive`: move ended workflows from the log into a Parquet dataset."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from application.wording.counts import count_noun
from interfaces.cli import connect
from interfaces.cli.output import AsJson, Dsn, messages, render
from interfaces.cli.stated_time import StatedTimes

if TYPE_CHECKING:
    from rich.console import Console

    from application.archive.archive import ArchiveAnswer

app = typer.Typer()


@app.command()
def archive(
    ctx: typer.Context,
    before: Annotated[
        str, typer.Option("--before", metavar="TIME", help="Move what ended before a time: -90d, 2026-11-28.")
    ],
    folder: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Write the dataset into FOLDER.")],
    workflow: Annotated[
        list[str] | None, typer.Option("--workflow", metavar="ID", help="Move only this workflow; may be repeated.")
    ] = None,
    keep: Annotated[
        list[str] | None, typer.Option("--keep", metavar="ID", help="Leave this workflow in the log; may be repeated.")
    ] = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Move ended workflows from the log into a Parquet dataset.

    Each file is compared with the log before its workflows are removed. Safe to interrupt and to run again.
    """
    from infrastructure.extras import require_extra

    require_extra("lake", "`sojourn archive`")
    from application.archive.archive import archive_workflows

    stated = StatedTimes(before=before)
    with connect.service(ctx, dsn) as service, messages().status("Archiving") as status:
        [time] = stated.resolve(service.store)
        assert time is not None
        moved = archive_workflows(
            service.store, time, folder, workflows=workflow or (), keep=keep or (),
            on_step=lambda step: status.update(f"Archiving: {step}"),
        )  # fmt: skip
    render(moved, as_json=as_json, human=lambda console: print_archived(console, moved, folder))


def print_archived(console: "Console", moved: "ArchiveAnswer", folder: Path) -> None:
    """Print what was moved, and how to bring it back."""
    if moved["workflows"]:
        what = f"{count_noun(moved['workflows'], 'workflow')} with {count_noun(moved['events'], 'event')}"
        size = f"{count_noun(moved['files'], 'file')} with {moved['bytes'] / 1000:,.0f} kB"
        console.print(f"Moved {what} into {size}.")
        console.print(f"Bring one back with: sojourn restore --from {folder} --workflow ID")
    else:
        console.print("No workflow was moved, because none that ended before that time is free to go.")
    for held in moved["held_back"]:
        console.print(f"{count_noun(held['workflows'], 'ended workflow')} held back: {held['why']}.")
