"""Derive the intervals of an archive's events: what `sojourn.lake` reads, so that no question reads JSON.

A file has whole workflows, so each interval's end is known when the file is written. The statement is SQL for DuckDB
and Spark; what DuckDB calls by another name is a macro.
"""

import os
import tempfile
from collections.abc import Iterable
from errno import EIO
from pathlib import Path

import duckdb

from infrastructure.sql import query

MACROS = (
    "CREATE OR REPLACE MACRO get_json_object(document, path) AS json_extract_string(document, path)",
    "CREATE OR REPLACE MACRO unix_micros(moment) AS epoch_us(moment)",
    "CREATE OR REPLACE MACRO percentile(value, share) AS quantile_cont(value, share)",
)
"""What DuckDB calls by another name than Spark."""


def open_engine() -> duckdb.DuckDBPyConnection:
    """Return a session of DuckDB that takes Spark's names, and spills into the system's temporary folder."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET temp_directory = {quote_text(tempfile.gettempdir())}")
    for macro in MACROS:
        connection.execute(macro)
    return connection


def write_intervals(events: Path, path: Path) -> int:
    """Write the intervals of a file of events to a file that is on the disk afterwards, and return its bytes.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open_engine() as connection:
        create_parquet_view(connection, "event", [events])
        statement = f"COPY ({query('projections', 'lake/interval')}) TO {quote_text(str(path))}"
        try:
            connection.execute(f"{statement} (FORMAT parquet, COMPRESSION zstd)")
        except duckdb.IOException as error:
            raise OSError(EIO, str(error)) from error
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
    return path.stat().st_size


def create_parquet_view(connection: duckdb.DuckDBPyConnection, name: str, files: Iterable[Path]) -> None:
    """Create a view of the rows of Parquet files."""
    names = ", ".join(quote_text(str(file)) for file in files)
    connection.execute(
        f"CREATE OR REPLACE TEMPORARY VIEW {name} AS SELECT * FROM read_parquet([{names}], hive_partitioning = false)"  # noqa: S608
    )


def quote_text(text: str) -> str:
    """Return a text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"
