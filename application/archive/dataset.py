"""The Parquet dataset of an archive: what is in its folder, and how rows get in and out.

    FOLDER/manifest.json                                  whose log it is, every file with its checksum, the lifecycles
    FOLDER/event/month=2026-01/bucket=a/NAME.parquet      events, sorted by workflow and position
    FOLDER/command/..., FOLDER/lease/..., FOLDER/runner/...   what else the same workflows need, under the same name
    FOLDER/interval/...                                   each status with its interval, derived from the events

The month is that in which a workflow began, the bucket the first digit of the hash of its id. A file is a draft, which
no reader of the dataset sees, until the database has its tombstones.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from application.archive.errors import ArchiveDamaged, ForeignArchive
from application.archive.intervals import write_intervals
from application.shared.output_file import OutputNotWritable, output_file

FORMAT = 1
MANIFEST = "manifest.json"
DRAFT = ".draft"
SUPERSEDED = ".superseded"

TIME = pa.timestamp("us", tz="UTC")

EVENTS = pa.schema(
    [
        ("position", pa.int64()),
        ("stream", pa.string()),
        ("version", pa.int32()),
        ("name", pa.string()),
        ("workflow_id", pa.string()),
        ("recorded_at", TIME),
        ("occurred_at", TIME),
        ("entered_at", TIME),
        ("data", pa.string()),
    ]
)

SCHEMAS: Mapping[str, pa.Schema] = {
    "event": EVENTS,
    "command": pa.schema(
        [
            ("command_id", pa.string()),
            ("request", pa.string()),
            ("response", pa.string()),
            ("recorded_at", TIME),
            ("workflow_id", pa.string()),
        ]
    ),
    "lease": pa.schema(
        [
            ("holder", pa.string()),
            ("workflow_id", pa.string()),
            ("begun_at", TIME),
            ("heartbeat_at", TIME),
            ("report_by", TIME),
        ]
    ),
    "runner": EVENTS,
}
"""The kinds of rows, each in a folder of its own, with their columns in the order of their queries."""

INTERVAL = "interval"
"""The part that is derived from a file's events. Files of before this part have none."""

PARTS = (*SCHEMAS, INTERVAL)

ROW_GROUP = 50_000

Row = tuple[Any, ...]


