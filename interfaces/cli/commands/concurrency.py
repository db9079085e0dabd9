"""`sojourn concurrency`: print how many entities were in a status at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from interfaces.cli import connect
from interfaces.cli.archived import answers_from_archive
from interfaces.cli.empty_answer import explain_empty
from interfaces.cli.left_out import state_left_out
from interfaces.cli.limit import FirstRows, Limit
from interfaces.cli.options import At, EntityKind, Workflow, kind_of
from interfaces.cli.output import AsJson, Dsn, answer_console, messages, render_rows
from interfaces.cli.presentation import Listing

if TYPE_CHECKING:
    from application.shared.store import Store

app = typer.Typer()

BAR = 40
"""The length of the longest bar, in characters."""


@app.command(cls=Listing)
@answers_from_archive
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
    limit: Limit = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Print how many were in a status at once.

    Each change is one exact row. With --bucket, each bucket of time has its mean, weighted by time, and its maximum.
    Buckets begin at multiples of their length in UTC.
    """
    from domain.time import parse_duration

    kind = kind_of(entity)
    length = None if bucket is None else timedelta(seconds=parse_duration(bucket))
    with connect.service_as_of(ctx, dsn, at) as (service, time):
        state_left_out(service.store, workflow)
        wanted = {"kind": kind, "status": status, "by": by, "workflow_id": workflow, "at": time}
        with read(service.store, length, wanted) as rows:
            first = FirstRows(rows if by else map(without_group, rows), limit)
            number = render_rows(first) if as_json else print_concurrency(list(first), by)
        first.state_end()
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
    """Print the rows with a bar each, and return their number."""
    from interfaces.cli.columns import Column, Row
    from interfaces.cli.table import print_rows

    in_buckets = bool(rows) and "mean" in rows[0]
    value = "mean" if in_buckets else "n"
    most = max((row[value] for row in rows), default=0) or 1

    def cells(row: Any) -> Row:
        group = [row["group"]] if by else []
        values = [f"{row['mean']:.2f}", str(row["max"])] if in_buckets else [str(row["n"])]
        return Row((*group, row["at"], *values, "█" * round(BAR * row[value] / most)))

    numbers = ("mean>", "max>") if in_buckets else ("n>",)
    with answer_console() as console:
        return print_rows(
            console, (*((by,) if by else ()), "at", *numbers, Column("", "bar", detail=True)), map(cells, rows)
        )
