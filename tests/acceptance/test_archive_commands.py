"""An archived workflow has the same answers as before: from the commands that ask, and from Python."""

import json
from pathlib import Path
from typing import Any

import pytest

from application.archive.archive import archive_workflows
from application.archive.opened_archive import open_archived
from application.shared.as_of import effective_now
from application.transition_service import TransitionService
from domain.errors import Archived
from tests.support.command_line import document, run, run_on
from tests.support.importing import imported

NIGHT = Path(__file__).parents[2] / "docs/examples/night.jsonl"
AT = "2026-11-20T06:00:00Z"

QUESTIONS: list[tuple[str, ...]] = [
    ("history", "ti:41/1"),
    ("history", "task:42", "--full"),
    ("status", "task:41"),
    ("status", "ti:41/1", "--at", AT),
    ("audit", "--workflow", "nightly"),
    ("audit", "--entity", "ti", "--task", "41", "--at", AT),
    ("why", "ti:41/1"),
    ("time-in-status", "--workflow", "nightly", "--by", "template"),
    ("replay", "--workflow", "nightly"),
    ("workflow", "nightly"),
    ("critical-path", "nightly"),
    ("orphans", "--workflow", "nightly", "--include-handled"),
]
OVER_ALL: list[tuple[str, ...]] = [
    ("time-in-status",),
    ("attempts",),
    ("concurrency", "--status", "RUNNING", "--bucket", "1h"),
    ("queue-wait",),
    ("variants",),
]
EXPORT = ("export", "--format", "jsonl", "--workflow", "nightly")


@pytest.fixture
def night(service: TransitionService) -> TransitionService:
    assert run(service, "import", "jsonl", str(NIGHT)).exit_code == 0
    return service


def test_an_archived_workflow_has_the_answers_that_it_had(night: TransitionService, tmp_path: Path) -> None:
    before = [answer(night.dsn, *question) for question in QUESTIONS]
    exported = written(night.dsn, tmp_path, *EXPORT)

    archive_workflows(night.store, effective_now(night.store), tmp_path / "archive")

    with open_archived(night.store, "nightly") as opened:
        assert [answer(opened, *question) for question in QUESTIONS] == before
        assert written(opened, tmp_path, *EXPORT) == exported


def test_answers_about_all_workflows_state_what_they_leave_out(night: TransitionService, tmp_path: Path) -> None:
    by_workflow = ("time-in-status", "--by", "workflow")
    before = [row for row in document(night, *by_workflow) if row["group"] != "nightly"]
    assert "left out" not in run_on(night.dsn, *OVER_ALL[0]).stderr

    moved = document(night, "archive", "--before", "now", "--to", str(tmp_path / "archive"), "--workflow", "nightly")
    assert moved["workflows"] == 1

    assert without_times(document(night, *by_workflow)) == without_times(before) != []
    for question in OVER_ALL:
        asked = run_on(night.dsn, *question, "--json")
        assert "1 archived workflow is left out; sojourn.lake asks about both" in asked.stderr


def test_a_file_whose_workflow_is_archived_has_its_moves_as_duplicates(
    night: TransitionService, tmp_path: Path
) -> None:
    text = NIGHT.read_text("utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    archive_workflows(night.store, effective_now(night.store), tmp_path)

    answer = imported(night, "jsonl", text)

    assert (answer["duplicates"] + answer["bad"], answer["transitions"]) == (len(lines), 0)
    assert {lines[bad["line"] - 1].get("event") for bad in answer["bad_lines"]} == {"registered", "created"}


def without_times(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows without what grows while time passes."""
    return [{name: value for name, value in row.items() if not isinstance(value, float)} for row in rows]


def test_a_command_that_asks_about_it_opens_the_archive(night: TransitionService, tmp_path: Path) -> None:
    before = document(night, "history", "ti:41/1")
    folder = tmp_path / "archive"
    moved = document(night, "archive", "--before", "now", "--to", str(folder), "--workflow", "nightly")
    assert (moved["workflows"], moved["events"], moved["files"]) == (1, 55, 2)

    for name in ("ti:41/1", "41/1"):
        asked = run_on(night.dsn, "history", name, "--json")
        assert asked.status == 0
        assert json.loads(asked.stdout) == before
        assert f"workflow 'nightly' is in the archive '{folder}'" in asked.stderr
    with night.open_archived("nightly") as archived:
        assert archived.status("ti:41/1")["status"] == "ERROR_FATAL"
    with pytest.raises(Archived):
        night.status("ti:41/1")
    changed = run_on(night.dsn, "reset", "--workflow", "nightly")
    assert (changed.status, "`sojourn restore` brings it back" in changed.stderr) == (2, True)
    databases = night.store.database
    with databases.connection() as connection:
        assert connection.execute("SELECT datname FROM pg_database WHERE datname ~ '^archived_'").fetchall() == []
    assert document(night, "restore", "--from", str(folder), "--workflow", "nightly") == {"workflows": 1, "events": 55}


def answer(dsn: str, *question: str) -> Any:
    done = run_on(dsn, *question, "--json")
    assert done.status in (0, 1), done
    return json.loads(done.stdout)


def written(dsn: str, folder: Path, *question: str) -> bytes:
    assert run_on(dsn, *question, "-o", str(folder / "written")).status == 0
    return (folder / "written").read_bytes()
