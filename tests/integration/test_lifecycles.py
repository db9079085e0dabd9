"""Lifecycles of the user's own: pinned with the log, and found again from the log alone."""

from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from application.replay.verify import verify_log
from application.replay.what_if import try_history
from application.shared.lifecycle_source import LifecycleFileInvalid
from application.transition_service import TaskSpec, TransitionService
from domain.auditing.what_if import Divergence
from domain.errors import LifecycleConflict, UnknownStatus, WrongLifecycle
from tests.support.agreement import rows
from tests.support.attempts import status
from tests.support.concurrently import at_once
from tests.support.deferring import DEFERRING_TOML

TRANSITIONS = "SELECT previous_status, status, rule FROM sojourn.transition ORDER BY position"
PRINTING = """
name = "printing"
version = {version}

[task]
initial = "WAITING"
terminal = ["PRINTED"]

[task.transitions]
WAITING = {waiting}
PRINTED = []
"""


@pytest.fixture
def printing(tmp_path: Path) -> Path:
    """A lifecycle file: tasks that have no instances, no gate and no reset."""
    file = tmp_path / "printing.toml"
    file.write_text(PRINTING.format(version=1, waiting='["PRINTED"]'))
    return file


def test_a_service_that_never_saw_the_file_knows_its_tasks(
    service: TransitionService, dsn: str, printing: Path
) -> None:
    service.register_tasks("w", [TaskSpec("p1")], lifecycle=printing)
    printing.unlink()

    with TransitionService.connect(dsn) as other:
        assert other.transition_task("p1", "PRINTED")["response"] == "ACCEPT"
        assert other.transition_task("p1", "WAITING")["rule"] == "invalid-transition"
    assert status(service, "task:p1") == ["PRINTED"]


