"""Ids of any characters in the paths of HTTP requests."""

import http.client
import json
import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from application.maintain.tokens import Scope, create_token
from application.transition_service import TaskSpec, TransitionService
from interfaces.http import arrays, heartbeats, lists, queries, task_instances, tasks, tokens
from interfaces.http.app import create_app
from tests.support.serving import serving

pytestmark = pytest.mark.one_server

IDS = {
    "a line break within": "a\nb",
    "a line break at the end": "a\n",
    "only a line break": "\n",
    "a return": "a\r\nb",
    "slashes": "/a//b/",
    "dots": "../..",
    "a percent": "100%",
    "a question": "a?at=b&c#d",
    "a plus": "a+b c",
    "the end of another route": "a/transition",
    "letters": "Zürich 東京",
}
ESCAPE = "%0A%2F"
"""An id that the test's client would decode twice, unlike a server."""

PREFIX = "/api/v3"


@pytest.fixture
def client(service: TransitionService) -> Iterator[TestClient]:
    with TestClient(create_app(service), "http://127.0.0.1") as connected:
        yield connected


def ask(client: Any, method: str, path: str, body: Any = None) -> Any:
    answer = client.request(method, PREFIX + path, json=body)
    assert answer.status_code == 200, (path, answer.status_code, answer.text)
    return answer.json()


def tell_everything(client: Any, name: str) -> None:
    """Move a task of that id through every route that has an id in its path, and read it by every such route."""
    escaped = quote(name, safe="")
    ask(client, "POST", "/tasks", {"workflow_id": name, "lifecycle": "jobmon", "tasks": [{"task_id": name}]})
    ask(client, "POST", "/tasks/gate", {"task_ids": [name]})
    ask(client, "POST", "/task_instances", {"instances": {name: name}})
    moved = ask(client, "POST", f"/task_instance/{escaped}/transition", {"to_status": "INSTANTIATED"})
    assert moved["ti_updated"] is True
    assert ask(client, "POST", f"/runner/{escaped}/heartbeat", {"seconds": 60})
    for kind in ("task", "ti", "runner"):
        assert ask(client, "GET", f"/status/{kind}:{escaped}")["entity"] == f"{kind}:{name}"
    assert ask(client, "GET", f"/history/task:{escaped}")[0]["entity"] == f"task:{name}"
    assert ask(client, "GET", f"/why/ti:{escaped}")["entity"] == f"ti:{name}"
    assert ask(client, "GET", f"/workflows/{escaped}")["workflow_id"] == name
    assert ask(client, "POST", f"/workflows/{escaped}/reset", {"dry_run": True})["workflow_id"] == name
    ask(client, "POST", "/array", {"workflow_id": name, "task_template_version_id": name,
                                   "max_concurrently_running": 7})  # fmt: skip
    found = ask(client, "GET", f"/workflow/{escaped}/get_array_max_concurrently_running/{escaped}")
    assert found == {"max_concurrently_running": 7}


@pytest.mark.parametrize("name", IDS.values(), ids=IDS)
def test_an_id_of_any_characters_is_found(client: TestClient, name: str) -> None:
    tell_everything(client, name)


def test_every_route_with_an_id_takes_any() -> None:
    for part in (arrays, heartbeats, lists, queries, task_instances, tasks, tokens):
        for route in part.router.routes:
            assert isinstance(route, APIRoute)
            names = re.findall(r"\{(\w+)(:\w+)?\}", route.path)
            assert {kind for name, kind in names if name != "batch_number"} <= {":id"}, route.path


def test_a_line_break_at_the_end_of_a_path_lifts_no_check_of_scopes(service: TransitionService) -> None:
    """Given a token that may only read: `/tokens` with a line break does not list the tokens."""
    secret = create_token(service.store, "reader", Scope.READ)
    with TestClient(create_app(service), "http://127.0.0.1") as client:
        headers = {"Authorization": f"Bearer {secret}"}
        assert client.get(f"{PREFIX}/tokens", headers=headers).status_code == 403
        assert client.get(f"{PREFIX}/tokens%0A", headers=headers).status_code == 403


def test_a_real_server_finds_them_too(service: TransitionService) -> None:
    """An ASGI server decodes a path; it must do so once."""
    for number, name in enumerate([*IDS.values(), ESCAPE]):
        service.register_tasks(f"w{number}", [TaskSpec(name)])
    with (
        serving(service.dsn) as server,
        closing(http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)) as connection,
    ):
        for name in (*IDS.values(), ESCAPE):
            connection.request("GET", f"{PREFIX}/status/task:{quote(name, safe='')}")
            answer = connection.getresponse()
            assert (answer.status, json.loads(answer.read())["entity"]) == (200, f"task:{name}")
