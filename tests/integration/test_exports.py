"""Exports: each format holds what the audit says, and is what its readers take it to be."""

import base64
import csv
import io
import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import jsonschema
import psycopg
import pytest
import xmlschema
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from application.exports.exporter import CsvOnly, ExportAnswer, export_log
from application.exports.formats import UnknownExport, format_names, parquet
from application.exports.formats import csv as csv_format
from application.shared.output_file import OutputExists, OutputNotWritable
from application.transition_service import TaskSpec, TransitionService
from domain.actor import Actor
from domain.errors import UnknownEntity
from tests.support.agreement import Row, rows
from tests.support.databases import DatabasePool
from tests.support.examples import examples

pytestmark = pytest.mark.one_server

SCHEMAS = Path(__file__).parent.parent / "schemas"
NINE = datetime(2026, 1, 31, 23, 59, 50, tzinfo=UTC)
STRANGE = 'a "b", <c> & \x01\nd'
"""An id that CSV, XML and JSON each have to take care of."""

ANY_TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20
) | st.text("\r\n\"',;|=+-@\t \\\u2028\x85", min_size=1, max_size=10)
"""Any text that the log accepts, and more often text of the characters by which CSV is read."""

READ_CSV = """
SELECT {} FROM read_csv(
    ?, delim = ',', quote = '"', escape = '"', header = true, all_varchar = true, new_line = '\\n', strict_mode = true
)
"""


@pytest.fixture
def lived(service: TransitionService) -> TransitionService:
    """Two workflows: overlapping attempts, an orphan, a refusal, a failure, strange names, what has not ended yet."""
    service.register_tasks("w", [TaskSpec("t1", 3, "align"), TaskSpec(STRANGE), TaskSpec("waits")], occurred_at=NINE)
    service.register_tasks("other", [TaskSpec("u1", 1)], occurred_at=NINE)
    service.gate_tasks_for_queueing(["t1", STRANGE, "u1"], actor="distributor", occurred_at=at(1))
    service.create_task_instances({"t1/1": "t1", "s/1": STRANGE, "u1/1": "u1"}, actor="distributor", occurred_at=at(1))
    for second, (name, status) in enumerate(
        [
            ("t1/1", "INSTANTIATED"), ("t1/1", "LAUNCHED"), ("u1/1", "INSTANTIATED"), ("s/1", "INSTANTIATED"),
        ], 2,
    ):  # fmt: skip
        service.transition_task_instance(name, status, actor="distributor", occurred_at=at(second))
    report(service, "t1/1", "RUNNING", 6, host="node1")
    report(service, "t1/1", "UNKNOWN_ERROR", 8, host="node1", reason="no sign of life")
    service.gate_tasks_for_queueing(["t1"], occurred_at=at(9))
    service.create_task_instances({"t1/2": "t1"}, actor="distributor", occurred_at=at(9))
    service.transition_task_instance("t1/2", "INSTANTIATED", actor="distributor", occurred_at=at(10))
    report(service, "t1/2", "RUNNING", 11, host="node1")
    report(service, "t1/2", "DONE", 15, host="node1")
    report(service, "t1/1", "RUNNING", 16, host="node1")
    report(service, "s/1", "RUNNING", 12, host="node2")
    report(service, "u1/1", "RUNNING", 13, host="node1")
    report(service, "u1/1", "ERROR", 14, host="node1", reason=STRANGE)
    return service


def at(second: int) -> datetime:
    return NINE + timedelta(seconds=second)


def report(service: TransitionService, name: str, status: str, second: int, host: str, **more: Any) -> None:
    service.transition_task_instance(
        name, status, actor=Actor(component="worker", host=host), occurred_at=at(second), **more
    )


def exported(
    service: TransitionService, format_name: str, path: Path, workflow: str | None = None
) -> tuple[ExportAnswer, str]:
    """The answer, and what the file has."""
    answer = export_log(service.store, format_name, str(path), workflow)
    return answer, path.read_bytes().decode()


def audit(connection: psycopg.Connection[Any]) -> list[Row]:
    """The views that the exports are of, oldest first."""
    return rows(
        connection,
        """
        SELECT 'task:' || task_id AS entity, previous_status, new_status, entered_at, exited_at, reported, rule,
            actor, position
        FROM sojourn.task_status_audit
        UNION ALL
        SELECT 'task_instance:' || task_instance_id, previous_status, new_status, entered_at, exited_at, reported,
            rule, actor, position
        FROM sojourn.task_instance_status_audit
        ORDER BY entered_at, position
        """,
    )


