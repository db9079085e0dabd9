"""Parquet, partitioned by the day (in UTC) on which a status was entered: `day=2026-01-31/statuses.parquet`.

DuckDB, Spark, Polars and pandas read the folder as one table with a column `day`. PostgreSQL writes the rows as CSV
and Arrow reads them: no row becomes a Python object.
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

MOMENT = pa.timestamp("us", tz="UTC")
WORD = pa.dictionary(pa.int32(), pa.string())

DAY = "day"

SCHEMA = pa.schema(
    [
        (DAY, pa.string()),
        ("entity_kind", WORD),
        ("entity_id", pa.string()),
        ("task_id", pa.string()),
        ("workflow_id", WORD),
        ("template", WORD),
        ("attempt", pa.int32()),
        ("version", pa.int32()),
        ("previous_status", WORD),
        ("new_status", WORD),
        ("entered_at", MOMENT),
        ("exited_at", MOMENT),
        ("duration_seconds", pa.float64()),
        ("terminal", pa.bool_()),
        ("reported", WORD),
        ("rule", WORD),
        ("actor", WORD),
        ("host", WORD),
        ("reason", pa.string()),
        ("position", pa.int64()),
    ]
)
"""The columns, as the query gives them."""

ROW_GROUP = 100_000


def write(source: LogSnapshot, folder: Path) -> int:
    """Write all of the source."""
    rows = 0
    for day, batches in groupby(_days(source), lambda part: part[0]):
        partition = folder / f"{DAY}={day}"
        partition.mkdir()
        with pq.ParquetWriter(partition / "statuses.parquet", SCHEMA.remove(0), compression="zstd") as writer:
            for _, batch in batches:
                writer.write_batch(batch, row_group_size=ROW_GROUP)
                rows += batch.num_rows
    return rows


def _days(source: LogSnapshot) -> Iterator[tuple[str, pa.RecordBatch]]:
    """The rows, which come in the order of days, each batch of one day alone."""
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
        return  # Arrow takes a file without a line for a mistake
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
    """Chunks of bytes as a file that Arrow reads."""

    closed = False

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._left = b""

    def read(self, size: int = -1) -> bytes:
        parts, have = [self._left], len(self._left)
        while size < 0 or have < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            parts.append(chunk)
            have += len(chunk)
        whole = b"".join(parts)
        size = have if size < 0 else size
        self._left = whole[size:]
        return whole[:size]
