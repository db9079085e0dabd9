"""Commands that an earlier version carried out: the same request still gets its first answer.

The digests are literal, as that version stored them, because a change of what is digested would turn every repeated
command into a conflict.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient
from psycopg.types.json import Jsonb

from application.transition_service import TransitionService
from interfaces.http.app import create_app
from tests.support.agreement import rows

NINE = datetime(2026, 1, 31, 9, tzinfo=UTC)
WHY: dict[str, Any] = {"reason": "why", "occurred_at": NINE}
STORED = {"answer": "of the earlier version"}

METHODS: dict[str, tuple[str, Callable[[TransitionService], object]]] = {
    "an instance": (
        "9f4565dcfe55c5d366a241aa76138d0dacdd35beb87e8332313f419ff8c26ee4",
        lambda service: service.transition_task_instance(
            "t1/1", "INSTANTIATED", current_ti_status="QUEUED", report_by_date=NINE, command_id="c", **WHY
        ),
    ),
    "an instance, with nothing else": (
        "30fa15ee35fcf5a9128760d2235096b2fb163254e90ff2a8eadcdf0054a14f95",
        lambda service: service.transition_task_instance("t1/1", "LAUNCHED", command_id="c"),
    ),
    "a task": (
        "791680343e07da56011704eda9ccae0251aaaeb1928c95c390d5a2329d9825e5",
        lambda service: service.transition_task("t2", "QUEUED", runner_id="ann", state_name="n", command_id="c", **WHY),
    ),
    "a task, with nothing else": (
        "dedbb2335728f6fee6ae750c1a8d72b3511c63f24d8e9e60dd11519fca82e06a",
        lambda service: service.transition_task("t2", "INSTANTIATING", command_id="c"),
    ),
    "a task with a state": (
        "26968995c6da9dbd8c8ffed5ce307392a0d083b266a2159b9d155cbc4cd27f4c",
        lambda service: service.transition_task(
            "t2", "INSTANTIATING", scheduled_time=NINE, details={"a": 1}, command_id="c"
        ),
    ),
    "bind": (
        "20dc56fe38b524a8dba58a985975509d8fb17acd6144ddcfc19902d2d038169a",
        lambda service: service.arrays.bind("w", "12", 7, "arr", command_id="c", **WHY),
    ),
    "queue_task_batch": (
        "f8b8100d30e182f5169345c91e157bcf7f3547adb50fdb2741a6361e48e70855",
        lambda service: service.arrays.queue_task_batch("1", ["a1", "a2"], "r", "run", command_id="c", **WHY),
    ),
    "log_distributor_id": (
        "b28ae89c780136d3f2197e64d093e9cced30fae5e2117376880f4d08b78836b1",
        lambda service: service.arrays.log_distributor_id("1", {"a1/1": "4711"}, command_id="c", **WHY),
    ),
    "transition_to_launched": (
        "cf6e6fb5182aa1daf37188ee998a6e411def23fb258eec3b7421cea96e886aec",
        lambda service: service.arrays.transition_to_launched("1", 1, 60, command_id="c", **WHY),
    ),
    "transition_to_killed": (
        "c994685d464772eb0b2e5b6fcd3a327042cb40aca9b8f6649a921f9127c85d79",
        lambda service: service.arrays.transition_to_killed("1", 1, command_id="c", **WHY),
    ),
}

POSTS: dict[str, tuple[str, dict[str, Any]]] = {
    "/array": (
        "97d9e92bd415514d402c2a57ac13eee1eb5a5d5b79148b178a298b1bee3fcd8e",
        {"workflow_id": 1, "task_template_version_id": 12, "max_concurrently_running": 5},
    ),
    "/runner/ann/heartbeat": (
        "df9debde0efd8ee9b1fba8a8998afb686a83d086f43118c34635d35c7644f28e",
        {"seconds": 60},
    ),
    "/task_instances/heartbeat": (
        "e42f89385185e1f1a13111a7d1479468e820f756c3f760058909726805d0a303",
        {"task_instance_ids": ["9/1"]},
    ),
    "/task_instances/transition": (
        "4be3a06e4ecc3d8da700a4e5ce6eab4add95437e73e494bc74373899c6f60fc9",
        {"task_instance_ids": ["9/1"], "to_status": "LAUNCHED"},
    ),
    "/tasks": (
        "a8f19bddbf6fd117156153510a9f55291b8eae627452ec8bfc3b38fcc2d8caa4",
        {"workflow_id": 1, "tasks": [{"task_id": 9}]},
    ),
    "/tasks/gate": ("978819ea3c391d254abdcb0f3a4c8558d5e30d9e77069c0d2a1c1cf27d438dc6", {"task_ids": [9]}),
    "/tasks/reset": ("cb7f68783a289445e0b0a9e1384d6598b5b07ff7e896078d5e4bb76ab724e063", {"task_ids": [9]}),
    "/tasks/transition": (
        "28b8066bf4822ad2c2104e98c842754580c183da74facf7de9806e4a44f480ea",
        {"task_ids": [9], "to_status": "DONE"},
    ),
}


def store_command(connection: psycopg.Connection[Any], digest: str) -> None:
    connection.execute(
        "INSERT INTO sojourn.command (command_id, request, response) VALUES ('c', %s, %s)", [digest, Jsonb(STORED)]
    )


@pytest.fixture
def client(service: TransitionService) -> Iterator[TestClient]:
    """A client of an app on a database of its own."""
    with TestClient(create_app(service), "http://127.0.0.1") as connected:
        yield connected


@pytest.mark.parametrize(("digest", "call"), METHODS.values(), ids=METHODS)
def test_a_method_returns_the_stored_answer(
    service: TransitionService,
    connection: psycopg.Connection[Any],
    digest: str,
    call: Callable[[TransitionService], object],
) -> None:
    store_command(connection, digest)

    assert call(service) == STORED
    assert rows(connection, "SELECT count(*) AS n FROM sojourn.event") == [{"n": 0}]


@pytest.mark.parametrize("path", POSTS)
def test_a_request_returns_the_stored_answer(
    client: TestClient, connection: psycopg.Connection[Any], path: str
) -> None:
    digest, body = POSTS[path]
    store_command(connection, digest)

    answered = client.post(f"/api/v3{path}", json=body, headers={"Idempotency-Key": "c"})

    assert (answered.status_code, answered.json()) == (200, STORED)
    assert rows(connection, "SELECT count(*) AS n FROM sojourn.event") == [{"n": 0}]
