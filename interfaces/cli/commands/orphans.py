"""`sojourn orphans`: list entities that miss an expected event."""

from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli import connect
from interfaces.cli.archived import answers_from_archive
from interfaces.cli.empty_answer import explain_empty
from interfaces.cli.failure import EXIT_FAILURE
from interfaces.cli.limit import Limit, render_first
from interfaces.cli.options import At, Workflow
from interfaces.cli.output import AsJson, Dsn, messages
from interfaces.cli.presentation import Listing
from interfaces.wording.values import format_time

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console

    from application.read.open_statuses import OpenStatus
    from application.shared.orphan import Orphan
    from application.shared.store import Store

app = typer.Typer()

Threshold = Annotated[
    str | None, typer.Option(metavar="DURATION", help="Set a threshold (15m, 2h) other than the database's.")
]


@app.command(cls=Listing)
@answers_from_archive
def orphans(
    ctx: typer.Context,
    rule: Annotated[str | None, typer.Option(metavar="RULE", help="List orphans of one rule.")] = None,
    include_handled: Annotated[
        bool, typer.Option("--include-handled", help="Also list orphans that the lifecycle has already ended.")
    ] = False,
    decided: Annotated[bool, typer.Option("--decided", hidden=True, help="Use --include-handled.")] = False,
    at: At = None,
    fail: Annotated[bool, typer.Option("--fail", help="Exit with status 1 while any orphan is open.")] = False,
    workflow: Workflow = None,
    each: Annotated[
        bool, typer.Option("--each", help="Print a row for each orphan, also where many are alike.")
    ] = False,
    limit: Limit = None,
    never_launched_after: Threshold = None,
    runner_dead_after: Threshold = None,
    stuck_after: Annotated[
        list[str] | None,
        typer.Option(metavar="[TEMPLATE/]STATUS=DURATION", help="Set the limit of a status; may be repeated."),
    ] = None,
    stuck_factor: Annotated[
        float | None, typer.Option(metavar="FACTOR", min=0, help="Set the limit to a multiple of the 99th percentile.")
    ] = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """List entities that miss an expected event.

    These are task instances that nobody will end, tasks that wait for nothing, and silent or stuck ones.

    Each orphan has its rule, since when the rule holds, the events that prove it, and the missing event.
    A task and its only instance share a row, and so do more than three that are alike.
    """
    from application.read.open_statuses import find_open_statuses
    from application.read.orphans import STUCK
    from application.read.orphans import find_orphans as read
    from interfaces.wording.orphan_rows import group_orphans

    options = {
        "never_launched_after": never_launched_after,
        "runner_dead_after": runner_dead_after,
        "stuck_after": durations(stuck_after) if stuck_after else None,
        "stuck_factor": None if stuck_factor is None else str(stuck_factor),
    }
    thresholds = {name: value for name, value in options.items() if value is not None}
    with connect.service_as_of(ctx, dsn, at) as (service, time):
        found = read(service.store, rule, include_handled or decided, time, workflow, thresholds)
        if not found:
            explain_no_orphans(service.store, workflow, time)
        asked = rule in (None, STUCK) and not as_json
        statuses = find_open_statuses(service.store, workflow, time, thresholds) if asked else []
    rows = found if as_json or each else group_orphans(found)
    render_first(rows, limit, as_json=as_json, human=print_orphans)
    explain_open_statuses(statuses, found)
    if fail and any(not orphan["decided"] for orphan in found):
        raise typer.Exit(EXIT_FAILURE)


def durations(texts: list[str]) -> str:
    """Return `STATUS=DURATION` texts as the database setting stores them."""
    import json

    pairs = [text.partition("=") for text in texts]
    for (status, equals, duration), text in zip(pairs, texts, strict=True):
        if not (status and equals and duration):
            raise typer.BadParameter(f"{text!r} is not STATUS=DURATION or TEMPLATE/STATUS=DURATION")
    return json.dumps({status: duration for status, _, duration in pairs})


def print_orphans(console: "Console", found: "list[Orphan]") -> None:
    """Print a line for each orphan."""
    from interfaces.cli.columns import prose, sentence, table
    from interfaces.cli.table import print_table

    if not found:
        return
    shown = table("rule", "since", sentence("what is wrong"), prose("evidence"))
    for orphan in found:
        shown.add_row(
            orphan["rule"],
            orphan["since"],
            orphan["explanation"],
            ", ".join(map(str, orphan["evidence"])),
            style="dim" if orphan["decided"] else None,
        )
    print_table(console, shown)


def explain_no_orphans(store: "Store", workflow: str | None, at: "datetime | None") -> None:
    """Print that there are no orphans, or that the log had no tasks yet."""
    from domain.entity import TASK

    if not explain_empty(store, TASK, workflow, at):
        messages().print("there are no orphans" + (f" at {format_time(at)}" if at else ""))


def explain_open_statuses(statuses: "list[OpenStatus]", found: "list[Orphan]") -> None:
    """Print what `stuck` could not judge, and what has been longest in the statuses in which it found nothing."""
    from interfaces.wording.open_statuses_in_words import describe_longest, describe_not_judged

    for sentence in filter(None, (describe_longest(statuses, found), describe_not_judged(statuses, found))):
        messages().print(sentence)
