"""What entities waited for, as files state it: sacct's Reason and Eligible, jsonl in and out, Nextflow's queue."""

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest

from application.exports.exporter import export_log
from application.replay.verify import verify_log
from application.transition_service import TaskSpec, TransitionService
from tests.support.agreement import rows
from tests.support.command_line import run
from tests.support.databases import DatabasePool
from tests.support.importing import ADDED_NOTHING, imported, jsonl

pytestmark = pytest.mark.one_server

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
WAITS = """
SELECT concat_ws(':', w.entity_kind, w.entity_id) AS entity, w.status, w.kind, w.detail, w.holders
FROM sojourn.wait AS w ORDER BY w.position
"""
WAIT_COLUMNS = ("new_status", "waits_for", "waits_for_detail")
HEADER = "JobID|Cluster|Submit|Eligible|Start|End|State|Reason|NodeList\n"


@pytest.fixture
def other(databases: DatabasePool) -> Iterator[TransitionService]:
    """Yield a service on another empty database, which takes what is exported."""
    with databases.borrowed() as dsn, TransitionService.connect(dsn) as connected:
        yield connected


def job(name: str, eligible: str, start: str, reason: str) -> str:
    state, end = ("COMPLETED", "2026-01-31T09:00:00") if start else ("PENDING", "Unknown")
    times = ["2026-01-31T08:00:00", *(f"2026-01-31T{at}:00" if at else "Unknown" for at in (eligible, start))]
    return "|".join([name, "c", *times, end, state, reason, "n1" if start else "None assigned"]) + "\n"


def as_json(name: int, eligible: int, reason: str) -> dict[str, Any]:
    return {
        "job_id": name, "cluster": "c", "nodes": "n1", "state": {"current": ["COMPLETED"], "reason": reason},
        "time": {"submission": 1769846400, "eligible": eligible, "start": 1769850000, "end": 1769853600},
    }  # fmt: skip


def of_attempt(connection: psycopg.Connection[Any], name: str) -> list[tuple[Any, ...]]:
    found = rows(connection, WAITS)
    return [
        (row["status"], row["kind"], row["detail"]) for row in found if row["entity"] == f"task_instance:c/{name}/1"
    ]


@pytest.mark.parametrize(
    ("eligible", "start", "reason", "expected"),
    [
        ("08:03", "08:05", "Dependency", [("PENDING", "dependency", None), ("ELIGIBLE", "resources", None)]),
        (
            "08:03", "08:05", "BeginTime",
            [("PENDING", "schedule", "2026-01-31T08:03:00+00:00"), ("ELIGIBLE", "resources", None)],
        ),
        ("08:03", "08:05", "JobHeldUser", [("PENDING", "hold", "JobHeldUser"), ("ELIGIBLE", "resources", None)]),
        (
            "08:03", "08:05", "JobArrayTaskLimit",
            [("PENDING", "slot", "JobArrayTaskLimit"), ("ELIGIBLE", "resources", None)],
        ),
        ("08:00", "08:05", "Priority", [("ELIGIBLE", "resources", "Priority")]),
        ("08:00", "08:05", "None", [("ELIGIBLE", "resources", None)]),
        ("08:00", "", "ReqNodeNotAvail, UnavailableNodes:n[1-9]", [("ELIGIBLE", "resources", "ReqNodeNotAvail")]),
        ("08:00", "", "JobArrayTaskLimit", [("ELIGIBLE", "slot", "JobArrayTaskLimit")]),
        ("08:00", "", "QOSMaxJobsPerUserLimit", [("ELIGIBLE", "slot", "QOSMaxJobsPerUserLimit")]),
        ("", "", "DependencyNeverSatisfied", [("PENDING", "dependency", "DependencyNeverSatisfied")]),
        ("", "", "Resources", [("PENDING", "resources", "Resources")]),
        ("", "08:05", "NonZeroExitCode", []),
        ("", "08:05", "None", []),
    ],
)  # fmt: skip
def test_what_a_slurm_job_waits_for(
    service: TransitionService,
    connection: psycopg.Connection[Any],
    eligible: str,
    start: str,
    reason: str,
    expected: list[tuple[Any, ...]],
) -> None:
    imported(service, "sacct", HEADER + job("1", eligible, start, reason), zone="UTC")

    assert of_attempt(connection, "1") == expected


def test_time_of_slurm_jobs_by_reason(service: TransitionService) -> None:
    """The job waits for what its attempt does, and the seconds of a status add up."""
    jobs = [as_json(1, 1769846400, "Priority"), as_json(2, 1769848200, "Dependency"), as_json(3, 1769846400, "None")]
    imported(service, "sacct", json.dumps({"jobs": jobs}), zone="UTC")

    for entity in ("task", "ti"):
        found = service.time_in_status(entity, by="reason")
        assert {(row["status"], row["group"], row["total_seconds"]) for row in found if row["total_seconds"]} == {
            ("PENDING", "dependency", 1800.0),
            ("ELIGIBLE", "resources", 5400.0),
            ("ELIGIBLE", "resources (Priority)", 3600.0),
            ("RUNNING", None, 10800.0),
        }
    assert verify_log(service.store)["mismatches"] == []


