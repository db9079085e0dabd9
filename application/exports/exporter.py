"""Exporting: one moment of the log, whole or not at all."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypedDict, cast

from application.exports.formats import FolderFormat, Format, find_format
from application.exports.source import Progress, Source
from application.known import check_workflow
from application.replay import unheard
from application.store import Store
from domain.errors import SojournError
from infrastructure.sql import query

STDOUT = "-"


class ExportAnswer(TypedDict):
    """The format that was written, and how many of its rows: lines, slices, spans or events."""

    format: str
    rows: int


class OutputInTheWay(SojournError):
    """Something that an export would overwrite, and that may be somebody's."""

    def __init__(self, path: Path, why: str) -> None:
        self.path = path
        super().__init__(f"{str(path)!r} {why}")


def export(
    store: Store, format_name: str, output: str, workflow_id: str | None = None, progress: Progress = unheard
) -> ExportAnswer:
    """Write the log, or one workflow, to a file (`-`: standard output) or, where the format asks for it, to a folder.

    A file is replaced once the new one is whole. Raises UnknownExport, UnknownEntity, OutputInTheWay.
    """
    found = find_format(format_name)
    with store.session() as connection:
        if workflow_id is not None:
            check_workflow(connection, workflow_id)
    with store.database.snapshot() as connection:
        if workflow_id is None:
            connection.execute(query("projections", "whole_log"))
        rows = _write(found, Source(connection, store.lifecycles.pinned, workflow_id, progress), output)
    return {"format": format_name, "rows": rows}


def _write(found: Format | FolderFormat, source: Source, output: str) -> int:
    if getattr(found, "FOLDER", False):
        if output == STDOUT:
            raise OutputInTheWay(Path(output), "is standard output, and this format is a folder: name one with -o")
        with _whole_folder(Path(output)) as folder:
            return cast("FolderFormat", found).write(source, folder)
    file_format = cast("Format", found)
    if output == STDOUT:
        return file_format.write(source, sys.stdout.buffer)
    with _whole_file(Path(output)) as file:
        return file_format.write(source, file)


@contextmanager
def _whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file beside `path` that takes its place once the block has ended well."""
    if path.is_dir():
        raise OutputInTheWay(path, "is a folder: this format is one file; name it")
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            yield cast("BinaryIO", file)
            file.close()
            Path(file.name).chmod(0o666 & ~_umask())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


@contextmanager
def _whole_folder(path: Path) -> Iterator[Path]:
    """A folder beside `path` that takes its place once the block has ended well."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise OutputInTheWay(path, "is there already: name another folder, or remove it first")
    folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        yield folder
        folder.chmod(0o777 & ~_umask())
        folder.replace(path)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _umask() -> int:
    # There is no way to read it but to set it.
    mask = os.umask(0)
    os.umask(mask)
    return mask
