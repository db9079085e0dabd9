"""Parquet, partitioned by the day (in UTC) on which a status was entered: `day=2026-01-31/statuses.parquet`.

DuckDB, Spark, Polars and pandas read the folder as one table with a column `day`. PostgreSQL writes the rows as CSV and
Arrow reads them, so no row becomes a Python object.
"""

from collections.abc import Iterable, Iterator
from itertools import chain, groupby
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from application.exports.log_snapshot import LogSnapshot

FOLDER = True

TIME = pa.timestamp("us", tz="UTC")
NAME = pa.dictionary(pa.int32(), pa.string())

DAY = "day"

SCHEMA = pa.schema(
    [
        (DAY, pa.string()),
        ("entity_kind", NAME),
        ("entity_id", pa.string()),
        ("task_id", pa.string()),
        ("workflow_id", NAME),
        ("template", NAME),
        ("attempt", pa.int32()),
        ("version", pa.int32()),
        ("previous_status", NAME),
        ("new_status", NAME),
        ("entered_at", TIME),
        ("exited_at", TIME),
        ("duration_seconds", pa.float64()),
        ("terminal", pa.bool_()),
        ("reported", NAME),
        ("rule", NAME),
        ("actor", NAME),
        ("host", NAME),
        ("reason", pa.string()),
        ("position", pa.int64()),
        ("waits_for", NAME),
        ("waits_for_detail", pa.string()),
    ]
)
"""The columns in the order of the query."""

ROW_GROUP = 100_000


def write(source: LogSnapshot, folder: Path) -> int:
    """Write all of `source` and return the number of rows."""
    rows = 0
    for day, batches in groupby(_split_by_day(source), lambda part: part[0]):
        partition = folder / f"{DAY}={day}"
        partition.mkdir()
        with pq.ParquetWriter(partition / "statuses.parquet", SCHEMA.remove(0), compression="zstd") as writer:
            for _, batch in batches:
                writer.write_batch(batch, row_group_size=ROW_GROUP)
                rows += batch.num_rows
    return rows


def _split_by_day(source: LogSnapshot) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield pairs of a day and a batch of its rows. The source is sorted by day."""
    for batch in _batches(source.csv_lines()):
        days = batch.column(0)
        begin = 0
        for run in pc.run_end_encode(days).run_ends.to_pylist():
            part = batch.slice(begin, run - begin)
            yield days[begin].as_py(), part.remove_column(0)
            begin = run


def _batches(chunks: Iterator[bytes]) -> Iterator[pa.RecordBatch]:
    first = next(chunks, None)
    if first is None:
        return  # Arrow refuses an empty file
    with arrow_csv.open_csv(
        _Chunks(chain([first], chunks)),
        read_options=arrow_csv.ReadOptions(column_names=SCHEMA.names, block_size=4 << 20),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(
            column_types=SCHEMA,
            null_values=[""],
            true_values=["t"],
            false_values=["f"],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    ) as reader:
        yield from reader


class _Chunks:
    """A file for Arrow, made of chunks of bytes."""

    closed = False

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        parts, length = [self._rest], len(self._rest)
        while size < 0 or length < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            parts.append(chunk)
            length += len(chunk)
        whole = b"".join(parts)
        size = length if size < 0 else size
        self._rest = whole[size:]
        return whole[:size]
