"""`sojourn time-in-status`: print how long entities stay in each status."""

from collections.abc import Iterator
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from interfaces.cli import connect
from interfaces.cli.archived import answers_from_archive
from interfaces.cli.empty_answer import explain_empty
from interfaces.cli.left_out import state_left_out
from interfaces.cli.limit import Limit, render_first
from interfaces.cli.options import At, EntityKind, Workflow, kind_of
from interfaces.cli.output import AsJson, Dsn, print_lines
from interfaces.cli.presentation import Listing
from interfaces.wording.values import format_duration

if TYPE_CHECKING:
    from rich.console import Console

    from application.analyse.time_in_status import Bin, TimeInStatus

app = typer.Typer()

DURATIONS = ("total", "mean", "p50", "p90", "p99", "km_p50", "km_p90")

BAR = 48
"""The length of a histogram's longest bar, in characters."""

GAP = 3
"""The number of empty bins above which they share one line."""


@app.command("time-in-status", cls=Listing)
@answers_from_archive
def time_in_status(
    ctx: typer.Context,
    entity: EntityKind = "task",
    by: Annotated[
        Literal["workflow", "template", "actor", "hour", "day", "week", "reason", "state-name"] | None,
        typer.Option(help="Print a row for each."),
    ] = None,
    workflow: Workflow = None,
    at: At = None,
    terminal: Annotated[bool, typer.Option("--terminal", help="Include terminal statuses.")] = False,
    exact: Annotated[bool, typer.Option("--exact", help="Read every interval, also where sketches would do.")] = False,
    limit: Limit = None,
    histogram: Annotated[bool, typer.Option("--histogram", help="Draw a histogram of durations instead.")] = False,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Print how long entities stay in each status.

    An open interval counts up to now, or up to --at. The km columns are Kaplan-Meier quantiles, which treat an open
    interval as lasting at least that long; they are empty where too few have ended. Where 200,000 intervals or more
    have ended, sketches are read that `sojourn maintain` keeps, and percentiles are within 1 %; not with --workflow,
    --exact, --histogram, or --by anything but template. --by actor groups by the component
    that reported the status, --by hour, day or week by its date in UTC. --by reason splits an interval where the entity
    began to wait for something else, and --by state-name takes the names that states have. In a histogram, the light
    part of a bar counts open intervals.
    """
    from application.analyse import time_in_status as use_case

    kind = kind_of(entity)
    read = use_case.measure_histogram if histogram else partial(use_case.measure_time_in_status, exact=exact)
    with connect.service_as_of(ctx, dsn, at) as (service, time):
        state_left_out(service.store, workflow)
        rows: Any = read(service.store, kind, by, workflow, time, terminal=terminal)
        if not rows:
            explain_empty(service.store, kind, workflow, time)
    print_rows = print_histogram if histogram else print_durations
    render_first(rows, limit, as_json=as_json, human=lambda console, shown: print_rows(console, shown, by))


def print_histogram(console: "Console", bins: "list[Bin]", by: str | None) -> None:
    """Print a line for each bin, for each status of each group."""
    from itertools import groupby
    from operator import itemgetter

    for (group, status), of_one in groupby(bins, itemgetter("group", "status")):
        lines = list(of_one)
        whose = f"{status}  {by} {group or '(none)'}" if by else status
        console.print(f"{whose}  {in_numbers(lines)}", style="bold")
        print_lines(console, [*histogram_lines(lines), ""])


def in_numbers(bins: "list[Bin]") -> str:
    """Return the number of intervals: `11,285 intervals, 3 open`."""
    number, open_ = sum(found["n"] for found in bins), sum(found["open"] for found in bins)
    intervals = f"{number:,} interval{'' if number == 1 else 's'}"
    return f"{intervals}, {open_:,} open" if open_ else intervals


def histogram_lines(bins: "list[Bin]") -> Iterator[str]:
    """Yield a line for each bin; a long gap is one line."""
    from itertools import groupby

    most = max(found["n"] for found in bins)
    for empty, run in groupby(bins, lambda found: not found["n"]):
        of_one_kind = list(run)
        if empty and len(of_one_kind) > GAP:
            yield f"{'...':>6}"
        else:
            yield from (bin_line(found, most) for found in of_one_kind)


def bin_line(found: "Bin", most: int) -> str:
    """Return one bin, at most 80 characters wide: `   10s to    30s  ████████░░  1,234`."""
    ends = found["to_seconds"]
    upto = "or more" if ends is None else f"to {format_duration(ends):>6}"
    dark = ceil(BAR * (found["n"] - found["open"]) / most)
    light = ceil(BAR * found["n"] / most) - dark
    bar = f"{'█' * dark}{'░' * light} {found['n']:,}" if found["n"] else ""
    return f"{format_duration(found['from_seconds']):>6} {upto:<9}  {bar}".rstrip()


def print_durations(console: "Console", rows: "list[TimeInStatus]", by: str | None) -> None:
    """Print a row for each status of each group."""
    from interfaces.cli.columns import detail, table
    from interfaces.cli.table import print_table

    if not rows:
        return
    groups = (by,) if by else ()
    shown = table(*groups, "status", "n>", "open>", *(detail(f"{name.replace('_', ' ')}>") for name in DURATIONS))
    for row in rows:
        durations = [format_duration(row[f"{name}_seconds"]) for name in DURATIONS]  # type: ignore[literal-required]
        group = [row["group"] or ""] if by else []
        shown.add_row(*group, row["status"], str(row["n"]), str(row["open"]), *durations)
    print_table(console, shown)
    if error := rows[0].get("error"):
        console.print(f"Percentiles are within ±{error:.0%}".replace("%", " %") + ", from sketches; --exact reads all.")