def test_a_nextflow_attempt_waits_for_its_executor(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    trace = (
        "task_id\tname\tstatus\tsubmit\tstart\tcomplete\n1\ta\tCOMPLETED\t1769846400000\t1769846460000\t1769846520000\n"
    )
    imported(service, "nextflow", trace, zone="UTC")

    assert {(row["entity"].partition(":")[0], row["status"], row["kind"]) for row in rows(connection, WAITS)} == {
        ("task", "SUBMITTED", "resources"),
        ("task_instance", "SUBMITTED", "resources"),
    }


def spark_log(*events: str) -> str:
    """A log with an application's start, executors `+N` and `-N`, and stages of one task, which ends, by numbers."""
    lines: list[dict[str, Any]] = [{"Event": "SparkListenerApplicationStart", "App ID": "app", "Timestamp": 1000}]
    for at, event in enumerate(events, 2):
        if event[0] in "+-":
            kind = "ExecutorAdded" if event[0] == "+" else "ExecutorRemoved"
            lines.append({"Event": f"SparkListener{kind}", "Executor ID": event[1:], "Timestamp": 1000 * at})
        else:
            stage = {"Stage ID": int(event), "Stage Attempt ID": 0, "Submission Time": 1000 * at, "Stage Name": "s"}
            lines.append({"Event": "SparkListenerStageSubmitted", "Stage Info": stage})
    for event in events:
        if event.isdecimal():
            task = {"Task ID": 1, "Index": 0, "Attempt": 0, "Launch Time": 90_000, "Executor ID": "9"}
            lines.append({"Event": "SparkListenerTaskStart", "Stage ID": int(event), "Task Info": task})
    return jsonl(lines)


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        (spark_log("1", "+4", "2", "-4", "3"), {"1": "resources executor", "2": "slot ", "3": "resources executor"}),
        # Of a part of a log, nobody knows which executors there are, until it has one.
        (spark_log("1", "+4", "2").partition("\n")[2], {"2": "slot "}),
    ],
)
def test_a_task_of_spark_waits_for_an_executor_or_for_a_slot_of_one(
    service: TransitionService, connection: psycopg.Connection[Any], log: str, expected: dict[str, str]
) -> None:
    imported(service, "spark", log)

    found = {row["entity"]: f"{row['kind']} {row['detail'] or ''}" for row in rows(connection, WAITS)}
    assert {entity.split("/")[1].removesuffix(".0"): wait for entity, wait in found.items()} == expected
    assert all(entity.startswith("task:") for entity in found)


