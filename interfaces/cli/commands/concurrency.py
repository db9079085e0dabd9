"""`sojourn concurrency`: print how many entities were in a status at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from interfaces.cli import connect
from interfaces.cli.empty_answer import explain_empty
from interfaces.cli.options import At, EntityKind, Workflow, kind_of
from interfaces.cli.output import AsJson, Dsn, console, messages, render_rows
from interfaces.cli.stated_time import StatedTimes
from interfaces.wording.values import format_time

if TYPE_CHECKING:
    from application.shared.store import Store

app = typer.Typer()

SHOWN = 500
"""The number of rows in a table for people."""

BAR = 40
"""The length of the longest bar, in characters."""


@app.command()
def concurrency(
    ctx: typer.Context,
    status: Annotated[str, typer.Option(metavar="STATUS", help="Choose the status to count.")],
    entity: EntityKind = "task",
    workflow: Workflow = None,
    by: Annotated[Literal["workflow", "template"] | None, typer.Option(help="Print a curve for each.")] = None,
    bucket: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="Print mean and maximum of each 5m, 1h, ..."),
    ] = None,
    at: At = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Print how many were in a status at once.

    Each change is one exact row. With --bucket, each bucket of time has its mean, weighted by time, and its maximum.
    Buckets begin at multiples of their length in UTC.
    """
    from domain.time import parse_duration

    kind, stated = kind_of(entity), StatedTimes(at=at)
    length = None if bucket is None else timedelta(seconds=parse_duration(bucket))
    with connect.service(ctx, dsn) as service:
        [time] = stated.resolve(service.store)
        wanted = {"kind": kind, "status": status, "by": by, "workflow_id": workflow, "at": time}
        with read(service.store, length, wanted) as rows:
            shown = rows if by else map(without_group, rows)
            number = render_rows(shown) if as_json else print_concurrency(list(islice(shown, SHOWN + 1)), by)
        if not number and not explain_empty(service.store, kind, workflow, time):
            messages().print(f"no {kind.replace('_', ' ')} stayed in {status}")


@contextmanager
def read(store: "Store", bucket: timedelta | None, wanted: dict[str, Any]) -> Iterator[Iterator[Any]]:
    """Yield the rows of changes or of buckets."""
    from application.analyse import concurrency as use_case

    if bucket is None:
        with use_case.count_concurrency(store, **wanted) as changes:
            yield changes
    else:
        with use_case.count_concurrency_by_bucket(store, bucket=bucket, **wanted) as buckets:
            yield buckets


def without_group(row: Any) -> dict[str, Any]:
    """Return a row without its group."""
    return {name: value for name, value in row.items() if name != "group"}


def print_concurrency(rows: list[Any], by: str | None) -> int:
    """Print the first rows with a bar each, and whether there are more; return the number of rows."""
    from interfaces.cli.table import print_table, table

    in_buckets = bool(rows) and "mean" in rows[0]
    numbers = ("mean>", "max>") if in_buckets else ("n>",)
    shown = table(*((by,) if by else ()), "at", *numbers, "")
    value = "mean" if in_buckets else "n"
    most = max((row[value] for row in rows), default=0) or 1
    for row in rows[:SHOWN]:
        cells = [row["group"] or ""] if by else []
        values = [f"{row['mean']:.2f}", str(row["max"])] if in_buckets else [str(row["n"])]
        shown.add_row(*cells, format_time(row["at"]), *values, "█" * round(BAR * row[value] / most))
    if rows:
        print_table(console(), shown)
    if len(rows) > SHOWN:
        messages().print(f"These are the first {SHOWN} rows; --json prints all, --bucket or --workflow fewer.")
    return len(rows)
