"""`sojourn history`, `status`, `audit` and `time-in-status` as people and programs run them."""

import json
import os
import signal
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from application.transition_service import TaskSpec, TransitionService
from domain.errors import InvalidEntity, InvalidTime, UnknownEntity
from interfaces.cli import table
from tests.support.command_line import SOJOURN, document, run

START = datetime(2026, 1, 31, 8, tzinfo=UTC)

HISTORY_KEYS = {
    "position", "entity", "version", "name", "previous_status", "status", "reported", "rule", "occurred_at",
    "recorded_at", "actor", "cause", "reason",
}  # fmt: skip
AUDIT_KEYS = {
    "task_id", "workflow_id", "previous_status", "new_status", "entered_at", "exited_at", "duration_seconds",
}  # fmt: skip
TIME_KEYS = {
    "status", "group", "n", "open", "total_seconds", "mean_seconds", "p50_seconds", "p90_seconds", "p99_seconds",
    "km_p50_seconds", "km_p90_seconds",
}  # fmt: skip


@pytest.fixture
def attempted(service: TransitionService) -> TransitionService:
    """A task `job[a]`, whose instance `job[a]/1` runs from minute 6 and is done in minute 10."""

    def minute(number: int) -> datetime:
        return START + timedelta(minutes=number)

    service.register_tasks("w", [TaskSpec("job[a]")], occurred_at=minute(0), actor="client")
    service.gate_tasks_for_queueing(["job[a]"], occurred_at=minute(2), actor="gate")
    service.create_task_instances({"job[a]/1": "job[a]"}, occurred_at=minute(3), actor="gate")
    for number, name in ((4, "INSTANTIATED"), (5, "LAUNCHED"), (6, "RUNNING"), (8, "LAUNCHED"), (10, "DONE")):
        service.transition_task_instance("job[a]/1", name, occurred_at=minute(number), actor="worker")
    return service


