"""`sojourn import` as people and programs run it."""

import gzip
import json
import os
import subprocess
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from typer.testing import CliRunner, Result

from application.imports import formats
from application.imports.formats import UnknownFormat, WrongFormat
from application.imports.local_time import UnknownTimeZone
from application.replay.verify import verify_log
from application.transition_service import TaskSpec, TransitionService
from domain.errors import InvalidId, UnknownLifecycle
from tests.support import almost_right
from tests.support.command_line import SOJOURN, app
from tests.support.importing import ADDED_NOTHING, jsonl

SAMPLES = Path(os.environ.get("SOJOURN_SAMPLES") or Path(__file__).parents[3] / "shared" / "data")
POZIDRIV = SAMPLES / "slurm" / "pozidriv.log"
SPARK = SAMPLES / "spark" / "gpu_oom_eventlog.json.gz"
CHIPSEQ = SAMPLES / "nextflow" / "chipseq.execution_trace.txt"
TOY = SAMPLES.parent / "systems" / "slurm"
NEW_YORK = "America/New_York"

LINES = """\
{"entity":"task","id":"t1","event":"registered","at":"2026-01-31T08:00:00Z","workflow":"w1","max_attempts":3}
{"entity":"task","id":"t1","to":"QUEUED","at":"2026-01-31T08:00:01Z"}
{"entity":"task_instance","id":"t1/1","event":"created","at":"2026-01-31T08:00:02Z","task":"t1"}
{"entity":"task_instance","id":"t1/1","to":"INSTANTIATED","at":"2026-01-31T08:00:03Z"}
"""


def run(service: TransitionService, *arguments: str) -> Result:
    """What `sojourn import` does, in this process."""
    return CliRunner().invoke(app, ["import", *arguments, "--dsn", service.dsn])


def document(service: TransitionService, command: str, *arguments: str, status: int = 0) -> Any:
    done = CliRunner().invoke(app, [command, *arguments, "--json", "--dsn", service.dsn])
    assert done.exit_code == status, done
    return json.loads(done.stdout)


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    path = tmp_path / "lines.jsonl"
    path.write_text(LINES)
    return path


def test_an_export_that_comes_back_to_the_log_adds_nothing(service: TransitionService, tmp_path: Path) -> None:
    service.register_tasks("w", [TaskSpec("t1", 2)])
    service.gate_tasks_for_queueing(["t1"])
    service.create_task_instances({"t1/1": "t1"})
    for status in ("INSTANTIATED", "LAUNCHED", "RUNNING", "ERROR", "DONE"):
        service.transition_task_instance("t1/1", status)
    service.reset_tasks(["t1"])
    # Each of its states may follow each: what is decided once more is not refused.
    service.register_tasks("w", [TaskSpec("p1")], lifecycle="prefect")
    for status in ("PENDING", "RUNNING", "COMPLETED", "PENDING"):
        service.transition_task("p1", status)
    file = str(tmp_path / "log.jsonl")
    lines = document(service, "export", "--format", "jsonl", "-o", file)["rows"]
    before = document(service, "replay", "--all")["events"]

    answer = document(service, "import", "jsonl", file)

    assert answer == answer | ADDED_NOTHING | {"lines": lines, "duplicates": lines, "bad": 0}
    assert document(service, "replay", "--all")["events"] == before


def test_what_is_told_of_another_instant_is_news(service: TransitionService, tmp_path: Path) -> None:
    began = datetime(2026, 1, 31, 8, tzinfo=UTC)
    service.register_tasks("w", [TaskSpec("p1")], lifecycle="prefect", occurred_at=began)
    service.transition_task("p1", "PENDING", occurred_at=began)
    move = {"entity": "task", "id": "p1", "to": "PENDING"}
    file = tmp_path / "more.jsonl"
    file.write_text(jsonl([move | {"at": f"2026-02-28T0{hour}:00:00Z"} for hour in (8, 9)]))

    first, again = (document(service, "import", "jsonl", str(file)) for _ in range(2))

    assert (first["transitions"], first["duplicates"]) == (2, 0)
    assert (again["transitions"], again["duplicates"]) == (0, 2)


