"""Tasks that belong to runners, through the service: who may take them where, and what is seen of it afterwards."""

from functools import partial
from typing import Any

import psycopg
import pytest

from application.read.history import read_history
from application.replay.verify import verify_log
from application.transition_service import TaskSpec, TransitionService
from domain.entity import TASK, Entity
from domain.errors import CommandConflict, InvalidId
from tests.support.agreement import rows
from tests.support.attempts import register
from tests.support.concurrently import at_once

TASKS = ("t1", "t2")
ANSWER = ("status", "response", "rule", "owner")


@pytest.fixture(autouse=True)
def registered(service: TransitionService) -> None:
    """Two tasks under the lifecycle whose tasks have owners."""
    service.register_tasks("w", [TaskSpec(task_id) for task_id in TASKS], lifecycle="pynenc")


def propose(service: TransitionService, status: str, runner: str | None, **more: Any) -> tuple[Any, ...]:
    """What is answered as `runner` proposes a status for the first task."""
    answer = service.transition_task("t1", status, runner_id=runner, **more)
    return tuple(answer[name] for name in ANSWER)  # type: ignore[literal-required]


def current(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    found = rows(connection, "SELECT status, owner FROM sojourn.current_task ORDER BY task_id")
    return [tuple(row.values()) for row in found]


def test_whose_it_is_is_kept_and_shown(service: TransitionService, connection: psycopg.Connection[Any]) -> None:
    assert propose(service, "PENDING", None) == ("REGISTERED", "ABORT", "ownership", None)
    assert propose(service, "PENDING", "ada") == ("PENDING", "ACCEPT", None, "ada")
    assert propose(service, "RUNNING", "bob") == ("PENDING", "ABORT", "ownership", "ada")
    with TransitionService.connect(service.dsn) as other:  # which remembers nothing
        assert propose(other, "RUNNING", "ada") == ("RUNNING", "ACCEPT", None, "ada")
    assert current(connection) == [("RUNNING", "ada"), ("REGISTERED", None)]
    assert propose(service, "RUNNING_RECOVERY", "a janitor") == ("RUNNING_RECOVERY", "ACCEPT", None, None)

    answers = [
        (event["status"], event["owner"], event["runner_id"], event["response"])
        for event in read_history(service.store, Entity(TASK, "t1"))
    ]
    assert answers == [
        ("REGISTERED", None, None, None),
        ("REGISTERED", None, None, "ABORT"),
        ("PENDING", "ada", "ada", None),
        ("PENDING", "ada", "bob", "ABORT"),
        ("RUNNING", "ada", "ada", None),
        ("RUNNING_RECOVERY", None, "a janitor", None),
    ]
    assert verify_log(service.store)["mismatches"] == []


def test_whose_it_was_at_a_time(service: TransitionService, connection: psycopg.Connection[Any]) -> None:
    for status, runner in (("PENDING", "ada"), ("REROUTED", "ada"), ("PENDING", "bob")):
        propose(service, status, runner)
    propose(service, "RUNNING", "ada")

    entered = rows(connection, "SELECT entered_at FROM sojourn.task_status_audit WHERE task_id = 't1' ORDER BY version")
    owners = []
    for row in entered:
        connection.execute("SELECT set_config('sojourn.as_of', %s, false)", [row["entered_at"].isoformat()])
        owners.append(current(connection)[0])

    assert owners == [("REGISTERED", None), ("PENDING", "ada"), ("REROUTED", None), ("PENDING", "bob")]


def test_of_two_who_take_it_at_once_one_gets_it(service: TransitionService) -> None:
    with TransitionService.connect(service.dsn) as other:
        answers = at_once([partial(propose, one, "PENDING", name) for one, name in ((service, "ada"), (other, "bob"))])

    (accepted,) = [answer for answer in answers if answer[1] == "ACCEPT"]
    (refused,) = [answer for answer in answers if answer[1] == "ABORT"]
    assert accepted[3] == refused[3]
    assert refused[2] in ("ownership", "invalid-transition")


def test_many_in_one_runners_name(service: TransitionService, connection: psycopg.Connection[Any]) -> None:
    propose(service, "PENDING", "ada")

    taken = service.transition_tasks(TASKS, "PENDING", runner_id="bob")
    begun = service.transition_tasks(TASKS, "RUNNING", runner_id="bob")

    assert taken == begun == {"transitioned": ["t2"], "invalid": ["t1"], "locked": [], "not_found": []}
    assert current(connection) == [("PENDING", "ada"), ("RUNNING", "bob")]


def test_a_command_is_another_one_in_another_runners_name(service: TransitionService) -> None:
    first = propose(service, "PENDING", "ada", command_id="c")

    assert propose(service, "PENDING", "ada", command_id="c") == first
    with pytest.raises(CommandConflict):
        propose(service, "PENDING", "bob", command_id="c")


def test_a_status_that_may_not_follow_is_a_refusal_with_from_and_to(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec("f")], lifecycle="fetch_ml")

    answer = service.transition_task("f", "running")

    assert (answer["response"], answer["rule"]) == ("ABORT", "invalid-transition")
    assert answer["reason"] == "queued may not become running: only cancelled, failed, preparing"


def test_a_runner_without_a_name_is_none(service: TransitionService) -> None:
    assert propose(service, "PENDING", "") == ("REGISTERED", "ABORT", "ownership", None)
    with pytest.raises(InvalidId, match="runner id"):
        propose(service, "PENDING", "a\0b")


def test_others_have_no_owner(service: TransitionService, connection: psycopg.Connection[Any]) -> None:
    register(service, "j")

    assert service.transition_tasks(["j"], "QUEUED", runner_id="ada")["transitioned"] == ["j"]
    assert rows(connection, "SELECT owner FROM sojourn.task WHERE task_id = 'j'") == [{"owner": None}]
