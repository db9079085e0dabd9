"""`sojourn concurrency`, `attempts`, `breaches`, `variants` and histograms as people and programs run them."""

import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from application.analyse.sla import SlaInvalid
from application.transition_service import TaskSpec, TransitionService
from domain.errors import InvalidDuration, UnknownEntity, UnknownStatus
from tests.support.command_line import SOJOURN, document, run

START = datetime(2026, 1, 31, 8, tzinfo=UTC)
AT = ("--at", "2026-01-31T09:00:00Z")


@pytest.fixture
def ran(service: TransitionService) -> TransitionService:
    """Two tasks run, in minutes 3 to 10 and 5 to 8; the second's first attempt fails, and its next one is stuck."""

    def minute(number: int) -> datetime:
        return START + timedelta(minutes=number)

    service.register_tasks("w", [TaskSpec("a", 3, "align"), TaskSpec("b", 3, "sort")], occurred_at=minute(0))
    service.gate_tasks_for_queueing(["a", "b"], occurred_at=minute(1))
    service.create_task_instances({"a/1": "a", "b/1": "b"}, occurred_at=minute(1))
    for task, runs, ends, end in (("a", 3, 10, "DONE"), ("b", 5, 8, "ERROR")):
        for status, number in (("INSTANTIATED", 2), ("LAUNCHED", 2), ("RUNNING", runs), (end, ends)):
            service.transition_task_instance(f"{task}/1", status, occurred_at=minute(number), actor="worker")
    service.gate_tasks_for_queueing(["b"], occurred_at=minute(9))
    service.create_task_instances({"b/2": "b"}, occurred_at=minute(9))
    return service


def lines(service: TransitionService, *arguments: str) -> list[str]:
    done = run(service, *arguments)
    assert done.exit_code == 0, done
    return done.stdout.splitlines()


def test_concurrency(ran: TransitionService) -> None:
    assert document(ran, "concurrency", "--status", "RUNNING") == [
        {"at": "2026-01-31T08:03:00Z", "n": 1},
        {"at": "2026-01-31T08:05:00Z", "n": 2},
        {"at": "2026-01-31T08:08:00Z", "n": 1},
        {"at": "2026-01-31T08:10:00Z", "n": 0},
    ]
    assert document(
        ran, "concurrency", "--status", "RUNNING", "--entity", "ti", "--bucket", "1h", "--by", "workflow"
    ) == [{"group": "w", "at": "2026-01-31T08:00:00Z", "mean": pytest.approx(10 / 60), "max": 2}]
    heading, first, second, *_ = lines(ran, "concurrency", "--status", "RUNNING", "--by", "template")
    assert heading.split() == ["template", "at", "n"]
    assert (first.split()[0], second.split()[0]) == ("align", "align")


def test_a_curve_for_people_is_whole_unless_a_limit_is_given(ran: TransitionService) -> None:
    command = ("concurrency", "--status", "QUEUED", "--bucket", "1s", *AT)
    done, limited = run(ran, *command), run(ran, *command, "--limit", "500")

    assert (len(done.stdout.splitlines()), done.stderr) == (1 + len(document(ran, *command)), "")
    assert len(limited.stdout.splitlines()) == 501
    assert "the first 500 rows" in limited.stderr


def test_a_status_that_nobody_was_in_is_told(ran: TransitionService) -> None:
    done = run(ran, "concurrency", "--status", "KILL_SELF", "--entity", "ti")

    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "no task instance stayed in KILL_SELF\n")


def test_attempts(ran: TransitionService) -> None:
    (found,) = document(ran, "attempts", *AT)

    assert (found["tasks"], found["attempts"], found["failed"], found["open"]) == (2, 3, 1, 1)
    assert (found["wasted_seconds"], found["first_try_share"]) == (180.0, 0.5)
    heading, align, sort = lines(ran, "attempts", "--by", "template", *AT)
    assert heading.split()[0] == "template"
    assert align.endswith("100.0 %")
    assert sort.split()[:3] == ["sort", "1", "2"]


