"""`sojourn import`: what other systems have recorded, from their files."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli.connect import service
from interfaces.cli.failure import EXIT_FAILURE
from interfaces.cli.output import AsJson, Dsn, messages, show
from interfaces.wording.values import format_duration

if TYPE_CHECKING:
    from rich.console import Console

    from application.imports.input_file import InputFile
    from application.imports.tally import ImportAnswer

app = typer.Typer()

MOST_SHOWN = 20

FormatName = Annotated[
    str, typer.Argument(metavar="FORMAT", help="What wrote the file, like sacct; jsonl is the format for all else.")
]
File = Annotated[str, typer.Argument(help="The file to read, compressed or not; - is standard input.")]
LifecycleName = Annotated[
    str | None,
    typer.Option("--lifecycle", metavar="NAME|FILE", help="The lifecycle of new tasks; else the format's own."),
]
Workflow = Annotated[
    str | None,
    typer.Option(
        metavar="ID",
        help="The workflow of new tasks, whatever the file says; else what the file says (sacct: the cluster; "
        "spark: the application; nextflow: the run), else (jsonl) the name of the file without its ending.",
    ),
]
TimeZone = Annotated[
    str | None, typer.Option(metavar="TZ", help="The zone of times that have none, like Europe/Berlin.")
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
    """Import a file: every line goes through the lifecycle's gate and the rules, as live reports do.

    A line that is not understood is told with its number, and the others are imported; the exit status is then 1.
    Importing the same file again adds nothing, and one that was interrupted goes on where it was.
    """
    from application.imports.formats import check_format, find_format
    from application.imports.importer import import_lines
    from application.imports.input_file import STDIN, input_stem, open_input
    from application.imports.local_time import find_time_zone
    from application.imports.named_lifecycles import NamedLifecycles
    from application.imports.options import Options
    from domain.entity import check_id

    format_ = find_format(format_name)
    workflow = None if workflow is None else check_id("workflow", workflow)
    zone = None if timezone is None else find_time_zone(timezone)
    # A batch is many small objects in no cycles: looking for cycles among them takes a tenth of the time.
    gc.set_threshold(100_000)
    began = monotonic()
    with open_input(file) as source, service(ctx, dsn) as connected, _progress(file, source) as progress:
        under = connected.store.lifecycles.find(lifecycle or format_.LIFECYCLE)
        name = "stdin" if file == STDIN else input_stem(file)
        named = NamedLifecycles(connected.store.lifecycles.named)
        options = Options(under, name, workflow, zone, lifecycle is not None, named)
        lines = chain(format_.read(check_format(format_name, file, source.lines()), options), source.check_end())
        answer = import_lines(connected.store, under, lines, progress).answer()
    show(answer, as_json=as_json, people=lambda console: _tell(console, answer, monotonic() - began))
    if answer["bad"]:
        raise typer.Exit(EXIT_FAILURE)


@contextmanager
def _progress(file: str, source: "InputFile") -> Iterator[Callable[[object], None]]:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from application.imports.input_file import input_size

    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    with Progress(*columns, console=messages(), transient=True, disable=not messages().is_terminal) as progress:
        bar = progress.add_task(f"Importing {Path(file).name}", total=input_size(file) or None)
        yield lambda _: progress.update(bar, completed=source.bytes_read)


def _tell(console: "Console", answer: "ImportAnswer", seconds: float) -> None:
    from interfaces.cli.table import print_table, table

    shown = table(">", "", widths=(0, 0))
    for count, what in _findings(answer):
        shown.add_row(f"{count:,}", what)
    console.print(f"Read {answer['lines']:,} lines in {format_duration(seconds)}.")
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
        (answer["duplicates"], "lines known already"),
        (answer["ignored"], "lines that say nothing of a task"),
        (answer["bad"], "lines not understood"),
    )
    yield from ((count, what) for count, what in rest if count)
