"""`sojourn verify` as people and programs run it."""

import json
import os
import subprocess
from typing import Any

import psycopg
import pytest

from application.transition_service import TransitionService
from interfaces.cli.commands.verify import SHOWN
from tests.support.attempts import attempt, ids, register
from tests.support.command_line import SOJOURN


@pytest.fixture
def log(service: TransitionService) -> TransitionService:
    """A task that was done, and as many more tasks as there are mismatches for people, and two."""
    register(service, "t1", *ids(SHOWN + 2, "x"))
    attempt(service, "t1")
    service.transition_task_instance("t1/1", "DONE")
    return service


def verify(service: TransitionService, *options: str) -> subprocess.CompletedProcess[str]:
    command = [SOJOURN, "verify", *options]
    return subprocess.run(
        command, env=os.environ | {"SOJOURN_DSN": service.dsn}, capture_output=True, text=True, check=False
    )


def test_a_clean_log(log: TransitionService) -> None:
    as_json = verify(log, "--json")
    for_people = verify(log)

    assert (as_json.returncode, as_json.stderr) == (for_people.returncode, for_people.stderr) == (0, "")
    replayed = {"entities": SHOWN + 4, "events": SHOWN + 13}
    assert json.loads(as_json.stdout) == replayed | {
        "mismatches": [], "left_out": 0, "sealed_to": 0, "trusted_to": None, "root": None, "since": 0,
    }  # fmt: skip
    assert for_people.stdout == (
        f"Replayed {SHOWN + 13} events of {SHOWN + 4} entities: the log is legal, and the projections agree with it.\n"
    )


def test_a_mismatch(log: TransitionService, connection: psycopg.Connection[Any]) -> None:
    connection.execute("UPDATE sojourn.task SET status = 'RUNNING' WHERE task_id = 't1'")
    connection.execute("DELETE FROM sojourn.task_instance WHERE task_instance_id = 't1/1'")

    as_json = verify(log, "--json")
    for_people = verify(log)

    assert (as_json.returncode, as_json.stderr) == (for_people.returncode, for_people.stderr) == (1, "")
    missing = "sojourn.task_instance lacks the row of ti:t1/1"
    differs = "sojourn.task says status RUNNING of task:t1, where the log says DONE"
    assert json.loads(as_json.stdout)["mismatches"] == [
        {
            "entity": "task:t1",
            "what": "task.status",
            "expected": "DONE",
            "found": "RUNNING",
            "text": differs,
            "position": None,
        },
        {
            "entity": "ti:t1/1",
            "what": "task_instance.missing",
            "expected": "a row",
            "found": None,
            "text": missing,
            "position": None,
        },
    ]
    assert for_people.stdout.splitlines()[:2] == [differs, missing]
    assert for_people.stdout.splitlines()[2].endswith("entities: 2 mismatches.")


def test_people_are_told_the_first_of_many(log: TransitionService, connection: psycopg.Connection[Any]) -> None:
    connection.execute("DELETE FROM sojourn.task WHERE task_id <> 't1'")

    lines = verify(log).stdout.splitlines()

    assert len(lines) == SHOWN + 2
    assert lines[-2] == "and 2 more; --json prints all"
    assert lines[-1].endswith(f": {SHOWN + 2} mismatches.")