def test_a_rule_of_the_lifecycle_requeues_what_is_orphaned(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    service.register_tasks("w", [TaskSpec("t")], lifecycle="fetch_ml")
    for to in ("preparing", "running", "orphaned"):
        assert service.transition_task("t", to)["response"] == "ACCEPT"

    assert [(row["previous_status"], row["status"], row["rule"]) for row in rows(connection, TRANSITIONS)][-2:] == [
        ("running", "orphaned", None),
        ("orphaned", "queued", "requeue-orphaned"),
    ]
    assert verify_log(service.store)["mismatches"] == []


def test_many_at_once_learn_it(service: TransitionService, dsn: str, printing: Path) -> None:
    tasks = [f"p{number}" for number in range(4)]
    service.register_tasks("w", [TaskSpec(task_id) for task_id in tasks], lifecycle=str(printing))

    with TransitionService.connect(dsn, max_size=1) as other:
        answers = at_once([partial(other.transition_task, task_id, "PRINTED") for task_id in tasks])

    assert [answer["response"] for answer in answers] == ["ACCEPT"] * 4


def test_another_definition_under_the_same_version_is_a_conflict(service: TransitionService, printing: Path) -> None:
    service.register_tasks("w", [TaskSpec("p1")], lifecycle=printing)
    printing.write_text(PRINTING.format(version=1, waiting="[]"))

    with pytest.raises(LifecycleConflict, match="give the changed one version 2"):
        service.register_tasks("w", [TaskSpec("p2")], lifecycle=printing)

    assert status(service, "task:p2") == [None]


def test_a_definition_of_ones_own_cannot_go_by_the_name_and_version_of_a_shipped_one(
    service: TransitionService, printing: Path
) -> None:
    printing.write_text(printing.read_text().replace("printing", "fetch_ml"))

    with pytest.raises(LifecycleConflict, match=r"ships with Sojourn.*give the changed one version 3"):
        service.register_tasks("w", [TaskSpec("p1")], lifecycle=printing)
    printing.write_text(printing.read_text().replace("version = 1", "version = 3"))
    service.register_tasks("w", [TaskSpec("p1")], lifecycle=printing)
    service.register_tasks("w", [TaskSpec("p2")], lifecycle="fetch_ml")

    with TransitionService.connect(service.dsn) as other:
        assert other.transition_task("p1", "PRINTED")["response"] == "ACCEPT"
        with pytest.raises(UnknownStatus, match="no status 'PRINTED'; there are queued, preparing"):
            other.transition_task("p2", "PRINTED")
    assert verify_log(service.store)["mismatches"] == []


def test_tasks_stay_with_the_version_that_they_were_registered_under(
    service: TransitionService, printing: Path
) -> None:
    service.register_tasks("w", [TaskSpec("p1")], lifecycle=printing)
    printing.write_text(PRINTING.format(version=2, waiting="[]"))
    service.register_tasks("w", [TaskSpec("p2")], lifecycle=printing)

    assert service.transition_tasks(["p1", "p2"], "PRINTED") == {
        "transitioned": ["p1"],
        "invalid": ["p2"],
        "locked": [],
        "not_found": [],
    }


def test_within_the_callers_transaction(
    service: TransitionService, connection: psycopg.Connection[Any], printing: Path
) -> None:
    with connection.transaction(force_rollback=True):
        service.register_tasks("w", [TaskSpec("p1")], lifecycle=printing, connection=connection)
        assert service.transition_task("p1", "PRINTED", connection=connection)["response"] == "ACCEPT"

    service.register_tasks("w", [TaskSpec("p1")], lifecycle=printing)
    assert [row["name"] for row in rows(connection, "SELECT name FROM sojourn.lifecycle")] == ["printing"]


def test_what_it_has_no_answer_for(service: TransitionService, printing: Path) -> None:
    service.register_tasks("w", [TaskSpec("p1")], lifecycle=printing)

    with pytest.raises(WrongLifecycle, match="lifecycle 'printing' has no task instances"):
        service.create_task_instances({"p1/1": "p1"})


def test_what_has_no_gate_and_no_reset_keeps_no_other_from_its_own(service: TransitionService, printing: Path) -> None:
    service.register_tasks("w", [TaskSpec("p1")], lifecycle=printing)
    service.register_tasks("w", [TaskSpec("j1")])

    gated = service.gate_tasks_for_queueing(["p1", "j1"])
    reset = service.reset_tasks(["p1", "j1"])

    assert gated == {"gated": ["j1"], "invalid": ["p1"], "locked": [], "not_found": []}
    assert (reset["reset"], reset["kept"]) == (["j1"], ["p1"])


def test_a_file_that_cannot_be_used_is_named_with_the_reason(service: TransitionService, tmp_path: Path) -> None:
    with pytest.raises(LifecycleFileInvalid, match=r"nowhere.toml.*cannot be read"):
        service.register_tasks("w", [TaskSpec("p1")], lifecycle=tmp_path / "nowhere.toml")


def test_what_only_says_how_to_read_a_status_is_told_anew_under_the_same_version(
    service: TransitionService, connection: psycopg.Connection[Any], dsn: str
) -> None:
    service.register_tasks("w", [TaskSpec("t1")])
    connection.execute("UPDATE sojourn.lifecycle SET definition = definition::jsonb #- '{task_instance,awaits_report}'")
    awaiting = "SELECT status FROM sojourn.lifecycle_status WHERE awaits_report ORDER BY status"
    assert (rows(connection, awaiting), verify_log(service.store)["mismatches"]) == ([], [])

    with TransitionService.connect(dsn) as newer:
        newer.register_tasks("w", [TaskSpec("t2")])

    assert [row["status"] for row in rows(connection, awaiting)] == ["LAUNCHED", "RUNNING"]


def test_an_instance_that_gives_its_slot_back_and_is_scheduled_again_is_one_attempt(
    service: TransitionService, tmp_path: Path
) -> None:
    file = tmp_path / "deferring.toml"
    file.write_text(DEFERRING_TOML)
    service.register_tasks("w", [TaskSpec("t", max_attempts=2)], lifecycle=file)
    service.create_task_instances({"t/1": "t"})
    for to in ("scheduled", "running", "deferred", "scheduled", "running"):
        assert service.transition_task_instance("t/1", to)["task_transitioned"]
    one, bulk = service.status("task:t"), service.transition_task_instances(["t/1"], "deferred")

    assert one["attempts"] == service.status("task:t")["attempts"] == 1
    assert bulk["transitioned"] == ["t/1"]
    assert service.transition_task_instances(["t/1"], "scheduled")["transitioned"] == ["t/1"]
    service.transition_task_instance("t/1", "running")
    assert service.transition_task_instance("t/1", "failed")["task_status"] == "up_for_retry"
    assert service.status("task:t")["attempts"] == 1
    assert verify_log(service.store)["mismatches"] == []
    diverged: list[Divergence] = []
    try_history(service.store, None, diverged=diverged.append)
    assert diverged == []
