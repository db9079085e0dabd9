"""`sojourn diff`: print what changed between two times."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli import connect
from interfaces.cli.archived import answers_from_archive
from interfaces.cli.empty_answer import explain_empty
from interfaces.cli.limit import FirstRows, Limit, one_more
from interfaces.cli.options import Workflow
from interfaces.cli.output import AsJson, Dsn, answer_console, messages, render_rows
from interfaces.cli.presentation import Listing
from interfaces.cli.stated_time import StatedTimes
from interfaces.wording.values import format_time

if TYPE_CHECKING:
    from application.read.diff import Difference

app = typer.Typer()


@app.command(cls=Listing)
@answers_from_archive
def diff(
    ctx: typer.Context,
    start: Annotated[str, typer.Option("--from", metavar="TIME", help="Begin at a time: -2h, yesterday, 2026-11-28.")],
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="End at a time: now, today, 2026-11-28 08:30.")],
    workflow: Workflow = None,
    limit: Limit = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Print what changed between two times.

    New tasks and task instances are included.
    """
    from application.read.diff import find_differences as read
    from domain.entity import TASK

    stated = StatedTimes(from_=start, to=end)
    with connect.service(ctx, dsn) as service:
        since, until = stated.resolve(service.store)
        assert since is not None
        assert until is not None
        with read(service.store, since, until, workflow, limit=one_more(limit)) as rows:
            first = FirstRows(rows, limit)
            number = render_rows(first) if as_json else print_differences(first)
        first.state_end()
        if not number and not explain_empty(service.store, TASK, workflow, until):
            messages().print(f"nothing changed between {format_time(since)} and {format_time(until)}")


def print_differences(rows: "Iterable[Difference]") -> int:
    """Print a line for each difference, and return their number."""
    from interfaces.cli.columns import Row, entity
    from interfaces.cli.table import print_rows

    def cells(row: "Difference") -> Row:
        before = row["before"] or "(not there)"
        return Row((row["entity"], before, row["after"], row["since"]), None if row["before"] else "bold")

    with answer_console() as console:
        return print_rows(console, (entity("entity"), "before", "after", "since"), map(cells, rows))
