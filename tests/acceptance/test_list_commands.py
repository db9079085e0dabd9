"""`sojourn list` and its routes, against the answers of the service, which others compare with the raw log."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic_core import to_jsonable_python

from application.read.sorting import ORDERS
from application.transition_service import TaskSpec, TransitionService
from domain.errors import UnknownEntity, UnknownStatus
from interfaces.cli import table
from interfaces.http.app import create_app
from tests.support.agreement import moves, streams_of
from tests.support.command_line import document, run

EIGHT = datetime(2026, 1, 31, 8, tzinfo=UTC)


def minute(number: float) -> datetime:
    return EIGHT + timedelta(minutes=number)


@pytest.fixture
def busy(service: TransitionService) -> TransitionService:
    """Two workflows with 7 tasks that entered their statuses at three times only, an array and two runners."""
    service.register_tasks("w", [TaskSpec(f"t{n}", 1, template="align") for n in range(6)], occurred_at=minute(0))
    service.register_tasks("over", [TaskSpec("d")], occurred_at=minute(1))
    names = ["t0", "t1", "t2", "d"]
    service.gate_tasks_for_queueing(names, occurred_at=minute(2))
    service.create_task_instances({f"{name}/1": name for name in names}, occurred_at=minute(2))
    instances = [f"{name}/1" for name in names]
    for number, status in ((3, "INSTANTIATED"), (4, "LAUNCHED"), (5, "RUNNING")):
        service.transition_task_instances(instances, status, occurred_at=minute(number), actor="node7")
    service.transition_task_instances(["t0/1", "t1/1"], "ERROR", occurred_at=minute(6), actor="node7", reason="exit 3")
    service.transition_task_instance("d/1", "DONE", occurred_at=minute(7), actor="node8")
    service.arrays.bind("w", "7", 50, name="align", occurred_at=minute(1))
    service.heartbeat("r1", 600)
    service.heartbeat("r2", 600)
    return service


@pytest.fixture
def client(busy: TransitionService) -> Iterator[TestClient]:
    with TestClient(create_app(busy), "http://127.0.0.1") as connected:
        yield connected


FILTERS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    ((), {}),
    (("--workflow", "w"), {"workflow_id": "w"}),
    (("--status", "RUNNING", "--status", "DONE"), {"status": ["RUNNING", "DONE"]}),
    (("--template", "align"), {"template": "align"}),
    (("--failed",), {"failed": True}),
    (("--active",), {"active": True}),
    (("--since", minute(6).isoformat()), {"since": minute(6)}),
    (("--until", minute(6).isoformat()), {"until": minute(6)}),
    (("--actor", "node8"), {"actor": "node8"}),
    (("--sort", "oldest"), {"sort": "oldest"}),
    (("--limit", "2"), {"limit": 2}),
)


@pytest.mark.parametrize(("options", "asked"), FILTERS)
def test_tasks_and_instances_are_listed_as_the_service_lists_them(
    busy: TransitionService, options: tuple[str, ...], asked: dict[str, Any]
) -> None:
    assert document(busy, "list", "tasks", *options) == to_jsonable_python(busy.list_tasks(**asked)) != []
    found: Any = busy.list_task_instances(**asked)
    assert document(busy, "list", "instances", *options) == to_jsonable_python(found) != []


def test_failed_tasks_are_those_of_the_raw_events(busy: TransitionService, connection: Any) -> None:
    """Count from the log alone which tasks failed."""
    ends = {
        stream: moves(events)[-1]["status"] for stream, events in streams_of(connection).items() if "task:" in stream
    }
    failed = {stream for stream, status in ends.items() if status == "ERROR_FATAL"}
    assert {row["entity"] for row in document(busy, "list", "tasks", "--failed")} == failed == {"task:t0", "task:t1"}
    (workflow,) = document(busy, "list", "workflows", "--failed")
    assert (workflow["workflow_id"], workflow["tasks"], workflow["failed"], workflow["active"]) == ("w", 6, 2, 4)
    assert workflow["by_status"] == {"ERROR_FATAL": 2, "RUNNING": 1, "REGISTERING": 3}


def test_workflows_runners_and_arrays(busy: TransitionService) -> None:
    assert document(busy, "list", "workflows") == to_jsonable_python(busy.list_workflows())
    assert [row["workflow_id"] for row in document(busy, "list", "workflows", "--limit", "1")] == ["over"]
    runners = document(busy, "list", "runners", "--status", "ALIVE")
    assert {(row["entity"], row["status"]) for row in runners} == {("runner:r1", "ALIVE"), ("runner:r2", "ALIVE")}
    assert document(busy, "list", "runners", "--status", "SILENT") == busy.list_runners("SILENT") == []
    (array,) = document(busy, "list", "arrays", "--workflow", "w")
    assert (array["workflow_id"], array["task_template_version_id"], array["name"]) == ("w", "7", "align")
    assert (array["max_concurrently_running"], array["since"]) == (50, "2026-01-31T08:01:00Z")
    assert [array] == to_jsonable_python(busy.list_arrays("w"))
    assert document(busy, "list", "arrays", "--workflow", "over") == busy.list_arrays("over") == []


@pytest.mark.parametrize("kind", ["workflows", "tasks", "instances", "runners", "arrays"])
def test_tables_have_a_line_for_each_row_and_one_header(
    busy: TransitionService, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Given more rows than are held at a time."""
    monkeypatch.setattr(table, "CHUNK", 2)
    lines = run(busy, "list", kind).stdout.splitlines()
    assert len(lines) == 1 + len(document(busy, "list", kind))
    assert lines[0].startswith("workflow " if kind == "workflows" else "entity ")


