"""`sojourn queue-wait`: print how long tasks wait and run."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from interfaces.cli import connect
from interfaces.cli.archived import answers_from_archive
from interfaces.cli.empty_answer import explain_empty
from interfaces.cli.left_out import state_left_out
from interfaces.cli.limit import Limit, render_first
from interfaces.cli.options import At, Workflow
from interfaces.cli.output import AsJson, Dsn, messages
from interfaces.cli.presentation import Listing
from interfaces.cli.stated_time import StatedTimes
from interfaces.wording.values import format_duration

if TYPE_CHECKING:
    from rich.console import Console

    from application.analyse.queue_wait import QueueWait

app = typer.Typer()


@app.command("queue-wait", cls=Listing)
@answers_from_archive
def queue_wait(
    ctx: typer.Context,
    by: Annotated[
        Literal["workflow", "template", "user", "partition"] | None, typer.Option(help="Print a row for each.")
    ] = None,
    per: Annotated[
        Literal["hour", "day", "week"] | None, typer.Option(help="Print a row for each time of registration.")
    ] = None,
    workflow: Workflow = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Count tasks registered at or after a time.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Count tasks registered before a time.")] = None,
    at: At = None,
    limit: Limit = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Print how long tasks wait and run, and the expansion factor.

    A task runs in the statuses that its lifecycle calls running, and waits in every other one until it ends; one that
    goes on counts up to now, or to --at. The expansion factor is (wait + run) / run, of tasks that ran and ended. --by
    user groups by the user who registered a task, or else by the component; --by partition by the attribute of that
    name. --per goes by the date of the registration in UTC.
    """
    from application.analyse.queue_wait import measure_queue_wait as read
    from domain.entity import TASK

    stated = StatedTimes(since=since, until=until, at=at)
    with connect.service(ctx, dsn) as service:
        begin, end, time = stated.resolve(service.store)
        state_left_out(service.store, workflow)
        rows = read(service.store, by, per, workflow, begin, end, time)
        if not rows and not explain_empty(service.store, TASK, workflow, time):
            messages().print("no task was registered then")
    render_first(rows, limit, as_json=as_json, human=lambda console, shown: print_waits(console, shown, by, per))


def print_waits(console: "Console", rows: "list[QueueWait]", by: str | None, per: str | None) -> None:
    """Print a row for each group and period."""
    from interfaces.cli.columns import detail, table
    from interfaces.cli.table import print_table

    if not rows:
        return
    shown = table(
        *((per,) if per else ()), *((by,) if by else ()), "tasks>", detail("ran>"), detail("ended>"), detail("wait>"),
        "wait p50>", "wait p90>", detail("run>"), "run p50>", "run p90>", detail("expansion>"), "exp p50>", "exp p90>",
    )  # fmt: skip
    for row in rows:
        shown.add_row(
            *((row["period"] or "",) if per else ()),
            *((row["group"] or "",) if by else ()),
            str(row["tasks"]),
            str(row["started"]),
            str(row["ended"]),
            format_duration(row["wait_seconds"]),
            format_duration(row["wait_p50"]),
            format_duration(row["wait_p90"]),
            format_duration(row["run_seconds"]),
            format_duration(row["run_p50"]),
            format_duration(row["run_p90"]),
            format_factor(row["expansion_mean"]),
            format_factor(row["expansion_p50"]),
            format_factor(row["expansion_p90"]),
        )
    print_table(console, shown)


def format_factor(factor: float | None) -> str:
    """Return an expansion factor: `1.25`; empty for None."""
    return "" if factor is None else f"{factor:,.2f}"
