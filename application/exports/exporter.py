"""Export the log as it is at one moment."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO, TypedDict, cast

from application.exports.formats import FolderFormat, Format, find_format
from application.exports.log_snapshot import LogSnapshot
from application.replay.replay import ignore_progress
from application.shared.existence import require_workflow
from application.shared.output_file import (
    STDOUT,
    OutputExists,
    OutputNotWritable,
    make_in_same_folder,
    output_file,
    umask,
)
from application.shared.progress import Progress
from application.shared.store import Store
from domain.errors import SojournError
from infrastructure.sql import query


class CsvOnly(SojournError, ValueError):
    """Raised when a format without cells is to be safe for spreadsheets.

    Fix: export csv, or leave out `csv_safe`.
    """

    def __init__(self, format_name: str) -> None:
        super().__init__(f"export format {format_name!r} has no cells that a spreadsheet runs; --csv-safe is for csv")


class ExportAnswer(TypedDict):
    """The format that was written, and the number of its rows: lines, slices, spans or events."""

    format: str
    rows: int


def export_log(
    store: Store,
    format_name: str,
    output: str,
    workflow_id: str | None = None,
    progress: Progress = ignore_progress,
    *,
    csv_safe: bool = False,
    stdout: BinaryIO | None = None,
) -> ExportAnswer:
    """Write the log, or one workflow, to a file (`-`: `stdout`) or, if the format needs one, to a folder.

    An existing file is replaced once the new one is complete. `csv_safe` marks cells that a spreadsheet would run as
    formulas.

    Raises:
        UnknownExport: no format has the name.
        CsvOnly: `csv_safe` is set for another format than csv.
        MissingExtra: the packages of the format are not installed.
        UnknownEntity: no event belongs to the workflow.
        OutputExists: the output is not what the format writes, or exists already.
        OutputNotWritable: the output cannot be written.
    """
    writer = _find_safe_csv(format_name) if csv_safe else find_format(format_name)
    with store.session() as connection:
        if workflow_id is not None:
            require_workflow(connection, workflow_id)
    with store.database.snapshot() as connection:
        if workflow_id is None:
            connection.execute(query("projections", "session/export"))
        rows = _write(writer, LogSnapshot(connection, store.lifecycles.by_key, workflow_id, progress), output, stdout)
    return {"format": format_name, "rows": rows}


def _find_safe_csv(format_name: str) -> Format:
    found = find_format(format_name)
    if not hasattr(found, "write_for_spreadsheets"):
        raise CsvOnly(format_name)
    return SimpleNamespace(write=found.write_for_spreadsheets)


def _write(writer: Format | FolderFormat, source: LogSnapshot, output: str, stdout: BinaryIO | None) -> int:
    if getattr(writer, "FOLDER", False):
        if output == STDOUT:
            raise OutputExists(Path(output), "is standard output, but this format writes a folder; name one with -o")
        with _complete_folder(Path(output)) as folder:
            return cast("FolderFormat", writer).write(source, folder)
    file_format = cast("Format", writer)
    if output == STDOUT:
        stream = stdout or sys.stdout.buffer
        rows = file_format.write(source, stream)
        stream.flush()
        return rows
    with output_file(Path(output)) as file:
        return file_format.write(source, file)


@contextmanager
def _complete_folder(path: Path) -> Iterator[Path]:
    """Yield a folder next to `path`, and move it to `path` once the block has succeeded."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise OutputExists(path, "exists already; name another folder or remove it first")
    try:
        folder = Path(make_in_same_folder(path, tempfile.mkdtemp))
        with _removed_on_failure(folder):
            yield folder
            folder.chmod(0o777 & ~umask())
            folder.replace(path)
    except OSError as error:
        raise OutputNotWritable(path, error) from error


@contextmanager
def _removed_on_failure(folder: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
