"""A time in the future is refused, by the database's clock: reported, imported or asked about."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from application.maintain.rebuild import rebuild_projections
from application.replay.verify import verify_log
from application.transition_service import TaskSpec, TransitionService
from domain.entities.task import Task
from domain.errors import FutureTime
from domain.lifecycles import get_lifecycle
from domain.report_context import ReportContext
from interfaces.http.app import create_app
from tests.support.agreement import rows
from tests.support.attempts import attempt, register
from tests.support.command_line import app
from tests.support.concurrently import at_once
from tests.support.importing import imported
from tests.support.writing_calls import CALLS, Call, begin

FAR = datetime(2099, 1, 1, tzinfo=UTC)
FAR_TEXT = "2099-01-01T00:00:00+00:00"


def stored(connection: psycopg.Connection[Any]) -> list[Any]:
    """Return everything that a call may store."""
    tables = {"event": "position", "command": "command_id", "lease": "holder", "task": "task_id", "slot": "tag"}
    return [rows(connection, f"SELECT * FROM sojourn.{table} ORDER BY {column}") for table, column in tables.items()]


def soon(seconds: float) -> datetime:
    """Return a time ahead of the clock, which the tests and the server share."""
    return datetime.now(UTC) + timedelta(seconds=seconds)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
class TestAReport:
    def test_from_the_future_is_refused_and_stores_nothing(
        self, service: TransitionService, connection: psycopg.Connection[Any], call: Call
    ) -> None:
        begin(service)
        before = stored(connection)

        for more in ({}, {"command_id": "c1"}):
            with pytest.raises(FutureTime, match=r"^occurred_at 2099-01-01T00:00:00\+00:00 is in the future") as raised:
                call(service, occurred_at=FAR, **more)

        assert raised.value.time == FAR
        assert abs(raised.value.now - datetime.now(UTC)) < timedelta(minutes=5)
        assert raised.value.tolerance == 60
        assert stored(connection) == before

    def test_in_the_callers_transaction_leaves_that_usable(
        self, service: TransitionService, connection: psycopg.Connection[Any], call: Call
    ) -> None:
        begin(service)
        before = stored(connection)

        with connection.transaction():
            with pytest.raises(FutureTime):
                call(service, occurred_at=FAR, connection=connection)
            assert stored(connection) == before

    def test_a_little_ahead_is_taken(
        self, service: TransitionService, connection: psycopg.Connection[Any], call: Call
    ) -> None:
        begin(service)
        before = stored(connection)

        call(service, occurred_at=soon(30))

        assert stored(connection) != before

    def test_the_tolerance_is_a_setting(self, monkeypatch: pytest.MonkeyPatch, dsn: str, call: Call) -> None:
        monkeypatch.setenv("SOJOURN_CLOCK_TOLERANCE", "1h")
        with TransitionService.connect(dsn) as service:
            begin(service)

            with pytest.raises(FutureTime, match="3600 s more are accepted"):
                call(service, occurred_at=soon(4_000))
            call(service, occurred_at=soon(3_000))


def test_a_repeated_command_gets_its_first_answer(service: TransitionService) -> None:
    """Although the tolerance has become smaller since."""
    register(service, "t1")
    ahead = soon(50)
    first = service.gate_tasks_for_queueing(["t1"], command_id="c1", occurred_at=ahead)
    service.store.clock_tolerance = timedelta(0)

    assert service.gate_tasks_for_queueing(["t1"], command_id="c1", occurred_at=ahead) == first


def test_the_time_of_the_next_report_lies_ahead(service: TransitionService) -> None:
    register(service, "t1")
    attempt(service, "t1")

    answer = service.transition_task_instance("t1/1", "TRIAGING", report_by_date=FAR)
    service.heartbeat_task_instances({"t1/1": FAR})

    assert answer["ti_updated"]


def test_a_scheduled_time_lies_ahead(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec("run")], "prefect")

    answer = service.transition_task("run", "SCHEDULED", scheduled_time=FAR)

    assert answer["error"] is None


def test_one_report_from_the_future_fails_no_other_that_arrives_with_it(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    names = [f"t{number}" for number in range(12)]
    register(service, *names)
    attempt(service, *names)
    with TestClient(create_app(service), "http://127.0.0.1") as client:

        def report(name: str) -> Any:
            body = {"to_status": "DONE"} | ({"occurred_at": FAR_TEXT} if name == "t3" else {})
            return client.post(f"/api/v3/task_instance/{name}/1/transition", json=body)

        answers = dict(zip(names, at_once([partial(report, name) for name in names]), strict=True))

    refused = answers.pop("t3")
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:sojourn:problem:invalid")
    assert refused.json()["detail"].startswith(f"occurred_at {FAR_TEXT} is in the future")
    assert {(answer.status_code, answer.json()["task_status"]) for answer in answers.values()} == {(200, "DONE")}
    assert rows(connection, "SELECT status FROM sojourn.task WHERE task_id = 't3'") == [{"status": "RUNNING"}]


TASKS = [
    '{"entity":"task","id":"t1","event":"registered","at":"2026-01-31T08:00:00Z","workflow":"w1","max_attempts":3}\n',
    '{"entity":"task","id":"t1","to":"QUEUED","at":"2099-01-01T00:00:00Z"}\n',
    '{"entity":"task","id":"t2","event":"registered","at":"2026-01-31T08:00:00Z","workflow":"w1","max_attempts":3}\n',
]
AUDIT = ["task_id,workflow_id,new_status,entered_at\n", "1,17,G,2026-01-31 08:00:00\n", "1,17,Q,2099-01-01 00:00:00\n"]
TRACE = [
    "task_id\thash\tnative_id\tname\tstatus\texit\tsubmit\tduration\trealtime\n",
    "1\t19/beb69e\t31\tALIGN (a)\tCOMPLETED\t0\t2026-01-31 08:00:00.250\t1m\t20s\n",
    "2\t19/beb69f\t32\tALIGN (b)\tCOMPLETED\t0\t2099-01-01 00:00:00.250\t1m\t20s\n",
]
JOBS = [
    "JobID|Cluster|Submit|Start|End|State|ExitCode\n",
    "17|c|2026-01-31T08:00:00|2026-01-31T08:05:00|2026-01-31T09:00:00|COMPLETED|0:0\n",
    "18|c|2026-01-31T08:00:00|2026-01-31T08:05:00|2099-01-01T00:00:00|COMPLETED|0:0\n",
]
LISTENED = [
    '{"Event":"SparkListenerApplicationStart","App Name":"etl","App ID":"app-1","Timestamp":1769846400000}\n',
    '{"Event":"SparkListenerStageSubmitted","Stage Info":{"Stage ID":5,"Stage Attempt ID":0,"Stage Name":"count",'
    '"Submission Time":1769846400000}}\n',
    '{"Event":"SparkListenerTaskStart","Stage ID":5,"Stage Attempt ID":0,"Task Info":{"Task ID":77,"Index":3,'
    '"Attempt":0,"Launch Time":4070908800000,"Executor ID":"1","Host":"n1","Speculative":false,"Getting Result Time":0,'
    '"Finish Time":0,"Failed":false,"Killed":false}}\n',
]


@pytest.mark.parametrize(
    ("format_name", "lines", "kept"),
    [
        ("jsonl", TASKS, {"t1": "REGISTERING", "t2": "REGISTERING"}),
        ("jobmon", AUDIT, {"17/1": "REGISTERING"}),
        ("nextflow", TRACE, {"nextflow-689ed7015caa/ALIGN (a)": "COMPLETED"}),
        ("sacct", JOBS, {"c/17": "COMPLETED"}),
        ("spark", LISTENED, {}),
    ],
)
def test_a_line_of_the_future_is_a_bad_line_and_the_others_are_imported(
    service: TransitionService,
    connection: psycopg.Connection[Any],
    format_name: str,
    lines: list[str],
    kept: dict[str, str],
) -> None:
    answer = imported(service, format_name, "".join(lines), zone="UTC")

    assert [("2099-01-01T00:0" in bad["error"], "is in the future" in bad["error"]) for bad in answer["bad_lines"]] == [
        (True, True)
    ]
    found = rows(connection, "SELECT task_id, status FROM sojourn.task")
    assert {row["task_id"]: row["status"] for row in found} == kept
    assert rows(connection, "SELECT FROM sojourn.event WHERE occurred_at > now()") == []
    assert verify_log(service.store)["mismatches"] == []


SLA = '[[limit]]\nstatus = "RUNNING"\nmax_duration = "1s"\n'
READING: dict[str, Callable[[TransitionService, datetime, Path], object]] = {
    "status": lambda service, at, _: service.status("task:t1", at),
    "why": lambda service, at, _: service.why("task:t1", at),
    "audit": lambda service, at, _: service.audit(at=at),
    "audit of instances": lambda service, at, _: service.audit(at=at, entity="ti"),
    "orphans": lambda service, at, _: service.orphans(at=at),
    "time_in_status": lambda service, at, _: service.time_in_status(at=at),
    "concurrency": lambda service, at, _: service.concurrency("RUNNING", at=at),
    "concurrency by bucket": lambda service, at, _: service.concurrency("RUNNING", at=at, bucket=timedelta(hours=1)),
    "attempts": lambda service, at, _: service.attempts(at=at),
    "breaches": lambda service, at, sla: service.breaches(sla, at=at),
    "variants": lambda service, at, _: service.variants(at=at),
    "queue_wait": lambda service, at, _: service.queue_wait(at=at),
    "blocked": lambda service, at, _: service.blocked(at=at),
    "compare from": lambda service, at, _: service.compare("w", "w", at_a=at),
    "compare to": lambda service, at, _: service.compare("w", "w", at_b=at),
    "diff from": lambda service, at, _: service.diff(at, at),
    "diff to": lambda service, at, _: service.diff(datetime(2026, 1, 1, tzinfo=UTC), at),
}
COMMANDS = [
    ["status", "task:t1", "--at", "TIME"],
    ["why", "task:t1", "--at", "TIME"],
    ["audit", "--at", "TIME"],
    ["audit", "--entity", "ti", "--at", "TIME"],
    ["orphans", "--at", "TIME"],
    ["time-in-status", "--at", "TIME"],
    ["time-in-status", "--histogram", "--at", "TIME"],
    ["concurrency", "--status", "RUNNING", "--at", "TIME"],
    ["attempts", "--at", "TIME"],
    ["breaches", "--sla", "SLA", "--at", "TIME"],
    ["variants", "--at", "TIME"],
    ["queue-wait", "--at", "TIME"],
    ["blocked", "--at", "TIME"],
    ["compare", "w", "w", "--at-a", "TIME"],
    ["report", "--workflow", "w", "-o", "REPORT", "--at", "TIME"],
    ["diff", "--from", "2026-01-01T00:00:00Z", "--to", "TIME"],
    ["diff", "--from", "TIME", "--to", "TIME"],
]
ROUTES = [
    "/status/task:t1?at=TIME",
    "/queue-wait?at=TIME",
    "/compare?a=w&b=w&at_b=TIME",
    "/why/task:t1?at=TIME",
    "/audit?at=TIME",
    "/orphans?at=TIME",
    "/time-in-status?at=TIME",
    "/concurrency?status=RUNNING&at=TIME",
    "/concurrency?status=RUNNING&bucket=1h&at=TIME",
]


class TestAQuestion:
    @pytest.fixture
    def attempted(self, service: TransitionService) -> TransitionService:
        register(service, "t1")
        attempt(service, "t1")
        return service

    @pytest.fixture
    def sla(self, tmp_path: Path) -> Path:
        path = tmp_path / "sla.toml"
        path.write_text(SLA)
        return path

    @pytest.mark.parametrize("read", READING.values(), ids=READING)
    def test_about_the_future_is_an_error_in_python(
        self, attempted: TransitionService, sla: Path, read: Callable[[TransitionService, datetime, Path], object]
    ) -> None:
        with pytest.raises(FutureTime, match=" 2099-01-01T00:00:00\\+00:00 is in the future: the database's clock"):
            read(attempted, FAR, sla)
        read(attempted, soon(-1), sla)

    @pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command[:3]))
    def test_about_the_future_is_an_error_of_the_command(
        self, attempted: TransitionService, tmp_path: Path, sla: Path, command: list[str]
    ) -> None:
        places = {"TIME": "2099-01-01T00:00:00Z", "SLA": str(sla), "REPORT": str(tmp_path / "report.html")}
        arguments = [places.get(argument, argument) for argument in command]

        ended = CliRunner().invoke(app, [*arguments, "--dsn", attempted.dsn])

        assert isinstance(ended.exception, FutureTime)
        assert ended.stdout == ""
        assert not (tmp_path / "report.html").exists()

    @pytest.mark.parametrize("route", ROUTES)
    def test_about_the_future_is_a_422(self, attempted: TransitionService, route: str) -> None:
        with TestClient(create_app(attempted), "http://127.0.0.1") as client:
            answer = client.get(f"/api/v3{route.replace('TIME', '2099-01-01T00:00:00Z')}")

        assert (answer.status_code, answer.json()["type"]) == (422, "urn:sojourn:problem:invalid")
        parameter = route.removesuffix("=TIME").rpartition("?")[2].rpartition("&")[2]
        assert answer.json()["detail"].startswith(f"{parameter} 2099-01-01T00:00:00+00:00 is in the future")


@pytest.mark.fresh_database
def test_what_an_older_version_has_stored_is_replayed_verified_and_rebuilt(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    """Given an event of 2099, which older versions accepted."""
    register(service, "t1")
    task = Task("t2", "w", get_lifecycle("jobmon"), 3)
    registered = task.register(ReportContext(occurred_at=FAR))
    service.store.log.copy(connection, [registered], datetime.now(UTC))

    rebuild_projections(service.store, lambda _: None)

    assert verify_log(service.store)["mismatches"] == []
    replayed = CliRunner().invoke(app, ["replay", "--all", "--json", "--dsn", service.dsn])
    assert json.loads(replayed.stdout)["divergences"] == []
    assert service.transition_task("t2", "QUEUED")["status"] == "QUEUED"
    assert service.status("task:t2")["since"] == FAR