def process(service: TransitionService, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """What a command does, in a process of its own."""
    command = [SOJOURN, *arguments, "--dsn", service.dsn]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_history(attempted: TransitionService) -> None:
    events = document(attempted, "history", "ti:job[a]/1")

    assert all(event.keys() >= HISTORY_KEYS for event in events)
    assert [event["status"] for event in events] == [
        "QUEUED", "INSTANTIATED", "LAUNCHED", "RUNNING", "RUNNING", "DONE",
    ]  # fmt: skip
    assert events[4]["reported"] == "LAUNCHED"
    assert events[-1]["occurred_at"] == "2026-01-31T08:10:00Z"


def test_history_for_people_is_a_line_an_event(attempted: TransitionService) -> None:
    heading, *lines = run(attempted, "history", "ti:job[a]/1").stdout.splitlines()

    assert heading.split() == ["position", "at", "what", "after", "reported", "rule", "actor"]
    assert len(lines) == 6
    assert "created: QUEUED" in lines[0]
    assert lines[-1].split()[3:] == ["RUNNING", "->", "DONE", "4m", "worker"]
    refused = lines[-2]
    assert refused[heading.index("what") :].split() == ["stays", "RUNNING", "LAUNCHED", "untimely-transition", "worker"]
    assert refused.index("LAUNCHED") == heading.index("reported")
    assert "08:10:00.000+00:00" in run_in_zone("UTC", attempted, "history", "ti:job[a]/1")
    assert "13:55:00.000+05:45" in run_in_zone("Asia/Kathmandu", attempted, "history", "ti:job[a]/1")


def test_the_whole_history_has_everything(attempted: TransitionService) -> None:
    text = run(attempted, "history", "task:job[a]", "--full").stdout

    assert "task:job[a]  RUNNING -> DONE, after 4m\n" in text
    assert text.count("name            task.transitioned.v1") == 5
    for name in ("recorded_at", "occurred_at", "entered_at", "host", "pid", "cause"):
        assert f"    {name} " in text


def test_the_audit_of_task_instances(attempted: TransitionService) -> None:
    rows = document(attempted, "audit", "--entity", "ti", "--task", "job[a]")
    heading, *lines = run(attempted, "audit", "--entity", "ti").stdout.splitlines()

    assert all(row.keys() == {*AUDIT_KEYS, "task_instance_id"} for row in rows)
    assert [row["new_status"] for row in rows] == ["QUEUED", "INSTANTIATED", "LAUNCHED", "RUNNING", "DONE"]
    assert (heading.split()[:3], len(lines)) == (["task", "instance", "workflow"], 5)
    none = process(attempted, "audit", "--entity", "ti", "--task", "job[a]", "--at", "2026-01-31T08:02:30Z")
    assert none.stderr.startswith("task 'job[a]' had no task instances at ")


def test_status(attempted: TransitionService) -> None:
    then = document(attempted, "status", "task:job[a]", "--at", "2026-01-31T13:54:59+05:45")

    assert then == {
        "entity": "task:job[a]",
        "status": "RUNNING",
        "since": "2026-01-31T08:06:00Z",
        "lifecycle": "jobmon",
        "attempts": 1,
        "version": 5,
    }
    assert "task:job[a]  DONE  since" in run(attempted, "status", "task:job[a]").stdout


def test_before_it_existed_a_status_is_null_and_people_are_told(attempted: TransitionService) -> None:
    done = run(attempted, "status", "ti:job[a]/1", "--at", "2020-01-01T00:00:00Z", "--json")

    assert (done.exit_code, json.loads(done.stdout)["status"]) == (0, None)
    assert "task instance 'job[a]/1' did not exist at 2020-01-01" in done.stderr


def test_audit(attempted: TransitionService) -> None:
    rows = document(attempted, "audit", "--task", "job[a]", "--at", "2026-01-31T08:03:00Z")

    assert [row.keys() for row in rows] == [AUDIT_KEYS] * 2
    assert [(row["new_status"], row["duration_seconds"]) for row in rows] == [("REGISTERING", 120.0), ("QUEUED", 60.0)]
    assert document(attempted, "audit", "--workflow", "w", "--at", "2026-01-31T08:03:00Z") == rows


def test_an_audit_for_people_is_whole_unless_a_limit_is_given(
    service: TransitionService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given more rows than are held at a time."""
    monkeypatch.setattr(table, "CHUNK", 200)
    long = "0" * 255
    service.register_tasks("w", [TaskSpec(long), *(TaskSpec(f"t{number}") for number in range(500))])

    whole = run(service, "audit")
    limited = run(service, "audit", "--limit", "500")

    lines = whole.stdout.splitlines()[1:]
    assert (len(lines), whole.stderr) == (501, "")
    assert any(line.startswith(long) for line in lines), "nothing of an id is cut"
    assert len(limited.stdout.splitlines()) == 501
    assert limited.stderr == (
        "These are the first 500 rows; a larger --limit prints more, and without --limit all are printed.\n"
    )
    assert len(document(service, "audit")) == 501
    assert len(document(service, "audit", "--limit", "500")) == 500


def test_time_in_status(attempted: TransitionService) -> None:
    rows = document(attempted, "time-in-status", "--entity", "ti", "--by", "actor", "--at", "2026-01-31T08:12:00Z")

    assert [row.keys() for row in rows] == [TIME_KEYS] * 4
    assert [(row["group"], row["status"], row["total_seconds"]) for row in rows] == [
        ("gate", "QUEUED", 60.0),
        ("worker", "RUNNING", 240.0),
        ("worker", "INSTANTIATED", 60.0),
        ("worker", "LAUNCHED", 60.0),
    ]
    terminal = document(attempted, "time-in-status", "--terminal", "--at", "2026-01-31T08:12:00Z")
    assert ("DONE", 120.0, None) in [(row["status"], row["total_seconds"], row["group"]) for row in terminal]


def test_time_in_status_for_people(attempted: TransitionService) -> None:
    heading, first, *_ = run(attempted, "time-in-status", "--by", "workflow").stdout.splitlines()

    assert heading.split()[:4] == ["workflow", "status", "n", "open"]
    assert first.split() == ["w", "RUNNING", "1", "0", *["4m"] * 7]


@pytest.mark.parametrize("command", ["audit", "time-in-status"])
def test_before_the_log_begins_an_answer_is_empty_and_says_so(attempted: TransitionService, command: str) -> None:
    done = run(attempted, command, "--at", "2020-01-01T00:00:00Z", "--json")

    assert (done.exit_code, done.stdout) == (0, "[]\n")
    assert "there were no tasks at 2020-01-01" in done.stderr


@pytest.mark.parametrize("command", ["audit", "time-in-status"])
def test_an_empty_log_has_empty_answers(service: TransitionService, command: str) -> None:
    as_json, shown = run(service, command, "--json"), run(service, command)

    assert (as_json.exit_code, as_json.stdout) == (0, "[]\n")
    assert (shown.exit_code, shown.stdout) == (0, "")
    assert shown.stderr == "there are no tasks in the log yet\n"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["status", "task:job[b]"], UnknownEntity),
        (["history", "ti:job[b]"], UnknownEntity),
        (["history", "job:a"], InvalidEntity),
        (["audit", "--task", "job[b]"], UnknownEntity),
        (["audit", "--workflow", "nowhere"], UnknownEntity),
        (["time-in-status", "--workflow", "nowhere"], UnknownEntity),
        (["status", "task:job[a]", "--at", "2026-01-31T08:00:60"], InvalidTime),
        (["audit", "--at", "2026-02-31"], InvalidTime),
        (["audit", "--at", ""], InvalidTime),
        (["time-in-status", "--at", "noon"], InvalidTime),
    ],
)
def test_what_cannot_be_answered_is_an_error(
    attempted: TransitionService, arguments: list[str], error: type[Exception]
) -> None:
    done = run(attempted, *arguments)

    assert isinstance(done.exception, error)
    assert done.stdout == ""


def test_a_process_answers_with_json_alone_and_ends_well(attempted: TransitionService) -> None:
    done = process(attempted, "status", "task:job[a]", "--json")

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["status"] == "DONE"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["status", "task:job[b]"], "sojourn: no task 'job[b]'; did you mean 'job[a]'?\n"),
        (["audit", "--at", "2026-01-31T25:00:00"], "sojourn: time '2026-01-31T25:00:00' cannot be read; write it like"),
        (["time-in-status", "--by", "colour"], "'colour' is not one of 'workflow', 'template', 'actor'"),
    ],
)
def test_a_process_says_what_is_wrong_in_a_sentence(
    attempted: TransitionService, arguments: list[str], sentence: str
) -> None:
    done = process(attempted, *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("form", [[], ["--json"], ["--full"]])
def test_a_followed_history_goes_on_until_it_is_interrupted(service: TransitionService, form: list[str]) -> None:
    service.register_tasks("w", [TaskSpec("t")])
    command = [SOJOURN, "history", "task:t", "--follow", *form, "--dsn", service.dsn]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        assert following.stderr is not None
        try:
            read_until(following.stdout, "REGISTERING")
            service.gate_tasks_for_queueing(["t"])
            read_until(following.stdout, "QUEUED")
            service.transition_task("t", "DONE")
            read_until(following.stdout, "invalid-transition")
            following.send_signal(signal.SIGINT)
            assert following.wait(timeout=30) == 0
            assert following.stderr.read() == ""
        finally:
            following.kill()


def read_until(stream: Any, text: str) -> None:
    assert any(text in line for line in iter(stream.readline, "")), f"{text} never came"


def run_in_zone(zone: str, service: TransitionService, *arguments: str) -> str:
    command = [SOJOURN, *arguments, "--dsn", service.dsn]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=True, env=os.environ | {"TZ": zone}
    )
    return done.stdout