class ArchiveFolder:
    """The folder of the archive of one log."""

    def __init__(self, path: Path, log_id: UUID, *, create: bool = False) -> None:
        self.path = path.absolute()
        self._log_id = str(log_id)
        if create:
            self._create()
        self._require_own()

    def _create(self) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputNotWritable(self.path, error) from error
        if not any(self.path.iterdir()):
            self.write_manifest([])

    def _require_own(self) -> None:
        manifest = read_manifest(self.path)
        if manifest["log"] != self._log_id:
            raise ForeignArchive(self.path, "is the archive of another log")

    def write_manifest(self, files: Iterable[str], **described: list[dict[str, Any]]) -> None:
        """Write the manifest: each of `files` with its parts' checksums, which are computed once for each file."""
        known = read_manifest(self.path)["files"] if (self.path / MANIFEST).exists() else {}
        content = {
            "archive": FORMAT,
            "log": self._log_id,
            "files": {file: known.get(file) or self._describe(file) for file in sorted(files)},
            "lifecycles": [],
            "statuses": [],
            **described,
        }
        with output_file(self.path / MANIFEST) as stream:
            stream.write(json.dumps(content, indent=1).encode())

    def _describe(self, file: str) -> list[dict[str, Any]]:
        return [
            {
                "path": str(part.relative_to(self.path)),
                "bytes": part.stat().st_size,
                "sha256": hash_file(part),
                "rows": pq.read_metadata(part).num_rows,
            }
            for part in self.parts(file)
        ]

    def part(self, kind: str, file: str) -> Path:
        """Return the path of a file's rows of one kind."""
        return self.path / kind / file

    def parts(self, file: str, suffix: str = "") -> list[Path]:
        """Return the paths of a file's parts that exist."""
        paths = (self.path / kind / f"{file}{suffix}" for kind in PARTS)
        return [path for path in paths if path.exists()]

    def list_files(self, suffix: str = "") -> set[str]:
        """Return the files of the dataset, or its drafts: the names of their parts without the kind."""
        return {
            str(path.relative_to(self.path / kind))[: -len(suffix) or None]
            for kind in PARTS
            for path in (self.path / kind).glob(f"*/*/*.parquet{suffix}")
        }

    def write_draft(self, file: str, rows: Mapping[str, Iterable[Row]]) -> int:
        """Write the rows of each kind and their intervals as a draft, and return the bytes.

        A kind without rows gets no part.

        Raises:
            OutputNotWritable: a file cannot be written.
        """
        draft = f"{file}{DRAFT}"
        try:
            size = sum(write_parquet(self.part(kind, draft), kind, found) for kind, found in rows.items())
            size += write_intervals(self.part("event", draft), self.part(INTERVAL, draft))
            self._sync_folders(draft)
        except OSError as error:
            raise OutputNotWritable(self.path, error) from error
        return size

    def _sync_folders(self, file: str) -> None:
        """Have the names of a file's parts on the disk too: without them, what the log loses would be nowhere."""
        folders = {folder for part in self.parts(file) for folder in part.parents if folder.is_relative_to(self.path)}
        for folder in sorted({*folders, self.path.parent}):
            number = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(number)
            finally:
                os.close(number)

    def publish(self, file: str) -> None:
        """Let readers of the dataset see a draft."""
        for path in self.parts(file, DRAFT):
            path.rename(str(path).removesuffix(DRAFT))

    def discard(self, file: str) -> None:
        """Delete a draft."""
        for path in self.parts(file, DRAFT):
            path.unlink()

    def supersede(self, file: str) -> None:
        """Hide a file whose rows are in the log again, or in another file."""
        for path in self.parts(file):
            path.rename(f"{path}{SUPERSEDED}")

    def delete_superseded(self) -> None:
        """Delete the files that `supersede` has hidden."""
        for file in self.list_files(SUPERSEDED):
            for path in self.parts(file, SUPERSEDED):
                path.unlink()

    def delete(self, file: str) -> None:
        """Delete a file whose rows are in the log again, or in another file."""
        for path in self.parts(file):
            path.unlink()

    def read(
        self, kind: str, file: str, workflows: Iterable[str] | None = None, *, without: bool = False
    ) -> Iterator[Row]:
        """Yield the rows of one kind of some workflows, or `without` them, from the file or its draft.

        Raises:
            ArchiveDamaged: the file is missing or cannot be read.
        """
        path = next((found for suffix in ("", DRAFT) for found in [self.part(kind, f"{file}{suffix}")]
                     if found.exists()), None)  # fmt: skip
        if path is None:
            if kind == "event":
                raise ArchiveDamaged(self.part(kind, file), "is missing")
            return
        wanted = None if workflows is None else pa.array(sorted(workflows), pa.string())
        try:
            with pq.ParquetFile(path) as parquet:
                for batch in parquet.iter_batches():
                    yield from _rows(_filter(batch, wanted, without=without))
        except pa.ArrowInvalid as error:
            raise ArchiveDamaged(path, f"cannot be read ({error})") from error

    def find_event(self, file: str, position: int) -> Row | None:
        """Return the event of a file at a position, or None where it has none.

        Raises:
            ArchiveDamaged: the file is missing or cannot be read.
        """
        path = self.part("event", file)
        try:
            found = pq.read_table(path, filters=[("position", "=", position)], partitioning=None)
        except (OSError, pa.ArrowInvalid) as error:
            raise ArchiveDamaged(path, "is missing or cannot be read") from error
        return next(iter(_rows(found)), None)

    def check(self, file: str) -> None:
        """Check a file against the checksums of the manifest.

        Raises:
            ArchiveDamaged: a part is missing or has another content.
        """
        for part in read_manifest(self.path)["files"].get(file, []):
            path = self.path / part["path"]
            if not path.exists():
                raise ArchiveDamaged(path, "is missing")
            if hash_file(path) != part["sha256"]:
                raise ArchiveDamaged(path, "does not match its checksum")


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of an archive.

    Raises:
        ForeignArchive: the folder is not an archive, or a later version of Sojourn wrote it.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ForeignArchive(folder, "is not the folder of an archive") from error
    if not isinstance(manifest, dict) or manifest.get("archive") != FORMAT:
        raise ForeignArchive(folder, "is not an archive that this version reads")
    return manifest


def write_parquet(path: Path, kind: str, rows: Iterable[Row]) -> int:
    """Write rows of one kind to a file that is on the disk afterwards, and return its bytes: 0 without rows or file."""
    schema = SCHEMAS[kind]
    batches = _batches(schema, rows)
    first = next(batches, None)
    if first is None:
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        with pq.ParquetWriter(stream, schema, compression="zstd") as writer:
            writer.write_batch(first)
            for batch in batches:
                writer.write_batch(batch)
        stream.flush()
        os.fsync(stream.fileno())
    return path.stat().st_size


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _batches(schema: pa.Schema, rows: Iterable[Row]) -> Iterator[pa.RecordBatch]:
    chunk: list[Row] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == ROW_GROUP:
            yield _batch(schema, chunk)
            chunk = []
    if chunk:
        yield _batch(schema, chunk)


def _batch(schema: pa.Schema, rows: list[Row]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _filter(batch: pa.RecordBatch, workflows: pa.Array | None, *, without: bool) -> pa.RecordBatch:
    if workflows is None:
        return batch
    chosen = pc.is_in(batch.column("workflow_id"), workflows)
    return batch.filter(pc.invert(chosen) if without else chosen)


def _rows(batch: pa.RecordBatch) -> Iterator[Row]:
    return zip(*(column.to_pylist() for column in batch.columns), strict=True)
