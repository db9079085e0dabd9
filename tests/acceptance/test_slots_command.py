"""`sojourn slots` as people and programs run it."""

import json

import pytest
from typer.testing import CliRunner, Result

from application.transition_service import TaskSpec, TransitionService
from tests.support.command_line import app


@pytest.fixture
def running(service: TransitionService) -> None:
    """Two tasks that run and carry a tag."""
    specs = [TaskSpec(name, attributes={"tags": ["gpu"]}) for name in ("a", "b")]
    service.register_tasks("w", specs, lifecycle="prefect")
    assert service.transition_tasks(["a", "b"], "RUNNING")["transitioned"] == ["a", "b"]


def slots(dsn: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--dsn", dsn, "slots", *arguments])


def test_nothing_to_show(dsn: str) -> None:
    assert slots(dsn).stdout == "No tag has a limit, and no task holds a slot.\n"
    assert json.loads(slots(dsn, "--json").stdout) == []


@pytest.mark.usefixtures("running")
def test_who_holds_a_slot_and_how_many_there_are(dsn: str) -> None:
    (unlimited,) = json.loads(slots(dsn, "--json").stdout)
    (limited,) = json.loads(slots(dsn, "gpu", "--limit", "1", "--json").stdout)
    slots(dsn, "net", "--limit", "0")

    assert (unlimited["slots"], limited["slots"]) == (None, 1)
    assert [holder["task_id"] for holder in limited["holders"]] == ["a", "b"]
    lines = [line.split()[:4] for line in slots(dsn).stdout.splitlines()]
    assert [lines[1], lines[2][:1], lines[3]] == [["gpu", "2", "1", "task:a"], ["task:b"], ["net", "0", "0"]]
    assert slots(dsn, "gpu", "--no-limit").stdout.splitlines()[1].split()[:3] == ["gpu", "2", "none"]


@pytest.mark.parametrize("wrong", [("--limit", "1"), ("gpu", "--limit", "1", "--no-limit"), ("gpu", "--limit", "x")])
def test_wrong_usage(dsn: str, wrong: tuple[str, ...]) -> None:
    assert slots(dsn, *wrong).exit_code == 2
