"""`sojourn variants`: print the paths of tasks or task instances through their statuses."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from interfaces.cli import connect
from interfaces.cli.archived import answers_from_archive
from interfaces.cli.empty_answer import explain_empty
from interfaces.cli.left_out import state_left_out
from interfaces.cli.limit import Limit, one_more, render_first
from interfaces.cli.options import At, EntityKind, Workflow, kind_of
from interfaces.cli.output import AsJson, Dsn, print_lines, render
from interfaces.cli.presentation import Listing
from interfaces.wording.values import format_duration, format_share

if TYPE_CHECKING:
    from rich.console import Console

    from application.analyse.variants import Variant

app = typer.Typer()


@app.command(cls=Listing)
@answers_from_archive
def variants(
    ctx: typer.Context,
    entity: EntityKind = "task",
    workflow: Workflow = None,
    limit: Limit = None,
    graph: Annotated[
        Literal["mermaid", "dot"] | None,
        typer.Option(help="Print a graph of which status follows which instead."),
    ] = None,
    at: At = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Print the paths through the statuses, most frequent first.

    With --graph, each edge has its number and the median time in the status before it; with --json as well, the edges
    are the document.
    """
    from application.analyse import variants as read
    from interfaces.wording.status_graph import graph as draw_graph

    kind = kind_of(entity)
    with connect.service_as_of(ctx, dsn, at) as (service, time):
        state_left_out(service.store, workflow)
        if graph:
            edges = read.count_successions(service.store, kind, workflow, time)
            if not edges:
                explain_empty(service.store, kind, workflow, time)
            render(edges, as_json=as_json, human=lambda console: print_graph(console, draw_graph(edges, graph)))
            return
        rows = read.count_variants(service.store, kind, workflow, time, limit=one_more(limit))
        if not rows:
            explain_empty(service.store, kind, workflow, time)
    render_first(rows, limit, as_json=as_json, human=print_variants)


def print_graph(console: "Console", graph: str) -> None:
    """Print a graph line by line, none of which is wrapped."""
    print_lines(console, graph.split("\n"), soft_wrap=True)


def print_variants(console: "Console", rows: "list[Variant]") -> None:
    """Print a line for each variant."""
    from interfaces.cli.columns import entity, prose, table
    from interfaces.cli.table import print_table

    shown = table("n>", "share>", "median>", prose("statuses"), entity("for example"))
    for row in rows:
        shown.add_row(
            f"{row['n']:,}",
            format_share(row["share"]),
            format_duration(row["median_seconds"]),
            " → ".join(row["statuses"]),
            row["examples"][0],
        )
    if rows:
        print_table(console, shown)
