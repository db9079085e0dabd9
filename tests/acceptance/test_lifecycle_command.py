"""`sojourn lifecycle` as people and programs run it. It needs no database."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from application.shared.lifecycle_source import LifecycleFileInvalid
from domain.errors import UnknownLifecycle
from domain.lifecycles import get_lifecycle, shipped
from interfaces.wording.lifecycle_page import markdown, mermaid
from tests.support.command_line import app

LONELY = """
name = "lonely"
version = 4
[task]
initial = "A"
terminal = ["B"]
[task.transitions]
A = { B = "it ends" }
B = []
C = []
"""
UNREACHABLE = "task status C is unreachable: no way leads there from the initial status"
DEAD_END = "task status C is a dead end: nothing follows it, and it is not terminal"


@pytest.fixture
def lonely(tmp_path: Path) -> str:
    path = tmp_path / "lonely.toml"
    path.write_text(LONELY)
    return str(path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["lifecycle", *arguments])


def document(*arguments: str, status: int = 0) -> Any:
    done = run(*arguments, "--json")
    assert done.exit_code == status, done
    return json.loads(done.stdout)


class TestList:
    def test_as_json(self) -> None:
        listed = {lifecycle["name"]: lifecycle for lifecycle in document("list")}

        assert sorted(listed) == list(shipped())
        assert listed["jobmon"]["version"] == 3
        assert listed["jobmon"]["rules"][-3:] == ["orphaned-instance", "superseded-instance", "retry"]
        assert listed["jobmon"]["statuses"]["task"][0] == "REGISTERING"

    def test_for_people(self) -> None:
        lines = [" ".join(line.split()) for line in run("list").stdout.splitlines()]

        rules = "stale-report, superseded-report, orphaned-instance, superseded-instance, retry"
        assert f"jobmon 3 9 13 {rules}" in lines


class TestShow:
    def test_as_json(self) -> None:
        shown = document("show", "jobmon")

        assert (shown["name"], shown["version"], shown["warnings"]) == ("jobmon", 3, [])
        assert {name: shown[name] for name in ("statuses", "transitions", "terminal")} == {
            name: shown["task"][name] for name in ("statuses", "transitions", "terminal")
        }
        assert shown["task"]["initial"] == "REGISTERING"
        assert shown["task"]["statuses"] == list(shown["task"]["transitions"])
        assert shown["task"]["transitions"]["ADJUSTING_RESOURCES"] == ["QUEUED", "ERROR_FATAL"]
        assert shown["task"]["causes"]["ADJUSTING_RESOURCES"]["ERROR_FATAL"] == "no larger resources can be asked for"
        assert shown["task"]["terminal"] == ["DONE", "ERROR_FATAL"]
        assert shown["task"]["transient"] == ["ERROR_RECOVERABLE"]
        assert ["RUNNING", "LAUNCHED"] in shown["task_instance"]["untimely"]
        assert shown["implies"]["ERROR"] == {
            "status": "REGISTERING", "exhausted": "ERROR_FATAL", "through": "ERROR_RECOVERABLE",
        }  # fmt: skip

    def test_for_people(self) -> None:
        lines = [" ".join(line.split()) for line in run("show", "jobmon").stdout.splitlines()]

        assert "REGISTERING initial QUEUED the gate passes it: an attempt begins" in lines
        assert "ERROR_RECOVERABLE transient REGISTERING it will be tried again" in lines
        assert "DONE terminal" in lines
        assert "NO_HEARTBEAT ERROR the distributor gives it up" in lines
        assert "RESOURCE_ERROR ADJUSTING_RESOURCES ERROR_FATAL ERROR_RECOVERABLE" in lines

    def test_ownership_and_recovery_as_json(self) -> None:
        shown = document("show", "pynenc")

        assert shown["task"]["requires_ownership"] == ["PENDING", "RUNNING", "PAUSED"]
        assert shown["task"]["acquires"] == ["PENDING"]
        assert shown["task"]["overrides"] == ["PENDING_RECOVERY", "RUNNING_RECOVERY"]
        assert shown["task"]["available_for_run"] == ["REGISTERED", "REROUTED", "RETRY"]
        assert shown["task"]["final"] == ["SUCCESS", "FAILED", "CONCURRENCY_CONTROLLED_FINAL"]
        assert {"PENDING", "RUNNING", "PAUSED"}.isdisjoint(shown["task"]["releases"])
        assert len(shown["task"]["releases"]) == 10
        assert shown["recovery"]["max_pending_seconds"] == 5
        assert shown["recovery"]["abandoned"]["PAUSED"] == ["KILLED", "REROUTED"]

    def test_ownership_and_recovery_for_people(self) -> None:
        lines = [" ".join(line.split()) for line in run("show", "pynenc").stdout.splitlines()]

        assert "PENDING requires ownership, acquires RUNNING its runner begins" in lines
        assert "SUCCESS terminal, final, releases" in lines
        assert "PENDING pending for longer than 5s PENDING_RECOVERY, REROUTED" in lines
        assert "PAUSED its runner is silent for longer than 10m KILLED, REROUTED" in lines

    def test_a_file(self, lonely: str) -> None:
        shown = document("show", lonely)

        assert (shown["name"], shown["version"], shown["task_instance"]) == ("lonely", 4, None)
        assert shown["warnings"] == [
            {"machine": "task", "status": "C", "warning": "unreachable", "text": UNREACHABLE},
            {"machine": "task", "status": "C", "warning": "dead end", "text": DEAD_END},
        ]

    def test_warnings_are_no_part_of_what_is_printed(self, lonely: str) -> None:
        shown = run("show", lonely)

        assert "warning" not in shown.stdout
        assert shown.stderr == f"warning: {UNREACHABLE}\nwarning: {DEAD_END}\n"

    def test_diagrams_and_pages_are_printed_as_they_are(self) -> None:
        jobmon = get_lifecycle("jobmon")

        assert run("show", "jobmon", "--mermaid").stdout == mermaid(jobmon) + "\n"
        assert run("show", "jobmon", "--markdown").stdout == markdown(jobmon) + "\n"

    def test_the_file_of_a_shipped_lifecycle_can_be_used_as_it_is(self, tmp_path: Path) -> None:
        copy = tmp_path / "jobmon.toml"
        copy.write_text(run("show", "jobmon", "--toml").stdout)

        assert document("check", str(copy))["problems"] == []
        assert document("show", str(copy)) == document("show", "jobmon")

    def test_an_unknown_name(self) -> None:
        error = run("show", "jobmo").exception

        assert isinstance(error, UnknownLifecycle)
        assert str(error) == "no lifecycle 'jobmo'; did you mean 'jobmon'?"

    def test_a_name_unlike_any(self) -> None:
        shown = run("show", "approval")

        assert shown.exit_code == 2
        assert shown.stderr.startswith("sojourn: no lifecycle 'approval'; there are fetch_ml, jobmon, ")
        assert shown.stderr.endswith("; --log shows one that is stored in the log\n")

    def test_a_file_that_is_not_there(self) -> None:
        assert isinstance(run("show", "nowhere.toml").exception, LifecycleFileInvalid)


class TestCheck:
    def test_a_good_file_with_warnings(self, lonely: str) -> None:
        checked = run("check", lonely)

        assert checked.exit_code == 0
        assert checked.stdout == f"{lonely}: lifecycle 'lonely', version 4, 3 task statuses. It can be used.\n"
        assert checked.stderr == f"warning: {UNREACHABLE}\nwarning: {DEAD_END}\n"
        assert document("check", lonely)["problems"] == []
        assert [warning["warning"] for warning in document("check", lonely)["warnings"]] == ["unreachable", "dead end"]

    def test_problems(self, lonely: str) -> None:
        Path(lonely).write_text(LONELY.replace('initial = "A"', 'initial = "AA"').replace('["B"]', '["BB"]'))
        problems = [
            "task.initial names 'AA', which is no status; did you mean 'A'?",
            "task.terminal names 'BB', which is no status; did you mean 'B'?",
        ]

        checked = run("check", lonely)

        assert checked.exit_code == 1
        assert checked.stdout.splitlines() == [f"{lonely} cannot be used:", *(f"  {problem}" for problem in problems)]
        assert checked.stderr.splitlines() == [f"warning: {UNREACHABLE}", f"warning: {DEAD_END}"]
        as_json = document("check", lonely, status=1)
        assert (as_json["file"], as_json["problems"]) == (lonely, problems)
        assert [warning["text"] for warning in as_json["warnings"]] == [UNREACHABLE, DEAD_END]

    def test_flags_that_contradict_each_other(self, lonely: str) -> None:
        Path(lonely).write_text(LONELY.replace('terminal = ["B"]', 'terminal = ["B"]\nfinal = ["A"]'))

        checked = run("check", lonely)

        assert checked.exit_code == 1
        problem = "task.final names 'A', which may become B: nothing follows a final status"
        assert checked.stdout.splitlines() == [f"{lonely} cannot be used:", f"  {problem}"]

    def test_a_file_that_is_not_there_is_wrong_usage(self) -> None:
        checked = run("check", "nowhere.toml")

        assert checked.exit_code == 2
        assert "nowhere.toml" in checked.stderr
