"""Ask an archive's Parquet dataset on DuckDB, alone or together with what is in the log.

The questions are SQL for DuckDB and Spark (projections/queries/lake): views over `logged_interval`, the dataset's
intervals, `lifecycle_status`, from its manifest, and `clock`, the time that is asked about.
"""

import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, LiteralString, get_args

import duckdb
import pyarrow as pa

from application.analyse.analytics_session import round_seconds
from application.archive.dataset import INTERVAL, SCHEMAS, read_manifest, write_parquet
from application.archive.intervals import create_parquet_view, open_engine, write_intervals
from application.shared.closed_at_end import ClosedAtEnd
from application.shared.store import Store
from domain.errors import check_choice
from infrastructure.log.event_log import CHUNK
from infrastructure.sql import query

By = Literal["workflow", "template", "actor"]
AttemptsBy = Literal["workflow", "template"]
Question = Literal["attempts", "audit", "concurrency", "time_in_status"]

QUESTIONS: Mapping[Question, LiteralString] = {
    "attempts": "lake/attempts",
    "audit": "lake/audit",
    "concurrency": "lake/concurrency",
    "time_in_status": "lake/time_in_status",
}

PARAMETERS = ("kind", "by", "workflow_id", "status")
"""The parameters of questions. Those that are not passed are NULL."""

VIEWS = ("lake/transition", "lake/task", "lake/transition_interval", "lake/status_interval")

STATUSES = pa.schema(
    [
        ("lifecycle", pa.string()),
        ("lifecycle_version", pa.int32()),
        ("entity_kind", pa.string()),
        ("status", pa.string()),
        ("terminal", pa.bool_()),
        ("failure", pa.bool_()),
        ("waiting", pa.bool_()),
        ("running", pa.bool_()),
        ("cancelled", pa.bool_()),
    ]
)


class Lake(ClosedAtEnd):
    """An archive on DuckDB, as of a time (None: now), with the events of a `store` too, if one is passed.

    Raises:
        ForeignArchive: the folder is not an archive.
    """

    def __init__(self, folder: str | Path, store: Store | None = None, at: datetime | None = None) -> None:
        self.folder = Path(folder)
        manifest = read_manifest(self.folder)
        self._open = ExitStack()
        self._connection = self._open.enter_context(open_engine())
        self._create_sources(store)
        self._connection.register("lifecycle_status", pa.Table.from_pylist(manifest["statuses"], STATUSES))
        now = at or datetime.now(UTC)
        self._connection.execute("CREATE TEMPORARY TABLE clock AS SELECT CAST(? AS timestamptz) AS now", [now])
        for view in VIEWS:
            self._connection.execute(query("projections", view))

    def _create_sources(self, store: Store | None) -> None:
        temporary = Path(self._open.enter_context(tempfile.TemporaryDirectory()))
        events = sorted((self.folder / "event").glob("*/*/*.parquet"))
        intervals = [_find_intervals(self.folder, file, temporary / f"{place}") for place, file in enumerate(events)]
        log = temporary / "log.parquet"
        if store is not None and _write_log(store, log):
            events.append(log)
            intervals.append(_derive(log, temporary / "log"))
        if events:
            create_parquet_view(self._connection, "event", events)
            create_parquet_view(self._connection, "logged_interval", intervals)
        else:
            self._connection.register("event", SCHEMAS["event"].empty_table())
            statement = query("projections", "lake/interval")
            self._connection.execute(f"CREATE TEMPORARY VIEW logged_interval AS {statement}")

    def audit(self, entity: str = "task", workflow_id: str | None = None) -> list[dict[str, Any]]:
        """Return each status of tasks or task instances with its interval, in the order of entry."""
        return self._ask("audit", {"kind": entity, "workflow_id": workflow_id})

    def time_in_status(
        self, entity: str = "task", by: By | None = None, workflow_id: str | None = None
    ) -> list[dict[str, Any]]:
        """Return how long tasks or task instances stay in each status that is not terminal.

        Raises:
            UnknownChoice: `by` is not one of its choices.
        """
        check_choice("by", by, get_args(By))
        wanted = {"kind": entity, "by": by, "workflow_id": workflow_id}
        return list(map(_as_group, self._ask("time_in_status", wanted)))

    def attempts(self, by: AttemptsBy | None = None, workflow_id: str | None = None) -> list[dict[str, Any]]:
        """Return how many attempts tasks take, how they came out, and the time that failed ones cost.

        Raises:
            UnknownChoice: `by` is not one of its choices.
        """
        check_choice("by", by, get_args(AttemptsBy))
        return list(map(_as_group, self._ask("attempts", {"by": by, "workflow_id": workflow_id})))

    def concurrency(self, status: str, entity: str = "task", workflow_id: str | None = None) -> list[dict[str, Any]]:
        """Return how many tasks or task instances were in a status at once, one row for each change."""
        return self._ask("concurrency", {"kind": entity, "status": status, "workflow_id": workflow_id})

    def relation(self, name: Question, **wanted: str | None) -> duckdb.DuckDBPyRelation:
        """Return a question's rows without reading them, so that DuckDB writes to a file what no list should have.

        The parameters are those of `spark_sql`; a label is called `label`.

        Raises:
            UnknownChoice: there is no question of that name.
        """
        check_choice("question", name, list(QUESTIONS))
        statement = query("projections", QUESTIONS[name])
        used = {parameter: wanted.get(parameter) for parameter in PARAMETERS if f"${parameter}" in statement}
        return self._connection.sql(statement, params=used)

    def sql(self, statement: str) -> duckdb.DuckDBPyRelation:
        """Return the rows of a statement of your own over `transition`, `task`, `status_interval` and the others."""
        return self._connection.sql(statement)

    def close(self) -> None:
        """End the session of DuckDB."""
        self._open.close()

    def _ask(self, name: Question, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        # By Arrow: DuckDB's own rows of times with a zone need a package more.
        found: Any = self.relation(name, **wanted).to_arrow_table()
        return [round_seconds(row) for row in found.to_pylist()]


def _as_group(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row whose label is called as in the database's answer; a column of a view cannot be named so."""
    return {("group" if name == "label" else name): value for name, value in row.items()}


def spark_sql(name: Question) -> LiteralString:
    """Return a question as SQL for Spark, whose parameters are `:kind`, `:workflow_id`, `:by` and `:status`."""
    return query("projections", QUESTIONS[name]).replace("$", ":")


def spark_views() -> list[LiteralString]:
    """Return the statements that create the views on Spark, over `logged_interval`, `lifecycle_status` and `clock`."""
    return [query("projections", view) for view in VIEWS]


def spark_intervals() -> LiteralString:
    """Return what `logged_interval` selects on Spark from a view `event` of files that have no intervals."""
    return query("projections", "lake/interval")


def _find_intervals(folder: Path, events: Path, derived: Path) -> Path:
    """Return the intervals of a file of events: its own, or those `derived` where it is of before files had them."""
    path = folder / INTERVAL / events.relative_to(folder / "event")
    return path if path.exists() else _derive(events, derived)


def _derive(events: Path, path: Path) -> Path:
    write_intervals(events, path)
    return path


def _write_log(store: Store, path: Path) -> int:
    """Write the log's events of tasks and task instances, and return the bytes: 0 without events or file."""
    with store.database.snapshot() as connection, connection.cursor(name="lake") as cursor:
        cursor.itersize = CHUNK
        return write_parquet(path, "event", cursor.execute(query("projections", "lake/log")))
