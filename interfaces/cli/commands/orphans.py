"""`sojourn orphans`: entities for which an event was to be expected, and is missing."""

from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli import connect
from interfaces.cli.empty_answer import explain_empty
from interfaces.cli.failure import EXIT_FAILURE
from interfaces.cli.options import At, Workflow, time_of
from interfaces.cli.output import AsJson, Dsn, messages, show
from interfaces.wording.values import format_time, localize_times

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console

    from application.shared.orphan import Orphan
    from application.shared.store import Store

app = typer.Typer()

Threshold = Annotated[str | None, typer.Option(metavar="DURATION", help="Like 15m, 2h; else as the database is set.")]


@app.command()
def orphans(
    ctx: typer.Context,
    rule: Annotated[str | None, typer.Option(metavar="RULE", help="Only by that rule.")] = None,
    decided: Annotated[bool, typer.Option("--decided", help="Those too that the lifecycle has ended already.")] = False,
    at: At = None,
    fail: Annotated[bool, typer.Option("--fail", help="End with status 1 where there are any that are open.")] = False,
    workflow: Workflow = None,
    never_launched_after: Threshold = None,
    runner_dead_after: Threshold = None,
    stuck_after: Annotated[
        list[str] | None,
        typer.Option(metavar="[TEMPLATE/]STATUS=DURATION", help="How long a stay may last; may be repeated."),
    ] = None,
    stuck_factor: Annotated[float | None, typer.Option(min=0, help="Or so many times the 99th percentile.")] = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Task instances that nobody will end, tasks that wait for nothing, and what is silent or stuck.

    Each with the rule, since when it holds, the events that show it, and what was expected and is missing.
    """
    from application.read.orphans import orphans as read

    time = time_of(at)
    told = {
        "never_launched_after": never_launched_after,
        "runner_dead_after": runner_dead_after,
        "stuck_after": durations(stuck_after) if stuck_after else None,
        "stuck_factor": None if stuck_factor is None else str(stuck_factor),
    }
    thresholds = {name: value for name, value in told.items() if value is not None}
    with connect.service(ctx, dsn) as service:
        found = read(service.store, rule, decided, time, workflow, thresholds)
        if not found:
            say_why_none(service.store, workflow, time)
    show(found, as_json=as_json, people=lambda console: tell(console, found))
    if fail and any(not orphan["decided"] for orphan in found):
        raise typer.Exit(EXIT_FAILURE)


def durations(texts: list[str]) -> str:
    """`STATUS=DURATION` texts as the setting has them."""
    import json

    pairs = [text.partition("=") for text in texts]
    for (status, equals, duration), text in zip(pairs, texts, strict=True):
        if not (status and equals and duration):
            raise typer.BadParameter(f"{text!r} is not STATUS=DURATION or TEMPLATE/STATUS=DURATION")
    return json.dumps({status: duration for status, _, duration in pairs})


def tell(console: "Console", found: "list[Orphan]") -> None:
    """What people read: a line an orphan."""
    from interfaces.cli.table import print_table, table

    if not found:
        return
    shown = table("rule", "since", "what is wrong", "evidence")
    for orphan in found:
        shown.add_row(
            orphan["rule"],
            format_time(orphan["since"]),
            localize_times(orphan["explanation"]),
            ", ".join(map(str, orphan["evidence"])),
            style="dim" if orphan["decided"] else None,
        )
    print_table(console, shown)


def say_why_none(store: "Store", workflow: str | None, at: "datetime | None") -> None:
    """Tell people that there are none, and why where the log had not begun."""
    from domain.entity import TASK

    if not explain_empty(store, TASK, workflow, at):
        messages().print("there are no orphans" + (f" at {format_time(at)}" if at else ""))
