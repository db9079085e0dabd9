"""`sojourn bundle` and `sojourn open` as people and programs run them."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from application.cases.case_file import InvalidCase
from application.cases.opened_case import forget_case, list_opened_cases
from application.transition_service import TransitionService
from domain.errors import UnknownEntity
from interfaces.wording.values import format_duration
from tests.support.attempts import attempt, register
from tests.support.command_line import app


@pytest.fixture
def log(service: TransitionService) -> Iterator[TransitionService]:
    """Workflow w, in which t1 is done, and another."""
    register(service, "t1", "t2")
    register(service, "x", workflow_id="other")
    attempt(service, "t1")
    service.transition_task_instance("t1/1", "DONE")
    yield service
    for case in list_opened_cases(service.store.database):
        forget_case(service.store.database, case["database"])


def run(service: TransitionService, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--dsn", service.dsn, *arguments])


def document(service: TransitionService, *arguments: str) -> Any:
    done = run(service, *arguments, "--json")
    assert (done.exit_code, done.stderr) == (0, ""), done
    return json.loads(done.stdout)


def test_a_workflow_is_bundled_opened_asked_and_forgotten(log: TransitionService, tmp_path: Path) -> None:
    file = str(tmp_path / "case.sojourn")

    bundled = document(log, "bundle", "--workflow", "w", "-o", file)
    assert (bundled["file"], bundled["workflow"]) == (file, "w")
    assert (bundled["entities"], bundled["events"]) == (3, 12)
    assert bundled["bytes"] == (tmp_path / "case.sojourn").stat().st_size

    asked = run(log, "open", file, "--", "history", "ti:t1/1", "--json")
    assert asked.exit_code == 0
    assert json.loads(asked.stdout) == document(log, "history", "ti:t1/1")
    assert asked.stderr.startswith("Opened workflow 'w': 12 events of 3 entities, as it was at ")

    opened = document(log, "open", file)
    assert opened["loaded"] is False
    assert {key: opened[key] for key in ("workflow", "entities", "events", "until", "digest")} == {
        key: bundled[key] for key in ("workflow", "entities", "events", "until", "digest")
    }
    assert json.loads(run(log, "--dsn", opened["dsn"], "verify", "--json").stdout)["mismatches"] == []
    (since, until) = (document(log, "status", "task:t2")["since"], opened["until"])
    lasted = format_duration(datetime.fromisoformat(until) - datetime.fromisoformat(since))
    assert run(log, "open", file, "--", "status", "task:t2").stdout.splitlines()[0].endswith(f" ({lasted})")
    assert document(log, "open", "--list") == [opened]
    assert opened["database"] in run(log, "open", "--list").stdout

    assert document(log, "open", "--forget", opened["database"]) == {"forgotten": opened["database"]}
    assert document(log, "open", "--list") == []
    assert "no case is open" in run(log, "open", "--list").stderr


def test_people_are_told_how_to_go_on(log: TransitionService, tmp_path: Path) -> None:
    file = tmp_path / "case.sojourn"

    bundled = run(log, "bundle", "--workflow", "w", "-o", str(file)).stdout.splitlines()
    opened = run(log, "open", str(file)).stdout.splitlines()

    assert bundled[0].startswith(f"Bundled 12 events of 3 entities into {file} (")
    assert bundled[-1] == f"Open it anywhere with: sojourn open {file}"
    assert opened[0].startswith("Opened workflow 'w': 12 events of 3 entities, as it was at ")
    (export,) = [line.strip() for line in opened if "export" in line]
    dsn = export.removeprefix("export SOJOURN_DSN='").removesuffix("'")
    assert document(log, "--dsn", dsn, "status", "task:t1")["status"] == "DONE"


def test_what_cannot_be_bundled_or_opened(log: TransitionService, tmp_path: Path) -> None:
    case, text = tmp_path / "case.sojourn", tmp_path / "text"
    run(log, "bundle", "--workflow", "w", "-o", str(case))
    text.write_text("no case")

    assert isinstance(run(log, "bundle", "--workflow", "ww", "-o", str(case)).exception, UnknownEntity)
    assert isinstance(run(log, "open", str(text)).exception, InvalidCase)
    assert isinstance(run(log, "open", str(tmp_path / "none")).exception, FileNotFoundError)
    for nothing in (["open"], ["open", str(case), "--list"]):
        done = run(log, *nothing)
        assert (done.exit_code, done.stdout) == (2, "")
        assert "name exactly one" in done.stderr
    assert run(log, "open", str(case), "--", "nonsense").exit_code == 2