def test_a_task_of_jobmon_waits_for_a_distributor_and_then_for_the_cluster(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    """The table does not state what a task waits for before it is queued."""
    moves = [("", "G"), ("G", "Q"), ("Q", "I"), ("I", "O"), ("O", "R"), ("R", "E"), ("E", "G"), ("G", "Q")]
    text = "task_id,workflow_id,previous_status,new_status,entered_at\n" + "".join(
        f"4,17,{before},{to},2026-01-31 08:00:0{second}\n" for second, (before, to) in enumerate(moves)
    )
    imported(service, "jobmon", text, zone="UTC")
    later = text.splitlines(keepends=True)[0] + "5,17,I,O,2026-01-31 08:00:03\n"
    imported(service, "jobmon", later, zone="UTC")

    assert [tuple(row.values())[:4] for row in rows(connection, WAITS)] == [
        ("task:17/4", "QUEUED", "resources", "distributor"),
        ("task:17/4", "LAUNCHED", "resources", "cluster"),
        ("task:17/4", "QUEUED", "resources", "distributor"),
        ("task:17/5", "LAUNCHED", "resources", "cluster"),
    ]


def test_jsonl_in_and_out(
    service: TransitionService, other: TransitionService, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    at = {"at": NOON.isoformat()}
    lines = [
        {"entity": "task", "id": "t", "event": "registered", "waits_for": "dependency", **at},
        {"entity": "task", "id": "t", "to": "QUEUED", "waits_for": {"kind": "slot", "holders": ["n1"]}, **at},
        {"entity": "task_instance", "id": "t/1", "event": "created", "task": "t", "waits_for": "resources", **at},
        {
            "entity": "task_instance",
            "id": "t/1",
            "to": "INSTANTIATED",
            "waits_for": {"kind": "hold", "detail": "x"},
            **at,
        },
        {"entity": "task", "id": "t", "event": "reset", "waits_for": "retry-delay", **at},
        {"entity": "task", "id": "u", "event": "registered", "waits_for": "patience", **at},
        {"entity": "task", "id": "u", "event": "registered", "waits_for": {"kind": "slot", "of": "x"}, **at},
    ]
    answer = imported(service, "jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    retried = {"retries": 1, "retry_delay_seconds": 60}
    service.register_tasks("p", [TaskSpec("p", attributes=retried)], "prefect", occurred_at=NOON)
    for status in ("RUNNING", "FAILED"):
        service.transition_task("p", status, occurred_at=NOON)

    export_log(service.store, "jsonl", str(tmp_path / "out.jsonl"))
    imported(other, "jsonl", (tmp_path / "out.jsonl").read_text())

    assert [bad["line"] for bad in answer["bad_lines"]] == [6, 7]
    assert "'patience' is not one of dependency" in answer["bad_lines"][0]["error"]
    before = rows(connection, WAITS)
    with other.store.session() as session:
        assert rows(session, WAITS) == before
    assert [(row["entity"], row["status"], row["kind"], row["holders"]) for row in before] == [
        ("task:t", "REGISTERING", "dependency", None),
        ("task:t", "QUEUED", "slot", ["n1"]),
        ("task_instance:t/1", "QUEUED", "resources", None),
        ("task_instance:t/1", "INSTANTIATED", "hold", None),
        ("task:t", "INSTANTIATING", "hold", None),
        ("task:t", "REGISTERING", "retry-delay", None),
        ("task:p", "SCHEDULED", "retry-delay", None),
    ]


def test_what_a_rule_let_wait_goes_along_and_moves_nothing(
    service: TransitionService, other: TransitionService, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    """Two proposals without a slot, one that is not due, and one that never has a chance."""
    service.limit_concurrency("gpu", 1)
    service.limit_concurrency("none", 0)
    tags = {"one": ["gpu"], "two": ["gpu"], "three": ["none"], "late": []}
    runs = [TaskSpec(name, attributes={"tags": each}) for name, each in tags.items()]
    service.register_tasks("w", runs, lifecycle="prefect", occurred_at=NOON)
    service.transition_task("late", "SCHEDULED", scheduled_time=NOON + timedelta(hours=1), occurred_at=NOON)
    for second, name in enumerate(("one", "two", "two", "three", "late")):
        at = NOON + timedelta(seconds=second)
        service.transition_task(name, "RUNNING", occurred_at=at, actor="worker", reason="by hand")
    service.transition_task("one", "COMPLETED", occurred_at=at)
    service.transition_task("two", "RUNNING", occurred_at=NOON + timedelta(seconds=2))  # when it had no slot yet

    file = tmp_path / "out.jsonl"
    export_log(service.store, "jsonl", str(file))
    answer = imported(other, "jsonl", file.read_text())

    kept = [json.loads(line) for line in file.read_text().splitlines() if '"refused"' in line]
    wait = {"kind": "slot", "detail": "gpu", "holders": ["task:one"]}
    assert kept[0] == {
        "entity": "task", "id": "two", "event": "refused", "to": "RUNNING", "response": "WAIT",
        "rule": "concurrency-slots", "rule_reason": "tag 'gpu' has no slot left", "delay_seconds": 30.0,
        "at": "2026-01-31T12:00:01Z", "actor": kept[0]["actor"], "reason": "by hand", "waits_for": wait,
    }  # fmt: skip
    assert [(line["id"], line["response"]) for line in kept] == [
        ("two", "WAIT"), ("two", "WAIT"), ("three", "ABORT"), ("late", "WAIT"),
    ]  # fmt: skip
    assert (answer["refused"], answer["bad_lines"]) == ({"concurrency-slots": 3, "wait-for-scheduled-time": 1}, [])
    export_log(other.store, "jsonl", str(tmp_path / "again.jsonl"))
    assert (tmp_path / "again.jsonl").read_bytes() == file.read_bytes()
    for name in tags:
        assert _history(other, name) == _history(service, name)
    with other.store.session() as session:
        assert rows(session, WAITS) == rows(connection, WAITS)
    printed = " ".join(run(other, "history", "task:late").stdout.split())
    assert "by hand; waits for schedule (2026-01-31T13:00:00+00:00)" in printed
    for each in (service, other):
        assert imported(each, "jsonl", file.read_text()).items() >= ADDED_NOTHING.items()
        assert verify_log(each.store)["mismatches"] == []


def _history(service: TransitionService, name: str) -> list[tuple[Any, ...]]:
    keys = ("version", "name", "status", "reported", "rule", "response", "occurred_at", "reason", "details")
    return [tuple(event[key] for key in keys) for event in service.history(f"task:{name}")]  # type: ignore[literal-required]


def test_tables_have_a_column_for_what_was_waited_for(service: TransitionService, tmp_path: Path) -> None:
    imported(service, "sacct", HEADER + job("1", "08:00", "08:05", "Priority"), zone="UTC")

    export_log(service.store, "csv", str(tmp_path / "out.csv"))
    export_log(service.store, "parquet", str(tmp_path / "out"))

    with (tmp_path / "out.csv").open() as file:
        lines = list(csv.DictReader(file))
    table = pq.read_table(tmp_path / "out").to_pylist()
    expected = {("ELIGIBLE", "resources", "Priority")}
    assert {tuple(line[name] for name in WAIT_COLUMNS) for line in lines if line["waits_for"]} == expected
    assert {tuple(line[name] for name in WAIT_COLUMNS) for line in table if line["waits_for"]} == expected