def test_the_answer_has_the_contracts_shape(service: TransitionService, lines: Path) -> None:
    answer = document(service, "import", "jsonl", str(lines))
    again = document(service, "import", "jsonl", str(lines))

    contract = {
        "lines": 4, "tasks": 1, "task_instances": 1, "transitions": 5, "refused": {}, "duplicates": 0, "bad_lines": [],
    }  # fmt: skip
    assert answer == answer | contract
    assert again == again | ADDED_NOTHING | {"duplicates": 4}


def test_a_bad_line_is_told_and_the_exit_status_is_1(service: TransitionService, lines: Path) -> None:
    lines.write_text(LINES + "nonsense\n")

    answer = document(service, "import", "jsonl", str(lines), status=1)
    done = run(service, "jsonl", str(lines))

    assert [bad["line"] for bad in answer["bad_lines"]] == [5]
    assert answer["transitions"] == 5
    assert done.exit_code == 1
    assert "line 5: is not valid JSON" in done.stdout


def test_standard_input_and_the_workflow_of_the_command(service: TransitionService) -> None:
    done = subprocess.run(
        [SOJOURN, "import", "jsonl", "-", "--workflow", "mine", "--json", "--dsn", service.dsn],
        input=LINES, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["tasks"] == 1
    assert {row["workflow_id"] for row in document(service, "audit")} == {"mine"}


def test_without_any_workflow_it_is_the_files_name(service: TransitionService, lines: Path) -> None:
    lines.write_text(LINES.replace(',"workflow":"w1"', ""))
    run(service, "jsonl", str(lines))

    assert {row["workflow_id"] for row in document(service, "audit")} == {"lines"}


def test_people_read_what_came_of_it(service: TransitionService, lines: Path) -> None:
    lines.write_text(LINES + LINES.splitlines()[0].replace("t1", "t2").replace('Z"', '"') + "\n")

    done = run(service, "jsonl", str(lines), "--timezone", "Europe/Berlin")

    assert done.exit_code == 0
    assert "Read 5 lines in" in done.stdout
    assert "2  tasks registered" in done.stdout
    assert "6  transitions recorded" in done.stdout
    (registered,) = document(service, "audit", "--task", "t2")
    assert datetime.fromisoformat(registered["entered_at"]) == datetime(2026, 1, 31, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("arguments", "error", "why"),
    [
        (("sacct", "FILE"), WrongFormat, "does not look like sacct, but like jsonl"),
        (("sacc", "FILE"), UnknownFormat, "did you mean 'sacct'?"),
        (("jsonl", "FILE", "--timezone", "Europe/Berln"), UnknownTimeZone, "did you mean 'Europe/Berlin'?"),
        (("jsonl", "FILE", "--timezone", "../zone"), UnknownTimeZone, "no time zone '../zone'"),
        (("jsonl", "FILE", "--lifecycle", "jobmn"), UnknownLifecycle, "did you mean 'jobmon'?"),
        (("jsonl", "FILE", "--workflow", ""), InvalidId, "workflow id ''"),
        (("jsonl", "FILE/x"), OSError, "x"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_stored(
    service: TransitionService, lines: Path, arguments: tuple[str, ...], error: type[Exception], why: str
) -> None:
    done = run(service, *(argument.replace("FILE", str(lines)) for argument in arguments))

    assert isinstance(done.exception, error)
    assert why in str(done.exception)
    assert document(service, "verify")["events"] == 0


def test_an_error_is_a_sentence_and_exit_status_2(service: TransitionService, lines: Path) -> None:
    times = "|".join(["2026-01-31T08:00:00"] * 3)
    lines.write_text(f"JobID|Cluster|State|Submit|Start|End\n1|c|FAILED|{times}\n")

    done = subprocess.run(
        [SOJOURN, "import", "sacct", str(lines), "--dsn", service.dsn],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("sojourn: the times of this sacct file have no zone")


def test_every_module_of_the_folder_is_a_format() -> None:
    lifecycles = {name: formats.find_format(name).LIFECYCLE for name in formats.format_names()}

    assert lifecycles == {
        "jobmon": "jobmon", "jsonl": "jobmon", "nextflow": "nextflow", "sacct": "slurm", "spark": "spark",
    }  # fmt: skip


def test_a_folder_of_databricks_is_one_log(service: TransitionService, tmp_path: Path) -> None:
    lines = [f"{line}\n".encode() for line in almost_right.SAMPLES["spark"]]
    (tmp_path / "eventlog-2026-01-31--07-00.gz").write_bytes(gzip.compress(b"".join(lines[:2])))
    (tmp_path / "eventlog-2026-01-31--08-00.gz").write_bytes(gzip.compress(b"".join(lines[2:4])))
    (tmp_path / "eventlog").write_bytes(b"".join(lines[4:]))
    whole = tmp_path / "whole.json"
    whole.write_bytes(b"".join(lines))

    answer = document(service, "import", "spark", str(tmp_path))
    again = document(service, "import", "spark", str(whole))

    assert (answer["lines"], answer["tasks"], answer["task_instances"], answer["bad"]) == (len(lines), 1, 2, 0)
    assert again == again | ADDED_NOTHING


@pytest.mark.skipif(not POZIDRIV.exists(), reason="the real Slurm dump is not here")
def test_a_real_slurm_dump(service: TransitionService, connection: psycopg.Connection[Any]) -> None:
    answer = document(service, "import", "sacct", str(POZIDRIV), "--timezone", NEW_YORK)
    again = document(service, "import", "sacct", str(POZIDRIV), "--timezone", NEW_YORK)
    stays = document(service, "time-in-status", "--entity", "ti", "--terminal", "--at", "2017-01-02T12:00:00Z")

    totals, counts = _independently(POZIDRIV)
    ends = dict(connection.execute("SELECT status, count(*) FROM sojourn.task_instance GROUP BY status").fetchall())
    assert (answer["lines"], answer["tasks"], answer["task_instances"]) == (11_704, 11_704, 11_704)
    assert (answer["refused"], answer["bad"], answer["duplicates"], answer["anomalies"]) == ({}, 0, 0, {})
    assert again == again | ADDED_NOTHING | {"duplicates": 11_704}
    assert ends == {"COMPLETED": 10_134, "FAILED": 1_007, "CANCELLED": 468, "PREEMPTED": 86, "TIMEOUT": 9}
    assert {row["status"]: row["n"] for row in stays} == counts | ends
    assert {row["status"]: row["total_seconds"] for row in stays if row["status"] not in ends} == totals
    assert dict(connection.execute("SELECT status, count(*) FROM sojourn.task GROUP BY status").fetchall()) == ends
    assert verify_log(service.store)["mismatches"] == []


@pytest.mark.skipif(not TOY.exists(), reason="the real records of requeued jobs are not here")
def test_real_records_of_requeued_jobs_in_columns_and_in_json(service: TransitionService) -> None:
    columns = document(service, "import", "sacct", str(TOY / "sacct_D_all_fields.txt"), "--timezone", "UTC")
    again = [
        document(service, "import", "sacct", str(TOY / name), "--timezone", "UTC")
        for name in ("sacct_D.json", "sacct_mid_life.txt", "sacct_mid_life.json")
    ]

    assert (columns["tasks"], columns["task_instances"]) == (36, 45)
    for answer in (columns, *again):
        assert (answer["refused"], answer["bad"], answer["anomalies"]) == ({}, 0, {})
    assert all(answer == answer | ADDED_NOTHING for answer in again)
    third = [(event["status"], event["reason"]) for event in service.history("ti:toy/7/3")]
    assert third == [
        ("PENDING", None), ("ELIGIBLE", "waiting reason BeginTime"), ("RUNNING", "flags SchedBackfill"),
        ("COMPLETED", None),
    ]  # fmt: skip
    assert verify_log(service.store)["mismatches"] == []


@pytest.mark.skipif(not SPARK.exists(), reason="the real Spark log is not here")
def test_a_real_spark_log(service: TransitionService, connection: psycopg.Connection[Any]) -> None:
    answer = document(service, "import", "spark", str(SPARK))
    again = document(service, "import", "spark", str(SPARK))

    with gzip.open(SPARK, "rt") as lines:
        events = [json.loads(line) for line in lines]
    task_events = [event for event in events if event["Event"] in ("SparkListenerTaskStart", "SparkListenerTaskEnd")]
    ended = {event["Task Info"]["Task ID"]: event for event in task_events if "Task End Reason" in event}
    begun = {event["Task Info"]["Task ID"]: event for event in task_events if "Task End Reason" not in event}
    attempts = Counter((event["Stage ID"], event["Task Info"]["Index"]) for event in begun.values())
    reasons = Counter(event["Task End Reason"]["Reason"] for event in ended.values())
    seconds = (
        sum(event["Task Info"]["Finish Time"] - event["Task Info"]["Launch Time"] for event in ended.values()) / 1000
    )
    ends = dict(connection.execute("SELECT status, count(*) FROM sojourn.task_instance GROUP BY status").fetchall())
    (running,) = connection.execute(
        "SELECT sum(extract(epoch FROM exited_at - entered_at)) FROM sojourn.task_instance_status_audit "
        "WHERE new_status = 'RUNNING'"
    ).fetchall()
    assert (len(begun), len(ended), len(begun.keys() - ended.keys())) == (12_447, 12_416, 31)
    assert (answer["lines"], answer["tasks"], answer["task_instances"]) == (len(events), len(attempts), len(begun))
    assert (answer["refused"], answer["bad"], answer["duplicates"]) == ({}, 0, 0)
    assert again == again | ADDED_NOTHING
    assert ends == {
        "RUNNING": 31, "SUCCESS": reasons["Success"], "FAILED": reasons["ExceptionFailure"],
        "KILLED": reasons["TaskKilled"],
    }  # fmt: skip
    assert float(running[0]) == pytest.approx(seconds)
    (most,) = connection.execute("SELECT max(instances) FROM sojourn.task").fetchall()
    assert most[0] == max(attempts.values()) == 4
    assert verify_log(service.store)["mismatches"] == []


@pytest.mark.skipif(not CHIPSEQ.exists(), reason="the real Nextflow trace is not here")
def test_a_real_nextflow_trace(service: TransitionService, connection: psycopg.Connection[Any]) -> None:
    answer = document(service, "import", "nextflow", str(CHIPSEQ), "--timezone", "Europe/Berlin")
    again = document(service, "import", "nextflow", str(CHIPSEQ), "--timezone", "Europe/Berlin")
    stays = document(service, "time-in-status", "--entity", "ti")

    rows = [line.split("\t") for line in CHIPSEQ.read_text().splitlines()[1:]]
    took, ran = (sum(_seconds(row[column]) for row in rows) for column in (7, 8))
    ends = dict(connection.execute("SELECT status, count(*) FROM sojourn.task GROUP BY status").fetchall())
    assert (answer["lines"], answer["tasks"], answer["task_instances"]) == (275, 275, 275)
    assert (answer["refused"], answer["bad"], answer["anomalies"]) == ({}, 0, {})
    assert again == again | ADDED_NOTHING | {"duplicates": 275}
    assert ends == {"COMPLETED": 258, "FAILED": 17}
    assert {row["status"]: row["total_seconds"] for row in stays} == {
        "SUBMITTED": pytest.approx(took - ran), "RUNNING": pytest.approx(ran),
    }  # fmt: skip
    assert verify_log(service.store)["mismatches"] == []


def _seconds(duration: str) -> float:
    units = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
    return sum(float(part.rstrip("hms")) * units[part.lstrip("0123456789.")] for part in duration.split())


def _independently(path: Path) -> tuple[dict[str, float], dict[str, int]]:
    """Seconds and numbers of stays in PENDING, ELIGIBLE and RUNNING, from the file alone."""
    seconds: dict[str, float] = defaultdict(float)
    numbers: Counter[str] = Counter()
    zone = ZoneInfo(NEW_YORK)
    for line in path.read_text().splitlines():
        fields = line.split("|")
        submit, eligible, start, end = (
            datetime.fromisoformat(fields[n]).replace(tzinfo=zone).timestamp() for n in range(10, 14)
        )
        ran = fields[24] != "None assigned"
        if eligible > submit:
            seconds["PENDING"] += eligible - submit
            numbers["PENDING"] += 1
        seconds["ELIGIBLE"] += (start if ran else end) - eligible
        numbers["ELIGIBLE"] += 1
        if ran:
            seconds["RUNNING"] += end - start
            numbers["RUNNING"] += 1
    return dict(seconds), dict(numbers)
