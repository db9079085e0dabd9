"""A lifecycle of the user's own, as docs/lifecycle.md shows it: from a file to the log, and on without the file."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from application.transition_service import TaskSpec, TransitionService
from domain.errors import LifecycleConflict

ROOT = Path(__file__).parents[2]
SECTION = (ROOT / "docs" / "lifecycle.md").read_text("utf-8").partition("## A lifecycle of your own")[2]
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d|<?\b[\d.]+m?s\b")
SESSION = re.compile(r"\$ (?P<command>[^\n]+)\n(?P<output>(?:(?!\$ |```)[^\n]*\n)*)")

Shell = Callable[[str], str]


@pytest.fixture
def shell(dsn: str, tmp_path: Path) -> Shell:
    """Carries out a command in a folder that has the page's files, on a database of its own."""
    for language, name in (("toml", "approval.toml"), ("python", "approval.py")):
        (block,) = re.findall(rf"```{language}\n(.*?)```", SECTION, re.DOTALL)
        (tmp_path / name).write_text(block)
    programs = str(Path(sys.executable).parent)
    environment = os.environ | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "SOJOURN_DSN": dsn, "TZ": "UTC",
    }  # fmt: skip

    def run(command: str) -> str:
        done = subprocess.run(
            command.split(), cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    return run


def test_the_page_shows_what_happens(shell: Shell) -> None:
    sessions = [(found["command"], found["output"]) for found in SESSION.finditer(SECTION)]

    assert [command for command, _ in sessions][-3:] == [
        "rm approval.toml", "sojourn history task:chapter-1", "sojourn lifecycle list --log",
    ]  # fmt: skip
    for command, output in sessions:
        assert comparable(shell(command)) == comparable(output), command
    assert "requires ownership, acquires" in shell("sojourn lifecycle show approval --log")
    assert "the projections agree" in shell("sojourn verify")


def test_another_definition_under_the_same_version_is_refused(shell: Shell, dsn: str, tmp_path: Path) -> None:
    shell("python approval.py")
    file = tmp_path / "approval.toml"
    file.write_text(file.read_text().replace('"IN_REVIEW", "WITHDRAWN"', '"IN_REVIEW"'))

    with TransitionService.connect(dsn) as service:
        with pytest.raises(LifecycleConflict, match="give the changed one version 2"):
            service.register_tasks("handbook", [TaskSpec("chapter-2")], lifecycle=file)
        service.register_tasks("handbook", [TaskSpec("chapter-2")], lifecycle="approval")
        service.transition_task("chapter-2", "SUBMITTED")
        assert service.transition_task("chapter-2", "WITHDRAWN")["response"] == "ACCEPT"


def test_further_tasks_are_imported_and_tried_under_its_name_alone(shell: Shell, tmp_path: Path) -> None:
    shell("python approval.py")
    (tmp_path / "approval.toml").unlink()
    reported = (
        '{"entity":"task","id":"chapter-2","event":"registered","at":"2026-01-31T08:00:00Z","workflow":"handbook"}\n'
        '{"entity":"task","id":"chapter-2","to":"SUBMITTED","at":"2026-01-31T09:00:00Z"}\n'
    )
    (tmp_path / "more.jsonl").write_text(reported)

    assert "2  transitions recorded" in shell("sojourn import jsonl more.jsonl --lifecycle approval")
    assert "nothing diverges" in shell("sojourn replay --workflow handbook --lifecycle approval")
    assert "approval 1 2 5" in comparable(shell("sojourn lifecycle list --log"))


def test_a_line_that_names_it_finds_it_in_the_log(shell: Shell, tmp_path: Path) -> None:
    shell("python approval.py")
    (tmp_path / "approval.toml").unlink()
    reported = {"entity": "task", "id": "chapter-2", "at": "2026-01-31T08:00:00Z"}
    registered = reported | {"event": "registered", "workflow": "handbook", "lifecycle": "approval"}
    (tmp_path / "more.jsonl").write_text(f"{json.dumps(registered)}\n{json.dumps(reported | {'to': 'SUBMITTED'})}\n")

    first, again = (json.loads(shell("sojourn import jsonl more.jsonl --json")) for _ in range(2))

    assert (first["transitions"], first["bad_lines"]) == (2, [])
    assert (again["transitions"], again["duplicates"]) == (0, 2)


def comparable(output: str) -> list[str]:
    """The lines without their times and durations, and with as much room between the columns as there may be."""
    return [" ".join(TIME.sub("TIME", line).split()) for line in output.strip().splitlines()]