def test_nothing_is_listed_where_nothing_is_as_asked(busy: TransitionService) -> None:
    done = run(busy, "list", "tasks", "--status", "LAUNCHED")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "nothing in the log is as asked" in done.stderr


def test_what_cannot_be_listed(busy: TransitionService) -> None:
    assert isinstance(run(busy, "list", "tasks", "--workflow", "ovr").exception, UnknownEntity)
    assert isinstance(run(busy, "list", "instances", "--status", "RUNING").exception, UnknownStatus)
    assert isinstance(run(busy, "list", "runners", "--status", "RUNNING").exception, UnknownStatus)
    assert run(busy, "list", "tasks", "--limit", "0").exit_code == 2


@pytest.mark.parametrize(
    ("path", "kind"),
    [("workflows", "workflows"), ("tasks", "tasks"), ("task_instances", "instances"), ("runners", "runners"),
     ("arrays", "arrays")],
)  # fmt: skip
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_make_up_the_list(busy: TransitionService, client: TestClient, path: str, kind: str, limit: int) -> None:
    """Follow `next` to the end; rows of one time are neither repeated nor left out."""
    items: list[Any] = []
    after: str | None = ""
    while after is not None:
        page = client.get(f"/api/v3/{path}", params={"limit": limit} | ({"after": after} if after else {})).json()
        assert len(page["items"]) == limit or page["next"] is None
        items += page["items"]
        after = page["next"]
    expected = document(busy, "list", kind)
    for row in [*items, *expected]:
        row.pop("heartbeat_at", None)
    assert json.dumps(items) == json.dumps(expected)
    assert items


