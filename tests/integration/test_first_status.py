"""An entity that begins in another status than the initial one, where its lifecycle lets it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient

from application.exports.exporter import export_log
from application.replay.verify import verify_log
from application.transition_service import TaskSpec, TransitionService
from domain.errors import MAX_ATTEMPTS, InvalidStart, LifecycleInvalid, UnknownStatus
from domain.lifecycles import get_lifecycle, read_lifecycle
from interfaces.http.app import create_app
from tests.support.agreement import rows
from tests.support.databases import DatabasePool
from tests.support.importing import ADDED_NOTHING, audit, imported

NINE = datetime(2026, 1, 31, 9, tzinfo=UTC)
OWN = """
name = "own"
version = 1
gate = { to = "QUEUED" }

[task]
initial = "NEW"
starts_in = ["QUEUED", "AT_WORK"]
terminal = ["DONE"]
transitions = { NEW = ["QUEUED"], QUEUED = ["AT_WORK"], AT_WORK = ["DONE", "QUEUED"], DONE = [] }

[task_instance]
initial = "HELD"
starts_in = ["BUSY"]
terminal = ["OVER"]
transitions = { HELD = ["BUSY"], BUSY = ["OVER"], OVER = [] }

[implies]
BUSY = { status = "AT_WORK" }
OVER = { status = "DONE" }
"""
"""A lifecycle with a gate, before which, at which and after which a task may begin."""

ATTEMPTS = "SELECT task_id, status, num_attempts FROM sojourn.task ORDER BY 1"


@pytest.fixture
def other(databases: DatabasePool) -> Iterator[TransitionService]:
    """Yield a service on another empty database, which takes what is exported."""
    with databases.borrowed() as dsn, TransitionService.connect(dsn) as connected:
        yield connected


def test_a_run_begins_as_pending_without_a_stay_before(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    service.register_tasks("w", [TaskSpec("a", status="PENDING"), TaskSpec("b")], "prefect", occurred_at=NINE)
    service.transition_task("a", "RUNNING", occurred_at=NINE + timedelta(seconds=5))

    assert [(row["previous_status"], row["new_status"]) for row in service.audit("a")] == [
        (None, "PENDING"), ("PENDING", "RUNNING"),
    ]  # fmt: skip
    assert [row["new_status"] for row in service.audit("b")] == ["SCHEDULED"]
    assert rows(connection, "SELECT num_attempts FROM sojourn.task WHERE task_id = 'a'") == [{"num_attempts": 1}]
    assert verify_log(service.store)["mismatches"] == []


def test_an_attempt_has_begun_where_the_task_begins_beyond_the_gate(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    specs = [TaskSpec("a"), TaskSpec("b", status="QUEUED"), TaskSpec("c", status="AT_WORK"), TaskSpec("d")]
    service.register_tasks("w", specs, read_lifecycle(OWN))
    service.gate_tasks_for_queueing(["d"])
    service.create_task_instances({"b/1": "b", "d/1": "d"}, status="BUSY")

    assert [tuple(row.values()) for row in rows(connection, ATTEMPTS)] == [
        ("a", "NEW", 0), ("b", "AT_WORK", 1), ("c", "AT_WORK", 1), ("d", "AT_WORK", 1),
    ]  # fmt: skip
    assert [row["new_status"] for row in service.audit("b")] == ["QUEUED", "AT_WORK"]
    assert verify_log(service.store)["mismatches"] == []


@pytest.mark.parametrize(
    ("status", "error", "sentence"),
    [
        ("RUNNING", InvalidStart, "RUNNING is not a status in which an entity begins; use SCHEDULED or PENDING"),
        ("PENDIG", UnknownStatus, "did you mean 'PENDING'"),
    ],
)
def test_no_other_status_is_a_first_one(
    service: TransitionService,
    connection: psycopg.Connection[Any],
    status: str,
    error: type[Exception],
    sentence: str,
) -> None:
    specs = [TaskSpec("a"), TaskSpec("b", status=status)]
    with pytest.raises(error, match=sentence):
        service.register_tasks("w", specs, "prefect")
    with TestClient(create_app(service), "http://127.0.0.1") as client:
        tasks = [{"task_id": "b", "status": status}]
        answer = client.post("/api/v3/tasks", json={"workflow_id": "w", "lifecycle": "prefect", "tasks": tasks})

    assert rows(connection, "SELECT task_id FROM sojourn.task") == []
    assert answer.status_code == 422
    line = {"entity": "task", "id": "b", "event": "registered", "at": NINE.isoformat(), "status": status}
    bad = imported(service, "jsonl", json.dumps(line), lifecycle="prefect")["bad_lines"]
    assert sentence in bad[0]["error"]


def test_no_instance_begins_in_any_status(service: TransitionService, connection: psycopg.Connection[Any]) -> None:
    service.register_tasks("w", [TaskSpec("a")], read_lifecycle(OWN))

    with pytest.raises(InvalidStart, match="use HELD or BUSY"):
        service.create_task_instances({"a/1": "a"}, status="OVER")

    assert rows(connection, "SELECT task_instance_id FROM sojourn.task_instance") == []


def test_it_is_stated_over_http(service: TransitionService, connection: psycopg.Connection[Any]) -> None:
    with TestClient(create_app(service), "http://127.0.0.1") as client:
        tasks = [{"task_id": "b", "status": "PENDING"}]
        client.post("/api/v3/tasks", json={"workflow_id": "w", "lifecycle": "prefect", "tasks": tasks})

    assert rows(connection, "SELECT status FROM sojourn.task") == [{"status": "PENDING"}]


def test_an_export_states_it(
    service: TransitionService, other: TransitionService, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    specs = [TaskSpec("a", status="AT_WORK"), TaskSpec("b")]
    service.register_tasks("w", specs, read_lifecycle(OWN), occurred_at=NINE)
    service.register_tasks("w", [TaskSpec("c", status="PENDING")], "prefect", occurred_at=NINE)
    service.gate_tasks_for_queueing(["b"], occurred_at=NINE)
    service.create_task_instances({"b/1": "b"}, status="BUSY", occurred_at=NINE)
    export_log(service.store, "jsonl", str(tmp_path / "log.jsonl"))
    text = (tmp_path / "log.jsonl").read_text()

    answer = imported(other, "jsonl", text)

    assert answer["bad_lines"] == []
    with other.store.session() as copy:
        assert audit(copy) == audit(connection)
        assert rows(copy, ATTEMPTS) == rows(connection, ATTEMPTS)
    assert verify_log(other.store)["mismatches"] == []
    assert imported(service, "jsonl", text).items() >= ADDED_NOTHING.items()


SLURM = "JobID|Cluster|Submit|Eligible|Start|End|State|NodeList\n"
STAGE = {"Stage ID": 5, "Stage Attempt ID": 0}


def spark(event: str, *, launched: int = 0, finished: int = 0, **keys: Any) -> dict[str, Any]:
    task = {
        "Task ID": 70,
        "Index": 3,
        "Attempt": 0,
        "Launch Time": launched,
        "Executor ID": "1",
        "Finish Time": finished,
    }
    return {"Event": f"SparkListener{event}", **STAGE, "Task Info": task} | keys


def slurm(eligible: str, start: str, end: str, state: str) -> str:
    times = "|".join(f"2026-01-31T09:00:{at}" for at in ("00", eligible, start, end))
    return f"7|c|{times}|{state}|n1\n"


def audit_of_jobmon(*moves: str) -> str:
    rows = "".join(f"4,17,{move},2026-01-31 09:00:0{number}\n" for number, move in enumerate(moves))
    return f"task_id,workflow_id,previous_status,new_status,entered_at\n{rows}"


SOURCES: dict[str, tuple[str, str, list[str], list[str]]] = {
    "sacct, eligible at once": (
        "sacct", SLURM + slurm("00", "05", "30", "COMPLETED"), ["ELIGIBLE", "RUNNING", "COMPLETED"],
        ["ELIGIBLE", "RUNNING", "COMPLETED"],
    ),
    "sacct, requeued": (
        "sacct", SLURM + slurm("02", "05", "10", "NODE_FAIL") + slurm("02", "20", "30", "COMPLETED"),
        ["PENDING", "ELIGIBLE", "RUNNING", "NODE_FAIL", "RUNNING", "COMPLETED"],
        ["PENDING", "ELIGIBLE", "RUNNING", "NODE_FAIL", "RUNNING", "COMPLETED"],
    ),
    "nextflow": (
        "nextflow",
        "task_id\tname\tstatus\tsubmit\tstart\tcomplete\n"
        "1\ta\tCACHED\t1\t2\t3\n"
        "2\tb\tFAILED\t1769846400000\t1769846410000\t1769846420000\n"
        "3\tb\tCOMPLETED\t1769846430000\t1769846440000\t1769846450000\n"
        "4\tc\tABORTED\t-\t-\t-\n",
        ["CACHED", "SUBMITTED", "RUNNING", "FAILED", "SUBMITTED", "RUNNING", "COMPLETED", "ABORTED"],
        ["SUBMITTED", "RUNNING", "FAILED", "SUBMITTED", "RUNNING", "COMPLETED"],
    ),
    "spark, without its stage": (
        "spark",
        "".join(json.dumps(each) + "\n" for each in (
            {"Event": "SparkListenerApplicationStart", "App ID": "app", "Timestamp": 1000},
            spark("TaskStart", launched=1000),
            spark("TaskEnd", launched=1000, finished=3000, **{"Task End Reason": {"Reason": "Success"}}),
        )),
        ["RUNNING", "SUCCESS"], ["RUNNING", "SUCCESS"],
    ),
    "jobmon": ("jobmon", audit_of_jobmon("O,R", "R,D"), ["RUNNING", "DONE"], []),
    "jobmon, without what was before": (
        "jobmon", audit_of_jobmon(",Q", ",I", ",O"), ["QUEUED", "INSTANTIATING", "LAUNCHED"], [],
    ),
    "jobmon, from a resume on": ("jobmon", audit_of_jobmon("O,G", "G,Q"), ["REGISTERING", "QUEUED"], []),
}  # fmt: skip
"""The file of a source -> the statuses of its tasks, by id, and of its attempts."""


@pytest.mark.one_server
@pytest.mark.parametrize("name", SOURCES)
def test_an_import_invents_no_stay_before_the_first_one_that_is_stated(
    name: str,
    service: TransitionService,
    other: TransitionService,
    connection: psycopg.Connection[Any],
    tmp_path: Path,
) -> None:
    source, text, tasks, attempts = SOURCES[name]

    answer = imported(service, source, text, zone="UTC")
    again = imported(service, source, text, zone="UTC")

    assert (answer["refused"], answer["bad"]) == ({}, 0)
    assert again.items() >= ADDED_NOTHING.items()
    found = audit(connection)
    assert [row["new_status"] for row in found if row["kind"] == "task"] == tasks
    assert [row["new_status"] for row in found if row["kind"] == "task_instance"] == attempts
    assert not [row for row in found if row["entered_at"] == row["exited_at"]]
    counts = {row["task_id"]: row["num_attempts"] for row in rows(connection, ATTEMPTS)}
    created = rows(connection, "SELECT task_id, count(*) AS n FROM sojourn.task_instance GROUP BY 1")
    assert all(counts[row["task_id"]] == row["n"] for row in created)
    assert verify_log(service.store)["mismatches"] == []
    export_log(service.store, "jsonl", str(tmp_path / "out.jsonl"))
    imported(other, "jsonl", (tmp_path / "out.jsonl").read_text())
    export_log(other.store, "jsonl", str(tmp_path / "again.jsonl"))
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "out.jsonl").read_bytes()
    with psycopg.connect(other.dsn) as session:
        assert audit(session) == found


def test_a_first_row_into_a_status_that_nothing_begins_in_follows_on_the_one_before(service: TransitionService) -> None:
    answer = imported(service, "jobmon", audit_of_jobmon("R,E", "E,G"), zone="UTC")

    assert (answer["refused"], answer["anomalies"]) == ({}, {})
    assert [row["new_status"] for row in service.audit("17/4")] == ["RUNNING", "ERROR_RECOVERABLE", "REGISTERING"]


def test_a_task_of_an_earlier_version_goes_on_in_it(service: TransitionService) -> None:
    """Its further attempts begin in the initial status, because its version lets them begin in no other."""
    earlier = get_lifecycle("slurm", 2)
    spec = TaskSpec("c/7", max_attempts=MAX_ATTEMPTS)
    service.register_tasks("c", [spec], earlier, occurred_at=NINE)

    answer = imported(service, "sacct", SLURM + slurm("00", "05", "30", "COMPLETED"), zone="UTC")

    assert (answer["refused"], answer["bad"]) == ({}, 0)
    assert [row["new_status"] for row in service.audit("c/7")] == ["PENDING", "ELIGIBLE", "RUNNING", "COMPLETED"]


def test_the_earlier_version_knows_one_first_status() -> None:
    assert get_lifecycle("prefect").task.starts == {"SCHEDULED", "PENDING"}
    assert get_lifecycle("prefect", 2).task.starts == {"SCHEDULED"}


@pytest.mark.parametrize(
    ("starts_in", "sentence"),
    [("BUZY", "starts_in names 'BUZY', which is no status; did you mean"), ("HELD", "acquires")],
)
def test_a_wrong_start_is_a_problem_of_the_lifecycle(starts_in: str, sentence: str) -> None:
    toml = OWN.replace('starts_in = ["BUSY"]', f'starts_in = ["{starts_in}"]\nacquires = ["HELD"]')
    with pytest.raises((LifecycleInvalid, ValueError), match=sentence):
        read_lifecycle(toml)
