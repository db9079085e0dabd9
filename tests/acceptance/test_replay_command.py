"""`sojourn replay` as people and programs run it."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner, Result

from application.transition_service import TransitionService
from tests.integration.test_verify import everything, plant
from tests.support.attempts import attempt, register
from tests.support.command_line import app
from tests.support.rewriting import rewrite


@pytest.fixture
def log(service: TransitionService) -> TransitionService:
    """t1 fails and is tried again, t2 is done; x is of another workflow."""
    register(service, "t1", "t2")
    register(service, "x", workflow_id="other")
    attempt(service, "t1", "t2")
    service.transition_task_instance("t1/1", "ERROR")
    service.transition_task_instance("t2/1", "DONE")
    service.transition_task_instance("t2/1", "RUNNING")
    return service


@pytest.fixture
def stricter(tmp_path: Path) -> str:
    """A lifecycle file like jobmon's, in which a task's instance must be launched before it runs, and none is done."""
    packaged = Path(__file__).parents[2] / "domain" / "lifecycles" / "jobmon.toml"
    file = tmp_path / "stricter.toml"
    toml = packaged.read_text("utf-8").replace('name = "jobmon"', 'name = "stricter"')
    file.write_text(toml.replace('DONE = "its command succeeds"\n', ""))
    return str(file)


def run(service: TransitionService, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["replay", *arguments, "--dsn", service.dsn])


def document(service: TransitionService, *arguments: str) -> Any:
    done = run(service, *arguments, "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    return json.loads(done.stdout)


def position(connection: psycopg.Connection[Any], stream: str, version: int) -> int:
    row = connection.execute("SELECT position FROM sojourn.event WHERE stream = %s AND version = %s", [stream, version])
    return int(row.fetchone()[0])  # type: ignore[index]


def test_whatever_the_service_has_written_does_not_diverge_and_no_projection_is_read(
    service: TransitionService, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    everything(service, connection, tmp_path)
    counted = connection.execute("SELECT count(DISTINCT stream), count(*) FROM sojourn.event").fetchone()
    assert counted is not None
    connection.execute("TRUNCATE sojourn.task, sojourn.task_instance")

    assert document(service, "--all") == {"entities": counted[0], "events": counted[1], "divergences": []}
    assert document(service, "ti:t0/1")["entities"] == 1


def test_another_lifecycle(log: TransitionService, connection: psycopg.Connection[Any], stricter: str) -> None:
    done = document(log, "--all", "--lifecycle", stricter)

    assert done == {
        "entities": 5,
        "events": 25,
        "divergences": [
            {
                "position": position(connection, "task_instance:t2/1", 5),
                "entity": "ti:t2/1",
                "from": "RUNNING",
                "to": "DONE",
                "why": "would be refused: no edge leads from RUNNING to DONE",
                "decided": None,
            }
        ],
    }
    people = run(log, "--all", "--lifecycle", stricter)
    assert (people.exit_code, people.stdout.splitlines()[-1]) == (
        0,
        "Replayed 25 events of 5 entities: 1 would be decided otherwise.",
    )
    assert "would be refused: no edge leads from RUNNING to DONE" in people.stdout.splitlines()[1]


def test_parts_of_the_log(log: TransitionService, connection: psycopg.Connection[Any], stricter: str) -> None:
    assert document(log, "--workflow", "other") == {"entities": 1, "events": 1, "divergences": []}
    for part in (["--workflow", "other"], ["ti:t2/1"]):
        assert document(log, *part, "--until", "1")["events"] == 0
    before = position(connection, "task_instance:t2/1", 5) - 1
    until = document(log, "--all", "--lifecycle", stricter, "--until", str(before))
    assert (until["events"], until["divergences"]) == (before, [])


def test_an_entity_is_shown_step_by_step(log: TransitionService) -> None:
    done = document(log, "ti:t1/1")
    people = run(log, "task:t1").stdout.splitlines()

    assert (done["entities"], done["events"], done["divergences"]) == (1, 5, [])
    assert [(step["version"], step["status"]) for step in done["steps"]] == [
        (1, "QUEUED"), (2, "INSTANTIATED"), (3, "LAUNCHED"), (4, "RUNNING"), (5, "ERROR"),
    ]  # fmt: skip
    assert people[-3].split()[3:] == ["RUNNING", "->", "ERROR_RECOVERABLE", "retry", "ERROR_RECOVERABLE"]
    assert people[-1] == "Replayed 7 events of 1 entity: nothing diverges."


def test_what_is_wrong_with_the_log_is_a_divergence_from_its_own_lifecycle(
    log: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    plant(connection, "task:x", "task.transitioned.v1", previous_status="REGISTERING", status="DONE", reported="DONE")
    plant(
        connection, "task:x", "task.transitioned.v1", version=3, previous_status="DONE", status="DONE",
        cause="task:nowhere@7", rule="retry",
    )  # fmt: skip
    rewrite(connection, "UPDATE sojourn.event SET version = 4 WHERE stream = 'task:x' AND version = 3")

    done = run(log, "--all", "--json")

    assert done.exit_code == 1
    first, *others = json.loads(done.stdout)["divergences"]
    assert first["why"] == "would be refused: no edge leads from REGISTERING to DONE"
    assert {divergence["entity"] for divergence in others} == {"task:x"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "name exactly one"),
        (["task:t1", "--all"], "name exactly one"),
        (["--workflow", "othr"], "no workflow 'othr'; did you mean 'other'?"),
        (["task:t"], "no task 't'"),
        (["--all", "--lifecycle", "jobmn"], "no lifecycle 'jobmn'; did you mean 'jobmon'?"),
    ],
)
def test_what_cannot_be_replayed(log: TransitionService, arguments: list[str], sentence: str) -> None:
    done = run(log, *arguments)

    assert done.exit_code != 0
    assert done.stdout == ""
    assert sentence in done.stderr or sentence in str(done.exception)