def test_routes_filter_as_the_commands_do(busy: TransitionService, client: TestClient) -> None:
    for options, asked in FILTERS:
        found = client.get("/api/v3/tasks", params=to_jsonable_python(asked)).json()
        assert found["items"] == document(busy, "list", "tasks", *options)
        assert (found["next"] is None) == ("limit" not in asked)
    assert client.get("/api/v3/workflows?failed=true").json()["items"] == document(
        busy, "list", "workflows", "--failed"
    )


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("workflows?limit=0", 422),
        ("workflows?limit=1001", 422),
        ("tasks?after=t1", 422),
        ("tasks?after=2026-01-31,t1", 422),
        ("tasks?wrkflow_id=w", 422),
        ("tasks?status=RUNING", 422),
        ("tasks?workflow_id=w&workflow_id=over", 422),
        ("tasks?workflow_id=ovr", 404),
        ("runners?status=DONE", 422),
        ("arrays?workflow_id=ovr", 404),
    ],
)
def test_pages_that_cannot_be_asked(client: TestClient, query: str, status: int) -> None:
    answer = client.get(f"/api/v3/{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_tasks_are_chosen_by_the_rule_that_decided_their_status(busy: TransitionService) -> None:
    busy.register_tasks("w", [TaskSpec("again", 2)])
    busy.gate_tasks_for_queueing(["again"])
    busy.create_task_instances({"again/1": "again"})
    for status in ("INSTANTIATED", "LAUNCHED", "RUNNING", "ERROR"):
        busy.transition_task_instance("again/1", status)

    rows = document(busy, "list", "tasks", "--rule", "retry")

    assert [(row["entity"], row["rule"]) for row in rows] == [("task:again", "retry")]
    assert document(busy, "list", "instances", "--rule", "retry") == []
    unknown = str(run(busy, "list", "tasks", "--rule", "retri").exception)
    assert "rule='retri' is not one of" in unknown
    assert "did you mean 'retry'?" in unknown


def test_orphans_among_tasks_and_instances_are_those_of_the_rules(busy: TransitionService) -> None:
    """Given an instance that runs on after its task has ended."""
    busy.create_task_instances({"d/2": "d"}, occurred_at=minute(8))

    listed = {row["entity"] for name in ("tasks", "instances") for row in document(busy, "list", name, "--orphan")}

    assert "ti:d/2" in listed
    assert listed == {row["entity"] for row in document(busy, "orphans")}


@pytest.mark.parametrize(
    ("sort", "key"),
    [
        ("newest", lambda row: -datetime.fromisoformat(row["since"]).timestamp()),
        ("oldest", lambda row: datetime.fromisoformat(row["since"]).timestamp()),
        ("entity", lambda row: row["entity"]),
        ("status", lambda row: row["status"]),
        ("workflow", lambda row: row["workflow_id"]),
        ("template", lambda row: row["template"] or ""),
        ("attempts", lambda row: -row["attempts"]),
    ],
)
def test_a_list_is_sorted_as_asked_and_by_id_within(busy: TransitionService, sort: str, key: Any) -> None:
    for command in ("tasks", "instances"):
        rows = document(busy, "list", command, "--sort", sort)

        assert len(rows) > 3
        assert rows == sorted(rows, key=lambda row: (key(row), row["entity"]))


@pytest.mark.parametrize("command", ["workflows", "tasks", "instances", "runners", "arrays"])
def test_every_list_has_every_order_that_it_offers(busy: TransitionService, command: str) -> None:
    orders = ORDERS[f"read/list_{'task_instances' if command == 'instances' else command}"]
    for sort in orders:
        rows = document(busy, "list", command, "--sort", sort)
        assert len(rows) == len(document(busy, "list", command)) > 0

    wrong = str(run(busy, "list", command, "--sort", "oldst").exception)
    assert "did you mean 'oldest'?" in wrong
    assert all(order in wrong for order in orders)


def test_pages_go_on_in_the_other_order_too(busy: TransitionService, client: TestClient) -> None:
    found: list[str] = []
    after: dict[str, str] | None = {}
    while after is not None:
        page = client.get("/api/v3/tasks", params={"sort": "oldest", "limit": "2"} | after).json()
        found += [item["entity"] for item in page["items"]]
        after = {"after": page["next"]} if page["next"] else None

    assert found == [row["entity"] for row in document(busy, "list", "tasks", "--sort", "oldest")]


def test_the_only_workflow_is_suggested(service: TransitionService) -> None:
    """Given two names of two characters, which differ in half of them."""
    service.register_tasks("c1", [TaskSpec("a")])
    with pytest.raises(UnknownEntity, match="no workflow 'c2'; did you mean 'c1'"):
        service.list_tasks("c2")
