"""`sojourn orphans`, `why` and `diff` as people and programs run them."""

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from application.transition_service import TaskSpec, TransitionService
from domain.actor import Actor
from tests.support.command_line import SOJOURN, document, run

START = datetime(2026, 1, 31, 8, tzinfo=UTC)
WORKER = Actor(component="worker")


def minute(number: int) -> str:
    return (START + timedelta(minutes=number)).isoformat()


@pytest.fixture
def orphaned(service: TransitionService) -> TransitionService:
    """Of task `t` instance `t/1` runs on after `t/2` is done in minute 8, until it reports an error in minute 10."""

    def at(number: int) -> datetime:
        return START + timedelta(minutes=number)

    service.register_tasks("w", [TaskSpec("t")], occurred_at=at(0), actor=WORKER)
    service.gate_tasks_for_queueing(["t"], occurred_at=at(1), actor=WORKER)
    for number, name in ((2, "t/1"), (5, "t/2")):
        service.create_task_instances({name: "t"}, occurred_at=at(number), actor=WORKER)
        for status in ("INSTANTIATED", "LAUNCHED", "RUNNING"):
            service.transition_task_instance(name, status, occurred_at=at(number + 1), actor=WORKER)
    service.transition_task_instance("t/2", "DONE", occurred_at=at(8), actor=WORKER)
    service.transition_task_instance("t/1", "ERROR", occurred_at=at(10), actor=WORKER)
    return service


def process(service: TransitionService, *arguments: str, zone: str = "UTC") -> "subprocess.CompletedProcess[str]":
    command = [SOJOURN, *arguments, "--dsn", service.dsn]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=os.environ | {"TZ": zone}
    )


def test_orphans_of_a_time_and_those_that_were_decided(orphaned: TransitionService) -> None:
    (open_then,) = document(orphaned, "orphans", "--at", minute(9))
    (decided,) = document(orphaned, "orphans", "--decided")

    assert open_then.keys() >= {"entity", "rule", "since", "evidence", "expected", "explanation"}
    assert (open_then["entity"], open_then["rule"], open_then["since"]) == (
        "ti:t/1", "terminal-parent", "2026-01-31T08:08:00Z",
    )  # fmt: skip
    assert (decided["entity"], decided["rule"]) == ("ti:t/1", "late-report")
    assert document(orphaned, "orphans") == document(orphaned, "orphans", "--rule", "stuck") == []


def test_only_what_is_open_is_a_failure(orphaned: TransitionService) -> None:
    statuses = {
        arguments: run(orphaned, "orphans", "--fail", *arguments).exit_code
        for arguments in ((), ("--decided",), ("--at", minute(9)), ("--at", minute(9), "--rule", "superseded"))
    }

    assert list(statuses.values()) == [0, 0, 1, 0]
    assert run(orphaned, "orphans", "--at", minute(9)).exit_code == 0


def test_people_read_a_line_an_orphan_in_their_own_zone(orphaned: TransitionService) -> None:
    done = process(orphaned, "orphans", "--at", minute(9), zone="Asia/Kathmandu")

    heading, line = done.stdout.splitlines()
    assert heading.split() == ["rule", "since", "what", "is", "wrong", "evidence"]
    assert line.startswith("terminal-parent  2026-01-31 13:53:00.000+05:45  ti:t/1 is RUNNING, although task:t is DONE")
    assert "since 2026-01-31 13:53:00.000+05:45" in line
    none = process(orphaned, "orphans")
    assert (none.returncode, none.stdout, none.stderr) == (0, "", "there are no orphans\n")


def test_thresholds_can_be_given(orphaned: TransitionService) -> None:
    stuck = ("orphans", "--rule", "stuck", "--at", minute(5))

    assert document(orphaned, *stuck) == []
    assert [hit["entity"] for hit in document(orphaned, *stuck, "--stuck-after", "RUNNING=1m")] == ["task:t", "ti:t/1"]
    assert process(orphaned, *stuck, "--stuck-after", "RUNNING").returncode == 2


@pytest.fixture
def waiting(service: TransitionService) -> TransitionService:
    """Of 30 tasks, whose names are all different, 25 waited for a minute, and 5 wait on."""
    names = [f"t{number}" for number in range(30)]
    service.register_tasks("w", [TaskSpec(name, template=name) for name in names], occurred_at=START)
    service.create_task_instances({f"{name}/1": name for name in names}, occurred_at=START)
    begun = [f"{name}/1" for name in names[:25]]
    service.transition_task_instances(begun, "INSTANTIATED", occurred_at=START + timedelta(minutes=1))
    return service


def test_which_of_many_wait_too_long_is_a_row_for_people(waiting: TransitionService) -> None:
    asked = ("orphans", "--rule", "stuck", "--at", minute(4))
    row = (
        "5 tasks alike, the first: task:t25 has been QUEUED since 2026-01-31 08:00:00.000+00:00; 99 of 100 intervals "
        "of lifecycle jobmon in QUEUED lasted at most 00:01:00 (of 25); the limit is 3 times that, and at least "
        "00:01:00; its only instance ti:t25/1 is stuck too"
    )
    done = process(waiting, *asked)
    [_, line] = done.stdout.splitlines()

    assert row in line
    assert len(process(waiting, *asked, "--each").stdout.splitlines()) == 1 + 10
    assert sorted(found["entity"] for found in document(waiting, *asked)) == [
        *(f"task:t{number}" for number in range(25, 30)), *(f"ti:t{number}/1" for number in range(25, 30)),
    ]  # fmt: skip
    assert done.stderr == (
        "longest without an end: 25 tasks of jobmon in INSTANTIATING, task:t0 for 3m; 25 task instances of jobmon in "
        "INSTANTIATED, ti:t0/1 for 3m. `sojourn why task:t0` compares it with the others; --stuck-after "
        "INSTANTIATING=DURATION sets a limit\n"
        "`stuck` could not judge 25 tasks of jobmon in INSTANTIATING (0 intervals ended), 25 task instances of jobmon "
        "in INSTANTIATED (0 intervals ended), because it compares with at least 20 intervals that have ended; "
        "--stuck-after INSTANTIATING=DURATION sets a limit\n"
    )