def test_breaches_fail_if_asked(ran: TransitionService, tmp_path: Path) -> None:
    sla = tmp_path / "sla.toml"
    sla.write_text("[[limit]]\nentity = 'ti'\nstatus = 'QUEUED'\nat_most = '30m'")

    (found,) = document(ran, "breaches", "--sla", str(sla), *AT)
    assert (found["entity"], found["open"], found["seconds"]) == ("ti:b/2", True, 51 * 60.0)
    assert run(ran, "breaches", "--sla", str(sla), "--fail", *AT).exit_code == 1
    assert run(ran, "breaches", "--sla", str(sla), "--fail", "--at", "2026-01-31T08:20:00Z").exit_code == 0
    done = run(ran, "breaches", "--sla", str(sla), *AT)
    assert done.stdout.splitlines()[1].split()[:3] == ["ti:b/2", "sort", "QUEUED"]
    assert done.stderr == "1 over their limit, 1 of them open\n"


def test_variants(ran: TransitionService) -> None:
    found = document(ran, "variants", "--entity", "ti")

    assert [row["statuses"][-1] for row in found] == ["QUEUED", "DONE", "ERROR"]
    assert [row["examples"] for row in found] == [["b/2"], ["a/1"], ["b/1"]]
    assert "QUEUED → INSTANTIATED → LAUNCHED → RUNNING → DONE" in lines(ran, "variants", "--entity", "ti")[2]
    shown = run(ran, "variants", "--limit", "1")
    assert len(shown.stdout.splitlines()) == 2


def test_a_graph_of_variants(ran: TransitionService) -> None:
    arguments = ("variants", "--entity", "ti", *AT, "--graph")

    assert lines(ran, *arguments, "mermaid")[:2] == ["flowchart LR", '    begin(("begin"))']
    assert '    begin -->|"3"| s0' in lines(ran, *arguments, "mermaid")
    dot = lines(ran, *arguments, "dot")
    assert (dot[0], dot[-1]) == ("digraph statuses {", "}")
    assert any("1 there" in line for line in dot)
    edges = document(ran, *arguments, "dot")
    assert {"source": "LAUNCHED", "target": "RUNNING", "n": 2, "median_seconds": 120.0} in edges


def test_a_histogram_is_at_most_80_characters_wide_and_pipes_well(ran: TransitionService) -> None:
    command = [SOJOURN, "time-in-status", "--entity", "ti", "--histogram", *AT, "--dsn", ran.dsn]
    piped = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout

    assert max(map(len, piped.splitlines())) <= 80
    assert "\x1b" not in piped
    assert re.search(r"^QUEUED  3 intervals, 1 open\n    1m to     2m  █{48} 2\n", piped, re.MULTILINE)
    assert re.search(r"^   30m to     1h  ░{24} 1$", piped, re.MULTILINE)
    bins = document(ran, "time-in-status", "--entity", "ti", "--histogram", "--by", "template", *AT)
    assert bins[0] == {
        "status": "INSTANTIATED", "group": "align", "from_seconds": 0.0, "to_seconds": 0.001, "n": 1, "open": 0,
    }  # fmt: skip


def test_time_in_status_by_date(ran: TransitionService) -> None:
    for by, group in (("hour", "2026-01-31T08:00:00Z"), ("day", "2026-01-31"), ("week", "2026-01-26")):
        assert {row["group"] for row in document(ran, "time-in-status", "--by", by)} == {group}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["concurrency", "--status", "RUNING"], UnknownStatus),
        (["concurrency", "--status", "RUNNING", "--bucket", "often"], InvalidDuration),
        (["concurrency", "--status", "RUNNING", "--workflow", "v"], UnknownEntity),
        (["attempts", "--workflow", "v"], UnknownEntity),
        (["variants", "--workflow", "v"], UnknownEntity),
        (["breaches", "--sla", "/nowhere.toml"], SlaInvalid),
    ],
)
def test_what_cannot_be_answered_is_an_error(
    ran: TransitionService, arguments: list[str], error: type[Exception]
) -> None:
    done = run(ran, *arguments)

    assert isinstance(done.exception, error)
    assert done.stdout == ""


@pytest.mark.parametrize(
    "command", [["attempts"], ["variants"], ["variants", "--graph", "dot"], ["concurrency", "--status", "RUNNING"]]
)
def test_an_empty_log_has_empty_answers(service: TransitionService, command: list[str]) -> None:
    done = run(service, *command, "--json")

    assert (done.exit_code, done.stdout) == (0, "[]\n")
    assert done.stderr == "there are no tasks in the log yet\n"
