"""`sojourn import`: import the records of other systems from their files."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer

from application.wording.counts import count_noun
from domain.printable import printable
from interfaces.cli.connect import service
from interfaces.cli.failure import EXIT_FAILURE
from interfaces.cli.output import AsJson, Dsn, messages, render
from interfaces.wording.values import format_duration

if TYPE_CHECKING:
    from rich.console import Console

    from application.imports.input_file import InputFile
    from application.imports.tally import ImportAnswer

app = typer.Typer()

MOST_SHOWN = 20

FormatName = Annotated[
    str, typer.Argument(metavar="FORMAT", help="Choose jobmon, nextflow, sacct, spark, or jsonl for all else.")
]
File = Annotated[str, typer.Argument(metavar="FILE", help="Read FILE, also compressed; - is standard input.")]
LifecycleName = Annotated[
    str | None,
    typer.Option("--lifecycle", metavar="NAME|FILE", help="Choose the lifecycle of new tasks."),
]
Workflow = Annotated[
    str | None,
    typer.Option(
        metavar="ID",
        help="Choose the workflow of new tasks instead of the file's.",
    ),
]
TimeZone = Annotated[
    str | None, typer.Option(metavar="TZ", help="Set the zone of times without one, like Europe/Berlin.")
]


@app.command("import")
def import_file(
    ctx: typer.Context,
    format_name: FormatName,
    file: File,
    lifecycle: LifecycleName = None,
    workflow: Workflow = None,
    timezone: TimeZone = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Import a file of another system.

    Every line passes the lifecycle's gate and rules, like a live report.

    A line that cannot be read is listed with its number, the others are imported, and the exit status is 1. Importing
    the same file again adds nothing, and an interrupted import continues where it stopped. Without --workflow it is the
    file's: the cluster (sacct), the application (spark), the run (nextflow), or the file's name (jsonl).
    """
    from application.imports.formats import check_format, find_format
    from application.imports.importer import import_lines
    from application.imports.input_file import STDIN, input_stem, open_input
    from application.imports.local_time import find_time_zone
    from application.imports.named_lifecycles import NamedLifecycles
    from application.imports.options import Options
    from application.imports.time_window import read_by_time
    from domain.entity import check_id

    format_ = find_format(format_name)
    workflow = None if workflow is None else check_id("workflow", workflow)
    zone = None if timezone is None else find_time_zone(timezone)
    # A batch has many small objects without cycles, and looking for cycles takes a tenth of the time.
    gc.set_threshold(100_000)
    began = monotonic()
    with open_input(file) as source, service(ctx, dsn, create=True) as connected, _progress(file, source) as progress:
        under = connected.store.lifecycles.resolve(lifecycle or format_.LIFECYCLE)
        name = "stdin" if file == STDIN else input_stem(file)
        named = NamedLifecycles(connected.store.lifecycles.by_name)
        options = Options(under, name, workflow, zone, lifecycle is not None, named)
        lines = read_by_time(format_, check_format(format_name, file, source.lines()), options)
        answer = import_lines(connected.store, under, chain(lines, source.check_end()), progress).answer()
    render(answer, as_json=as_json, human=lambda console: _print_answer(console, answer, monotonic() - began))
    if answer["bad"]:
        raise typer.Exit(EXIT_FAILURE)


@contextmanager
def _progress(file: str, source: "InputFile") -> Iterator[Callable[[object], None]]:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from application.imports.input_file import input_size

    columns = TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    with Progress(*columns, console=messages(), transient=True, disable=not messages().is_terminal) as progress:
        bar = progress.add_task(printable(f"Importing {Path(file).name}"), total=input_size(file) or None)
        yield lambda _: progress.update(bar, completed=source.bytes_read)


def _print_answer(console: "Console", answer: "ImportAnswer", seconds: float) -> None:
    from interfaces.cli.columns import table
    from interfaces.cli.table import print_table

    shown = table(">", "", header=False)
    for count, what in _findings(answer):
        shown.add_row(f"{count:,}", what)
    console.print(f"Read {count_noun(answer['lines'], 'line')} in {format_duration(seconds)}.")
    print_table(console, shown)
    for bad in answer["bad_lines"][:MOST_SHOWN]:
        console.print(f"line {bad['line']}: {bad['error']}", markup=False)
    if answer["bad"] > MOST_SHOWN:
        console.print(f"and {answer['bad'] - MOST_SHOWN:,} more")


def _findings(answer: "ImportAnswer") -> Iterator[tuple[int, str]]:
    yield answer["tasks"], "tasks registered"
    yield answer["task_instances"], "task instances created"
    yield answer["transitions"], "transitions recorded"
    yield from ((count, f"refused by {rule}") for rule, count in sorted(answer["refused"].items()))
    yield from ((count, f"lines with {anomaly}") for anomaly, count in sorted(answer["anomalies"].items()))
    rest = (
        (answer["duplicates"], "lines already known"),
        (answer["ignored"], "lines about something other than a task"),
        (answer["bad"], "lines that could not be read"),
    )
    yield from ((count, what) for count, what in rest if count)
