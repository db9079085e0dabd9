"""`sojourn bench`: the throughput of Sojourn on this server, and its share of the server's own."""

from functools import cache
from itertools import zip_longest
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from interfaces.cli.output import AsJson, Dsn, render

if TYPE_CHECKING:
    from rich.console import Console

    from sojourn.bench.figure import Figure
    from sojourn.bench.questions import Cost

app = typer.Typer()

Quick = Annotated[bool, typer.Option("--quick", help="Measure less, within a minute.")]
Scale = Annotated[
    str | None,
    typer.Option("--scale", metavar="[SIZES]", help="Ask a log that grows to sizes (1M,3M,10M)."),
]

UNITS = {"K": 1_000, "M": 1_000_000}
LARGEST = 1_000_000_000
SIZES = "1M,3M,10M"
"""The sizes that a log grows to where none are given."""


class Bench(TyperCommand):
    """A command whose `--scale` may come without sizes, which Typer has no way to state."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments with the usual sizes after a `--scale` that none follow."""
        bare = [
            word == "--scale" and (following is None or following.startswith("-"))
            for word, following in zip_longest(args, args[1:])
        ]
        return super().parse_args(
            ctx, [f"{word}={SIZES}" if alone else word for word, alone in zip(args, bare, strict=True)]
        )


@app.command(cls=Bench)
def bench(
    ctx: typer.Context, quick: Quick = False, scale: Scale = None, dsn: Dsn = None, as_json: AsJson = False
) -> None:
    """Measure Sojourn on this server, in a scratch database.

    The scratch database is dropped at the end. The floor is the least work that the database needs for the same result:
    one server-side function for a transition, a bare COPY and UPDATE in bulk, a sequential read for a query of all
    events. For `http` it is the same call without HTTP.

    With --scale, a log of workflows of 2,500 tasks grows to each size: one attempt of 20 fails and is tried again, and
    one of 1,000 is left behind. Each question is answered three times at each size; the table has the median seconds
    and their ratio to those at the first size. After Ctrl-C it has what was measured until then.
    """
    from infrastructure.extras import require_extra
    from interfaces.cli.progress import progress_bars
    from sojourn.bench.run import FULL, QUICK, run_bench

    if scale is not None:
        measure_scale(dsn or ctx.find_root().obj, read_sizes(scale), as_json=as_json)
        return
    require_extra("serve", "`sojourn bench`")

    with progress_bars() as bar:
        bars = bar("Measuring")
        figures = run_bench(
            dsn or ctx.find_root().obj, QUICK if quick else FULL, lambda _, done, number: bars(done, number)
        )
    render(figures, as_json=as_json, human=lambda console: print_figures(console, figures))


def read_sizes(text: str) -> list[int]:
    """Return the sizes of a list such as `500K,1M`, ascending."""
    sizes = set()
    for word in text.split(","):
        number, unit = (word[:-1], UNITS[word[-1].upper()]) if word[-1:].upper() in UNITS else (word, 1)
        if not (number.strip().isascii() and number.strip().isdigit() and 0 < int(number) * unit <= LARGEST):
            raise typer.BadParameter(
                f"{word!r} is not a number of events up to {LARGEST:,}; write 1M,3M,10M", param_hint="--scale"
            )
        sizes.add(int(number) * unit)
    return sorted(sizes)


def measure_scale(dsn: str | None, sizes: list[int], *, as_json: bool) -> None:
    """Grow a log to each of the sizes and print what each question costs there, also where that ends early."""
    from application.shared.sigterm import sigterm_as_interrupt
    from interfaces.cli.progress import progress_bars
    from sojourn.bench.questions import run_scale

    costs: list[Cost] = []
    try:
        with sigterm_as_interrupt(), progress_bars() as bar:
            line = cache(bar)
            costs.extend(run_scale(dsn, sizes, lambda what, done, number: line(what)(done, number)))
    finally:
        if costs:
            render(costs, as_json=as_json, human=lambda console: print_costs(console, costs))


def print_costs(console: "Console", costs: "list[Cost]") -> None:
    """Print a row for each question, with its seconds at each size and their ratio to the first."""
    from interfaces.cli.columns import table
    from interfaces.cli.table import print_table

    sizes = sorted({cost["size"] for cost in costs})
    shown = table("question", *(f"{_format_size(size)}>" for size in sizes))
    for question in dict.fromkeys(cost["question"] for cost in costs):
        shown.add_row(question, *(_format_cost(cost) for cost in costs if cost["question"] == question))
    print_table(console, shown)


def _format_size(size: int) -> str:
    return f"{size / 1_000_000:.1f} M" if size >= UNITS["M"] else f"{size / 1_000:.0f} k"


def _format_cost(cost: "Cost") -> str:
    seconds = cost["seconds"]
    amount = f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"
    return f"{amount}  x{cost['ratio']:.2f}"


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
