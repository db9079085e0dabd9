"""`sojourn concurrency`: how many were in a status at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from interfaces.cli import connect
from interfaces.cli.empty_answer import explain_empty
from interfaces.cli.options import At, EntityKind, Workflow, kind_of, time_of
from interfaces.cli.output import AsJson, Dsn, console, messages, show_rows
from interfaces.wording.values import format_time

if TYPE_CHECKING:
    from application.shared.store import Store

app = typer.Typer()

SHOWN = 500
"""How many rows people are shown."""

BAR = 40
"""How long the bar of the most is, in characters."""


@app.command()
def concurrency(
    ctx: typer.Context,
    status: Annotated[str, typer.Option(help="The status that they were in.")],
    entity: EntityKind = "task",
    workflow: Workflow = None,
    by: Annotated[Literal["workflow", "template"] | None, typer.Option(help="A curve for each.")] = None,
    bucket: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="Mean and most in each 5m, 1h, ..., not each change."),
    ] = None,
    at: At = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """How many tasks or task instances were in a status at once.

    One row at each change, exactly; with --bucket, the mean weighted by time and the most in each bucket of time.
    Buckets begin at multiples of their length in UTC.
    """
    from domain.time import parse_duration

    kind, time = kind_of(entity), time_of(at)
    length = None if bucket is None else timedelta(seconds=parse_duration(bucket))
    wanted = {"kind": kind, "status": status, "by": by, "workflow_id": workflow, "at": time}
    with connect.service(ctx, dsn) as service:
        with read(service.store, length, wanted) as rows:
            shown = rows if by else map(without_group, rows)
            number = show_rows(shown) if as_json else tell(list(islice(shown, SHOWN + 1)), by)
        if not number and not explain_empty(service.store, kind, workflow, time):
            messages().print(f"no {kind.replace('_', ' ')} stayed in {status}")


@contextmanager
def read(store: "Store", bucket: timedelta | None, wanted: dict[str, Any]) -> Iterator[Iterator[Any]]:
    """The rows, of changes or of buckets."""
    from application.analyse import concurrency as use_case

    if bucket is None:
        with use_case.concurrency(store, **wanted) as changes:
            yield changes
    else:
        with use_case.concurrency_by_bucket(store, bucket=bucket, **wanted) as buckets:
            yield buckets


def without_group(row: Any) -> dict[str, Any]:
    """A row as it is printed where there are no groups."""
    return {name: value for name, value in row.items() if name != "group"}


def tell(rows: list[Any], by: str | None) -> int:
    """What people read: the first rows with a bar each, and whether there are more; the answer is how many."""
    from interfaces.cli.table import print_table, table

    in_buckets = bool(rows) and "mean" in rows[0]
    numbers = ("mean>", "max>") if in_buckets else ("n>",)
    shown = table(*((by,) if by else ()), "at", *numbers, "")
    value = "mean" if in_buckets else "n"
    most = max((row[value] for row in rows), default=0) or 1
    for row in rows[:SHOWN]:
        cells = [row["group"] or ""] if by else []
        told = [f"{row['mean']:.2f}", str(row["max"])] if in_buckets else [str(row["n"])]
        shown.add_row(*cells, format_time(row["at"]), *told, "█" * round(BAR * row[value] / most))
    if rows:
        print_table(console(), shown)
    if len(rows) > SHOWN:
        messages().print(f"These are the first {SHOWN} rows: --json has them all, --bucket or --workflow fewer.")
    return len(rows)
