"""`sojourn bench`: the throughput of Sojourn on this server, and its share of the server's own."""

from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli.output import AsJson, Dsn, render

if TYPE_CHECKING:
    from rich.console import Console

    from sojourn.bench.figure import Figure

app = typer.Typer()

Quick = Annotated[bool, typer.Option("--quick", help="Measure less, within a minute.")]


@app.command()
def bench(ctx: typer.Context, quick: Quick = False, dsn: Dsn = None, as_json: AsJson = False) -> None:
    """Measure Sojourn on this server, in a scratch database.

    The scratch database is dropped at the end. The floor is the least work that the database needs for the same result:
    one server-side function for a transition, a bare COPY and UPDATE in bulk, a sequential read for a query of all
    events. For `http` it is the same call without HTTP.
    """
    from infrastructure.extras import require_extra
    from interfaces.cli.progress import progress_bars
    from sojourn.bench.run import FULL, QUICK, run_bench

    require_extra("serve", "`sojourn bench`")

    with progress_bars() as bar:
        bars = bar("Measuring")
        figures = run_bench(
            dsn or ctx.find_root().obj, QUICK if quick else FULL, lambda _, done, number: bars(done, number)
        )
    render(figures, as_json=as_json, human=lambda console: print_figures(console, figures))


def print_figures(console: "Console", figures: "list[Figure]") -> None:
    """Print the figures as a table, then the figures that only some cases have."""
    from interfaces.cli.columns import table
    from interfaces.cli.table import print_table

    shown = table("case", "clients>", "size>", "per second>", "p50 ms>", "p99 ms>", "floor/s>", "of floor>")
    for figure in figures:
        shown.add_row(
            figure["case"],
            str(figure["clients"]),
            f"{figure['size']:,}",
            _format_number(figure["per_second"]),
            _format_number(figure["p50_ms"]),
            _format_number(figure["p99_ms"]),
            _format_number(figure["floor_per_second"]),
            _format_number(figure["ratio_to_floor"]),
        )
    print_table(console, shown)
    for figure in figures:
        for line in _describe_others(figure):
            console.print(line)


def _describe_others(figure: "Figure") -> list[str]:
    if "bytes_per_transition" in figure:
        return [f"{figure['bytes_per_transition']:,.0f} bytes on disk per transition at {figure['size']:,} events."]
    if "refused" in figure:
        return [
            f"Contended: {figure['refused']} reports refused, {figure['errors']} errors, "
            f"{figure['mismatches']} transitions lost, doubled or wrong."
        ]
    return []


def _format_number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
