"""The HTTP API's answers and problems, through the application itself."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jsonschema
import psycopg
import pytest
from fastapi.testclient import TestClient

from application.shared.store import Store
from application.transition_service import TaskSpec, TransitionService
from infrastructure.database.settings import HttpSettings
from interfaces.http.app import create_app
from tests.support.agreement import rows
from tests.support.attempts import attempt, register
from tests.support.rewriting import rewrite
from tests.support.waiting import wait_for

pytestmark = pytest.mark.one_server

WAITING = "SELECT count(*) AS n FROM pg_locks WHERE relation = 'sojourn.stored_event'::regclass AND NOT granted"
REGISTRATION = {"workflow_id": "w", "lifecycle": "jobmon", "tasks": [{"task_id": "t1", "max_attempts": 3}]}


@pytest.fixture
def client(service: TransitionService) -> Iterator[TestClient]:
    """A client of an app on a database of its own."""
    with TestClient(create_app(service), "http://127.0.0.1", raise_server_exceptions=False) as connected:
        yield connected


def post(client: TestClient, path: str, body: Any, key: str | None = None, status: int = 200) -> Any:
    response = client.post(f"/api/v3{path}", json=body, headers={"Idempotency-Key": key} if key else {})
    assert response.status_code == status, response.text
    return response.json()


def get(client: TestClient, path: str, status: int = 200) -> Any:
    response = client.get(f"/api/v3{path}")
    assert response.status_code == status, response.text
    return response.json()


def events(connection: psycopg.Connection[Any]) -> int:
    return int(rows(connection, "SELECT count(*) AS n FROM sojourn.event")[0]["n"])


def test_tasks_have_links(client: TestClient) -> None:
    tasks = [{"task_id": "run"}, {"task_id": 1, "parent": "run"}, {"task_id": "2", "parent": "run", "upstream": [1]}]

    assert post(client, "/tasks", {"workflow_id": "w", "tasks": tasks}) == {"registered": 3, "existing": 0}
    assert post(client, "/tasks/upstream", {"upstream": {"1": ["run"]}}) == {"added": 1, "existing": 0}
    assert post(client, "/tasks/upstream", {"upstream": {"1": ["3"]}}, status=404)["id"] == "3"
    cycle = post(client, "/tasks/upstream", {"upstream": {"1": ["2"]}}, status=409)
    assert (cycle["relation"], sorted(set(cycle["cycle"]))) == ("upstream", ["1", "2"])
    post(client, "/tasks/gate", {"task_ids": ["2"]})
    assert [item["entity"] for item in get(client, "/tasks?parent=run")["items"]] == ["task:2", "task:1"]
    assert get(client, "/tasks?parent=rum", status=404)["nearest"] == ["run"]
    assert get(client, "/status/task:2")["upstream"] == ["1"]
    begun = post(client, "/tasks/upstream", {"upstream": {"2": ["run"]}}, status=409)
    assert (begun["task_id"], begun["upstream"]) == ("2", ["run"])
    unknown = {"workflow_id": "w", "tasks": [{"task_id": "4", "parent": "5"}]}
    assert post(client, "/tasks", unknown, status=404)["id"] == "5"


def test_the_life_of_a_task(client: TestClient) -> None:
    """Given integers and text as ids: both are the same id."""
    tasks = {"workflow_id": 12, "tasks": [{"task_id": 1, "max_attempts": 2}, {"task_id": "2"}]}

    assert post(client, "/tasks", tasks) == {"registered": 2, "existing": 0}
    assert post(client, "/tasks/gate", {"task_ids": ["1", 2, 3]}) == {
        "gated": ["1", "2"], "invalid": [], "locked": [], "not_found": ["3"],
    }  # fmt: skip
    assert post(client, "/task_instances", {"instances": {"1/1": 1, "2/1": "2"}}) == {"created": 2, "existing": 0}
    assert post(client, "/task_instances/transition", {"task_instance_ids": ["1/1"], "to_status": "INSTANTIATED"}) == {
        "transitioned": ["1/1"], "invalid": [], "locked": [], "not_found": [],
    }  # fmt: skip
    assert post(client, "/task_instance/1/1/transition", {"to_status": "LAUNCHED"}) == {
        "ti_updated": True, "task_transitioned": True, "task_status": "LAUNCHED", "error": None, "orphaned": False,
    }  # fmt: skip
    assert post(client, "/task_instance/1%2F1/transition", {"to_status": "RUNNING", "actor": "node7"})["ti_updated"]
    assert post(client, "/task_instance/1/1/transition", {"to_status": "LAUNCHED"})["error"] == "untimely_transition"
    assert post(client, "/tasks/reset", {"task_ids": ["1"], "reset_if_running": True})["reset"] == ["1"]

    history = get(client, "/history/ti:1/1")
    assert [event["status"] for event in history] == [
        "QUEUED", "INSTANTIATED", "LAUNCHED", "RUNNING", "RUNNING", "KILL_SELF",
    ]  # fmt: skip
    assert [event["actor"] for event in history] == ["http", "http", "http", "node7", "http", "http"]
    assert get(client, "/status/task:1")["status"] == "REGISTERING"
    assert get(client, "/status/task:1?at=2020-01-01T00:00:00Z")["status"] is None
    assert get(client, "/status/task:1?at=2020-01-01T01:00:00+01:00")["status"] is None
    assert {row["workflow_id"] for row in get(client, "/audit?workflow_id=12")} == {"12"}
    assert get(client, "/time-in-status?entity=ti&by=actor")[0].keys() >= {"status", "group", "n", "km_p90_seconds"}


def test_arrays(client: TestClient, service: TransitionService) -> None:
    register(service, "1", "2", "3", workflow_id="12")
    wanted = {"workflow_id": 12, "task_template_version_id": 7, "max_concurrently_running": 5}
    bound = post(client, "/array", wanted)
    array = f"/array/{bound['array_id']}"
    assert post(client, "/array", {**wanted, "workflow_id": "12", "max_concurrently_running": 9, "name": 1}) == bound
    assert get(client, f"{array}/get_array_max_concurrently_running") == {"max_concurrently_running": 9}
    assert get(client, "/workflow/12/get_array_max_concurrently_running/7") == {"max_concurrently_running": 9}

    batch = {"task_ids": [1, "2", 3], "task_resources_id": 4, "workflow_run_id": 5}
    queued = post(client, f"{array}/queue_task_batch", batch, "k1")
    assert queued["tasks_by_status"] == {"QUEUED": ["1", "2", "3"]}
    assert post(client, f"{array}/queue_task_batch", batch, "k1") == queued
    members = get(client, f"{array}/batch/1")
    assert [(member["task_id"], member["step"], member["status"]) for member in members] == [
        ("1", 0, "QUEUED"), ("2", 1, "QUEUED"), ("3", 2, "QUEUED"),
    ]  # fmt: skip
    first = client.get(f"/api/v3{array}/batch/1?limit=2")
    assert first.json() + client.get(first.links["next"]["url"]).json() == members

    names = [member["task_instance_id"] for member in members]
    logged = post(client, f"{array}/log_distributor_id", {
        names[0]: 4711, names[1]: {"distributor_id": "4712", "stdout": "/logs/1.out"}, "nix": 1,
        "server_structlog_context": {"workflow_run_id": 3}, "context": {},
    })  # fmt: skip
    assert logged == {"success": True, "unknown": ["nix"]}
    post(client, "/task_instances/transition", {"task_instance_ids": names, "to_status": "INSTANTIATED"})
    launched = {"batch_number": 1, "next_report_increment": 90, "something": "else"}
    assert post(client, f"{array}/transition_to_launched", launched) == {}
    assert post(client, f"{array}/transition_to_killed", {"batch_number": 1}) == {}
    assert post(client, f"{array}/transition_to_killed", {"batch_number": 2}, status=404)["last"] == 1
    assert post(client, "/array/nix/queue_task_batch", batch, status=404)["id"] == "nix"
    assert get(client, f"/status/array:{bound['array_id']}")["status"] == "BOUND"


def test_heartbeats(client: TestClient, service: TransitionService) -> None:
    register(service, "t1")
    attempt(service, "t1")

    assert post(client, "/runner/node7/heartbeat", {"seconds": 90}, "k1")["silent_since"] is None
    assert post(client, "/runner/node7/heartbeat", {"seconds": 90}, "k1")["silent_since"] is None
    instances = {"task_instance_ids": ["t1/1", "nix"], "next_report_increment": 9}
    renewed = post(client, "/task_instances/heartbeat", instances)

    assert (renewed["heard"], renewed["not_found"]) == (["t1/1"], ["nix"])


def test_a_heartbeat_counts_from_when_it_occurred(client: TestClient) -> None:
    beat = {"seconds": 90, "occurred_at": "2026-01-31T08:00:00Z"}

    assert post(client, "/runner/node8/heartbeat", beat)["report_by"] == "2026-01-31T08:01:30Z"


def test_concurrency_as_the_command_prints_it_and_a_page_at_a_time(
    client: TestClient, service: TransitionService
) -> None:
    register(service, "t1", "t2")
    attempt(service, "t1")
    attempt(service, "t2")

    path = "/concurrency?status=QUEUED&workflow_id=w"
    whole = get(client, path)
    first = client.get(f"/api/v3{path}&limit=3")

    assert [row["n"] for row in whole] == [1, 0, 1, 0]
    assert {tuple(row) for row in whole} == {("at", "n")}
    assert first.json() + client.get(first.links["next"]["url"]).json() == whole
    assert get(client, f"{path}&by=workflow&bucket=1h")[0].keys() == {"group", "at", "mean", "max"}


def test_orphans_as_the_command_prints_them_and_a_page_at_a_time(
    client: TestClient, service: TransitionService
) -> None:
    """Given two instances that are still active while their tasks are done."""
    register(service, "t1", "t2")
    attempt(service, "t1", "t2")
    service.transition_tasks(["t1", "t2"], "DONE")

    whole = get(client, "/orphans?workflow_id=w")
    first = client.get("/api/v3/orphans?limit=1")

    assert {(row["entity"], row["rule"]) for row in whole} == {
        ("ti:t1/1", "terminal-parent"),
        ("ti:t2/1", "terminal-parent"),
    }
    assert first.json() + client.get(first.links["next"]["url"]).json() == whole
    assert get(client, "/orphans?after=t1", 422)["fields"][0]["field"] == "query.after"
    assert get(client, "/why/ti:t1/1")["rule"] == "terminal-parent"
    assert get(client, "/why/task:nix", 404)["id"] == "nix"
    assert get(client, "/orphans?rule=stuck") == []
    assert get(client, "/orphans?at=2020-01-01T00:00:00Z") == []
    assert get(client, "/orphans?rule=stick", 422)["nearest"] == ["stuck"]


def test_a_page_begins_after_a_row_that_is_no_longer_there(client: TestClient, service: TransitionService) -> None:
    """Given a page with the first of two orphans, which is no orphan any more when the next page is requested."""
    register(service, "t1", "t2")
    attempt(service, "t1", "t2")
    service.transition_tasks(["t1", "t2"], "DONE")
    first = client.get("/api/v3/orphans?limit=1")
    (gone,) = first.json()
    other = "ti:t2/1" if gone["entity"] == "ti:t1/1" else "ti:t1/1"

    service.transition_task_instance(gone["entity"].partition(":")[2], "DONE")

    assert [row["entity"] for row in get(client, "/orphans")] == [other]
    assert [row["entity"] for row in client.get(first.links["next"]["url"]).json()] == [other]


def test_each_page_leads_to_the_next_and_together_they_are_the_whole_list(
    client: TestClient, service: TransitionService
) -> None:
    register(service, "t1", "t2")
    attempt(service, "t1", "t2")
    for path in ("/history/task:t1", "/audit?workflow_id=w"):
        for order in ("oldest", "newest"):
            joined = "&" if "?" in path else "?"
            whole = get(client, f"{path}{joined}order={order}")
            paged: list[Any] = []
            link: str | None = f"/api/v3{path}{joined}order={order}&limit=2"
            while link:
                response = client.get(link)
                assert 0 < len(response.json()) <= 2
                paged += response.json()
                link = response.links["next"]["url"] if "next" in response.links else None
            for row in [*whole, *paged]:
                row.pop("duration_seconds", None)  # an open one lasts on
            assert paged == whole
            assert len(whole) > 2
        assert get(client, path) != whole, "the oldest row comes first by default"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/tasks", REGISTRATION | {"tasks": [{"task_id": "t2"}]}),
        ("/tasks/gate", {"task_ids": ["t1"]}),
        ("/tasks/transition", {"task_ids": ["t1"], "to_status": "QUEUED"}),
        ("/tasks/reset", {"task_ids": ["t1"]}),
        ("/task/t1/transition", {"to_status": "QUEUED"}),
        ("/task_instances", {"instances": {"t0/2": "t0"}}),
        ("/task_instances/transition", {"task_instance_ids": ["t0/1"], "to_status": "DONE"}),
        ("/task_instance/t0/1/transition", {"to_status": "DONE"}),
    ],
)
def test_a_post_that_is_repeated_with_its_key_is_carried_out_once(
    client: TestClient, service: TransitionService, connection: psycopg.Connection[Any], path: str, body: dict[str, Any]
) -> None:
    register(service, "t0", "t1")
    attempt(service, "t0")
    first = post(client, path, body, "k1")
    written = events(connection)

    assert post(client, path, body, "k1") == first
    assert events(connection) == written
    problem = post(client, path, body | {"reason": "another"}, "k1", 409)
    assert (problem["type"], problem["command_id"]) == ("urn:sojourn:problem:idempotency-conflict", "k1")


def test_a_failed_post_may_be_repeated_with_its_key(client: TestClient, service: TransitionService) -> None:
    body = {"instances": {"t1/1": "t1"}}
    assert post(client, "/task_instances", body, "k1", 404)["id"] == "t1"
    register(service, "t1")

    assert post(client, "/task_instances", body, "k1") == {"created": 1, "existing": 0}


def test_tasks_that_belong_to_runners(client: TestClient, service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec("t1"), TaskSpec("t2")], lifecycle="pynenc")
    post(client, "/task/t1/transition", {"to_status": "PENDING", "runner_id": "ada"})

    taken = post(client, "/tasks/transition", {"task_ids": ["t1", "t2"], "to_status": "PENDING", "runner_id": "bob"})
    begun = post(client, "/tasks/transition", {"task_ids": ["t1", "t2"], "to_status": "RUNNING", "runner_id": "bob"})

    assert [(answer["transitioned"], answer["invalid"]) for answer in (taken, begun)] == [(["t2"], ["t1"])] * 2


def test_the_same_instant_in_another_zone_is_the_same_request(client: TestClient) -> None:
    post(client, "/tasks", {"workflow_id": "w", "tasks": [{"task_id": "t1"}]})

    first, again = (
        post(client, "/tasks/gate", {"task_ids": ["t1"], "occurred_at": at}, "k1")
        for at in ("2026-01-31T09:00:00Z", "2026-01-31T10:00:00+01:00")
    )

    assert (first["gated"], again) == (["t1"], first)


def test_what_the_gate_refused_may_come_again_under_its_key(client: TestClient) -> None:
    post(client, "/tasks", {"workflow_id": "w", "tasks": [{"task_id": "t1"}]})
    post(client, "/task/t1/transition", {"to_status": "INSTANTIATING"}, "k1", 409)
    post(client, "/tasks/gate", {"task_ids": ["t1"]})

    assert post(client, "/task/t1/transition", {"to_status": "INSTANTIATING"}, "k1")["response"] == "ACCEPT"


def test_a_task_that_the_gate_refuses_is_a_409_that_lists_what_is_allowed(
    client: TestClient, service: TransitionService
) -> None:
    register(service, "t1")

    problem = post(client, "/task/t1/transition", {"to_status": "DONE"}, status=409)

    assert problem["rule"] == "invalid-transition"
    assert (problem["from"], problem["to"], problem["status"]) == ("REGISTERING", "DONE", 409)
    assert problem["detail"] == "REGISTERING may not become DONE: only QUEUED"
    assert problem["allowed"] == ["QUEUED"]


PROBLEMS: list[tuple[str, str, bytes | None, int, dict[str, Any]]] = [
    ("POST", "/tasks", b'{"workflow_id": ', 400, {"type": "urn:sojourn:problem:malformed"}),
    ("POST", "/tasks", b"[" * 100_000, 400, {}),
    ("POST", "/tasks", b'{"workflow_id": ' + b"9" * 5_000 + b"}", 400, {}),
    ("POST", "/tasks", b'\xff{"a": 1}', 400, {}),
    ("POST", "/tasks", b"{}", 422, {"fields": [
        {"field": "body.workflow_id", "why": "is missing"}, {"field": "body.tasks", "why": "is missing"},
    ]}),
    ("POST", "/tasks/gate", b'{"task_ids": ["a\\u0000b"]}', 422, {}),
    ("POST", "/tasks/gate", b'{"task_ids": ["\\ud800"]}', 422, {}),
    ("POST", "/tasks/gate", b'{"task_ids": ["' + b"x" * 256 + b'"]}', 422, {}),
    ("POST", "/tasks/gate", b'{"task_ids": [true, 1.5, NaN]}', 422, {}),
    ("POST", "/tasks/gate", b'{"task_ids": [], "typo": 1}', 422, {
        "detail": "body.typo is not a known field", "fields": [{"field": "body.typo", "why": "is not a known field"}],
    }),
    ("POST", "/tasks/gate", b'{"task_ids": [], "occurred_at": "2026-01-31T08:00:00"}', 422, {}),
    ("POST", "/tasks", b'{"workflow_id": 1, "lifecycle": "/etc/x.toml", "tasks": []}', 422, {"kind": "lifecycle"}),
    ("POST", "/task_instance/nix/transition", b'{"to_status": "DONE"}', 404, {"id": "nix", "error": "not_found"}),
    ("POST", "/task/t11/transition", b'{"to_status": "DONE"}', 404, {"id": "t11", "nearest": ["t1"]}),
    ("GET", "/status/task:nix", None, 404, {"kind": "task", "id": "nix"}),
    ("GET", "/history/nonsense", None, 422, {}),
    ("GET", "/audit?workflow_id=nix", None, 404, {"kind": "workflow", "id": "nix"}),
    ("GET", "/audit?workflow=w", None, 422, {}),
    ("GET", "/audit?after=2026-01-31T08:00:00Z", None, 422, {}),
    ("GET", "/status/task:t1?at=yesterday", None, 422, {}),
    ("POST", "/array/1/log_distributor_id", b'{"1.1.0": {"stdout": "/a"}}', 422, {"fields": [
        {"field": "body.1.1.0.submission.distributor_id", "why": "is missing"},
    ]}),
    ("POST", "/array/1/log_distributor_id", b'{"1.1.0": {"distributorId": "4711"}}', 422, {"fields": [
        {"field": "body.1.1.0.submission.distributor_id", "why": "is missing"},
        {"field": "body.1.1.0.submission.distributorId", "why": "is not a known field"},
    ]}),
    ("POST", "/array/1/log_distributor_id", b'{"1.1.0": null}', 422, {"fields": [
        {"field": "body.1.1.0.distributor_id", "why": "is not a text"},
    ]}),
    ("GET", "/workflow/w/get_array_max_concurrently_running/7", None, 404, {
        "workflow_id": "w", "kind": "task_template_version", "id": "7",
    }),
    ("GET", "/concurrency?status=QUEUED&after=t1", None, 422, {}),
    ("GET", "/nowhere", None, 404, {
        "type": "urn:sojourn:problem:no-such-route",
        "detail": "/api/v3/nowhere is not a route; /openapi.json lists them all",
    }),
    ("GET", "/tasks/gate", None, 405, {}),
    ("POST", "/tasks", b'{"workflow_id": "w", "tasks": [{"task_id": "t1", "max_attempts": 9}]}', 409, {
        "task_id": "t1", "differences": {"max_attempts": [3, 9]},
    }),
]  # fmt: skip


def test_problems(client: TestClient, service: TransitionService) -> None:
    register(service, "t1")
    for method, path, body, status, members in PROBLEMS:
        headers = {"Content-Type": "application/json"} if body else {}

        response = client.request(method, f"/api/v3{path}", content=body, headers=headers)

        where = f"{method} {path} {body and body[:60]!r}: {response.text}"
        assert response.status_code == status, where
        assert response.headers["content-type"] == "application/problem+json", where
        problem = response.json()
        assert problem["status"] == status, where
        assert problem["detail"], where
        assert problem | members == problem, where


def test_a_parameter_that_a_route_does_not_have_is_refused_on_every_route(client: TestClient) -> None:
    """Given each route with an unknown parameter, and with each of its own misspelt."""
    document = client.get("/openapi.json").json()
    routes = [
        (method, path, [one["name"] for one in operation.get("parameters", []) if one["in"] == "query"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    assert len(routes) > 25
    assert sum(len(parameters) for _, _, parameters in routes) > 25
    for method, path, parameters in [*routes, ("get", "/openapi.json", [])]:
        for name in ["nonsense", *(f"{parameter}s" for parameter in parameters)]:
            response = client.request(method, re.sub(r"\{\w+\}", "1", path), params={name: "1"}, json={})

            where = f"{method} {path}?{name}: {response.text}"
            assert response.status_code == 422, where
            assert f"query.{name}" in [field["field"] for field in response.json()["fields"]], where


def test_a_misspelt_parameter_is_answered_with_the_one_that_was_meant(client: TestClient) -> None:
    problem = get(client, "/status/task:t1?att=2026-01-31T08:00:00Z", 422)

    assert problem["detail"] == "query.att is not a parameter of this route; did you mean 'at'?"


def test_a_parameter_of_one_value_that_is_given_twice_is_refused(client: TestClient) -> None:
    problem = get(client, "/audit?workflow_id=v&workflow_id=w", 422)

    assert problem["detail"] == "query.workflow_id is given more than once"


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain"}])
def test_a_body_without_a_json_content_type_is_refused(client: TestClient, headers: dict[str, str]) -> None:
    """Browsers send such bodies to any server without a preflight."""
    body = b'{"workflow_id": "w", "tasks": [{"task_id": "t1"}]}'
    refused = client.post("/api/v3/tasks", content=body, headers=headers)
    malformed = client.post("/api/v3/tasks", content=b'{"workflow_id": ', headers=headers)

    assert (refused.status_code, malformed.status_code) == (415, 400)
    assert "Content-Type: application/json" in refused.json()["detail"]
    get(client, "/status/task:t1", 404)


def test_a_row_that_others_lock_is_a_503_with_retry_after(
    client: TestClient, service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    register(service, "t1")
    attempt(service, "t1")
    with connection.transaction():
        connection.execute("SELECT FROM sojourn.task FOR NO KEY UPDATE")
        response = client.post("/api/v3/task_instance/t1/1/transition", json={"to_status": "DONE"})

    assert (response.status_code, response.json()["error"]) == (503, "max_retries_exceeded")
    assert int(response.headers["retry-after"]) > 0
    assert "sojourn_lock_retries_total 4.0" in client.get("/metrics").text


def test_an_exhausted_pool_is_a_503(dsn: str) -> None:
    with (
        TransitionService(Store.reach(dsn, max_size=2, wait_seconds=0.1)) as service,
        TestClient(create_app(service), "http://127.0.0.1") as client,
        service.store.session(),
        service.store.session(),
    ):
        response = client.get("/api/v3/status/task:t1")

    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0


def test_reading_requests_leave_connections_for_reports(dsn: str) -> None:
    """Given as many slow reading requests as are allowed, a report succeeds and one more reading request is a 503."""
    settings = HttpSettings(pool_size=4, pool_wait_seconds=0.5)
    with (
        TransitionService(Store.reach(dsn, max_size=4, wait_seconds=0.5)) as service,
        TestClient(create_app(service, settings), "http://127.0.0.1") as client,
        ThreadPoolExecutor() as threads,
        psycopg.connect(dsn) as other,
    ):
        register(service, "t1")
        other.execute("LOCK TABLE sojourn.stored_event IN ACCESS EXCLUSIVE MODE")
        slow = [threads.submit(client.get, "/api/v3/audit") for _ in range(2)]
        wait_for(lambda: sum(row["n"] for row in rows(other, WAITING)) >= 2)
        third = client.get("/api/v3/audit")
        beat = client.post("/api/v3/runner/node7/heartbeat", json={})
        other.rollback()

        assert (third.status_code, third.json()["type"]) == (503, "urn:sojourn:problem:busy")
        assert beat.status_code == 200
        assert [one.result().status_code for one in slow] == [200, 200]


def test_metrics_count_by_rule_and_show_the_lag_of_subscriptions(
    client: TestClient, service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    register(service, "t1")
    attempt(service, "t1")
    post(client, "/task_instance/t1/1/transition", {"to_status": "LAUNCHED"})
    connection.execute("INSERT INTO sojourn.checkpoint (subscription, position) VALUES ('awake', 10), ('asleep', 3)")
    connection.execute("UPDATE sojourn.checkpoint SET advanced_at = advanced_at - interval '1 hour'")

    series = client.get("/metrics").text.splitlines()

    assert 'sojourn_transitions_total{kind="task",rule=""} 5.0' in series
    assert 'sojourn_refusals_total{kind="task_instance",rule="untimely-transition"} 1.0' in series
    assert 'sojourn_append_seconds_count{how="one"} 1.0' in series
    assert 'sojourn_subscription_lag_events{subscription="asleep"} 7.0' in series
    assert 'sojourn_subscription_stalled{subscription="awake"} 0.0' in series


@pytest.mark.fresh_database
def test_a_subscription_is_stalled_when_events_wait_and_its_position_does_not_move(
    client: TestClient, service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    register(service, "t1", "t2")
    rewrite(connection, "UPDATE sojourn.event SET recorded_at = recorded_at - interval '1 hour'")
    connection.execute("INSERT INTO sojourn.checkpoint (subscription, position) VALUES ('moves', 1), ('stands', 1)")
    connection.execute(
        "UPDATE sojourn.checkpoint SET advanced_at = advanced_at - interval '1 hour' WHERE subscription = 'stands'"
    )

    series = client.get("/metrics").text.splitlines()

    assert 'sojourn_subscription_stalled{subscription="moves"} 0.0' in series
    assert 'sojourn_subscription_stalled{subscription="stands"} 1.0' in series


def test_a_bug_of_the_server_is_a_problem_too(
    client: TestClient, service: TransitionService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(service, "status", fail)

    assert get(client, "/status/task:t1", 500)["type"] == "urn:sojourn:problem:mistake"


@pytest.mark.fresh_database
def test_health(client: TestClient, connection: psycopg.Connection[Any]) -> None:
    assert client.get("/healthz").json() == {"status": "alive"}
    assert client.get("/readyz").json() == {"status": "ready"}

    connection.execute("DELETE FROM sojourn.migration WHERE name = '0007_token'")

    response = client.get("/readyz")
    assert response.status_code == 503
    assert "0007_token" in response.json()["detail"]
    assert client.get("/healthz").status_code == 200


def test_every_route_is_documented_with_an_example_of_body_answer_and_problems(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    operations = [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]

    assert len(operations) > 15
    for path, method, operation in operations:
        where = f"{method} {path}"
        for status, response in operation["responses"].items():
            for content in response["content"].values():
                assert "example" in content, f"{where} {status}"
        assert "422" in operation["responses"], where
        if path != "/healthz":
            assert operation["responses"].keys() >= {"200", "401", "403", "503"}, where
        if method == "post":
            name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            assert document["components"]["schemas"][name]["examples"], where
            assert "Idempotency-Key" in {parameter["name"] for parameter in operation["parameters"]}, where


def test_the_examples_match_the_documented_answers(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    for methods in document["paths"].values():
        for operation in methods.values():
            content = operation["responses"]["200"]["content"].get("application/json")
            if content:
                schema = content["schema"] | {"components": document["components"]}
                jsonschema.validate(content["example"], schema)