class TestCsv:
    def test_it_has_every_line_of_the_audit(
        self, lived: TransitionService, connection: psycopg.Connection[Any], tmp_path: Path
    ) -> None:
        answer, text = exported(lived, "csv", tmp_path / "statuses.csv")

        lines = list(csv.DictReader(io.StringIO(text, newline="")))
        assert answer == {"format": "csv", "rows": len(lines)}
        expected = [{key: _text(value) for key, value in row.items()} for row in audit(connection)]
        assert [{key: line[key] for key in row} for line, row in zip(lines, expected, strict=True)] == expected
        closed = next(line for line in lines if line["exited_at"])
        lasted = datetime.fromisoformat(closed["exited_at"]) - datetime.fromisoformat(closed["entered_at"])
        assert float(closed["duration_seconds"]) == lasted.total_seconds()

    def test_one_workflow_alone(self, lived: TransitionService, tmp_path: Path) -> None:
        _, text = exported(lived, "csv", tmp_path / "statuses.csv", "other")

        assert {line["task_id"] for line in csv.DictReader(io.StringIO(text))} == {"u1"}

    @examples(quick=15, long=60)
    @given(names=st.lists(ANY_TEXT, min_size=1, max_size=5, unique=True), reason=ANY_TEXT)
    def test_every_text_comes_back(
        self, databases: DatabasePool, tmp_path: Path, names: list[str], reason: str
    ) -> None:
        path = tmp_path / "any.csv"
        with databases.borrowed() as dsn, TransitionService.connect(dsn) as service:
            for name in names:
                service.register_tasks(name, [TaskSpec(name, 3, name)], actor=name, reason=reason, occurred_at=NINE)
            _, text = exported(service, "csv", path)

        wanted = {(name, name, name, name, reason) for name in names}
        columns = ("task_id", "workflow_id", "template", "actor", "reason")
        read = csv.DictReader(io.StringIO(text, newline=""))
        assert {tuple(line[column] for column in columns) for line in read} == wanted
        with duckdb.connect() as database:
            assert set(database.execute(READ_CSV.format(", ".join(columns)), [str(path)]).fetchall()) == wanted

    def test_a_formula_is_text_for_a_spreadsheet(self, service: TransitionService, tmp_path: Path) -> None:
        starts = ("=", "+", "-", "@", "\t", "\r")
        for start in starts:
            service.register_tasks("w", [TaskSpec(f"{start}1+1")], reason=f"{start}cmd", occurred_at=NINE)

        export_log(service.store, "csv", str(tmp_path / "safe.csv"), csv_safe=True)
        _, unsafe = exported(service, "csv", tmp_path / "plain.csv")

        with (tmp_path / "safe.csv").open(newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
        assert [(line["task_id"], line["reason"]) for line in lines] == [(f"'{x}1+1", f"'{x}cmd") for x in starts]
        assert not any(str(cell).startswith(starts) for line in lines for cell in line.values())
        assert {line["task_id"] for line in csv.DictReader(io.StringIO(unsafe, newline=""))} == {
            f"{start}1+1" for start in starts
        }

    def test_other_formats_have_no_cells(self, service: TransitionService, tmp_path: Path) -> None:
        with pytest.raises(CsvOnly, match="export format 'xes' has no cells that a spreadsheet runs; --csv-safe is"):
            export_log(service.store, "xes", str(tmp_path / "log.xes"), csv_safe=True)


class TestParquet:
    def test_it_is_partitioned_by_the_day_and_says_what_the_audit_says(
        self, lived: TransitionService, connection: psycopg.Connection[Any], tmp_path: Path
    ) -> None:
        answer = export_log(lived.store, "parquet", str(tmp_path / "statuses"))

        expected = audit(connection)
        assert answer["rows"] == len(expected)
        assert sorted(folder.name for folder in (tmp_path / "statuses").iterdir()) == [
            "day=2026-01-31", "day=2026-02-01",
        ]  # fmt: skip
        # DuckDB reads what Arrow has written: two libraries that share no code.
        with duckdb.connect() as reader:
            reader.execute("SET TimeZone = 'UTC'")
            found = reader.execute(
                "SELECT entity_kind || ':' || entity_id, previous_status, new_status, epoch_us(entered_at), "
                "epoch_us(exited_at), reported, rule, actor, position, CAST(day AS text) "
                "FROM read_parquet(?, hive_partitioning = true) ORDER BY entered_at, position",
                [str(tmp_path / "statuses" / "*" / "*.parquet")],
            ).fetchall()
        assert found == [
            (
                row["entity"], row["previous_status"], row["new_status"], _epoch_us(row["entered_at"]),
                _epoch_us(row["exited_at"]), row["reported"], row["rule"], row["actor"], row["position"],
                str(row["entered_at"].astimezone(UTC).date()),
            )
            for row in expected
        ]  # fmt: skip

    def test_a_folder_with_something_in_it_is_left_alone(self, lived: TransitionService, tmp_path: Path) -> None:
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "thesis.txt").write_text("years of work")

        with pytest.raises(OutputExists, match="exists already; name another folder or remove it first"):
            export_log(lived.store, "parquet", str(tmp_path / "mine"))

        assert [file.name for file in tmp_path.rglob("*")] == ["mine", "thesis.txt"]


