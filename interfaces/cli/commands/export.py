"""`sojourn export`: write the log in the formats of other tools."""

import sys
from typing import TYPE_CHECKING, Annotated, BinaryIO, cast

import typer

from application.wording.counts import count_noun
from interfaces.cli import connect
from interfaces.cli.archived import answers_from_archive
from interfaces.cli.options import Workflow
from interfaces.cli.output import AsJson, Dsn, messages, render

if TYPE_CHECKING:
    from application.exports.exporter import ExportAnswer

app = typer.Typer()

FormatName = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="Choose csv, jsonl, ocel2, otlp, parquet, perfetto or xes.",
    ),
]
Output = Annotated[
    str,
    typer.Option("--output", "-o", metavar="FILE", help="Write to FILE; - is standard output; parquet is a folder."),
]


@app.command()
@answers_from_archive
def export(
    ctx: typer.Context,
    format_name: FormatName,
    output: Output,
    workflow: Workflow = None,
    csv_safe: Annotated[
        bool, typer.Option("--csv-safe", help="Mark csv cells that a spreadsheet would run as formulas.")
    ] = False,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Write the log in the format of another tool.

    perfetto opens in ui.perfetto.dev, otlp in Jaeger, xes and ocel2 in process-mining tools, parquet and csv in
    notebooks and DuckDB; `sojourn import jsonl` reads jsonl back.
    """
    from application.exports.exporter import export_log as exported
    from application.shared.output_file import STDOUT
    from interfaces.cli.progress import progress_bars
    from interfaces.cli.standard_streams import TerminalOutput

    if output == STDOUT and as_json:
        raise typer.BadParameter("standard output cannot be both the export and the answer", param_hint="--json")
    with progress_bars() as bar, connect.service(ctx, dsn) as service:
        progress = bar(f"Exporting to {format_name}")
        stdout = cast("BinaryIO", TerminalOutput(sys.stdout)) if sys.stdout.isatty() else None
        answer = exported(service.store, format_name, output, workflow, progress, csv_safe=csv_safe, stdout=stdout)
    if output == STDOUT:
        messages().print(summary_of(answer, output))
    else:
        render(answer, as_json=as_json, human=lambda console: console.print(summary_of(answer, output)))


def summary_of(answer: "ExportAnswer", output: str) -> str:
    """Return a sentence about the written file."""
    place = "standard output" if output == "-" else output
    return f"Wrote {count_noun(answer['rows'], 'row')} of {answer['format']} to {place}."