def test_what_is_over_no_limit_is_named_with_how_long_it_waits(waiting: TransitionService) -> None:
    done = process(waiting, "orphans", "--at", minute(3))
    limited = process(waiting, "orphans", "--at", minute(3), "--stuck-after", "INSTANTIATING=1m", "--each")

    assert done.stderr.startswith("there are no orphans at 2026-01-31 08:03:00.000+00:00\nlongest without an end: ")
    assert "5 tasks of jobmon in QUEUED, task:t25 for 3m" in done.stderr
    assert "QUEUED" not in done.stderr.splitlines()[-1]
    assert len(limited.stdout.splitlines()) == 1 + 25
    assert "tasks of jobmon in INSTANTIATING" not in limited.stderr
    assert process(waiting, "orphans", "--at", minute(3), "--json").stderr.count("\n") == 1
    assert process(waiting, "orphans", "--at", minute(3), "--rule", "superseded").stderr.count("\n") == 1


def test_why_compares_how_long_it_waits_with_the_others(waiting: TransitionService) -> None:
    def verdict(entity: str, *at: str) -> str:
        return str(document(waiting, "why", entity, *at)["verdict"])

    others = "the 25 intervals of lifecycle jobmon in that status that have ended."
    assert verdict("task:t25", "--at", minute(3)).endswith(f" It has been QUEUED for 3m, longer than each of {others}")
    assert verdict("task:t25", "--at", minute(4)).endswith(f" It has been QUEUED for 4m, longer than each of {others}")
    assert verdict("ti:t25/1", "--at", minute(1)).endswith(
        f" It has been QUEUED for 1m, no longer than any of {others}"
    )
    assert "It has been" not in verdict("task:t0", "--at", minute(3))
    assert "It has been" not in verdict("task:t25", "--at", "2026-01-31T08:00:30Z")


def test_why_for_people_and_programs(orphaned: TransitionService) -> None:
    found = document(orphaned, "why", "ti:t/1")
    *_, last, blank, verdict = process(orphaned, "why", "ti:t/1").stdout.splitlines()

    assert found.keys() >= {"entity", "status", "verdict", "rule", "chain"}
    assert found["chain"][0].keys() >= {"position", "entity", "name", "text"}
    assert (found["rule"], blank) == ("orphaned-instance", "")
    assert "reported ERROR by worker: RUNNING -> ERROR_FATAL; rule orphaned-instance" in last
    assert verdict.startswith("ti:t/1 reported ERROR at 2026-01-31 08:10:00.000+00:00; task:t was already DONE since")
    assert document(orphaned, "why", "ti:t/1", "--at", minute(9))["rule"] == "terminal-parent"


def test_diff_for_people_and_programs(orphaned: TransitionService) -> None:
    assert document(orphaned, "diff", "--from", minute(4), "--to", minute(9)) == [
        {"entity": "task:t", "before": "RUNNING", "after": "DONE", "since": "2026-01-31T08:08:00Z"},
        {"entity": "ti:t/2", "before": None, "after": "DONE", "since": "2026-01-31T08:08:00Z"},
    ]
    heading, *lines = run(orphaned, "diff", "--from", minute(4), "--to", minute(9)).stdout.splitlines()
    assert heading.split() == ["entity", "before", "after", "since"]
    assert [line.split()[:3] for line in lines] == [["task:t", "RUNNING", "DONE"], ["ti:t/2", "(not", "there)"]]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["orphans", "--rule", "superseeded"], "sojourn: no orphan rule 'superseeded'; did you mean 'superseded'?\n"),
        (["why", "ti:t/11"], "sojourn: no task instance 't/11'; did you mean 't/1'?\n"),
        (["orphans", "--workflow", "ww"], "sojourn: no workflow 'ww'; did you mean 'w'?\n"),
        (["diff", "--from", minute(2), "--to", minute(1)], "lies before"),
        (["diff", "--from", "someday", "--to", minute(1)], "sojourn: time 'someday' cannot be read"),
    ],
)
def test_a_wrong_request_is_told_in_a_sentence(
    orphaned: TransitionService, arguments: list[str], sentence: str
) -> None:
    done = process(orphaned, *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "empty"),
    [
        (["orphans", "--at", minute(-9)], []),
        (["diff", "--from", minute(-9), "--to", minute(-8)], []),
        (["audit", "--at", minute(-9)], []),
        (["time-in-status", "--at", minute(-9)], []),
        (["status", "ti:t/1", "--at", minute(-9)], None),
        (["why", "ti:t/1", "--at", minute(-9)], None),
    ],
)
def test_before_the_log_begins_the_answer_is_empty_and_says_so(
    orphaned: TransitionService, arguments: list[str], empty: list[Any] | None
) -> None:
    done = process(orphaned, *arguments, "--json")

    answer = json.loads(done.stdout)
    assert done.returncode == 0
    assert answer == empty if empty is not None else answer["status"] is None
    assert "begins at 2026-01-31 08:0" in done.stderr