class TestPerfetto:
    @pytest.fixture
    def trace(self, lived: TransitionService, tmp_path: Path) -> list[dict[str, Any]]:
        _, text = exported(lived, "perfetto", tmp_path / "trace.json")
        document = json.loads(text)
        jsonschema.validate(document, _schema("perfetto.json"))
        return list(document["traceEvents"])

    def test_no_slices_of_a_track_overlap(self, trace: list[dict[str, Any]]) -> None:
        tracks = defaultdict(list)
        for event in trace:
            if event["ph"] == "X":
                tracks[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"]))

        assert len(tracks) > 8
        for slices in tracks.values():
            assert all(end <= begin for (_, end), (begin, _) in pairwise(sorted(slices)))

    def test_a_track_has_one_attempt_and_a_process_one_task_or_worker(self, trace: list[dict[str, Any]]) -> None:
        named = {
            (event["pid"], event["tid"] if event["name"] == "thread_name" else None): event["args"]["name"]
            for event in trace
            if event["ph"] == "M"
        }
        entities = defaultdict(set)
        for event in trace:
            if event["ph"] != "M":
                entities[event["pid"], event["tid"]].add(event["args"]["entity"])
                assert (event["pid"], event["tid"]) in named

        assert all(len(of_one) == 1 for of_one in entities.values())
        processes = {name for (_, thread), name in named.items() if thread is None}
        assert {"task t1", "worker worker@node1", "worker worker@node2"} <= processes
        assert "attempt 2 on worker@node1: t1/2" in named.values()

    def test_no_two_tracks_have_the_same_number(self, trace: list[dict[str, Any]]) -> None:
        tracks = [(event["pid"], event["tid"]) for event in trace if event["name"] == "thread_name"]
        processes = {event["pid"]: event["args"]["name"] for event in trace if event["name"] == "process_name"}

        assert len({thread for _, thread in tracks}) == len(tracks)
        assert min(thread for _, thread in tracks) > 0
        # The thread with the number of its process is the main one: a task's own statuses.
        main = [process for process, thread in tracks if process == thread]
        assert sorted(processes[process] for process in main) == sorted(
            name for name in processes.values() if name.startswith("task ")
        )

    def test_it_has_every_stay(self, trace: list[dict[str, Any]], connection: psycopg.Connection[Any]) -> None:
        shown = Counter(
            (event["args"]["entity"], event["name"], event["ts"])
            for event in trace
            if event["ph"] != "M" and event["cat"] != "work"
        )

        assert shown == Counter(
            (row["entity"], row["new_status"], _epoch_us(row["entered_at"])) for row in audit(connection)
        )


class TestOtlp:
    @pytest.fixture
    def spans(self, lived: TransitionService, tmp_path: Path) -> list[dict[str, Any]]:
        answer, text = exported(lived, "otlp", tmp_path / "traces.json")
        document = json.loads(text)
        (resource,) = document["resourceSpans"]
        (scope,) = resource["scopeSpans"]
        assert answer["rows"] == len(scope["spans"])
        json_format.ParseDict(_as_protobuf_has_ids(document), TracesData())  # raises where a field is not of OTLP
        return list(scope["spans"])

    def test_a_task_is_a_trace_with_its_attempts_and_statuses_below_it(self, spans: list[dict[str, Any]]) -> None:
        by_id = {span["spanId"]: span for span in spans}
        assert len(by_id) == len(spans)
        roots = {span["traceId"]: span["name"] for span in spans if "parentSpanId" not in span}
        assert sorted(roots.values()) == sorted(["task:t1", f"task:{STRANGE}", "task:u1", "task:waits"])
        for span in spans:
            parent = by_id.get(span.get("parentSpanId", ""))
            assert int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"])
            if parent:
                assert parent["traceId"] == span["traceId"]
                assert int(parent["startTimeUnixNano"]) <= int(span["startTimeUnixNano"])
        attempt = next(span for span in spans if span["name"] == "ti:t1/2")
        assert by_id[attempt["parentSpanId"]]["name"] == "task:t1"
        below = [span["name"] for span in spans if span.get("parentSpanId") == attempt["spanId"]]
        assert below == ["QUEUED", "INSTANTIATED", "RUNNING"]

    def test_failures_are_errors_and_what_goes_on_is_open(self, spans: list[dict[str, Any]]) -> None:
        entities = {span["name"]: span for span in spans if ":" in span["name"]}

        assert entities["task:t1"]["status"] == {"code": 1}
        assert entities["ti:u1/1"]["status"] == {"code": 2, "message": STRANGE}
        assert entities["task:u1"]["status"]["code"] == 2
        assert [event["name"] for event in entities["task:u1"]["events"]] == ["ERROR_FATAL"]
        assert "status" not in entities["task:waits"]
        assert {"key": "sojourn.open", "value": {"boolValue": True}} in entities["task:waits"]["attributes"]

    def test_a_time_that_otlp_cannot_state_is_the_nearest_one_with_its_own_next_to_it(
        self, service: TransitionService, tmp_path: Path
    ) -> None:
        service.register_tasks("w", [TaskSpec("old")], occurred_at=datetime(1969, 12, 31, 23, 59, 58, tzinfo=UTC))

        _, text = exported(service, "otlp", tmp_path / "old.json")

        document = json.loads(text)
        json_format.ParseDict(_as_protobuf_has_ids(document), TracesData())
        for span in document["resourceSpans"][0]["scopeSpans"][0]["spans"]:
            assert span["startTimeUnixNano"] == "0"
            begins_at = {"stringValue": "1969-12-31T23:59:58+00:00"}
            assert {"key": "sojourn.begins_at", "value": begins_at} in span["attributes"]


class TestXes:
    def test_a_trace_has_the_statuses_of_one_entity(
        self, lived: TransitionService, connection: psycopg.Connection[Any], tmp_path: Path
    ) -> None:
        answer, text = exported(lived, "xes", tmp_path / "log.xes")

        schema = xmlschema.XMLSchema(str(SCHEMAS / "xes.xsd"))
        schema.validate(str(tmp_path / "log.xes"))
        assert "\x01" not in text
        root = xmlschema.XMLResource(str(tmp_path / "log.xes")).root
        found = {
            _value(trace, "concept:name"): [
                (_value(event, "concept:name"), datetime.fromisoformat(_value(event, "time:timestamp")))
                for event in trace.iterfind("event")
            ]
            for trace in root.iterfind("trace")
        }
        expected = defaultdict(list)
        for row in audit(connection):
            name = row["entity"].replace("task_instance:", "ti:").replace("\x01", "\ufffd")
            expected[name].append((row["new_status"], row["entered_at"]))
        assert found == expected
        assert answer["rows"] == sum(map(len, expected.values()))


class TestOcel2:
    def test_events_are_related_to_objects_that_are_there(
        self, lived: TransitionService, connection: psycopg.Connection[Any], tmp_path: Path
    ) -> None:
        answer, text = exported(lived, "ocel2", tmp_path / "log.json")

        document = json.loads(text)
        jsonschema.validate(document, _schema("ocel2.json"), format_checker=jsonschema.FormatChecker())
        objects = {found["id"]: found["type"] for found in document["objects"]}
        assert len(objects) == len(document["objects"])
        assert set(objects.values()) == {"task", "task_instance", "worker"}
        assert set(objects.values()) <= {kind["name"] for kind in document["objectTypes"]}
        declared = {kind["name"] for kind in document["eventTypes"]}
        for event in document["events"]:
            assert event["type"] in declared
            assert {related["objectId"] for related in event["relationships"]} <= objects.keys()
        expected = audit(connection)
        assert answer["rows"] == len(document["events"]) == len(expected)
        assert [(int(event["id"]), datetime.fromisoformat(event["time"])) for event in document["events"]] == [
            (row["position"], row["entered_at"]) for row in expected
        ]
        done = next(event for event in document["events"] if event["type"] == "task_instance DONE")
        assert [(link["qualifier"], link["objectId"]) for link in done["relationships"]] == [
            ("task", "task:t1"), ("attempt", "task_instance:t1/2"), ("reported by", "worker:worker@node1"),
        ]  # fmt: skip


class TestAnyFormat:
    @pytest.mark.parametrize("format_name", sorted(set(format_names()) - {"parquet"}))
    def test_a_file_is_replaced_whole_or_not_at_all(
        self, lived: TransitionService, tmp_path: Path, format_name: str
    ) -> None:
        path = tmp_path / "export"
        path.write_text("the last one")

        with pytest.raises(UnknownEntity, match="no workflow 'wx'"):
            export_log(lived.store, format_name, str(path), "wx")
        assert path.read_text() == "the last one"

        answer, text = exported(lived, format_name, path, "w")
        assert answer["rows"] > 0
        assert "the last one" not in text
        assert [file.name for file in tmp_path.iterdir()] == ["export"]

    def test_a_pipe_is_written_to_and_stays_one(self, lived: TransitionService, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        with ThreadPoolExecutor() as reader:
            text = reader.submit(pipe.read_bytes)
            export_log(lived.store, "csv", str(pipe), "other")

        assert pipe.is_fifo()
        assert text.result().startswith(b"entity,")

    def test_a_link_stays_one(self, lived: TransitionService, tmp_path: Path) -> None:
        (tmp_path / "latest").symlink_to("today.csv")
        (tmp_path / "today.csv").write_text("the last one")

        export_log(lived.store, "csv", str(tmp_path / "latest"))

        assert (tmp_path / "latest").is_symlink()
        assert (tmp_path / "today.csv").read_text().startswith("entity,")

    @pytest.mark.parametrize("format_name", ["csv", "parquet"])
    def test_a_folder_that_is_not_there_is_named(
        self, service: TransitionService, tmp_path: Path, format_name: str
    ) -> None:
        with pytest.raises(OutputNotWritable, match="nowhere/export' cannot be written: No such file"):
            export_log(service.store, format_name, str(tmp_path / "nowhere" / "export"))

    @pytest.mark.parametrize("format_name", format_names())
    def test_an_empty_log_is_an_empty_export(
        self, service: TransitionService, tmp_path: Path, format_name: str
    ) -> None:
        answer = export_log(service.store, format_name, str(tmp_path / "export"))

        assert answer == {"format": format_name, "rows": 0}

    def test_an_unknown_format_is_told_with_the_nearest(self, service: TransitionService) -> None:
        with pytest.raises(UnknownExport, match="no export format 'perfeto'; did you mean 'perfetto'"):
            export_log(service.store, "perfeto", "x")


def _schema(name: str) -> Any:
    return json.loads((SCHEMAS / name).read_text())


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return "" if value is None else str(value)


def _epoch_us(time: datetime | None) -> int | None:
    return None if time is None else (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _as_protobuf_has_ids(document: Any) -> Any:
    """OTLP's JSON has ids in hexadecimal, where protobuf's own JSON has base64."""
    if isinstance(document, list):
        return [_as_protobuf_has_ids(item) for item in document]
    if not isinstance(document, dict):
        return document
    return dict(_converted(document))


def _converted(document: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in document.items():
        if key in ("traceId", "spanId", "parentSpanId"):
            identifier = bytes.fromhex(value)
            assert len(identifier) == (16 if key == "traceId" else 8)
            yield key, base64.b64encode(identifier).decode()
        else:
            yield key, _as_protobuf_has_ids(value)


def _value(element: Any, key: str) -> str:
    return next(str(child.get("value")) for child in element if child.get("key") == key)


def test_csv_has_every_column_and_value_that_parquet_has(lived: TransitionService, tmp_path: Path) -> None:
    export_log(lived.store, "csv", str(tmp_path / "statuses.csv"))
    export_log(lived.store, "parquet", str(tmp_path / "statuses"))
    columns = [name for name in parquet.SCHEMA.names if name not in {parquet.DAY, "duration_seconds"}]
    names = ", ".join(f"epoch_us({name})" if name.endswith("_at") else name for name in columns)
    with duckdb.connect() as connection:
        table, text = (
            connection.execute(f"SELECT {names} FROM {source} ORDER BY position, entity_id, version").fetchall()
            for source in (
                f"read_parquet('{tmp_path}/statuses/*/*.parquet')",
                f"read_csv('{tmp_path}/statuses.csv', header = true, nullstr = '')",
            )
        )

    assert set(csv_format.COLUMNS) == {*parquet.SCHEMA.names, "entity"} - {parquet.DAY}
    assert [tuple(map(str, row)) for row in text] == [tuple(map(str, row)) for row in table] != []
